"""What journals and their checker speak of: entries, records, reports; all frozen values."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

from brummer_rx.pipeline.event import Gap, LogBatch

__all__ = [
    "UNKNOWN",
    "Books",
    "Entry",
    "Fate",
    "Hearing",
    "Key",
    "Latency",
    "Range",
    "Record",
    "Report",
    "by_line",
    "by_seq",
]

UNKNOWN = -1
"""First seq of a gap that does not say which lines are missing."""


class Key(NamedTuple):
    """What an event is called."""

    source: Hashable
    first: int
    lines: int = 1
    gap: bool = False


def by_line(x: Any) -> Key:
    """Numbers within the source: `LogBatch.first_line`, pairs `(source, seq)`; a `Gap` says only how many."""
    if isinstance(x, LogBatch):
        return Key(x.source, x.first_line, x.lines)
    if isinstance(x, Gap):
        return Key(x.source, UNKNOWN, x.lines, True)
    source, seq = x
    return Key(source, seq)


def by_seq(x: Any) -> Key:
    """The store's numbers, one series for all sources; a `Gap` with known seqs stands for exactly those."""
    if isinstance(x, Gap):
        known = x.first_seq >= 0
        return Key("run", x.first_seq if known else UNKNOWN, x.lines, True)
    assert isinstance(x, LogBatch)
    assert x.first_seq is not None, "the store has not numbered it"
    return Key("run", x.first_seq, x.lines)


class Fate(Enum):
    """What a journal's entry tells."""

    OFFERED = "offered"
    """Given to the stage (written before the call)."""
    DROPPED = "dropped"
    """`on_drop` was told."""
    DISCARDED = "discarded"
    """The stage said CLOSED or raised: the producer knows that it is gone."""
    LEFT = "left"
    """The stage said OVERFLOW and left it with the producer."""
    HEARD = "heard"
    """A subscriber's callback has taken it (also when it raised)."""
    GAP = "gap"
    """A subscriber was told that these lines are missing."""


class Entry(NamedTuple):
    """One line of a journal. Times are monotonic ns; `began == ended` but for HEARD."""

    fate: Fate
    source: Hashable
    first: int
    lines: int
    began: int
    ended: int
    thread: int = 0
    """Which of the journal's threads (a number of its own: idents are used again)."""


class Range(NamedTuple):
    """Lines `first` to `last` (inclusive) of a source."""

    source: Hashable
    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.source}:{self.first}" + (f"-{self.last}" if self.last > self.first else "")


@dataclass(frozen=True, slots=True)
class Books:
    """What one subscriber heard."""

    name: str
    entries: tuple[Entry, ...] = ()
    """HEARD and GAP, in any order."""
    ends: tuple[int, ...] = ()
    """When it was told of the end (completion or error)."""
    silent_from: int | None = None
    """When its unsubscription had returned."""
    partial: bool = False
    """It was not there all the time: what it did not hear is no loss."""


@dataclass(frozen=True, slots=True)
class Record:
    """A journal at rest: what `check` works on."""

    offers: tuple[Entry, ...] = ()
    """OFFERED, DROPPED, DISCARDED, LEFT, in any order."""
    hearings: tuple[Books, ...] = ()


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds from offering to the callback's begin."""

    p50: float = 0.0
    p99: float = 0.0
    max: float = 0.0

    def __str__(self) -> str:
        return f"p50 {self.p50 * 1e3:.3f} ms, p99 {self.p99 * 1e3:.3f} ms, max {self.max * 1e3:.3f} ms"


@dataclass(frozen=True, slots=True)
class Hearing:
    """What the checker found about one subscriber."""

    name: str
    events: int = 0
    lines: int = 0
    missing: tuple[Range, ...] = ()
    """Offered, and neither heard, nor told as dropped, discarded, left or missing."""
    excused: int = 0
    """Missing lines for which a gap of unknown seqs, or the stage's ledger (discarded, queued), stands."""
    duplicates: tuple[Range, ...] = ()
    """Heard more than once, or heard and also dropped, discarded or missing (one range a time)."""
    invented: tuple[Range, ...] = ()
    """Heard and never offered."""
    inversions: tuple[Range, ...] = ()
    """New lines that came after later ones of their source."""
    overlaps: int = 0
    """Calls that began before an earlier one had ended."""
    after_end: int = 0
    """Calls that began after a terminal signal."""
    ends: int = 0
    late: int = 0
    """Calls that began after the unsubscription had returned."""
    gap_lines: int = 0
    latency: Latency = Latency()
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """The verdict."""

    events: int = 0
    """Offered, those left with their producer not counted."""
    lines: int = 0
    dropped: int = 0
    """Events."""
    discarded: int = 0
    left: int = 0
    hearings: tuple[Hearing, ...] = ()
    faults: tuple[str, ...] = ()
    """All of them, the subscribers' too, in words."""

    @property
    def clean(self) -> bool:
        """Nothing wrong."""
        return not self.faults

    def of(self, name: str) -> Hearing:
        """The subscriber of that name."""
        return next(h for h in self.hearings if h.name == name)

    def __str__(self) -> str:
        rows = [
            f"offered {self.events} events ({self.lines} lines), dropped {self.dropped}, "
            f"discarded {self.discarded}, left with producers {self.left}"
        ]
        rows += [
            f"  {h.name}: heard {h.events} ({h.lines} lines), excused {h.excused}, "
            f"gaps {h.gap_lines}; {h.latency}"
            for h in self.hearings
        ]
        rows += [f"  FAULT {fault}" for fault in self.faults] or ["  clean"]
        return "\n".join(rows)
