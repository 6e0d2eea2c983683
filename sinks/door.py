"""The door of sinks: what a sink by entry point is given, and what a run asks of it.

A factory in the group `brummer_rx.sinks` is `factory(context, **options) -> Sink`; built-in ones enter here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from brummer_rx.pipeline.event import Event
from brummer_rx.pipeline.gate import Gate
from brummer_rx.sinks.outlet import Outlet, WriterLoop

__all__ = ["Sink", "SinkContext"]


@dataclass(frozen=True, slots=True)
class SinkContext:
    """What a run lends a sink: its main loop and what it may want to know."""

    loop: WriterLoop
    folder: Path
    """The project's; relative paths of options start there."""
    names: tuple[str, ...]
    """The processes that are known at the start, in their order."""
    on_error: Callable[[OSError], None]
    """To be called once when writing fails; everything after that is discarded and counted."""


class Sink(Protocol):
    """Where lines end. All of it on the main thread; the run closes it when everything was written."""

    outlet: Outlet
    """What waits and what is out: the run ends only when nothing waits here."""
    gate: Gate
    """Asked for room before each element: a sink that has none holds the children back."""

    def write(self, event: Event) -> None:
        """Take a batch or a gap; must not block."""
        ...

    def close(self, timeout: float = 0.0) -> bool:
        """Write what waits, giving up after `timeout` seconds without progress. True: all is out."""
        ...
