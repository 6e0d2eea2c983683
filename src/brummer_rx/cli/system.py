"""Where a run meets the system: threads, processes, clock, reads, files. Tests put in one that fails."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from brummer_rx import __version__
from brummer_rx.cli.doors import built_in_ingest
from brummer_rx.pipeline.clock import Clock, ClockThread
from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.scheduler import BoundedThreadPoolScheduler
from brummer_rx.pipeline.settings import Settings
from brummer_rx.pipeline.threads import Lane, StartThread, start_thread
from brummer_rx.sinks.store.files import Disk
from brummer_rx.sinks.store.runs import RunFolder, create_run
from brummer_rx.sinks.store.store import LogStore, StoreOptions
from brummer_rx.sources.ingest import Ingest
from brummer_rx.sources.pipes import Read
from brummer_rx.sources.poller import Poller, make_poller
from brummer_rx.sources.spawn import StartProcess

__all__ = ["SYSTEM", "System"]


@dataclass(frozen=True, slots=True)
class System:
    """What a run asks of the system, and the parts of a run that ask."""

    disk: Disk = field(default_factory=Disk)
    start_thread: StartThread = start_thread
    start_process: StartProcess = subprocess.Popen
    wall: Callable[[], int] = time.time_ns
    """Wall clock, ns since the epoch; may jump."""
    read: Read = os.read
    """Reads what children write."""
    make_poller: Callable[[], Poller] = make_poller

    def create_run(self, state_dir: Path, project: str, command: str) -> RunFolder:
        """The folder of a new run, locked."""
        return create_run(state_dir, project=project, command=command, tool=__version__, disk=self.disk)

    def store(
        self,
        run: RunFolder,
        lane: Lane,
        sync: Lane,
        clock: Clock,
        settings: Settings,
        on_notice: Callable[[str, bool], None],
    ) -> LogStore:
        """The log of a run."""
        limits = StoreOptions(max_bytes=settings.store_max_bytes, max_age=settings.store_max_days * 86400.0)
        return LogStore(
            run, lane=lane, sync=sync, clock=clock, options=limits, on_notice=on_notice, disk=self.disk
        )

    def clock(self) -> ClockThread:
        """The run's clock, to be started."""
        return ClockThread(wall=self.wall, start_thread=self.start_thread)

    def pool(self, workers: int, clock: Clock) -> BoundedThreadPoolScheduler:
        """The worker pool."""
        return BoundedThreadPoolScheduler(workers, clock=clock, start_thread=self.start_thread)

    def lane(self, name: str) -> Lane:
        """A named thread."""
        return Lane(name, start_thread=self.start_thread)

    def ingest(self, gate: Gate, clock: Clock) -> Ingest:
        """What reads the children, to be started."""
        return built_in_ingest(
            gate, clock, poller=self.make_poller(), read=self.read, start_thread=self.start_thread
        )


SYSTEM = System()
"""The real one."""
