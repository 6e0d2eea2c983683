"""Stages under real threads at a 1 us switch interval: order, loss, overlap, chains, races of the end."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from reactivex import Observable
from reactivex.subject import Subject

from brummer_rx.pipeline.clock import ClockThread
from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.ledger import Ledgers
from brummer_rx.pipeline.scheduler import BoundedThreadPoolScheduler
from brummer_rx.pipeline.stage import BoundedStage, Overflow, observe_on_bounded


@pytest.fixture
def quick_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def pools() -> Iterator[Callable[[int], BoundedThreadPoolScheduler]]:
    clock = ClockThread()
    made: list[BoundedThreadPoolScheduler] = []

    def make(workers: int) -> BoundedThreadPoolScheduler:
        made.append(BoundedThreadPoolScheduler(workers, clock=clock))
        return made[-1]

    yield make
    for pool in made:
        assert pool.dispose(drain=False, timeout=5)
    assert clock.close(5)


def run_threads(bodies: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=body, daemon=True) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


class Probe:
    """A subscriber that notices overlapping calls."""

    def __init__(self) -> None:
        self.got: list[tuple[int, int]] = []
        self.inside = self.overlaps = 0
        self.ended = threading.Event()
        self.after_end = 0

    def __call__(self, x: tuple[int, int]) -> None:
        self.inside += 1
        self.overlaps += self.inside != 1
        self.after_end += self.ended.is_set()
        self.got.append(x)
        self.inside -= 1


@pytest.mark.parametrize("overflow", list(Overflow), ids=str)
def test_several_producers_order_loss_overlap(
    overflow: Overflow, pools: Callable[[int], BoundedThreadPoolScheduler], quick_switches: None
) -> None:
    """L2, L3, L4, L5, L9."""
    pool, probe, dropped = pools(3), Probe(), []
    stage: BoundedStage[tuple[int, int]] = BoundedStage(
        pool, name="s", capacity=32, batch=8, overflow=overflow, on_drop=dropped.append
    )
    stage.output.subscribe(probe, lambda _: probe.ended.set(), probe.ended.set)

    def produce(k: int) -> Callable[[], None]:
        return lambda: [stage.offer((k, i)) for i in range(1500)] and None

    run_threads([produce(k) for k in range(4)])
    stage.complete()
    assert probe.ended.wait(20)
    books = stage.ledger()

    assert books.closes
    assert books.offered == 6000
    assert books.delivered == len(probe.got)
    assert books.dropped == len(dropped)
    assert books.high_water <= 32
    assert (probe.overlaps, probe.after_end) == (0, 0)
    for k in range(4):
        mine = [i for producer, i in probe.got if producer == k]
        assert mine == sorted(set(mine))
    if overflow in (Overflow.BLOCK, Overflow.PARK):
        assert len(probe.got) == 6000


@pytest.mark.parametrize("workers", [1, 3])
def test_parking_chains_finish_on_few_workers(
    workers: int, pools: Callable[[int], BoundedThreadPoolScheduler], quick_switches: None
) -> None:
    """L15: 4 chains of 3 stages of capacity 8, 4 and 2, all lossless."""
    pool, ledgers = pools(workers), Ledgers()
    chains: list[tuple[Gate, Subject[int], list[int], threading.Event]] = []
    for k in range(4):
        gates = [Gate() for _ in range(3)]
        source, got, done = Subject[int](), list[int](), threading.Event()
        stream: Observable[int] = source
        for depth, (joins, feeds) in enumerate(zip(gates, [*gates[1:], None], strict=True)):
            stream = stream.pipe(
                observe_on_bounded(
                    pool, name=f"{k}.{depth}", capacity=8 >> depth, joins=joins, feeds=feeds, ledgers=ledgers
                )
            )
        stream.subscribe(got.append, on_completed=done.set)
        chains.append((gates[0], source, got, done))

    def produce(source: Subject[int]) -> Callable[[], None]:
        def body() -> None:
            for i in range(1000):
                source.on_next(i)
            source.on_completed()

        return body

    run_threads([produce(source) for _, source, _, _ in chains])
    for _, _, got, done in chains:
        assert done.wait(20)
        assert got == list(range(1000))
    books = ledgers.snapshot()
    assert len(books) == 12
    wrong = [
        b
        for b in books
        if not b.closes or b.delivered != 1000 or b.high_water > 8 or b.overshoots or b.faults
    ]
    assert wrong == []
    assert sum(b.parks for b in books) > 0


def test_a_slow_one_of_two_downstreams_holds_back_and_loses_nothing(
    pools: Callable[[int], BoundedThreadPoolScheduler],
) -> None:
    pool, behind = pools(2), Gate()
    source, fan = Subject[int](), Subject[int]()
    quick, slow = list[int](), list[int]()
    ends = [threading.Event(), threading.Event()]
    stages: list[BoundedStage[int]] = [
        BoundedStage(pool, name=name, capacity=capacity, batch=4, joins=behind)
        for name, capacity in (("quick", 16), ("slow", 4))
    ]

    def take_slowly(x: int) -> None:
        if x % 50 == 0:
            time.sleep(0.002)
        slow.append(x)

    stages[0].output.subscribe(quick.append, on_completed=ends[0].set)
    stages[1].output.subscribe(take_slowly, on_completed=ends[1].set)
    for stage in stages:
        stage.follow(fan)
    first: BoundedStage[int] = BoundedStage(pool, name="first", capacity=8, feeds=behind)
    first.output.subscribe(fan)
    first.follow(source)

    for i in range(1000):
        source.on_next(i)
    source.on_completed()
    assert all(end.wait(20) for end in ends)

    assert quick == slow == list(range(1000))
    assert first.ledger().parks > 0
    assert [s.ledger().overshoots for s in stages] == [0, 0]
    assert [s.ledger().high_water <= c for s, c in zip(stages, (16, 4), strict=True)] == [True, True]


def test_a_downstream_that_leaves_lets_the_others_go_on(
    pools: Callable[[int], BoundedThreadPoolScheduler],
) -> None:
    pool, behind, fan = pools(2), Gate(), Subject[int]()
    got, stuck, entered, done = list[int](), threading.Event(), threading.Event(), threading.Event()
    healthy: BoundedStage[int] = BoundedStage(pool, name="healthy", capacity=4, joins=behind)
    hanging: BoundedStage[int] = BoundedStage(pool, name="hanging", capacity=4, joins=behind)

    def hang(_: int) -> None:
        entered.set()
        stuck.wait(20)

    healthy.output.subscribe(got.append, on_completed=done.set)
    hanging.output.subscribe(hang)
    for stage in (healthy, hanging):
        stage.follow(fan)
    first: BoundedStage[int] = BoundedStage(pool, name="first", feeds=behind)
    first.output.subscribe(fan)
    for i in range(100):
        first.offer(i)
    first.complete()
    assert entered.wait(5)
    assert not done.wait(0.05)

    hanging.dispose()
    try:
        assert done.wait(5)
        assert got == list(range(100))
    finally:
        stuck.set()


@pytest.mark.parametrize("end", ["dispose", "complete", "error"])
def test_ends_racing_producers_and_drains(
    end: str, pools: Callable[[int], BoundedThreadPoolScheduler], quick_switches: None
) -> None:
    """L1, L9, L11: nobody hangs, the books close, at most one terminal signal, nothing after it."""
    pool = pools(2)
    for _ in range(40):
        signals: list[object] = []
        stage: BoundedStage[int] = BoundedStage(pool, name="s", capacity=4, batch=2, overflow=Overflow.BLOCK)
        stage.output.subscribe(
            signals.append, lambda _, s=signals: s.append("x"), lambda s=signals: s.append("|")
        )

        def finish(stage: BoundedStage[int] = stage) -> None:
            while stage.ledger().delivered < 5:
                time.sleep(0)
            {"dispose": stage.dispose, "complete": stage.complete, "error": lambda: stage.error(KeyError())}[
                end
            ]()

        def produce(stage: BoundedStage[int] = stage) -> None:
            for i in range(60):
                stage.offer(i)

        run_threads([produce, produce, finish, finish])
        deadline = time.monotonic() + 5
        while stage.ledger().queued:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        books = stage.ledger()
        assert books.closes
        assert books.offered == 120
        terminal = [s for s in signals if isinstance(s, str)]
        if end != "dispose":
            while len(terminal) < 1:
                assert time.monotonic() < deadline
                terminal = [s for s in signals if isinstance(s, str)]
            assert signals[-1] == terminal[0]
        assert len(terminal) == (end != "dispose")


def test_no_lock_is_held_while_others_are_called(pools: Callable[[int], BoundedThreadPoolScheduler]) -> None:
    """L14: from inside each callback another thread can use the stage."""
    pool = pools(2)
    failures: list[str] = []
    done = threading.Event()

    def probe(where: str) -> None:
        answered = threading.Event()
        thread = threading.Thread(
            target=lambda: (stage.ledger(), stage.park(lambda: None), answered.set()), daemon=True
        )
        thread.start()
        if not answered.wait(5):
            failures.append(where)

    def hear(x: int) -> None:
        probe("on_next")
        if x == 3:
            raise ValueError

    stage: BoundedStage[int] = BoundedStage(
        pool,
        name="s",
        capacity=2,
        overflow=Overflow.DROP_OLDEST,
        on_drop=lambda _: probe("on_drop"),
        on_fault=lambda _: (probe("on_fault"), done.set()),
    )
    stage.output.subscribe(hear, lambda _: probe("on_error"))
    for i in range(1, 4):
        stage.offer(i)
    while not done.is_set():
        stage.offer(3)
        time.sleep(0.005)

    assert failures == []
    assert done.wait(5)


def test_a_flooded_stage_leaves_turns_to_others(pools: Callable[[int], BoundedThreadPoolScheduler]) -> None:
    """L17: on one worker, an element of a quiet stage waits for at most one batch of the flooded one."""
    pool = pools(1)
    order: list[str] = []
    start, done = threading.Event(), threading.Event()
    flood: BoundedStage[str] = BoundedStage(pool, name="flood", capacity=1000, batch=16)
    quiet: BoundedStage[str] = BoundedStage(pool, name="quiet")
    flood.output.subscribe(lambda x: (start.wait(5), order.append(x)), on_completed=done.set)
    quiet.output.subscribe(order.append)
    for _ in range(500):
        flood.offer("flood")
    quiet.offer("quiet")
    flood.complete()
    start.set()
    assert done.wait(10)

    assert order.index("quiet") <= 16
