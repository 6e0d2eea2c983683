"""What the sync lane does for a run: sync, seal, evict, end.

It may block on the disk; nothing here touches the index.

The store lane learns of results through the two callbacks, which post to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from errno import ENOENT
from functools import partial
from typing import TypedDict

from loguru import logger

from brummer_rx.pipeline import guards
from brummer_rx.pipeline.clock import Clock
from brummer_rx.pipeline.errors import ThreadError
from brummer_rx.pipeline.event import Gap, GapReason
from brummer_rx.sinks.store.files import Disk, OpenFile, folder_size, modified_ns
from brummer_rx.sinks.store.gaplog import GAPS_LOG, LostLines, record
from brummer_rx.sinks.store.growing import Growing
from brummer_rx.sinks.store.manifest import Totals
from brummer_rx.sinks.store.ports import StoreOptions
from brummer_rx.sinks.store.retention import gap_of, runs_to_delete, segments_to_evict, worst_level
from brummer_rx.sinks.store.runs import RunFolder, delete_run, run_sizes
from brummer_rx.sinks.store.seal import key_path, seal
from brummer_rx.sinks.store.segment import SegmentView
from brummer_rx.sinks.store.snapshot import StoreSnapshot

__all__ = ["Upkeep"]


class _Limits(TypedDict):
    max_bytes: int
    max_age: float
    now_ns: int


@guards.owned("sync lane", "sync", "seal", "retain", "finish")
class Upkeep:
    """Sync lane only."""

    def __init__(
        self,
        run: RunFolder,
        disk: Disk,
        options: StoreOptions,
        clock: Clock,
        *,
        sealed: Callable[[SegmentView], None],
        evicted: Callable[[SegmentView, Gap], None],
        notice: Callable[[str, bool], None],
    ) -> None:
        self._run = run
        self._disk = disk
        self._options = options
        self._clock = clock
        self._sealed = sealed
        self._evicted = evicted
        self._notice = notice
        self._unsealed: list[Growing] = []
        self._gone: set[int] = set()  # numbers of evicted segments; the store lane may not know yet
        self._told = False  # one notice until the disk works again

    def sync(self, file: OpenFile) -> None:
        """Make what was written durable."""
        try:
            self._disk.sync(file.fd)
            removed = self._disk.removed(file.fd)
        except OSError as error:
            self._refused("synced", error)
            return
        if removed:
            self._refused("kept", OSError(ENOENT, "its files were removed"))
        else:
            self._told = False

    def seal(self, growing: Growing, snapshot: Callable[[], StoreSnapshot]) -> None:
        """Seal a segment, and those whose seal the disk refused before; then look what has to go."""
        self._unsealed.append(growing)
        self._seal_all()
        self.retain(snapshot)

    def _seal_all(self) -> None:
        waiting, self._unsealed = self._unsealed, []
        for growing in waiting:
            try:
                view = seal(growing, self._disk, frame_bytes=self._options.frame_bytes)
            except OSError as error:
                self._unsealed.append(growing)
                self._refused("sealed", error)
                continue
            if view is not None:
                self._tell(partial(self._sealed, view))

    def retain(self, snapshot: Callable[[], StoreSnapshot]) -> None:
        """Delete ended runs, then evict own sealed segments, as age and budget ask for."""
        state_dir = self._run.state_dir
        for run_id in runs_to_delete(run_sizes(state_dir), **self._limits()):
            if run_id != self._run.id and delete_run(state_dir, run_id):
                logger.info("the run {} was deleted: the limits of age and size allow no more", run_id)
        snap = snapshot()
        self._gone &= {view.number for view in snap.sealed.segments}
        there = [view for view in snap.segments if view.number not in self._gone]
        sealed = [
            (view, written_ns)
            for view in there
            if view.backing.file is None and (written_ns := modified_ns(view.path))
        ]
        rest = sum(view.data_end + view.key_file_size for view in there)
        rest -= sum(view.data_end + view.key_file_size for view, _ in sealed)
        for view, reason in segments_to_evict(sealed, rest, **self._limits()):
            if not self._evict(view, reason, snap.sources):
                break

    def _limits(self) -> _Limits:
        options = self._options
        return {
            "max_bytes": options.max_bytes,
            "max_age": options.max_age,
            "now_ns": self._clock.time_ns(),
        }

    def _evict(self, view: SegmentView, reason: GapReason, names: tuple[str, ...]) -> bool:
        gap, ids = gap_of(view, reason, names)
        lost = LostLines(gap, frozenset(ids), worst_level(view), self._clock.time_ns())
        data = record(lost, self._run.manifest.value.started_ns)
        try:
            self._disk.append(self._run.path / GAPS_LOG, data, sync=True)  # before the lines go
            view.path.unlink(missing_ok=True)
            key_path(view.path).unlink(missing_ok=True)
        except OSError as error:
            self._refused("trimmed", error)
            return False
        self._gone.add(view.number)
        self._tell(partial(self._evicted, view, gap))
        return True

    def finish(self, snapshot: StoreSnapshot, done: Callable[[], None]) -> None:
        """Seal what is left, say in the manifest that the run ended, give the lock back."""
        self._seal_all()
        segments = snapshot.segments
        size, _ = folder_size(self._run.path)
        totals = Totals(sum(view.lines for view in segments), size, len(snapshot.gaps))
        ended_ns = self._clock.time_ns()
        try:
            self._run.manifest.update(
                lambda manifest: replace(
                    manifest, ended_ns=ended_ns, totals=totals, sources=snapshot.sources
                ),
                sync=True,
            )
        except OSError as error:
            self._refused("ended", error)
        self._run.release()
        done()

    def _refused(self, what: str, error: OSError) -> None:
        if not self._told:
            self._told = True
            why = error.strerror or str(error)
            self._notice(f"the log cannot be {what} ({why}): {self._run.path}", True)

    def _tell(self, action: Callable[[], None]) -> None:
        try:
            action()
        except ThreadError as error:
            logger.debug("the store lane ended before it was told: {}", error)  # nobody reads there any more
