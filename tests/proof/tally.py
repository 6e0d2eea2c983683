"""The checker's questions in bounded memory, for hours of load."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.proof.entries import Hearing, Key, Report, by_line

__all__ = ["Tally"]


@dataclass(slots=True)
class _Count:
    next: int = 0
    heard: int = 0
    backward: int = 0
    gap_lines: int = 0
    first_fault: str = ""


class Tally:
    """The same questions in bounded memory: per source the next seq and three counters. One thread.

    What comes with a seq below the next one is `backward`: repeated or late, which of both cannot be told
    without remembering everything; either is a fault.
    """

    def __init__(self, name: str = "tally") -> None:
        self.name = name
        self._counts: dict[Hashable, _Count] = {}

    def heard(self, source: Hashable, first: int, lines: int = 1) -> None:
        """Lines `first`, `first + 1`, … of `source` came."""
        count = self._counts.setdefault(source, _Count())
        if first < count.next and not count.first_fault:
            count.first_fault = f"{source}: {first} came where {count.next} was due"
        end = first + lines
        count.backward += max(0, min(end, count.next) - first)
        count.heard += lines
        count.next = max(count.next, end)

    def gap(self, source: Hashable, lines: int) -> None:
        """`lines` of `source` are told to be missing."""
        self._counts.setdefault(source, _Count()).gap_lines += lines

    def feed(self, x: Any, key: Callable[[Any], Key] = by_line) -> None:
        """An event: a batch or a gap."""
        source, first, lines, gap = key(x)
        if gap:
            self.gap(source, lines)
        else:
            self.heard(source, first, lines)

    def lines(self, source: Hashable) -> int:
        """Heard so far."""
        return self._counts[source].heard if source in self._counts else 0

    def sources(self) -> tuple[Hashable, ...]:
        """All that were heard of."""
        return tuple(self._counts)

    def report(self, offered: Mapping[Hashable, int]) -> Report:
        """The verdict, given how many lines each source wrote (numbered from 0).

        Gaps of the source "" (it is not known, or several are meant) stand for lines of any source.
        """
        faults: list[str] = []
        shared = self._counts[""].gap_lines if "" in self._counts else 0
        short: dict[Hashable, int] = {}
        for source in {**offered, **self._counts}:
            count, wrote = self._counts.get(source, _Count()), offered.get(source, 0)
            if source != "":
                # Late lines fill a hole, repeated ones do not: both are faults, so the sum may err there.
                short[source] = wrote - (count.heard - count.backward) - count.gap_lines
                faults += self._faults(source, count, wrote)
        lost = {source: n for source, n in short.items() if n > 0}
        if sum(lost.values()) != shared:
            missing = ", ".join(f"{n} of {source}" for source, n in lost.items()) or "none"
            faults.append(f"lines missing: {missing}; gaps without a source stand for {shared}")
        heard = sum(c.heard for c in self._counts.values())
        told = tuple(f"{self.name}: {fault}" for fault in faults)
        hearing = Hearing(
            self.name,
            events=heard,
            lines=heard,
            excused=sum(lost.values()),
            gap_lines=sum(c.gap_lines for c in self._counts.values()),
            faults=told,
        )
        total = sum(offered.values())
        return Report(events=total, lines=total, hearings=(hearing,), faults=told)

    @staticmethod
    def _faults(source: Hashable, count: _Count, wrote: int) -> list[str]:
        faults = []
        many = count.heard - count.backward + count.gap_lines - wrote
        if many > 0:
            faults.append(f"{many} lines of {source} too many were heard or told as missing")
        if count.backward:
            faults.append(f"{count.backward} lines of {source} came again or late ({count.first_fault})")
        if count.next > wrote:
            faults.append(f"lines up to {count.next - 1} of {source} were heard, {wrote} were written")
        return faults
