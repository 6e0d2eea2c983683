"""What a viewer or a verb sees of a live run: one protocol, values only.

The run implements it; `cli` hands it to the viewer and to the control server. All answers are immutable.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from brummer_rx.pipeline.event import Stream
from brummer_rx.pipeline.process import Command, ProcessTable
from brummer_rx.pipeline.reader import LogReader, SearchService

__all__ = ["Notice", "RunView", "Tail", "Usage"]


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process and its descendants use at one moment."""

    cpu_percent: float
    """Of one core; may exceed 100."""
    rss_bytes: int


@dataclass(frozen=True, slots=True)
class Tail:
    """An unfinished line that is shown (older than 50 ms) but not yet stored."""

    source: str
    stream: Stream
    time_ns: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the tool has to say (a child's exit, a full disk); on stderr where there is no viewer."""

    time_ns: int
    text: str
    bad: bool = False


class RunView(Protocol):
    """A live run, seen from outside. Safe on any thread unless said otherwise."""

    @property
    def run_id(self) -> str: ...
    @property
    def reader(self) -> LogReader: ...
    @property
    def search(self) -> SearchService:
        """Main thread only."""
        ...

    def processes(self) -> ProcessTable: ...
    def usage(self) -> Mapping[str, Usage]:
        """By process name; empty until it was first asked for, then renewed each second while asked."""
        ...

    def tails(self) -> tuple[Tail, ...]: ...
    def notices(self) -> tuple[Notice, ...]:
        """The newest 100, oldest first."""
        ...

    def send(self, command: Command) -> None:
        """Ask the decider; raises `BufferOverflow` when too many wishes wait."""
        ...

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` (cheap, any thread, must not block) when anything changed; returns how to stop."""
        ...
