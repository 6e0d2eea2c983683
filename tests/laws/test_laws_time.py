"""The laws of turns: L17 fairness in steps, L19 what a blocked worker does not stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from brummer_rx.pipeline.clock import ClockThread
from brummer_rx.pipeline.errors import BufferOverflow
from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.mainloop import MainLoop
from brummer_rx.pipeline.scheduler import BoundedThreadPoolScheduler
from brummer_rx.pipeline.stage import BoundedStage, Overflow
from brummer_rx.pipeline.testing import HandLane, VirtualClock
from brummer_rx.pipeline.threads import Lane
from tests.laws.conftest import Make
from tests.laws.lawkit import ALL, WAITING, Background, soon
from tests.proof.seed import rng

each_choice = pytest.mark.parametrize("overflow", ALL, ids=lambda c: c.name)


# --- L17 ------------------------------------------------------------------------------------------


@each_choice
@pytest.mark.parametrize(("floods", "batch"), [(1, 1), (1, 16), (3, 4), (5, 2)])
def test_l17_a_quiet_stage_waits_for_one_batch_of_each_flooded_one(
    overflow: Overflow, floods: int, batch: int
) -> None:
    """In steps (elements delivered), on one lane; the floods never run dry."""
    random, lane, steps, waits = rng(f"l17 {overflow} {floods}"), HandLane(), 0, list[int]()
    flooded: list[BoundedStage[int]] = []

    def flood(stage: BoundedStage[int]) -> Callable[[int], None]:
        def deliver(_: int) -> None:
            nonlocal steps
            steps += 1
            stage.try_emit(0)
            if not quiet.ledger().queued and random.random() < 0.1:
                quiet.offer(steps)

        return deliver

    quiet: BoundedStage[int] = BoundedStage(lane, name="quiet", overflow=overflow, batch=batch)
    quiet.output.subscribe(lambda began: waits.append(steps - began))
    for number in range(floods):
        stage: BoundedStage[int] = BoundedStage(lane, name=str(number), overflow=overflow, batch=batch)
        flooded.append(stage)
        stage.output.subscribe(flood(stage))
        stage.try_emit(0)
    for _ in range(6000 // batch):
        assert lane.run_one()

    assert len(waits) > 50
    assert max(waits) <= (floods + 1) * batch
    shares = [stage.ledger().delivered for stage in flooded]
    assert max(shares) - min(shares) <= batch


@pytest.mark.parametrize("depth", [2, 4])
def test_l17_a_chain_beside_floods_waits_for_stages_times_batch(depth: int) -> None:
    floods, batch, lane, steps = 3, 4, HandLane(), 0
    waits: list[int] = []
    gates = [Gate() for _ in range(depth)]
    chain: list[BoundedStage[int]] = []

    def flood(stage: BoundedStage[int]) -> Callable[[int], None]:
        def deliver(_: int) -> None:
            nonlocal steps
            steps += 1
            stage.try_emit(0)

        return deliver

    for number, (joins, feeds) in enumerate(zip(gates, [*gates[1:], None], strict=True)):
        chain.append(BoundedStage(lane, name=f"c{number}", batch=batch, joins=joins, feeds=feeds))
    for stage, after in pairwise(chain):
        stage.output.subscribe(after.offer)
    chain[-1].output.subscribe(lambda began: waits.append(steps - began))
    for number in range(floods):
        stage = BoundedStage(lane, name=str(number), batch=batch)
        stage.output.subscribe(flood(stage))
        stage.offer(0)
    for _ in range(300):
        if chain[0].ledger().delivered == len(waits):
            chain[0].offer(steps)
        lane.run_one()

    assert len(waits) > 10
    assert max(waits) <= depth * floods * batch


def test_l17_on_a_real_worker(pools: Make) -> None:
    """On one worker, an element of a quiet stage waits for at most one batch of the flooded one."""
    pool, order = pools(1), list[str]()
    start, done = threading.Event(), threading.Event()
    flood: BoundedStage[str] = BoundedStage(pool, name="flood", capacity=1000, batch=16)
    quiet: BoundedStage[str] = BoundedStage(pool, name="quiet")

    def deliver(x: str) -> None:
        start.wait(60)
        order.append(x)

    flood.output.subscribe(deliver, on_completed=done.set)
    quiet.output.subscribe(order.append)
    for _ in range(500):
        flood.offer("flood")
    quiet.offer("quiet")
    flood.complete()
    start.set()
    assert done.wait(30)

    assert order.index("quiet") <= 16


# --- L19 ------------------------------------------------------------------------------------------


def test_l19_blocked_workers_stop_neither_timers_nor_store_nor_main(pools: Make) -> None:
    pool, clock, store, loop = pools(2), ClockThread(), Lane("store"), MainLoop()
    go, blocked = threading.Event(), threading.Semaphore(0)
    came: dict[str, threading.Event] = {name: threading.Event() for name in ("clock", "store", "main")}

    def block(_: Any) -> None:
        blocked.release()
        go.wait(60)

    stuck = [BoundedStage[int](pool, name=f"stuck {n}") for n in range(3)]
    for stage in stuck:
        stage.output.subscribe(block)
        stage.offer(1)
    lanes = {"store": store, "main": loop}
    free = {name: BoundedStage[int](lane, name=name) for name, lane in lanes.items()}
    for name, stage in free.items():
        stage.output.subscribe(lambda _, name=name: came[name].set())
    clock.start()
    running = Background(loop.run)
    try:
        for _ in range(2):
            assert blocked.acquire(timeout=30)
        clock.call_later(0.01, lambda: (came["clock"].set(), [stage.offer(1) for stage in free.values()]))
        for name, event in came.items():
            assert event.wait(30), name
        assert sum(stage.ledger().delivered for stage in stuck) == 0
    finally:
        go.set()
        loop.stop()
    assert running.wait() is None
    loop.close()
    assert clock.close(30)
    assert store.close(30)
    soon(lambda: sum(stage.ledger().delivered for stage in stuck) == 3)


def test_l19_timers_of_a_blocked_pool_come_due_in_virtual_time() -> None:
    """An hour of timers passes at once: the clock only enqueues, whatever the workers do."""
    clock = VirtualClock()
    pool = BoundedThreadPoolScheduler(1, clock=clock)
    inside, go, ran, ticks = threading.Event(), threading.Event(), list[float](), list[float]()

    def occupy(*_: object) -> None:
        inside.set()
        go.wait(60)

    pool.schedule(occupy)
    assert inside.wait(30)
    lane = HandLane("store")
    stage: BoundedStage[float] = BoundedStage(lane, name="s")
    stage.output.subscribe(ticks.append)
    for minute in range(1, 61):
        pool.schedule_relative(60.0 * minute, lambda *_, m=minute: ran.append(m))
        clock.call_later(60.0 * minute, lambda: stage.offer(clock.now()))
    began = time.monotonic()
    clock.advance(3600.0)
    assert time.monotonic() - began < 30
    lane.run_all()

    assert ticks == [60.0 * minute for minute in range(1, 61)]
    assert ran == []
    assert pool.statistics().waiting_jobs == 60
    go.set()
    assert pool.dispose(drain=True, timeout=30)
    assert ran == list(range(1, 61))


@each_choice
def test_l19_a_blocked_worker_does_not_block_its_producers_for_ever(overflow: Overflow, pools: Make) -> None:
    """Those who do not wait return at once; those who wait, at their timeout."""
    pool, go, inside = pools(1), threading.Event(), threading.Event()

    def block(_: Any) -> None:
        inside.set()
        go.wait(60)

    stage: BoundedStage[int] = BoundedStage(pool, name="s", capacity=2, overflow=overflow, timeout=0.05)
    stage.output.subscribe(block, lambda _: None)
    stage.offer(0)
    assert inside.wait(30)
    producers = [Background(lambda: [stage.offer(1) for _ in range(3)] and None) for _ in range(2)]
    try:
        raised = {type(producer.wait(30)) for producer in producers}
        assert raised == ({BufferOverflow} if overflow in WAITING else {type(None)})
    finally:
        go.set()
