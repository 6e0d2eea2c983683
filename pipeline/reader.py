"""How the viewer, the verbs and (later) the agents read a run: values and protocols only.

The store implements `LogReader`; `cli` hands it to those who read. Nothing here touches a file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from brummer_rx.pipeline.event import Gap, Level, Stream
from brummer_rx.pipeline.text import text_of

__all__ = ["Line", "LineFilter", "LogReader", "LogSnapshot", "SearchProgress", "SearchQuery", "SearchService"]


@dataclass(frozen=True, slots=True)
class Line:
    """A view of one stored line."""

    seq: int
    time_ns: int
    source: str
    stream: Stream
    level: Level
    raw: bytes
    """What the child wrote, without the newline."""
    more: bool = False
    """A piece: the line goes on in the next line of the same source and stream."""
    newline: bool = True
    """Whether the child wrote the newline (False on pieces and on an unterminated last line)."""

    @property
    def text(self) -> str:
        """The line as people and agents read it: no escapes, no trailing CR, U+FFFD for invalid UTF-8."""
        return text_of(self.raw)


@dataclass(frozen=True, slots=True)
class LineFilter:
    """Which lines: answered from the key bytes alone, no text is read."""

    sources: frozenset[str] | None = None
    """None means all."""
    min_level: Level = Level.TRACE


class LogSnapshot(Protocol):
    """A run's log at one moment; immutable, safe on any thread, costs O(1) to take.

    Seqs run from `first_seq` (older ones were evicted) to `end_seq` - 1. Answers leave lines in gaps out.
    """

    @property
    def first_seq(self) -> int: ...
    @property
    def end_seq(self) -> int: ...
    @property
    def sources(self) -> tuple[str, ...]: ...
    @property
    def gaps(self) -> tuple[Gap, ...]: ...

    def lines(self, start: int, stop: int) -> list[Line]:
        """The lines with start <= seq < stop, in order."""
        ...

    def read(self, seqs: Sequence[int]) -> list[Line]:
        """The lines of these ascending seqs (missing ones left out)."""
        ...

    def select(
        self, where: LineFilter, start: int, stop: int, limit: int, *, newest: bool = False
    ) -> list[int]:
        """Up to `limit` matching seqs in [start, stop), ascending: with `newest` the last ones."""
        ...

    def count(self, where: LineFilter, start: int | None = None, stop: int | None = None) -> int:
        """How many lines match in [start, stop)."""
        ...

    def source_counts(self) -> dict[str, int]:
        """Stored lines per source."""
        ...

    def level_counts(self) -> dict[Level, int]:
        """Stored lines per level."""
        ...

    @property
    def bytes_on_disk(self) -> int: ...


class LogReader(Protocol):
    """The read side of a log store."""

    def snapshot(self) -> LogSnapshot:
        """The log as of now; never blocks, never waits for the writer."""
        ...

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` (cheap, any thread, must not block) after each append; returns how to stop that."""
        ...


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What to look for. Works on the text of lines, joined across the pieces of a long line."""

    pattern: str
    regex: bool = False
    """False: substring. True: a Python `re`."""
    ignore_case: bool = False
    where: LineFilter = LineFilter()
    start: int = 0
    stop: int | None = None
    max_hits: int = 100_000
    """Seqs reported at most; the count goes on."""
    newest_first: bool = True
    stop_after: int | None = None
    """End with so many hits: the newest ones with `newest_first`, else the oldest. None: find all."""


@dataclass(frozen=True, slots=True)
class SearchProgress:
    """A part of an answer; parts of one search arrive in the order of the scan."""

    token: int
    """Which search this belongs to, as `SearchService.submit` gave it."""
    seqs: tuple[int, ...]
    """Hits new in this part, ascending within the part."""
    total: int
    """Hits so far, also those beyond `max_hits`."""
    done: bool
    error: str = ""
    """Why the search ended early (bad pattern, helper lost); empty if it did not."""


class SearchService(Protocol):
    """Searches in another process, so that the writer keeps its pace. Used from one thread (its owner's)."""

    def submit(self, query: SearchQuery) -> int:
        """Start a search, cancelling the one before; returns its token."""
        ...

    def cancel(self) -> None:
        """Forget the running search."""
        ...

    def fileno(self) -> int:
        """Readable when `receive` has something; -1 before the first search."""
        ...

    def receive(self) -> list[SearchProgress]:
        """What has arrived; never blocks."""
        ...

    def close(self) -> None:
        """End the helper process."""
        ...
