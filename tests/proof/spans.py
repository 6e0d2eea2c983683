"""Sets of whole numbers as spans: a million lines in order are one span."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

__all__ = ["Spans"]


class Spans:
    """A set of whole numbers as sorted, disjoint, not touching spans."""

    __slots__ = ("firsts", "nexts")

    def __init__(self) -> None:
        self.firsts: list[int] = []
        self.nexts: list[int] = []

    def add(self, first: int, end: int) -> list[tuple[int, int]]:
        """Add `first` to `end - 1`; which of them it held already."""
        if not self.nexts or first > self.nexts[-1]:
            self.firsts.append(first)
            self.nexts.append(end)
            return []
        low = bisect_left(self.nexts, first)
        high = bisect_right(self.firsts, end)
        known = [
            (max(first, a), min(end, b))
            for a, b in zip(self.firsts[low:high], self.nexts[low:high], strict=True)
            if max(first, a) < min(end, b)
        ]
        if low < high:
            first, end = min(first, self.firsts[low]), max(end, self.nexts[high - 1])
        self.firsts[low:high] = [first]
        self.nexts[low:high] = [end]
        return known

    def minus(self, other: Spans) -> list[tuple[int, int]]:
        """What is in here and not in `other`."""
        rest = []
        for first, end in zip(self.firsts, self.nexts, strict=True):
            at = bisect_right(other.nexts, first)
            while at < len(other.firsts) and other.firsts[at] < end:
                if first < other.firsts[at]:
                    rest.append((first, other.firsts[at]))
                first = max(first, other.nexts[at])
                at += 1
            if first < end:
                rest.append((first, end))
        return rest
