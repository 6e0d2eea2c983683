"""The writer of a run's log: batches in, numbered lines on disk, snapshots for whoever reads.

Everything mutable here belongs to the store lane; other threads only post actions to it or read the
published snapshot, one attribute that is swapped as a whole. What the disk refuses becomes a `Gap`;
nothing of it is raised into the pipeline.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import monotonic

from loguru import logger

from brummer_rx.pipeline import guards
from brummer_rx.pipeline.clock import Clock
from brummer_rx.pipeline.errors import BufferOverflow, SinkError, ThreadError
from brummer_rx.pipeline.event import Gap, GapReason, Level, LogBatch
from brummer_rx.sinks.store.block import source_name
from brummer_rx.sinks.store.files import Disk
from brummer_rx.sinks.store.gaplog import GapLog, LostLines
from brummer_rx.sinks.store.intake import Intake
from brummer_rx.sinks.store.pending import FilledFrame
from brummer_rx.sinks.store.ports import ActionLane, StoreOptions, post
from brummer_rx.sinks.store.runs import RunFolder
from brummer_rx.sinks.store.segment import Reading, SegmentView
from brummer_rx.sinks.store.snapshot import EMPTY, Sealed, StoreSnapshot
from brummer_rx.sinks.store.upkeep import Upkeep
from brummer_rx.sinks.store.writer import SegmentWriter

__all__ = ["LogStore", "StoreOptions", "StoreStats"]

_CALM = 1.0
"""Seconds without a refusal after which a period of trouble is over."""


@dataclass(frozen=True, slots=True)
class StoreStats:
    """Counters since the start."""

    lines: int
    """Numbered, lost ones included."""
    stored_lines: int
    lost_lines: int
    """Lost here, because the disk refused them."""
    frames: int
    writes: int
    callback_faults: int


@guards.owned("store lane", "flush", "_swap", "_forget", "_finish", "_sync_due", shared=("_callbacks",))
@guards.locked("_callbacks_lock", "_callbacks")
@guards.calls_out("append", "close", "_publish")
class LogStore:
    """Implements `LogReader`.

    Made by the run, which closes it; the lock on the run's folder goes with it.
    """

    def __init__(
        self,
        run: RunFolder,
        *,
        lane: ActionLane,
        sync: ActionLane,
        clock: Clock,
        options: StoreOptions | None = None,
        on_notice: Callable[[str, bool], None] = lambda text, bad: None,
        disk: Disk | None = None,
    ) -> None:
        self._options = options or StoreOptions()
        self._run = run
        self._lane = lane
        self._sync = sync
        self._clock = clock
        self._notice = on_notice
        disk = disk or Disk()
        reading = Reading()
        self._writer = SegmentWriter(run.path, disk, reading, recent_bytes=self._options.recent_bytes)
        self._gaps = GapLog(run.path, disk, run.manifest.value.started_ns)
        self._upkeep = Upkeep(
            run,
            disk,
            self._options,
            clock,
            sealed=lambda view: self._on_store_lane(lambda: self._swap(view)),
            evicted=lambda view, gap: self._on_store_lane(lambda: self._forget(view, gap)),
            notice=on_notice,
        )
        self._intake = Intake(clock, self._options.frame_bytes)
        self._named = 0  # sources whose name is in the manifest
        self._armed = False  # a timer for the next flush runs
        self._sync_armed = False
        self._last_write = -1e9
        self._last_refusal = -1e9
        self._trouble = False
        self._lost_in_trouble = 0
        self._stored = self._lost = self._frames = self._writes = self._faults = 0
        self._writer_thread = 0
        self._closing = False
        self._closed = threading.Event()
        self._callbacks: tuple[Callable[[], None], ...] = ()
        self._callbacks_lock = guards.lock("store callbacks")  # registration only
        self._sealed = Sealed()
        self._published = replace(EMPTY, damage=reading.damage)
        self._on_sync_lane(lambda: self._upkeep.retain(self.snapshot))

    # --- reading: any thread ---

    def snapshot(self) -> StoreSnapshot:
        """The log as of now."""
        return self._published

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` on the store lane after each write; returns how to stop that."""
        with self._callbacks_lock:
            self._callbacks = (*self._callbacks, callback)

        def stop() -> None:
            with self._callbacks_lock:
                self._callbacks = tuple(known for known in self._callbacks if known is not callback)

        return stop

    @property
    def stats(self) -> StoreStats:
        """The counters; exact only on the store lane or after `close`."""
        return StoreStats(
            self._intake.next_seq, self._stored, self._lost, self._frames, self._writes, self._faults
        )

    # --- writing: store lane ---

    def append(self, event: LogBatch | Gap) -> int:
        """Number the lines and take them over; returns the first seq. Store lane only.

        They are written (and visible) within 20 ms. Raises `SinkError` after `close` and `ThreadError` on a
        second thread (a bug of the caller); nothing that the disk does.
        """
        if self._closing:
            raise SinkError("the log is closed")
        if self._writer_thread != threading.get_ident():
            self._claim()
        seq = self._intake.next_seq
        if isinstance(event, Gap):
            self._append_gap(event)
        else:
            self._intake.add(event)
        if self._intake.waiting_bytes >= self._options.frame_bytes and self._is_time():
            self.flush()
        elif not self._armed:
            self._armed = True
            self._clock.call_later(self._options.flush_after, self._flush_later)
        return seq

    def _claim(self) -> None:
        """The first to append is the writer; a second one would tear the numbering."""
        if self._writer_thread:
            raise ThreadError("lines are appended on the store lane only")
        self._writer_thread = threading.get_ident()

    def _append_gap(self, gap: Gap) -> None:
        first = self._intake.skip(gap.lines)
        numbered = replace(gap, first_seq=first, last_seq=first + gap.lines - 1)
        ids = frozenset((self._intake.id_of(gap.source),)) if gap.source else frozenset[int]()
        self._gaps.add(LostLines(numbered, ids, int(Level.INFO), self._clock.time_ns()))

    def _is_time(self) -> bool:
        """Write now, or gather more because the last write was only just (flood)."""
        rested = self._clock.now() - self._last_write >= self._options.flush_after
        return rested or self._intake.waiting_bytes >= self._options.gather_bytes

    def _flush_later(self) -> None:
        """On the clock's thread."""
        try:
            post(self._lane, self._clock, self._flush_due)
        except ThreadError as error:
            logger.debug("the store lane ended before a flush: {}", error)  # close has flushed

    def _flush_due(self) -> None:
        self._armed = False
        self.flush()

    def flush(self) -> None:
        """Write what waits and publish it. Store lane only; never raises for what the disk does."""
        frames = self._intake.take()
        before = self._published
        if not frames and before.end_seq == self._intake.next_seq and before.logged_gaps == self._gaps.gaps:
            return
        self._name_sources()
        self._gaps.log()
        if frames:
            self._write(frames)
        growing = self._writer.growing
        options = self._options
        full = growing is not None and (
            growing.end >= options.segment_bytes or len(growing.columns.first_seq) >= options.segment_frames
        )
        if full or self._writer.broken:
            self._roll()
        self._publish()
        self._arm_sync()

    def _name_sources(self) -> None:
        names = self._intake.names
        if len(names) == self._named:
            return
        try:
            self._run.manifest.update(lambda manifest: replace(manifest, sources=names))
            self._named = len(names)
        except OSError as error:
            logger.debug("the manifest could not be written: {}", error)  # tried again with the next write

    def _write(self, frames: Sequence[FilledFrame]) -> None:
        whole, error = self._writer.write(frames)
        now = self._clock.now()
        self._last_write = now
        self._writes += 1
        self._frames += whole
        self._stored += sum([frame.header.lines for frame in frames[:whole]])
        if error is not None:
            self._lose(frames[whole:], error, now)
        elif self._trouble and now - self._last_refusal >= _CALM:
            self._trouble = False
            self._notice(f"the log is written again; {self._lost_in_trouble} lines were lost", False)

    def _lose(self, frames: Sequence[FilledFrame], error: OSError, now: float) -> None:
        self._last_refusal = now
        if not self._trouble:
            self._trouble, self._lost_in_trouble = True, 0
            why = error.strerror or str(error)
            self._notice(f"the log cannot be written ({why}): {self._run.path}; lines are being lost", True)
        names = self._intake.names
        for frame in frames:
            header = frame.header
            ids = frozenset(pair >> 3 for pair in frame.counts)
            source = source_name(min(ids), names) if len(ids) == 1 else ""
            gap = Gap(
                source, header.lines, header.raw_length, GapReason.DISK, header.first_seq, header.end_seq - 1
            )
            level = max((pair & 7 for pair in frame.counts), default=int(Level.INFO))
            self._gaps.add(LostLines(gap, ids, level, self._clock.time_ns()))
            self._lost += header.lines
            self._lost_in_trouble += header.lines
        self._gaps.log()  # now: there may be no other write, and a disk without room may have it for a record

    def _roll(self) -> None:
        growing = self._writer.roll()
        view = growing.view() if growing else None
        if growing is None or view is None:
            return
        self._set_sealed((*self._sealed.segments, view))
        self._on_sync_lane(lambda: self._upkeep.seal(growing, self.snapshot))

    # --- what the sync lane has done: store lane ---

    def _swap(self, sealed: SegmentView) -> None:
        known = self._sealed.segments
        self._set_sealed(tuple(sealed if view.number == sealed.number else view for view in known))
        self._publish()
        sealed.reading.forget()

    def _forget(self, view: SegmentView, gap: Gap) -> None:
        known = self._sealed.segments
        self._gaps.know([gap])
        self._set_sealed(tuple(kept for kept in known if kept.number != view.number))
        self._publish()

    def _set_sealed(self, segments: tuple[SegmentView, ...]) -> None:
        oldest = self._intake.next_seq - self._options.keys_in_memory
        for view in segments:
            if view.end_seq < oldest and view.backing.key_place is not None:
                view.backing.keep_keys = False
                view.backing.keys = None
        self._sealed = Sealed.of(segments)  # readers see it with the next publish, as a whole

    def _publish(self) -> None:
        growing = self._writer.growing
        live = growing.view(self._writer.recent) if growing else None
        end_seq = self._intake.waiting_seq()
        gaps = self._gaps.gaps
        if gaps and gaps[-1].last_seq >= end_seq:  # lines before it are not written yet
            gaps = tuple(gap for gap in gaps if gap.last_seq < end_seq)
        self._published = StoreSnapshot(
            self._sealed,
            live,
            self._intake.names,
            gaps,
            end_seq,
            self._published.damage,
        )
        for callback in self._callbacks:
            try:
                callback()
            except Exception as error:  # noqa: BLE001 - a reader's fault must not stop the log
                self._faults += 1
                logger.opt(exception=error).error("a reader's on_change raised")

    # --- other lanes and timers ---

    def _on_store_lane(self, action: Callable[[], None]) -> None:
        post(self._lane, self._clock, action)

    def _on_sync_lane(self, action: Callable[[], None]) -> None:
        post(self._sync, self._clock, action)

    def _arm_sync(self) -> None:
        if not self._sync_armed and self._writer.growing is not None:
            self._sync_armed = True
            self._clock.call_later(self._options.sync_every, self._sync_later)

    def _sync_later(self) -> None:
        """On the clock's thread."""
        try:
            post(self._lane, self._clock, self._sync_due)
        except ThreadError as error:
            logger.debug("the store lane ended before a sync: {}", error)  # close has synced

    def _sync_due(self) -> None:
        self._sync_armed = False
        growing = self._writer.growing
        if growing is not None:
            file = growing.file
            self._on_sync_lane(lambda: self._upkeep.sync(file))

    # --- the end ---

    def close(self, timeout: float) -> bool:
        """Flush, seal, mark the run ended and give its lock back; True when all that was done in time.

        Any thread but the store and sync lanes, both of which must still run. Twice is fine.
        """
        if self._lane.is_current() or self._sync.is_current():
            raise ThreadError("the log cannot wait for its own lane")
        deadline = monotonic() + timeout
        while not self._closed.is_set():
            try:
                self._lane.submit(self._finish)
                break
            except BufferOverflow:
                if self._closed.wait(0.01) or monotonic() > deadline:
                    break
        return self._closed.wait(max(0.0, deadline - monotonic()))

    def _finish(self) -> None:
        """Store lane: the last write. The sync lane does the rest, behind the seals that wait there."""
        if self._closing:
            return
        self._closing = True
        self.flush()
        self._roll()
        self._publish()
        self._on_sync_lane(lambda: self._upkeep.finish(self.snapshot(), self._closed.set))
