"""The table of processes on disk: the newest one, and never more than one save that waits."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from brummer_rx.cli.tablefile import TableFile
from brummer_rx.pipeline.process import ProcessInfo, ProcessSpec, ProcessState, ProcessTable
from brummer_rx.pipeline.status import read_status_file
from brummer_rx.pipeline.threads import Lane


class Bench:
    """A table that changes and a lane that can be held."""

    def __init__(self, folder: Path, capacity: int = 2) -> None:
        spec = ProcessSpec("a", ("a",), "a", ".")
        self.table = ProcessTable(0, (ProcessInfo(spec, ProcessState.RUNNING),))
        self.folder = folder
        self.lane = Lane("sync", capacity=capacity)
        self.file = TableFile(folder, self.lane, lambda: self.table)
        self.go = threading.Event()

    def hold(self) -> None:
        held = threading.Event()
        self.lane.submit(lambda: (held.set(), self.go.wait(20)))  # type: ignore[arg-type,return-value]
        assert held.wait(20)

    def change(self) -> None:
        row = replace(self.table.processes[0], restarts=self.table.version + 1)
        self.table = ProcessTable(self.table.version + 1, (row,))
        self.file.save()

    def written(self) -> int:
        self.go.set()
        assert self.lane.close(20)
        restarts: int = read_status_file(self.folder)[0]["restarts"]
        return restarts


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.go.set()
    made.lane.close(20)


def test_a_slow_disk_has_one_save_waiting_and_gets_the_newest_table(bench: Bench) -> None:
    bench.hold()
    for _ in range(5000):
        bench.change()

    assert bench.lane.counts().waiting == 1
    assert bench.written() == 5000


def test_a_full_lane_is_asked_again(bench: Bench) -> None:
    bench.hold()
    for _ in range(2):
        bench.lane.submit(lambda: None)
    bench.change()
    assert bench.lane.counts().waiting == 2
    bench.go.set()
    while bench.lane.counts().waiting:
        threading.Event().wait(0.001)
    bench.file.save()

    assert bench.written() == 1


def test_what_was_written_is_not_written_again(bench: Bench) -> None:
    bench.change()
    done = threading.Event()
    bench.lane.submit(done.set)
    assert done.wait(20)
    bench.hold()
    bench.file.save()

    assert bench.lane.counts().waiting == 0
    assert bench.written() == 1


def test_a_disk_that_refuses_is_no_end(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "processes.new").mkdir()
    bench.change()

    assert bench.lane.close(20)
    assert bench.lane.counts().faults == 0
    assert read_status_file(tmp_path) == []
