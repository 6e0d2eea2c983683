"""The frame index of a segment: compact columns that only grow, and views of a published length on them.

One thread appends (the store lane, or a reader's own thread while it loads). Everybody else holds a
`Frames` with a length and touches only rows below it, so nobody locks. About 40 bytes a frame.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple, overload

from brummer_rx.sinks.store.format import HEADER_SIZE, RUN_SIZE, FrameFlag, Header

__all__ = ["FrameColumns", "FrameRow", "Frames"]


class FrameRow(NamedTuple):
    """Where one frame of a segment stands and what it holds. Offsets are bytes from the file's start."""

    first_seq: int
    lines: int
    offset: int
    """Of the header."""
    runs_offset: int
    runs: int
    """Entries of 16 bytes in the run table."""
    keys_offset: int
    raw_offset: int
    raw_length: int
    """Bytes of the lines, newlines included."""
    time_ns: int
    """Wall clock of the oldest line."""
    flags: int
    """`FrameFlag`."""
    level_mask: int
    """Bit n: a line of level n is in the frame."""
    key_at: int
    """Position of its first key byte among the segment's keys."""

    @property
    def end_seq(self) -> int:
        """The seq after its last line."""
        return self.first_seq + self.lines

    @property
    def end_offset(self) -> int:
        """Where the next frame starts."""
        return self.raw_offset + self.raw_length

    @property
    def has_escape(self) -> bool:
        """Whether an ESC byte is in the raw lines."""
        return bool(self.flags & FrameFlag.HAS_ESCAPE)

    @property
    def has_pieces(self) -> bool:
        """Whether some line in it goes on in a later line of its source and stream."""
        return bool(self.flags & FrameFlag.HAS_PIECES)


class FrameColumns:
    """The rows, column by column. Appended by one thread; a row is complete before a length covers it."""

    __slots__ = (
        "first_seq",
        "key_at",
        "lines",
        "marks",
        "offset",
        "raw_length",
        "runs",
        "time_ns",
        "total_lines",
    )

    def __init__(self) -> None:
        self.first_seq = array("q")
        self.offset = array("q")
        self.time_ns = array("q")
        self.lines = array("I")
        self.raw_length = array("I")
        self.runs = array("I")
        self.key_at = array("I")
        self.marks = array("H")
        self.total_lines = 0

    def append(self, header: Header, offset: int) -> None:
        """One more frame, its header at `offset`."""
        self.first_seq.append(header.first_seq)
        self.offset.append(offset)
        self.time_ns.append(header.wall_ns)
        self.lines.append(header.lines)
        self.raw_length.append(header.raw_length)
        self.runs.append(header.runs)
        self.key_at.append(self.total_lines)
        self.marks.append((header.flags & 0xFF) << 8 | header.level_mask)
        self.total_lines += header.lines

    def row(self, index: int) -> FrameRow:
        """The row at a position >= 0."""
        offset, runs, lines = self.offset[index], self.runs[index], self.lines[index]
        runs_offset = offset + HEADER_SIZE
        keys_offset = runs_offset + runs * RUN_SIZE
        marks = self.marks[index]
        return FrameRow(
            self.first_seq[index], lines, offset, runs_offset, runs, keys_offset, keys_offset + lines,
            self.raw_length[index], self.time_ns[index], marks >> 8, marks & 0xFF, self.key_at[index],
        )  # fmt: skip


class Frames(Sequence[FrameRow]):
    """The first `length` rows, as a sequence of `FrameRow`; rows are made when asked for."""

    __slots__ = ("_columns", "_length")

    def __init__(self, columns: FrameColumns, length: int) -> None:
        self._columns = columns
        self._length = length

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> FrameRow: ...
    @overload
    def __getitem__(self, index: slice) -> list[FrameRow]: ...
    def __getitem__(self, index: int | slice) -> FrameRow | list[FrameRow]:
        if isinstance(index, slice):
            return [self._columns.row(n) for n in range(*index.indices(self._length))]
        at = index + self._length if index < 0 else index
        if not 0 <= at < self._length:
            raise IndexError(index)
        return self._columns.row(at)

    def __iter__(self) -> Iterator[FrameRow]:
        return (self._columns.row(n) for n in range(self._length))

    def at_seq(self, seq: int) -> int:
        """Index of the first frame that ends after `seq`: the one that holds it, or the next.

        Len() if none.
        """
        at = max(0, bisect_right(self._columns.first_seq, seq, 0, self._length) - 1)
        return at + 1 if at < self._length and self._columns.row(at).end_seq <= seq else at

    def at_offset(self, offset: int) -> int:
        """Index of the first frame that ends after the file's byte `offset`; len() if none."""
        at = max(0, bisect_right(self._columns.offset, offset, 0, self._length) - 1)
        return at + 1 if at < self._length and self._columns.row(at).end_offset <= offset else at

    def at_key(self, position: int) -> int:
        """Index of the frame that holds the key byte at `position`."""
        return max(0, bisect_right(self._columns.key_at, position, 0, self._length) - 1)

    def flagged(self, flag: FrameFlag) -> list[int]:
        """Indexes of the frames that carry this flag; cheap (no row is made)."""
        bit = int(flag) << 8
        return [n for n, mark in enumerate(self._columns.marks[: self._length]) if mark & bit]

    def spans(self) -> list[tuple[int, int, int]]:
        """Stretches without a hole: (first seq, position of its first key byte, lines)."""
        spans: list[tuple[int, int, int]] = []
        first = at = lines = 0
        seqs, counts = self._columns.first_seq, self._columns.lines
        for n in range(self._length):
            seq, count = seqs[n], counts[n]
            if lines and seq == first + lines:
                lines += count
                continue
            if lines:
                spans.append((first, at, lines))
            first, at, lines = seq, at + lines, count
        return [*spans, (first, at, lines)] if lines else spans
