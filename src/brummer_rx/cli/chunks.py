"""Reading a stored run in bulk: neighbouring lines of one source, stream and read as one value, a `Chunk`."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import compress
from typing import NamedTuple

from brummer_rx.pipeline.event import Gap, GapReason, Level, Stream
from brummer_rx.pipeline.reader import LineFilter
from brummer_rx.sinks.store.block import Block, source_name
from brummer_rx.sinks.store.keymask import compile_rule, frame_mask, matching
from brummer_rx.sinks.store.segment import FrameRow, SegmentView
from brummer_rx.sinks.store.snapshot import StoreSnapshot

__all__ = ["Chunk", "chunks_at", "chunks_between"]

_SPARSE = 8
_LEVEL_OF_KEY = bytes(min(key & 7, Level.FATAL) for key in range(256))


class Chunk(NamedTuple):
    """Lines of one read, in order; those that were not asked for are left out."""

    source: str
    stream: Stream
    time_ns: int
    seqs: Sequence[int]
    lines: list[bytes]
    """Without their newlines."""
    levels: bytes
    more: bool
    """The last line is a piece that goes on in a later chunk."""
    newline: bool
    """Whether the child wrote the last line's newline."""


def chunks_between(
    snapshot: StoreSnapshot, where: LineFilter, start: int, stop: int
) -> Iterator[Chunk | Gap]:
    """The lines of [start, stop) that match, in order; a Gap for each frame that cannot be read."""
    rule = compile_rule(where, snapshot.sources)
    for segment in snapshot.segments:
        if segment.end_seq <= start or segment.first_seq >= stop or not matching(segment, rule):
            continue
        for frame in range(segment.frame_at_seq(start), len(segment.frames)):
            row = segment.frames[frame]
            if row.first_seq >= stop:
                break
            marks = None if rule.everything else frame_mask(segment, frame, rule)
            if marks is not None and 1 not in marks:
                continue
            yield from _frame(snapshot, segment, frame, row, marks, start, stop)


def chunks_at(snapshot: StoreSnapshot, seqs: Sequence[int]) -> Iterator[Chunk | Gap]:
    """The lines of these ascending seqs; a Gap for each frame that cannot be read."""
    done = 0
    for segment in snapshot.segments:
        done = bisect_left(seqs, segment.first_seq, done)
        while done < len(seqs) and seqs[done] < segment.end_seq:
            frame = segment.frame_at_seq(seqs[done])
            row = segment.frames[frame]
            until = bisect_left(seqs, row.end_seq, done)
            marks = bytearray(row.lines)
            for seq in seqs[done:until]:
                if seq >= row.first_seq:
                    marks[seq - row.first_seq] = 1
            done = until
            yield from _frame(snapshot, segment, frame, row, marks, row.first_seq, row.end_seq)


def _frame(
    snapshot: StoreSnapshot,
    segment: SegmentView,
    frame: int,
    row: FrameRow,
    marks: bytes | bytearray | None,
    start: int,
    stop: int,
) -> Iterator[Chunk | Gap]:
    block = segment.block(frame)
    if block is None:
        # Damaged (then it was reported), or evicted since the snapshot was taken.
        lost = Gap("", row.lines, row.raw_length, GapReason.BUDGET, row.first_seq, row.end_seq - 1)
        yield snapshot.damage.found.get(row.first_seq, lost)
        return
    low = max(0, start - block.first_seq)
    high = min(len(block.lines), stop - block.first_seq)
    yield from _runs(block, snapshot.sources, marks, low, high)


def _places(marks: bytes | bytearray, first: int, last: int, found: int) -> list[int]:
    """Where the ones are; few among many are looked for, many are filtered."""
    if found * _SPARSE > last - first:
        return list(compress(range(first, last), marks[first:last]))
    places: list[int] = []
    at = marks.find(1, first, last)
    while at >= 0:
        places.append(at)
        at = marks.find(1, at + 1, last)
    return places


def _runs(
    block: Block, names: Sequence[str], marks: bytes | bytearray | None, low: int, high: int
) -> Iterator[Chunk]:
    levels = block.keys.translate(_LEVEL_OF_KEY)
    end = 0
    for run in block.runs:
        begin, end = end, end + run.lines
        first, last = max(begin, low), min(end, high)
        if first >= last:
            continue
        found = last - first if marks is None else marks.count(1, first, last)
        if not found:
            continue
        whole = last == end and (marks is None or bool(marks[last - 1]))
        seqs: Sequence[int] = range(block.first_seq + first, block.first_seq + last)
        if marks is None or found == last - first:
            lines, kinds = block.lines[first:last], levels[first:last]
        else:
            places = _places(marks, first, last, found)
            seqs = [block.first_seq + place for place in places]
            lines = [block.lines[place] for place in places]
            kinds = bytes([levels[place] for place in places])
        yield Chunk(
            source_name(run.source, names),
            run.stream,
            run.time_us * 1000,
            seqs,
            lines,
            kinds,
            whole and run.more,
            not whole or run.newline,
        )
