"""CPU and memory of process trees."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from brummer_rx.pipeline.process import ProcessInfo, ProcessSpec, ProcessState, ProcessTable
from brummer_rx.sources.usage import UsageSampler
from tests.sources.rig import until

BURN = "import time\nt = time.process_time\nwhile t() < 30: pass"


def table(**pids: int | None) -> ProcessTable:
    return ProcessTable(
        1,
        tuple(
            ProcessInfo(ProcessSpec(name, ("x",), "x", "/"), ProcessState.RUNNING, 1, pid, output_open=True)
            for name, pid in pids.items()
        ),
    )


@pytest.fixture
def tree() -> Iterator[subprocess.Popen[bytes]]:
    """A shell that waits for a child which burns CPU."""
    shell = subprocess.Popen(
        ["/bin/sh", "-c", '"$0" -c "$1" & wait', sys.executable, BURN], start_new_session=True
    )
    yield shell
    os.killpg(shell.pid, signal.SIGKILL)
    shell.wait()


def busy(pid: int) -> bool:
    return any(sum(p.cpu_times()[:2]) > 0.1 for p in psutil.Process(pid).children(recursive=True))


def test_descendants_count(tree: subprocess.Popen[bytes]) -> None:
    until(lambda: busy(tree.pid))
    sampler = UsageSampler()
    first = sampler.sample(table(app=tree.pid))
    assert first["app"].cpu_percent == 0.0

    own = psutil.Process(tree.pid).memory_info().rss
    assert first["app"].rss_bytes > own + 2_000_000
    deadline = time.monotonic() + 10
    while (second := sampler.sample(table(app=tree.pid))["app"]).cpu_percent < 5:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert second.cpu_percent < 400


def test_cpu_is_a_difference_over_the_time_between(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    used = [5.0]
    sampler = UsageSampler(lambda: now[0])
    times = psutil.Process().cpu_times()
    monkeypatch.setattr(psutil.Process, "cpu_times", lambda self: times._replace(user=used[0], system=1.0))
    monkeypatch.setattr(psutil.Process, "ppid", lambda self: 0)
    me = table(me=os.getpid())
    sampler.sample(me)

    now[0], used[0] = 102.0, 8.0

    assert sampler.sample(me)["me"].cpu_percent == pytest.approx(150.0)
    assert sampler.sample(me)["me"].cpu_percent == 0.0  # no time went by


def test_a_process_that_is_new_since_the_last_sample_counts_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    sampler = UsageSampler(lambda: now[0])
    sampler.sample(table())
    times = psutil.Process().cpu_times()
    monkeypatch.setattr(psutil.Process, "cpu_times", lambda self: times._replace(user=1.0, system=0.5))
    monkeypatch.setattr(psutil.Process, "ppid", lambda self: 0)

    now[0] = 1.0

    assert sampler.sample(table(me=os.getpid()))["me"].cpu_percent == pytest.approx(150.0)


def test_what_does_not_run_is_left_out() -> None:
    ended = subprocess.Popen(["/bin/true"])
    ended.wait()
    done = ProcessInfo(ProcessSpec("done", ("x",), "x", "/"), ProcessState.EXITED, 1, os.getpid())
    live = table(gone=ended.pid, none=None, me=os.getpid())

    usage = UsageSampler().sample(ProcessTable(1, (*live.processes, done)))

    assert set(usage) == {"me"}
    assert usage["me"].rss_bytes > 1_000_000


def test_an_empty_table_costs_no_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    def walked() -> None:
        raise AssertionError("the system's processes were walked")

    monkeypatch.setattr(psutil, "process_iter", walked)

    assert UsageSampler().sample(table(none=None)) == {}


def test_processes_that_end_under_the_walk_are_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(self: psutil.Process) -> int:
        raise psutil.NoSuchProcess(self.pid)

    monkeypatch.setattr(psutil.Process, "memory_info", gone)
    assert UsageSampler().sample(table(me=os.getpid())) == {}
    monkeypatch.setattr(psutil.Process, "ppid", gone)
    assert UsageSampler().sample(table(me=os.getpid())) == {}
