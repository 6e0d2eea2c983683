"""L20: the end of the pool under stages at work, and of the process, in bounded time."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import pytest
from reactivex import Observable
from reactivex.subject import Subject

from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.scheduler import BoundedThreadPoolScheduler
from brummer_rx.pipeline.stage import BoundedStage, Overflow, observe_on_bounded
from brummer_rx.pipeline.testing import VirtualClock
from tests.laws.conftest import Make
from tests.laws.lawkit import ALL, Background, Probe, soon

each_choice = pytest.mark.parametrize("overflow", ALL, ids=lambda c: c.name)


# --- L20 ------------------------------------------------------------------------------------------


@each_choice
def test_l20_with_drain_what_was_accepted_is_delivered_and_completed(overflow: Overflow) -> None:
    pool, probe, dropped = BoundedThreadPoolScheduler(2, clock=VirtualClock()), Probe(), list[Any]()
    stage: BoundedStage[Any] = BoundedStage(
        pool, name="s", capacity=64, batch=5, overflow=overflow, on_drop=dropped.append
    )
    probe.listen(stage)
    for number in range(50):
        stage.offer((0, number))
    stage.complete()

    assert pool.dispose(drain=True, timeout=30)
    assert probe.signals == ["done"]
    assert [number for _, number in probe.got] == [n for n in range(50) if (0, n) not in dropped]
    assert pool.statistics().discarded == 0
    books = stage.ledger()
    assert books.closes
    assert (books.delivered, books.dropped, books.discarded) == (len(probe.got), len(dropped), 0)


@each_choice
def test_l20_without_drain_it_is_counted_as_discarded(overflow: Overflow) -> None:
    pool, probe = BoundedThreadPoolScheduler(1, clock=VirtualClock()), Probe()
    inside, go = threading.Event(), threading.Event()

    def occupy(*_: object) -> None:
        inside.set()
        go.wait(60)

    pool.schedule(occupy)
    assert inside.wait(30)
    stage: BoundedStage[Any] = BoundedStage(pool, name="s", capacity=64, overflow=overflow)
    probe.listen(stage)
    for number in range(50):
        stage.offer((0, number))
    ended: list[bool] = []
    ending = Background(lambda: ended.append(pool.dispose(drain=False, timeout=30)))
    soon(lambda: stage.ledger().offered == 50 and len(pool._crew._queue) == 0)
    go.set()

    assert ending.wait() is None
    assert ended == [True]
    assert (probe.got, probe.signals) == ([], ["ThreadError"])
    books = stage.ledger()
    assert books.closes
    assert (books.delivered, books.discarded) == (0, 50 - books.dropped)
    assert pool.statistics().discarded == 1  # the drain


def test_l20_a_chain_drains_through_all_its_stages(pools: Make) -> None:
    pool, heard = pools(2), list[Any]()
    gates, source = [Gate(), Gate(), Gate()], Subject[int]()
    stream: Observable[int] = source
    for depth, (joins, feeds) in enumerate(zip(gates, [*gates[1:], None], strict=True)):
        stream = stream.pipe(
            observe_on_bounded(pool, name=str(depth), capacity=4, batch=2, joins=joins, feeds=feeds)
        )
    stream.subscribe(heard.append, on_completed=lambda: heard.append("done"))
    for number in range(300):
        source.on_next(number)
    source.on_completed()

    assert pool.dispose(drain=True, timeout=30)
    assert heard == [*range(300), "done"]
    assert pool.statistics().discarded == 0


PROCESS = """
import sys, time
from loguru import logger
from brummer_rx.pipeline.clock import ClockThread
from brummer_rx.pipeline.scheduler import BoundedThreadPoolScheduler
from brummer_rx.pipeline.stage import BoundedStage, Overflow

logger.remove()
drain, began = sys.argv[1] == "drain", time.monotonic()
clock = ClockThread(); clock.start()
pool = BoundedThreadPoolScheduler(2, clock=clock)
pool.schedule_relative(3600.0, lambda *_: None)
stages, ends = [], []
for overflow in Overflow:
    stage = BoundedStage(pool, name=str(overflow), capacity=8, batch=3, overflow=overflow)
    stage.output.subscribe(
        lambda _: time.sleep(0.0005), lambda e: ends.append(type(e).__name__), lambda: ends.append("done")
    )
    for number in range(100):
        stage.offer(number)
    stage.complete()
    stages.append(stage)
ended = pool.dispose(drain=drain, timeout=30), clock.close(30)
books = [stage.ledger() for stage in stages]
print(ended, all(b.closes and b.queued == 0 and b.ended and b.offered == 100 for b in books), len(ends))
print(sum(b.discarded for b in books if not b.dropped and b.stage != "error"))
print(time.monotonic() - began < 45)
sys.exit(7)
"""


@pytest.mark.parametrize("how", ["drain", "cut"])
def test_l20_a_process_ends_in_bounded_time(how: str) -> None:
    """With six stages in work; all are told of the end, the books close, and the interpreter goes."""
    done = subprocess.run([sys.executable, "-c", PROCESS, how], capture_output=True, timeout=100, check=False)
    ended, discarded, quick = done.stdout.decode().splitlines()

    assert (done.returncode, done.stderr) == (7, b"")
    assert ended == "(True, True) True 6"
    assert quick == "True"
    assert how == "cut" or discarded == "0"


HANGING = """
import sys, threading, time
from loguru import logger
from brummer_rx.pipeline.clock import ClockThread
from brummer_rx.pipeline.scheduler import BoundedThreadPoolScheduler
from brummer_rx.pipeline.stage import BoundedStage

logger.remove()
pool = BoundedThreadPoolScheduler(1, clock=ClockThread())
inside = threading.Event()
stage = BoundedStage(pool, name="s")
stage.output.subscribe(lambda _: (inside.set(), threading.Event().wait()))
for number in range(10):
    stage.offer(number)
inside.wait(30)
began = time.monotonic()
print(pool.dispose(drain=True, timeout=0.2), time.monotonic() - began < 30, stage.ledger().closes, flush=True)
"""


def test_l20_a_subscriber_that_hangs_costs_the_deadline_and_not_the_exit() -> None:
    done = subprocess.run([sys.executable, "-c", HANGING], capture_output=True, timeout=100, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, b"False True True\n", b"")
