"""A run's log at one moment.

The immutable tuple that the writer (or another process's reader) published.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress, islice

from brummer_rx.pipeline.event import Gap, Level
from brummer_rx.pipeline.reader import Line, LineFilter
from brummer_rx.sinks.store.block import Block, lines_between, source_name
from brummer_rx.sinks.store.gaps import sorted_gaps
from brummer_rx.sinks.store.keymask import Rule, compile_rule, mask, matching
from brummer_rx.sinks.store.segment import Damage, SegmentView

__all__ = ["EMPTY", "Sealed", "StoreSnapshot"]

_DENSE = 5
"""A mask with more than one match in so many lines is filtered as a whole, a sparser one is searched."""
_ONE = re.compile(b"\1")


@dataclass(frozen=True, slots=True, eq=False)
class Sealed:
    """The segments that no longer grow, with their sums.

    Made anew when one is added, replaced or evicted.
    """

    segments: tuple[SegmentView, ...] = ()
    counts: Mapping[int, int] = field(default_factory=dict)
    """Lines by source id << 3 | level."""
    size: int = 0
    """Bytes on disk, key files included."""

    @staticmethod
    def of(segments: tuple[SegmentView, ...]) -> Sealed:
        """The sums of these segments (ascending)."""
        counts: Counter[int] = Counter()
        for segment in segments:
            counts.update(segment.counts)
        return Sealed(segments, counts, sum(s.data_end + s.key_file_size for s in segments))


@dataclass(frozen=True, slots=True, eq=False)
class StoreSnapshot:
    """Implements `LogSnapshot`.

    Safe on any thread; keeps the descriptor of the growing segment open while it lives.

    Lines that were evicted after the snapshot was taken are left out of answers. Frames that turn out to
    be damaged when they are read join `gaps` then.
    """

    sealed: Sealed
    live: SegmentView | None
    sources: tuple[str, ...]
    logged_gaps: tuple[Gap, ...]
    """Ascending; without the frames in `damage`."""
    end_seq: int
    damage: Damage

    @property
    def segments(self) -> tuple[SegmentView, ...]:
        """All segments, ascending; each holds at least one frame."""
        return self.sealed.segments if self.live is None else (*self.sealed.segments, self.live)

    @property
    def first_seq(self) -> int:
        """The oldest line that is there; `end_seq` when there is none."""
        segments = self.segments
        return segments[0].first_seq if segments else self.end_seq

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """Where lines are missing, ascending."""
        found = self.damage.found
        return sorted_gaps((*self.logged_gaps, *list(found.values()))) if found else self.logged_gaps

    @property
    def bytes_on_disk(self) -> int:
        """Segments and key files."""
        return self.sealed.size + (self.live.data_end if self.live else 0)

    def lines(self, start: int, stop: int) -> list[Line]:
        """The lines with start <= seq < stop, in order."""
        found: list[Line] = []
        for segment in self._between(start, stop):
            for frame in range(segment.frame_at_seq(start), len(segment.frames)):
                if segment.frames[frame].first_seq >= stop:
                    break
                block = segment.block(frame)
                if block is not None:
                    found += lines_between(block, start, stop, self.sources)
        return found

    def read(self, seqs: Sequence[int]) -> list[Line]:
        """The lines of these ascending seqs (missing ones left out)."""
        found: list[Line] = []
        segments = self.segments
        block: Block | None = None
        block_end = -1
        for seq in seqs:
            if seq >= block_end:
                block, block_end = _block_at(segments, seq)
            if block is not None and seq >= block.first_seq:
                found += lines_between(block, seq, seq + 1, self.sources)
        return found

    def select(
        self, where: LineFilter, start: int, stop: int, limit: int, *, newest: bool = False
    ) -> list[int]:
        """Up to `limit` matching seqs in [start, stop), ascending.

        With `newest` the last ones, else the first.
        """
        rule = compile_rule(where, self.sources)
        found: list[list[int]] = []
        segments = self._between(start, stop)
        for segment in reversed(segments) if newest else segments:
            if limit <= 0:
                break
            if matching(segment, rule):
                found.append(_select(segment, rule, start, stop, limit, newest))
                limit -= len(found[-1])
        return [seq for part in (reversed(found) if newest else found) for seq in part]

    def count(self, where: LineFilter, start: int | None = None, stop: int | None = None) -> int:
        """How many lines match in [start, stop)."""
        rule = compile_rule(where, self.sources)
        first = 0 if start is None else start
        last = self.end_seq if stop is None else stop
        return sum(_count(segment, rule, first, last) for segment in self._between(first, last))

    def source_counts(self) -> dict[str, int]:
        """Stored lines per source, in the order of their first line."""
        counts: Counter[str] = Counter()
        for pair, lines in sorted(self._pairs()):
            counts[source_name(pair >> 3, self.sources)] += lines
        return dict(counts)

    def level_counts(self) -> dict[Level, int]:
        """Stored lines per level."""
        counts = dict.fromkeys(Level, 0)
        for pair, lines in self._pairs():
            counts[Level(pair & 7)] += lines
        return counts

    def _pairs(self) -> Iterator[tuple[int, int]]:
        yield from self.sealed.counts.items()
        if self.live is not None:
            yield from self.live.counts.items()

    def _between(self, start: int, stop: int) -> tuple[SegmentView, ...]:
        segments = self.segments
        first = max(0, bisect_right(segments, start, key=_first_seq) - 1)
        last = bisect_right(segments, stop - 1, key=_first_seq)
        return segments[first:last]


EMPTY = StoreSnapshot(Sealed(), None, (), (), 0, Damage())


def _first_seq(segment: SegmentView) -> int:
    return segment.first_seq


def _block_at(segments: Sequence[SegmentView], seq: int) -> tuple[Block | None, int]:
    """The block that holds `seq` and the seq at which to look again.

    A block or None holds up to there.
    """
    at = bisect_right(segments, seq, key=_first_seq) - 1
    if at < 0 or seq >= segments[at].end_seq:
        return None, seq + 1
    segment = segments[at]
    frame = segment.frame_at_seq(seq)
    row = segment.frames[frame]
    return (segment.block(frame), row.end_seq) if row.first_seq <= seq else (None, row.first_seq)


def _stretches(segment: SegmentView, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """(first seq, first key position, last key position + 1) of the lines of [start, stop) in a segment."""
    for first, at, lines in segment.spans():
        begin, end = max(first, start), min(first + lines, stop)
        if begin < end:
            yield begin, at + begin - first, at + end - first


def _count(segment: SegmentView, rule: Rule, start: int, stop: int) -> int:
    whole = start <= segment.first_seq and segment.end_seq <= stop
    if whole and not segment.reading.damage.found:
        return segment.lines if rule.everything else matching(segment, rule)
    total = 0
    for _, at, end in _stretches(segment, start, stop):
        total += end - at if rule.everything else mask(segment, rule, at, end).count(1)
    return total


def _select(segment: SegmentView, rule: Rule, start: int, stop: int, limit: int, newest: bool) -> list[int]:
    found: list[int] = []
    stretches = list(_stretches(segment, start, stop))
    for first, at, end in reversed(stretches) if newest else stretches:
        marks = mask(segment, rule, at, end)
        found += _positions(marks, first, limit - len(found), newest)
        if len(found) >= limit:
            break
    if newest:
        found.reverse()
    return found


def _positions(marks: bytes, first: int, limit: int, newest: bool) -> list[int]:
    """Seqs of up to `limit` ones in a mask whose first line is `first`.

    In descending order with `newest`.
    """
    hits = marks.count(1)
    if hits * _DENSE > len(marks):
        seqs = range(first, first + len(marks))
        return list(
            islice(compress(reversed(seqs), reversed(marks)) if newest else compress(seqs, marks), limit)
        )
    if hits <= limit:
        found = [first + hit.start() for hit in _ONE.finditer(marks)]
        return found[::-1] if newest else found
    found = []
    at = marks.rfind(1) if newest else marks.find(1)
    while len(found) < limit:
        found.append(first + at)
        at = marks.rfind(1, 0, at) if newest else marks.find(1, at + 1)
    return found
