"""The writer's gaps: numbered, published at once, logged to `gaps.log` as soon as the disk takes them.

Store lane only, but for `record` (pure). Lines that are lost one flush after the other are one gap, so a
full disk does not fill the memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from brummer_rx.pipeline import guards
from brummer_rx.pipeline.event import Gap
from brummer_rx.sinks.store.files import Disk
from brummer_rx.sinks.store.gaps import encode_gap, join, sorted_gaps

__all__ = ["GAPS_LOG", "GapLog", "LostLines", "record"]

GAPS_LOG = "gaps.log"


@dataclass(frozen=True, slots=True)
class LostLines:
    """A gap with what its record tells beside it."""

    gap: Gap
    ids: frozenset[int]
    """Of the sources concerned."""
    level: int
    """The highest lost one."""
    time_ns: int


def record(lost: LostLines, started_ns: int) -> bytes:
    """Its record."""
    seconds = max(0, lost.time_ns - started_ns) // 10**9
    return encode_gap(lost.gap, sorted(lost.ids), level=lost.level, seconds=seconds)


@guards.owned("store lane", "add", "know", "log")
class GapLog:
    """All gaps of the run so far."""

    def __init__(self, folder: Path, disk: Disk, started_ns: int) -> None:
        self._path = folder / GAPS_LOG
        self._disk = disk
        self._started_ns = started_ns
        self._known: tuple[Gap, ...] = ()
        self._waiting: list[LostLines] = []
        self._all: tuple[Gap, ...] = ()

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """Ascending; logged or not."""
        return self._all

    def add(self, lost: LostLines) -> None:
        """A gap that is to be logged; `log` writes it."""
        if self._waiting and (both := _both(self._waiting[-1], lost)):
            self._waiting[-1] = both
        else:
            self._waiting.append(lost)
        self._renew()

    def know(self, gaps: Iterable[Gap]) -> None:
        """Gaps that somebody else has logged (evictions, by the sync lane)."""
        self._known = sorted_gaps((*self._known, *gaps))
        self._renew()

    def log(self) -> None:
        """Write what waits; it goes on waiting when the disk refuses."""
        if not self._waiting:
            return
        data = b"".join(record(lost, self._started_ns) for lost in self._waiting)
        try:
            self._disk.append(self._path, data, sync=False)
        except OSError:
            return  # the caller's own write meets the same disk and tells it
        self._known = sorted_gaps((*self._known, *(lost.gap for lost in self._waiting)))
        self._waiting = []
        self._renew()

    def _renew(self) -> None:
        self._all = sorted_gaps((*self._known, *(lost.gap for lost in self._waiting)))


def _both(earlier: LostLines, later: LostLines) -> LostLines | None:
    if earlier.gap.reason != later.gap.reason:
        return None
    name = earlier.gap.source if earlier.gap.source == later.gap.source else ""
    gap = join(replace(earlier.gap, source=name), replace(later.gap, source=name))
    if gap is None:
        return None
    level = max(earlier.level, later.level)
    return LostLines(gap, earlier.ids | later.ids, level, later.time_ns)
