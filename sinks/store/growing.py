"""A segment without a key file: the one that grows, or one whose seal is missing.

Index, keys and counters in memory.

Its owner (the store lane for the writer, the reader's thread elsewhere) adds frames; `view` publishes
what is there.
"""

from __future__ import annotations

from brummer_rx.pipeline import guards
from brummer_rx.sinks.store.files import OpenFile
from brummer_rx.sinks.store.format import (
    HEADER_SIZE,
    MAGIC,
    RUN_SIZE,
    Header,
    body_is_whole,
    decode_header,
    decode_runs,
)
from brummer_rx.sinks.store.index import FrameColumns, Frames
from brummer_rx.sinks.store.pending import tally
from brummer_rx.sinks.store.segment import Backing, Reading, RecentFrame, SegmentView

__all__ = ["Growing"]

_WINDOW = 1024 * 1024


@guards.owned("thread that made or reads it", "add", "scan")
class Growing:
    """Owner's thread only; the views it gives away are safe anywhere.

    `keys` and the columns only ever grow, and readers copy slices out of them in one step, so growing is
    safe.
    """

    __slots__ = (
        "_window",
        "_window_at",
        "backing",
        "columns",
        "counts",
        "end",
        "file",
        "keys",
        "raw_bytes",
        "reading",
        "seen_seq",
        "spans",
    )

    def __init__(self, backing: Backing, file: OpenFile, reading: Reading) -> None:
        self.backing = backing
        self.file = file
        self.reading = reading
        self.columns = FrameColumns()
        self.keys = bytearray()
        self.counts: dict[int, int] = {}
        self.raw_bytes = 0
        self.end = 0
        """File offset behind the last frame that counts."""
        self.seen_seq = 0
        """Seq behind the last line that is known to have been written, readable or not."""
        self.spans: list[tuple[int, int]] = []
        """Stretches without a hole: (first seq, lines)."""
        backing.keys = self.keys
        self._window = b""
        self._window_at = 0

    def add(self, header: Header, offset: int, keys: bytes, counts: dict[int, int]) -> None:
        """A frame that stands at `offset`."""
        self.keys += keys
        for pair, lines in counts.items():
            self.counts[pair] = self.counts.get(pair, 0) + lines
        if self.spans and sum(self.spans[-1]) == header.first_seq:
            self.spans[-1] = (self.spans[-1][0], self.spans[-1][1] + header.lines)
        else:
            self.spans.append((header.first_seq, header.lines))
        self.columns.append(header, offset)
        self.raw_bytes += header.raw_length
        self.end = offset + header.size
        self.seen_seq = header.end_seq

    def view(self, recent: tuple[RecentFrame, ...] = ()) -> SegmentView | None:
        """What is there now; None when there is no frame yet."""
        length = len(self.columns.first_seq)
        if not length:
            return None
        frames = Frames(self.columns, length)
        end_seq = self.columns.row(length - 1).end_seq
        return SegmentView(
            self.backing, self.reading, self.columns.first_seq[0], end_seq, self.end, frames,
            self.columns.total_lines, self.raw_bytes, dict(self.counts), recent,
        )  # fmt: skip

    def scan(self, *, final: bool) -> bool:
        """Add the whole frames that stand behind the known ones; True when there were any.

        Not `final`: stops at the first frame that is not whole, it may still be growing. `final`: nobody
        writes any more, so damage is stepped over to the next sound frame.
        """
        before = self.end, self.seen_seq
        size = self.file.size()
        while self.end + HEADER_SIZE <= size:
            header = decode_header(self._read(self.end, HEADER_SIZE))
            if header is not None and self.end + header.size <= size and header.first_seq >= self.seen_seq:
                body = self._read(self.end + HEADER_SIZE, header.stored_length)
                if body_is_whole(header, body):
                    self._take(header, body)
                    continue
                if not final:
                    break
                self._step_over(header)
                continue
            following = self._find(self.end + 1, size) if final else None
            if following is None:
                break
            self.end = following
        self._window = b""
        return before != (self.end, self.seen_seq)

    def _take(self, header: Header, body: memoryview) -> None:
        if not header.readable:  # of a newer version: it is known what is missing
            self._step_over(header)
            return
        keys_at = header.runs * RUN_SIZE
        keys = bytes(body[keys_at : keys_at + header.lines])
        counts: dict[int, int] = {}
        at = 0
        for run in decode_runs(body[:keys_at], header.wall_ns):
            tally(counts, run.source, keys[at : at + run.lines])
            at += run.lines
        self.add(header, self.end, keys, counts)

    def _step_over(self, header: Header) -> None:
        self.end += header.size
        self.seen_seq = header.end_seq

    def _find(self, start: int, size: int) -> int | None:
        """Offset of the next sound header whose frame lies within the file."""
        while start + HEADER_SIZE <= size:
            window = bytes(self._read(start, min(_WINDOW, size - start)))
            at = window.find(MAGIC)
            if at < 0:
                start += max(1, len(window) - len(MAGIC) + 1)
                continue
            start += at
            header = decode_header(self._read(start, HEADER_SIZE))
            if header is not None and header.first_seq >= self.seen_seq and start + header.size <= size:
                return start
            start += 1
        return None

    def _read(self, offset: int, length: int) -> memoryview:
        """Bytes of the file through a window, so that small frames do not cost a call each."""
        at = offset - self._window_at
        if at < 0 or at + length > len(self._window):
            self._window = self.file.read(offset, max(length, _WINDOW))
            self._window_at, at = offset, 0
        return memoryview(self._window)[at : at + length]
