"""The laws under real threads that change at every chance they get: L2, L9, L12, L15, L18.

Short, since it is `races/` that tries schedules one by one: this is the hammer for what nobody thought of.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from reactivex import Observable
from reactivex.subject import Subject

from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.ledger import Ledgers
from brummer_rx.pipeline.stage import BoundedStage, Overflow, observe_on_bounded
from tests.laws.conftest import Make
from tests.laws.lawkit import ALL, WAITING, Boom, Probe, run_threads, soon
from tests.proof.seed import rng

each_choice = pytest.mark.parametrize("overflow", ALL, ids=lambda c: c.name)
each_waiting = pytest.mark.parametrize("overflow", WAITING, ids=lambda c: c.name)
PRODUCERS, EACH = 4, 1200


@each_choice
def test_l02_several_producers_and_no_two_signals_at_once(
    overflow: Overflow, pools: Make, quick_switches: None
) -> None:
    """And L3 order, L4 bound, L5 books (closed at every instant), L9 end; the seed draws the bounds."""
    random = rng(f"stress {overflow}")
    capacity, batch = random.choice([1, 2, 7, 32]), random.choice([1, 3, 8, 64])
    pool, probe, dropped = pools(3), Probe(), list[tuple[int, int]]()
    most = 1 if overflow is Overflow.LATEST else capacity
    stage: BoundedStage[tuple[int, int]] = BoundedStage(
        pool, name="s", capacity=capacity, batch=batch, overflow=overflow, on_drop=dropped.append
    )
    probe.listen(stage)

    def produce(who: int) -> Callable[[], None]:
        return lambda: [stage.offer((who, number)) for number in range(EACH)] and None

    def look() -> None:
        while stage.ledger().offered < PRODUCERS * EACH:
            assert stage.ledger().closes

    run_threads([*(produce(who) for who in range(PRODUCERS)), look])
    stage.complete()
    assert probe.ended.wait(30)
    books = stage.ledger()

    assert (probe.overlaps, probe.after_end, len(probe.signals)) == (0, 0, 1)
    assert probe.signals == ["BufferOverflow" if overflow is Overflow.ERROR and books.discarded else "done"]
    assert books.closes
    assert (books.offered, books.queued) == (PRODUCERS * EACH, 0)
    assert (books.delivered, books.dropped) == (len(probe.got), len(dropped))
    assert books.high_water <= most
    assert not set(dropped) & set(probe.got)
    for who in range(PRODUCERS):
        mine = [number for producer, number in probe.got if producer == who]
        assert mine == sorted(set(mine))
        if overflow in WAITING:
            assert mine == list(range(EACH))


@each_waiting
@pytest.mark.parametrize("workers", [1, 3])
def test_l15_chains_finish_on_few_workers(
    overflow: Overflow, workers: int, pools: Make, quick_switches: None
) -> None:
    """Four chains of stages of capacity 8, 4 and 2; L6: none admits more than its bound (no overshoot)."""
    pool, ledgers, count = pools(workers), Ledgers(), 400
    chains: list[tuple[Subject[int], list[int], threading.Event]] = []
    for k in range(4):
        gates = [Gate() for _ in range(3)]
        source, got, done = Subject[int](), list[int](), threading.Event()
        stream: Observable[int] = source
        for depth, (joins, feeds) in enumerate(zip(gates, [*gates[1:], None], strict=True)):
            hop = observe_on_bounded(
                pool,
                name=f"{k}.{depth}",
                capacity=8 >> depth,
                overflow=overflow,
                joins=joins,
                feeds=feeds,
                ledgers=ledgers,
            )
            stream = stream.pipe(hop)
        stream.subscribe(got.append, on_completed=done.set)
        chains.append((source, got, done))

    def produce(source: Subject[int]) -> Callable[[], None]:
        def body() -> None:
            for number in range(count):
                source.on_next(number)
            source.on_completed()

        return body

    run_threads([produce(source) for source, _, _ in chains])
    for _, got, done in chains:
        assert done.wait(30)
        assert got == list(range(count))
    books = ledgers.snapshot()
    assert len(books) == 12
    assert [b for b in books if not b.closes or b.delivered != count or b.overshoots or b.faults] == []
    assert all(b.high_water <= 8 >> int(b.stage[-1]) for b in books)
    assert sum(b.parks for b in books) > 0


@pytest.mark.parametrize("end", ["dispose", "complete", "error", "overflow", "fault"])
def test_l09_ends_race_producers_and_drains(end: str, pools: Make, quick_switches: None) -> None:
    """L1, L11: nobody hangs, the books close, one terminal signal at most, nothing after it."""
    pool, rounds, each = pools(2), 25, 60
    overflow = Overflow.ERROR if end == "overflow" else Overflow.BLOCK
    for _ in range(rounds):
        probe, told = Probe(), list[BaseException]()
        stage: BoundedStage[tuple[int, int]] = BoundedStage(
            pool, name="s", capacity=4, batch=2, overflow=overflow, on_fault=told.append
        )

        def hear(x: tuple[int, int], probe: Probe = probe) -> None:
            probe(x)
            if end == "fault" and len(probe.got) == 5:
                raise Boom

        stage.output.subscribe(hear, probe.on_error, probe.on_completed)

        def finish(stage: BoundedStage[tuple[int, int]] = stage) -> None:
            if end in ("complete", "error", "dispose"):
                soon(lambda: stage.ledger().delivered >= 5)
            ends: dict[str, Callable[[], None]] = {
                "dispose": stage.dispose,
                "error": lambda: stage.error(Boom()),
                "overflow": stage.complete,
            }
            ends.get(end, stage.complete if end == "complete" else lambda: None)()

        def produce(who: int, stage: BoundedStage[tuple[int, int]] = stage) -> Callable[[], None]:
            return lambda: [stage.offer((who, number)) for number in range(each)] and None

        run_threads([produce(0), produce(1), finish, finish])
        soon(lambda stage=stage: stage.ledger().queued == 0 and stage.ledger().ended)
        books = stage.ledger()
        assert books.closes
        assert books.offered == 2 * each
        assert books.delivered == len(probe.got)
        if end != "dispose":
            assert probe.ended.wait(30)
        assert len(probe.signals) == (end != "dispose")
        assert (probe.overlaps, probe.after_end) == (0, 0)
        assert books.faults == (end == "fault")
        soon(lambda told=told: len(told) == (end == "fault"))  # told last, after the terminal signal


@each_choice
def test_l12_no_wake_up_is_lost_when_the_stage_falls_idle(
    overflow: Overflow, pools: Make, quick_switches: None
) -> None:
    """Element by element: the next one comes as the drain of the last one ends; none may be left lying."""
    pool, came = pools(2), [threading.Semaphore(0) for _ in range(2)]
    lost: list[int] = []

    def drop(who: int) -> None:
        lost.append(who)
        came[who].release()

    stage: BoundedStage[int] = BoundedStage(pool, name="s", capacity=8, overflow=overflow, on_drop=drop)
    stage.output.subscribe(lambda who: came[who].release())

    def produce(who: int) -> Callable[[], None]:
        def body() -> None:
            for number in range(400):
                stage.offer(who)
                assert came[who].acquire(timeout=30), f"element {number} lies there"

        return body

    run_threads([produce(0), produce(1)])
    assert stage.ledger().delivered + len(lost) == 800


@pytest.mark.parametrize("slow", [True, False])
def test_l12_no_wake_up_is_lost_between_gates(slow: bool, pools: Make, quick_switches: None) -> None:
    """Of two downstreams one is small, and slow now and then: it holds back, and nothing stands still."""
    pool, behind, source, fan = pools(2), Gate(), Subject[int](), Subject[int]()
    got, ends = [list[int](), list[int]()], [threading.Event(), threading.Event()]
    stages: list[BoundedStage[int]] = [
        BoundedStage(pool, name=name, capacity=capacity, batch=4, joins=behind)
        for name, capacity in (("quick", 16), ("slow", 4))
    ]

    def take(x: int) -> None:
        if slow and x % 50 == 0:
            time.sleep(0.002)
        got[1].append(x)

    stages[0].output.subscribe(got[0].append, on_completed=ends[0].set)
    stages[1].output.subscribe(take, on_completed=ends[1].set)
    for stage in stages:
        stage.follow(fan)
    first: BoundedStage[int] = BoundedStage(pool, name="first", capacity=8, feeds=behind)
    first.output.subscribe(fan)
    first.follow(source)
    for number in range(1000):
        source.on_next(number)
    source.on_completed()
    assert all(end.wait(30) for end in ends)

    assert got == [list(range(1000))] * 2
    assert first.ledger().parks > 0 or not slow
    assert [stage.ledger().overshoots for stage in stages] == [0, 0]
    assert [stage.ledger().high_water <= c for stage, c in zip(stages, (16, 4), strict=True)] == [True, True]


def test_l18_a_downstream_that_hangs_and_leaves_lets_the_others_go_on(pools: Make) -> None:
    pool, behind, fan = pools(2), Gate(), Subject[int]()
    got, stuck, entered, done = list[int](), threading.Event(), threading.Event(), threading.Event()
    healthy: BoundedStage[int] = BoundedStage(pool, name="healthy", capacity=4, joins=behind)
    hanging: BoundedStage[int] = BoundedStage(pool, name="hanging", capacity=4, joins=behind)

    def hang(_: int) -> None:
        entered.set()
        stuck.wait(60)

    healthy.output.subscribe(got.append, on_completed=done.set)
    hanging.output.subscribe(hang)
    for stage in (healthy, hanging):
        stage.follow(fan)
    first: BoundedStage[int] = BoundedStage(pool, name="first", feeds=behind)
    first.output.subscribe(fan)
    for number in range(100):
        first.offer(number)
    first.complete()
    try:
        assert entered.wait(30)
        soon(lambda: first.ledger().parks > 0 and len(got) == 5)  # one is in flight there, four wait
        assert not done.is_set()
        hanging.dispose()
        assert done.wait(30)
        assert got == list(range(100))
    finally:
        stuck.set()
