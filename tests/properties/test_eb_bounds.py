"""EB-3 and EB-4: threads and queues have bounds at every moment, not only at the end."""

from __future__ import annotations

import gc
import itertools
import threading
import weakref
from collections.abc import Callable, Iterator

import pytest

from brummer_rx.pipeline import threads as product_threads
from brummer_rx.pipeline.errors import BufferOverflow
from brummer_rx.pipeline.stage import BoundedStage, Overflow
from brummer_rx.pipeline.threads import thread_high_water
from tests.properties.bus import Bus, ThreadWatch, until

WORKERS = 2
CLOCK = 1
DROPPING = (Overflow.DROP_OLDEST, Overflow.DROP_NEWEST, Overflow.LATEST)


@pytest.fixture
def census(monkeypatch: pytest.MonkeyPatch) -> None:
    """The product's own count of threads starts afresh."""
    monkeypatch.setattr(product_threads, "_census", product_threads._Census())


Flood = Callable[[Bus, ThreadWatch], list[BoundedStage[int]]]


def flood(kind: type[BoundedStage[int]], bus: Bus, watch: ThreadWatch) -> list[BoundedStage[int]]:
    """Six stages, one per overflow choice, whose handlers hang; three producers offer 50 events to each.

    So all queues fill while all workers are held; who waits for room gives up after 20 ms.
    """
    release = bus.block()
    entered = [threading.Event() for _ in range(WORKERS)]
    calls = itertools.count()

    def hang(_: int) -> None:
        number = next(calls)
        if number < WORKERS:
            entered[number].set()
        release.wait(20)

    stages = [kind(bus.pool, name=o, capacity=8, overflow=o, timeout=0.02) for o in Overflow]
    for stage in stages:
        stage.output.subscribe(hang, lambda _: None)
        stage.offer(0)
    assert all(event.wait(10) for event in entered)

    def produce() -> None:
        for n in range(50):
            for stage in stages:
                try:
                    stage.offer(n)
                except BufferOverflow:
                    break  # the next stage has its turn in the next round, too
            bus_job(bus)

    own = [watch.mine(produce) for _ in range(3)]
    for thread in own:
        thread.join(30)
        assert not thread.is_alive()
    return stages


def bus_job(bus: Bus) -> None:
    """A one-shot job for a pool whose admission is full: it runs on its caller."""
    bus.pool.schedule(lambda *_: None)


def test_eb_03_threads_are_bounded_while_all_handlers_hang_and_all_queues_are_full(census: None) -> None:
    """High water at thread creation <= workers + the clock; counted by a hook and by the product itself."""
    with ThreadWatch() as watch, Bus(WORKERS, admission=4) as bus:
        stages = flood(BoundedStage, bus, watch)
        books = [stage.ledger() for stage in stages]

        assert all(b.closes for b in books)
        assert all(b.high_water == (1 if b.stage == Overflow.LATEST else 8) for b in books)
        assert bus.pool.statistics().caller_runs > 0
        assert watch.high_water <= WORKERS + CLOCK, watch.names
        assert thread_high_water() <= WORKERS + CLOCK
    assert watch.alive() == 0


class Spawning(BoundedStage[int]):
    """What the original did: who finds no room gets a thread of its own."""

    def offer(self, x: int) -> None:
        size = self._weigh(x)
        with self._lock:
            result, start = self._admit(x, size)
        if start:
            self._submit()
        elif result.value == "overflow":
            threading.Thread(target=self._offer_full, args=(x, size), daemon=True).start()


def test_eb_03_counting_at_the_end_is_no_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    """M3: with a stage that spawns, the count at the end sees nothing; the count at creation does."""
    monkeypatch.setattr(threading, "excepthook", lambda _: None)  # its threads die of BufferOverflow
    with ThreadWatch() as watch, Bus(WORKERS, admission=4) as bus:
        flood(Spawning, bus, watch)
        # When the load has ended, all is as it should be:
        until(lambda: watch.alive() <= WORKERS + CLOCK)
        assert watch.high_water > WORKERS + CLOCK


# --- EB-4 ---------------------------------------------------------------------------------------------


class Counted:
    """An event that is counted at its birth and its death (both counters are atomic)."""

    __slots__ = ("__weakref__", "died", "number")

    def __init__(self, number: int, died: Iterator[int]) -> None:
        self.number = number
        self.died = died

    def __del__(self) -> None:
        next(self.died)


def peek(counter: itertools.count[int]) -> int:
    """Where a counter stands, without taking a step."""
    return int(counter.__reduce__()[1][0])


@pytest.mark.parametrize("overflow", list(Overflow), ids=str)
def test_eb_04_live_events_are_bounded_while_a_great_many_are_offered(overflow: Overflow) -> None:
    """Live events <= capacity + the one in flight + the one on offer, at every offer; queue <= capacity.

    Together 240,000 offers (the paper: 1,000,000): 60,000 for each dropping choice, the others, who make
    their producer wait, 20,000 each.
    """
    capacity = 1 if overflow is Overflow.LATEST else 64
    count = 60_000 if overflow in DROPPING else 20_000
    died, worst = itertools.count(), 0
    with Bus(WORKERS) as bus:
        seen = itertools.count()
        stage: BoundedStage[Counted] = BoundedStage(
            bus.pool, name="s", capacity=capacity, overflow=overflow, on_drop=lambda _: None
        )
        stage.output.subscribe(lambda _: next(seen), lambda _: None)
        for n in range(count):
            stage.offer(Counted(n, died))
            worst = max(worst, n + 1 - peek(died))
            if n % 10_000 == 0:
                assert stage.ledger().high_water <= capacity
        books = bus.settle(stage)

    assert worst <= capacity + 2
    assert (books.offered, books.closes) == (count, True)
    assert books.high_water <= capacity
    del stage
    gc.collect()
    until(lambda: peek(died) == count)


@pytest.mark.parametrize("overflow", list(Overflow), ids=str)
def test_eb_04_a_hanging_handler_holds_no_more_than_the_bound(overflow: Overflow) -> None:
    """Weak references to all events that were ever offered: those alive are in the queue or in flight."""
    with Bus(WORKERS) as bus:
        release, entered = bus.block(), threading.Event()
        stage: BoundedStage[Counted] = BoundedStage(
            bus.pool, name="s", capacity=10, overflow=overflow, timeout=0.001
        )
        stage.output.subscribe(lambda _: (entered.set(), release.wait(20)), lambda _: None)
        refs = []
        for n in range(200):
            event = Counted(n, itertools.count())
            refs.append(weakref.ref(event))
            try:
                stage.offer(event)
            except BufferOverflow as error:
                del error
            del event
            assert n or entered.wait(5)
        alive = sorted(event.number for ref in refs if (event := ref()) is not None)
        event = None

        waiting = 1 if overflow is Overflow.LATEST else 10
        newest = overflow in (Overflow.DROP_OLDEST, Overflow.LATEST)
        assert alive == [0, *(range(200 - waiting, 200) if newest else range(1, 11))]
        assert stage.ledger().queued == len(alive)

        stage.dispose()
        release.set()
        bus.settle(stage)
        until(lambda: all(ref() is None for ref in refs))
