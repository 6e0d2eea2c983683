"""What a run asks of the system is asked of the one it was given."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from brummer_rx.cli.system import SYSTEM, System
from brummer_rx.pipeline.errors import ConfigError, ThreadError
from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.settings import load
from brummer_rx.sinks.store.files import Disk
from brummer_rx.sources.poller import SelectorPoller


def no_thread(name: str, target: object) -> threading.Thread:
    raise ThreadError(f"no {name}")


class FullDisk(Disk):
    def replace(self, path: Path, data: bytes, *, sync: bool) -> None:
        raise OSError(28, "No space left on device")


def test_every_thread_is_asked_for() -> None:
    system = System(start_thread=no_thread)
    clock = system.clock()
    with pytest.raises(ThreadError, match="no clock"):
        clock.start()
    with pytest.raises(ThreadError, match="no ingest"):
        system.ingest(Gate(), clock).start()
    with pytest.raises(ThreadError, match="sync could not"):
        system.lane("sync").submit(lambda: None)
    with pytest.raises(ThreadError, match="pool could not"):
        system.pool(2, clock).submit_drain(lambda: None)


def test_wall_disk_reads_and_poller_are_its_own(tmp_path: Path) -> None:
    pollers: list[SelectorPoller] = []

    def make() -> SelectorPoller:
        pollers.append(SelectorPoller())
        return pollers[-1]

    system = System(wall=lambda: 42, disk=FullDisk(), make_poller=make, read=lambda fd, size: b"")
    assert system.clock().time_ns() == 42
    with pytest.raises(ConfigError, match="No space left"):
        system.create_run(tmp_path, "shop", "npm start")
    ingest = system.ingest(Gate(), system.clock())
    assert len(pollers) == 1 and ingest.close(1)


def test_the_log_has_the_settings_limits(tmp_path: Path) -> None:
    settings = load(tmp_path, {"store_max_bytes": 7 * 1024**3, "store_max_days": 2}, {"HOME": str(tmp_path)})
    run = SYSTEM.create_run(tmp_path / "state", "shop", "npm start")
    lane, sync, clock = SYSTEM.lane("store"), SYSTEM.lane("sync"), SYSTEM.clock()
    store = SYSTEM.store(run, lane, sync, clock, settings, lambda text, bad: None)

    assert (store._options.max_bytes, store._options.max_age) == (7 * 1024**3, 2 * 86400.0)
    assert store.close(5) and lane.close(5) and sync.close(5) and clock.close(5)
