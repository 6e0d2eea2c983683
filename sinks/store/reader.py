"""A run's log read from outside its process.

Live ones grow with each `refresh`, ended ones are simply there.

Of what is still written only frames whose header, length and body check out are taken, everything else is
waited for at the same offset. Bodies of sealed segments are verified when they are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from brummer_rx.pipeline.errors import NotFoundError
from brummer_rx.pipeline.event import Gap
from brummer_rx.sinks.store.gaplog import GAPS_LOG
from brummer_rx.sinks.store.growing import Growing
from brummer_rx.sinks.store.load import (
    all_gaps,
    in_order,
    load_segment,
    load_segments,
    read_gaps,
    segment_numbers,
    spans_of,
)
from brummer_rx.sinks.store.lock import is_live
from brummer_rx.sinks.store.manifest import MANIFEST, Manifest, read_manifest
from brummer_rx.sinks.store.ports import StoreOptions
from brummer_rx.sinks.store.recover import needs_repair, repair
from brummer_rx.sinks.store.seal import key_path, open_sealed
from brummer_rx.sinks.store.segment import Reading, SegmentView
from brummer_rx.sinks.store.snapshot import Sealed, StoreSnapshot

__all__ = ["RunReader", "open_run"]


def open_run(path: Path, *, mend: bool = True) -> RunReader:
    """A reader of the run in this folder.

    With `mend` a run that died is repaired first (if the disk lets us).

    Raises `NotFoundError` when there is no such folder. Whoever opens it closes it.
    """
    if not path.is_dir():
        raise NotFoundError(f"there is no run in {path}")
    if mend and needs_repair(path):
        repair(path)
    return RunReader(path)


class RunReader:
    """Implements `LogReader`. `refresh` and `close` belong to one thread; snapshots are safe anywhere."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reading = Reading()
        self._callbacks: tuple[Callable[[], None], ...] = ()
        self._live = is_live(path)
        self._manifest_mark: object = None
        self._manifest = Manifest()
        self._gaps_mark: object = None
        self._logged: list[Gap] = []
        self._reload_logs()
        loaded = load_segments(path, self._reading, live=self._live)
        self._views = loaded.views
        self._growing: Growing | None = loaded.growing
        self._seen_seq = loaded.end_seq
        self._spans = spans_of(self._views)
        self._sealed = Sealed.of(self._views)
        self._gaps: tuple[Gap, ...] = ()
        self._gaps_key: object = None
        self._end_seq = 0
        self._published = self._make()

    @property
    def manifest(self) -> Manifest:
        """What the run says about itself, as of the last refresh."""
        return self._manifest

    @property
    def live(self) -> bool:
        """Whether its writer lived at the last refresh.

        False: all that will ever be there has been read.
        """
        return self._live

    def snapshot(self) -> StoreSnapshot:
        """The log as of the last refresh."""
        return self._published

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` from `refresh` when it found something; returns how to stop that."""
        self._callbacks = (*self._callbacks, callback)

        def stop() -> None:
            self._callbacks = tuple(known for known in self._callbacks if known is not callback)

        return stop

    def refresh(self) -> bool:
        """Look for growth; True when the snapshot is a new one. Cheap when nothing has changed."""
        was_live = self._live
        if not was_live:
            return False
        self._live = is_live(self.path)  # asked first: what a writer that just ended has left is read below
        changed = self._reload_logs()
        changed |= self._advance()
        if not changed and self._live == was_live:
            return False
        self._published = self._make()
        for callback in self._callbacks:
            callback()
        return True

    def verify(self) -> int:
        """Read every frame; damaged ones join the snapshot's gaps.

        Returns how many frames are damaged.
        """
        for view in self._published.segments:
            for frame in range(len(view.frames)):
                view.block(frame)
        return len(self._reading.damage.found)

    def __enter__(self) -> RunReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Forget the growing segment.

        Snapshots taken before stay usable; their files are closed with them.
        """
        self._growing = None
        self._live = False
        self._callbacks = ()
        self._reading.forget()

    def _advance(self) -> bool:
        """Read on: the growing segment, then newer ones.

        Replace what was sealed, drop what was evicted.
        """
        numbers = segment_numbers(self.path)
        newest = numbers[-1] if numbers else -1
        changed = False
        fresh: list[SegmentView] = []
        growing = self._growing
        known = max([view.number for view in self._views], default=-1)
        if growing is not None:
            known = growing.backing.number
            final = not self._live or known < newest
            changed |= growing.scan(final=final)
            self._seen_seq = max(self._seen_seq, growing.seen_seq)
            if final:
                self._growing = None
                view = growing.view()
                fresh += [view] if view else []
        for number in numbers:
            if number > known:
                fresh += self._open(number, final=not self._live or number != newest)
                changed = True
        return self._settle(fresh, set(numbers)) or changed

    def _open(self, number: int, *, final: bool) -> list[SegmentView]:
        loaded = load_segment(self.path, number, self._reading, final=final)
        if isinstance(loaded, Growing):
            self._seen_seq = max(self._seen_seq, loaded.seen_seq)
            if not final:
                self._growing = loaded
                return []
            loaded = loaded.view()
        return [loaded] if loaded is not None else []

    def _settle(self, fresh: Iterable[SegmentView], numbers: set[int]) -> bool:
        """Take over new segments; swap those whose key file has appeared; forget those that are gone."""
        views = [self._sealed_form(view) for view in (*self._views, *fresh) if view.number in numbers]
        kept = in_order(views)
        if kept == self._views:
            return False
        self._views = kept
        self._spans = spans_of(kept)
        self._sealed = Sealed.of(kept)
        self._reading.forget()
        self._seen_seq = max([self._seen_seq, *(view.end_seq for view in kept)])
        return True

    def _sealed_form(self, view: SegmentView) -> SegmentView:
        if view.backing.file is None or not key_path(view.path).exists():
            return view
        return open_sealed(self.path, view.number, self._reading, keep_keys=True) or view

    def _reload_logs(self) -> bool:
        """Read the manifest and the gaps again if their files have changed."""
        changed = False
        mark = _mark(self.path / MANIFEST)
        if mark != self._manifest_mark:
            self._manifest_mark, self._manifest, changed = mark, read_manifest(self.path), True
        gaps_mark = (_mark(self.path / GAPS_LOG), self._manifest.sources)
        if gaps_mark != self._gaps_mark:
            self._gaps_mark, self._logged = gaps_mark, read_gaps(self.path, self._manifest.sources)
            changed = True
        return changed

    def _make(self) -> StoreSnapshot:
        growing = self._growing
        live = growing.view() if growing else None
        spans = growing.spans if growing else []
        end = max(self._seen_seq, growing.seen_seq if growing else 0)
        # Lines that merely join the last stretch leave the gaps as they are.
        key = (self._sealed, len(spans), self._gaps_mark, self._live)
        if key != self._gaps_key or (self._gaps and self._gaps[-1].last_seq + 1 > end):
            self._gaps, self._end_seq = all_gaps([*self._spans, *spans], self._logged, end, live=self._live)
            self._gaps_key = key
        self._end_seq = max(end, self._end_seq)
        self._limit_keys()
        return StoreSnapshot(
            self._sealed, live, self._manifest.sources, self._gaps, self._end_seq, self._reading.damage
        )

    def _limit_keys(self) -> None:
        oldest = self._end_seq - StoreOptions().keys_in_memory
        for view in self._views:
            if view.end_seq >= oldest:
                break
            if view.backing.key_place is not None and view.backing.keep_keys:
                view.backing.keep_keys = False
                view.backing.keys = None


def _mark(path: Path) -> object:
    """What changes when a file is replaced or grows."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns
