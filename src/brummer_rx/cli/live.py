"""The live run as viewer, verbs and control server see it: one object, snapshots only (`RunView`)."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping

from loguru import logger

from brummer_rx.pipeline import guards
from brummer_rx.pipeline.clock import Clock
from brummer_rx.pipeline.errors import BufferOverflow
from brummer_rx.pipeline.process import Command, ProcessTable
from brummer_rx.pipeline.reader import LogReader, SearchService
from brummer_rx.pipeline.runview import Notice, Tail, Usage
from brummer_rx.pipeline.scheduler import BoundedThreadPoolScheduler
from brummer_rx.pipeline.supervisor import Supervisor
from brummer_rx.sources.ingest import Ingest
from brummer_rx.sources.usage import UsageSampler

__all__ = ["LiveRun"]

SAMPLE_EVERY = 1.0
"""Seconds between two looks at what processes use, while somebody asks."""
NOTICES = 100


@guards.locked("_lock", "_callbacks", "_asked", "_sampling")
@guards.calls_out("send", "changed", "tell", "_admit")
class LiveRun:
    """Implements `RunView`. Any thread, except `search` (main thread)."""

    def __init__(
        self,
        run_id: str,
        *,
        reader: LogReader,
        search: SearchService,
        supervisor: Supervisor,
        ingest: Ingest,
        pool: BoundedThreadPoolScheduler,
        clock: Clock,
    ) -> None:
        self.run_id = run_id
        self.reader = reader
        self.search = search
        self._supervisor = supervisor
        self._ingest = ingest
        self._pool = pool
        self._clock = clock
        self._lock = guards.lock("live run")
        # Guarded by the lock, all but the snapshots that are swapped whole:
        self._callbacks: tuple[Callable[[], None], ...] = ()
        self._notices: deque[Notice] = deque(maxlen=NOTICES)
        self._asked = -1e9
        self._sampling = False
        self._usage: Mapping[str, Usage] = {}
        self._sampler = UsageSampler()  # the sampling job's; there is one at a time
        reader.on_change(self.changed)
        ingest.on_change(self.changed)

    def processes(self) -> ProcessTable:
        """The process table as of now."""
        return self._supervisor.table

    def tails(self) -> tuple[Tail, ...]:
        """Unfinished lines to be shown."""
        return self._ingest.tails()

    def notices(self) -> tuple[Notice, ...]:
        """The newest 100, oldest first."""
        with self._lock:
            return tuple(self._notices)

    def send(self, command: Command) -> None:
        """Ask the decider; `BufferOverflow` when too many wishes wait."""
        self._supervisor.send(command)

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` when anything changed; returns how to stop that."""
        with self._lock:
            self._callbacks = (*self._callbacks, callback)

        def stop() -> None:
            with self._lock:
                self._callbacks = tuple(known for known in self._callbacks if known is not callback)

        return stop

    def changed(self) -> None:
        """Something did: tell whoever asked to be told."""
        for callback in self._callbacks:
            callback()

    def tell(self, text: str, *, bad: bool = False) -> Notice:
        """Keep a notice and let the viewer know."""
        notice = Notice(self._clock.time_ns(), text, bad)
        with self._lock:
            self._notices.append(notice)
        self.changed()
        return notice

    def usage(self) -> Mapping[str, Usage]:
        """What processes use; sampled each second for as long as somebody asks."""
        with self._lock:
            self._asked = time.monotonic()
            start = not self._sampling
            self._sampling = True
        if start:
            self._admit()
        return self._usage

    def _admit(self) -> None:
        try:
            self._pool.admit(self._sample)
        except BufferOverflow:  # the pool is busy with more important things
            self._clock.call_later(SAMPLE_EVERY, self._admit)

    def _sample(self) -> None:
        """One look at the processes, on a worker of the pool."""
        try:
            self._usage = self._sampler.sample(self._supervisor.table)
        except Exception as error:  # noqa: BLE001 - processes come and go; the next look may see them
            logger.warning("processes could not be looked at: {!r}", error)
        with self._lock:
            self._sampling = time.monotonic() - self._asked < 3 * SAMPLE_EVERY
            again = self._sampling
        if again:
            self._clock.call_later(SAMPLE_EVERY, self._admit)
        self.changed()
