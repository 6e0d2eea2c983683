"""The plan is played exactly, the same for the same seed, and what happened is counted."""

from __future__ import annotations

import errno
import os
import threading
import time
from pathlib import Path

import pytest

from brummer_rx.pipeline.errors import ThreadError
from tests.pipeline.until import until
from tests.proof.faultports import (
    FaultyPoller,
    FaultyRead,
    FaultySpawn,
    FaultyThreads,
    FaultyWall,
    FaultyWrite,
)
from tests.proof.faults import (
    FOR_EVER,
    Fails,
    Fault,
    FaultPlan,
    Hangs,
    Injector,
    Jumps,
    NoThread,
    Raises,
    Short,
    Slow,
    plan,
)


def failed_calls(played: FaultPlan, count: int = 100) -> list[int]:
    faults, bad = Injector(played), []
    for n in range(1, count + 1):
        try:
            faults.draw("x")
        except OSError:
            bad.append(n)
    assert faults.calls["x"] == count and faults.injected["x"] == len(bad)
    return bad


@pytest.mark.parametrize(
    ("fault", "calls"),
    [
        (Fault("x", Fails(errno.EIO)), [1]),
        (Fault("x", Fails(errno.EIO), 3, 2), [3, 4]),
        (Fault("x", Fails(errno.EIO), 98, FOR_EVER), [98, 99, 100]),
        (Fault("y", Fails(errno.EIO), 1, FOR_EVER), []),
    ],
    ids=str,
)
def test_the_calls_that_fail_are_those_of_the_plan(fault: Fault, calls: list[int]) -> None:
    assert failed_calls(plan(fault)) == calls


def test_a_chance_is_drawn_from_the_seed_and_the_name() -> None:
    some = plan(Fault("x", Fails(errno.EIO), 1, FOR_EVER, 0.3))
    first = failed_calls(some)

    assert first == failed_calls(some)
    assert 10 < len(first) < 60
    assert first != failed_calls(plan(*some.faults, name="another"))


def test_when_it_is_over_nothing_fails() -> None:
    faults = Injector(plan(Fault("x", Fails(errno.ENOSPC), 1, FOR_EVER)))
    assert not faults
    with pytest.raises(OSError, match="No space left"):
        faults.draw("x")
    faults.calm()

    assert faults.draw("x") is None
    assert faults and faults.calls["x"] == 2


def test_who_hangs_goes_on_when_it_is_released_and_the_rest_of_the_plan_holds() -> None:
    faults = Injector(plan(Fault("x", Hangs()), Fault("x", Raises(), 2)))
    back = threading.Event()
    thread = threading.Thread(target=lambda: (faults.draw("x"), back.set()))
    thread.start()
    until(faults.hanging.is_set)
    assert not back.is_set()
    faults.release()
    thread.join(5)

    assert back.is_set()
    with pytest.raises(ValueError, match="injected at x"):
        faults.draw("x")


def test_a_plan_is_named_after_what_it_does() -> None:
    faults = (
        Fault("read", Short(3), 2, FOR_EVER, 0.5),
        Fault("wall", Jumps(-1.0)),
        Fault("x", Slow(0.1), 1, 2),
    )

    assert str(plan(*faults)) == "read:short-3@2x*~0.5,wall:jumps-1s,x:slowx2"


def test_the_ports_do_the_real_thing_when_no_fault_is_due(tmp_path: Path) -> None:
    faults = Injector(plan(name="none"))
    read, write = os.pipe()
    poller = FaultyPoller(faults)
    poller.add(read)
    assert FaultyWrite(faults)(write, b"abc") == 3
    assert poller.poll(5) == [read]
    assert FaultyRead(faults)(read, 10) == b"abc"
    poller.remove(read)
    poller.close()
    os.close(read)
    os.close(write)
    assert FaultySpawn(faults)(["/bin/true"]).wait() == 0
    ran = threading.Event()
    FaultyThreads(faults)("x", ran.set).join(5)
    assert ran.is_set()
    assert abs(FaultyWall(faults)() - time.time_ns()) < 10**10
    assert not faults
    assert faults.calls == {
        "poll.add": 1, "write": 1, "read": 1, "spawn": 1, "thread": 1, "thread.x": 1, "wall": 1,
    }  # fmt: skip


def test_the_ports_fail_as_they_are_told() -> None:
    faults = Injector(
        plan(
            Fault("read", Short(1)),
            Fault("write", Short(2)),
            Fault("thread.x", NoThread()),
            Fault("wall", Jumps(-3600.0), 2),
            Fault("spawn", Fails(errno.EAGAIN)),
            Fault("poll.add", Fails(errno.ENOSPC)),
        )
    )
    read, write = os.pipe()
    assert FaultyWrite(faults)(write, b"abc") == 2
    assert FaultyRead(faults)(read, 10) == b"a"
    with pytest.raises(ThreadError):
        FaultyThreads(faults)("x", lambda: None)
    FaultyThreads(faults)("y", lambda: None).join(5)
    wall = FaultyWall(faults)
    assert wall() > wall() < wall() < time.time_ns() - 3500 * 10**9
    with pytest.raises(BlockingIOError):
        FaultySpawn(faults)(["/bin/true"])
    poller = FaultyPoller(faults)
    with pytest.raises(OSError, match="No space left"):
        poller.add(read)
    poller.close()
    os.close(read)
    os.close(write)
