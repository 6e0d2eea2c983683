"""From batches to numbered frames: source ids, key bytes, seqs. Store lane only, nothing per line."""

from __future__ import annotations

from brummer_rx.pipeline import guards
from brummer_rx.pipeline.clock import Clock
from brummer_rx.pipeline.event import Level, LogBatch
from brummer_rx.sinks.store.format import MAX_SOURCE, Run, key_table, run_flags
from brummer_rx.sinks.store.pending import FilledFrame, Pending, pieces_of

__all__ = ["Intake"]

_ALL_INFO = bytes((Level.INFO,))


@guards.owned("store lane", "add", "skip", "take")
class Intake:
    """Numbers lines and fills frames with them."""

    def __init__(self, clock: Clock, frame_bytes: int) -> None:
        self._clock = clock
        self._frame_bytes = frame_bytes
        self._pending = Pending(frame_bytes)
        self._filled: list[FilledFrame] = []
        self._filled_bytes = 0
        self._ids: dict[str, int] = {}
        self._tables: list[bytes] = []
        self.next_seq = 0
        """The next line's seq."""

    @property
    def names(self) -> tuple[str, ...]:
        """Source names by id."""
        return tuple(self._ids)

    @property
    def waiting_bytes(self) -> int:
        """Raw bytes (and a little more) that wait for the next write."""
        return self._filled_bytes + self._pending.size

    def id_of(self, name: str) -> int:
        """The id of a source; a new one gets the next."""
        source = self._ids.get(name)
        return self._new_source(name) if source is None else source

    def add(self, batch: LogBatch) -> None:
        """Number the batch's lines and take them over; one that is too large for a frame is split."""
        source = self.id_of(batch.source)
        levels = batch.levels
        if levels is None or len(levels) != batch.lines:
            levels = _ALL_INFO * batch.lines
        keys = levels.translate(self._tables[source])
        flags = run_flags(batch.stream, batch.flags)
        time_us = batch.time_ns // 1000
        data = batch.data
        if len(data) <= self._frame_bytes:
            self._add(Run(source, flags, batch.lines, len(data), time_us), keys, data)
            return
        at = 0
        for piece, lines in pieces_of(data, self._frame_bytes):
            end = at + lines
            marks = flags if end == batch.lines else int(batch.stream)  # only the last line is special
            self._add(Run(source, marks, lines, len(piece), time_us), keys[at:end], piece)
            at = end

    def _add(self, run: Run, keys: bytes, data: bytes) -> None:
        if not self._pending.fits(run.size, run.time_us):
            self._fill()
        self._pending.add(self.next_seq, run, keys, data)
        self.next_seq += run.lines

    def _new_source(self, name: str) -> int:
        source = len(self._tables)
        if source > MAX_SOURCE:
            return MAX_SOURCE  # shared from here on: no project has so many processes
        self._ids[name] = source
        self._tables.append(key_table(source))
        return source

    def _fill(self) -> None:
        frame = self._pending.take(int(self._clock.now() * 1e9))
        if frame is not None:
            self._filled.append(frame)
            self._filled_bytes += frame.size

    def skip(self, lines: int) -> int:
        """Give the next seqs to lines that are lost; returns the first of them."""
        self._fill()
        first = self.next_seq
        self.next_seq += lines
        return first

    def take(self) -> list[FilledFrame]:
        """All frames that wait for the write, the last one closed."""
        self._fill()
        frames, self._filled, self._filled_bytes = self._filled, [], 0
        return frames

    def waiting_seq(self) -> int:
        """Seq of the oldest line that waits for the write; the next line's when none does."""
        if self._filled:
            return self._filled[0].header.first_seq
        return self._pending.first_seq if self._pending.size else self.next_seq
