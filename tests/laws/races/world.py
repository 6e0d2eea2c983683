"""One stage (or a chain) with everything around it, watched: what each schedule must leave true."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from brummer_rx.pipeline.errors import BrummerError
from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.ledger import Ledgers
from brummer_rx.pipeline.stage import BoundedStage, Overflow

__all__ = [
    "HOLDING",
    "SIX",
    "Lane",
    "Watched",
    "Work",
    "World",
    "complete",
    "dispose",
    "drain",
    "drain_all",
    "offer",
    "refuse",
    "then",
    "visible",
]

Work = Callable[["World"], None]

SIX = tuple(Overflow)
HOLDING = tuple(choice for choice in Overflow if choice.holds_back)


class Lane:
    """A list of submitted drains; any worker of the explorer may be its thread.

    A list and no deque, and no question before `pop`: the explorer sees these accesses. It does not declare
    itself with `serve`: what is local to a thread counts as shared here, and would be explored in vain.
    """

    name = "lane"

    def __init__(self) -> None:
        self.drains: list[Callable[[], None]] = []
        self.refuse: Exception | None = None

    def submit_drain(self, drain: Callable[[], None]) -> None:
        if self.refuse is not None:
            raise self.refuse
        self.drains.append(drain)

    def is_current(self) -> bool:
        return False

    def run_one(self) -> bool:
        try:
            drain = self.drains.pop(0)
        except IndexError:
            return False
        drain()
        return True

    def run_all(self) -> None:
        while self.run_one():
            pass


class SeenDeque(deque[Any]):
    """A stage's queue that the explorer sees: it is blind to what a deque does in C, its length included."""

    changed = 0

    def append(self, x: Any) -> None:
        self.changed = 0
        super().append(x)

    def popleft(self) -> Any:
        self.changed = 0
        return super().popleft()

    def clear(self) -> None:
        self.changed = 0
        super().clear()

    def __len__(self) -> int:
        return self.changed + super().__len__()


def visible(stage: BoundedStage[Any]) -> BoundedStage[Any]:
    stage._books.items = SeenDeque(stage._books.items)
    return stage


class Watched:
    """The subscriber: sees overlap, order and the grammar of its signals; may raise at one element."""

    def __init__(self, poison: object = None) -> None:
        self.poison = poison
        self.heard: list[Any] = []
        self.ends: list[object] = []
        self.inside = 0
        self.overlap = False
        self.after_end = False
        self.asks: Callable[[], object] = lambda: None

    def _enter(self) -> None:
        if self.inside or self.ends:
            self.overlap, self.after_end = bool(self.inside), bool(self.ends)
        self.inside += 1

    def on_next(self, x: Any) -> None:
        self._enter()
        self.heard.append(x)
        self.asks()
        self.inside -= 1
        if x == self.poison:
            raise ValueError(x)

    def on_error(self, error: object) -> None:
        self._enter()
        self.ends.append(error)
        self.asks()
        self.inside -= 1

    def on_completed(self) -> None:
        self.on_error("completed")


class World:
    """A stage between producers and a subscriber, driven by the explorer's workers.

    Elements are (producer, number) pairs. `sound` settles what is left on the lane (nothing but what was
    submitted runs: a lost wake-up stays visible) and holds L1 to L5 and L12 together.
    """

    def __init__(
        self,
        overflow: Overflow,
        *,
        capacity: int = 1,
        batch: int = 2,
        held: int = 0,
        poison: object = None,
        asks: bool = False,
        connected: bool = True,
        feeds: Gate | None = None,
        stage: type[BoundedStage[Any]] = BoundedStage,
        timeout: float | None = None,
    ) -> None:
        self.lane = Lane()
        self.ledgers = Ledgers()
        self.gate = Gate()
        self.dropped: list[Any] = []
        self.faults: list[BaseException] = []
        self.refusals: list[BaseException] = []
        self.offers = 0
        self.watched = Watched(poison)
        self.stage: BoundedStage[Any] = stage(
            self.lane,
            name="s",
            capacity=capacity,
            overflow=overflow,
            batch=batch,
            timeout=timeout,
            joins=self.gate,
            feeds=feeds,
            on_drop=self._drop,
            on_fault=self._fault,
            ledgers=self.ledgers,
        )
        visible(self.stage)
        self.capacity = 1 if overflow is Overflow.LATEST else capacity
        self.asks = asks
        if asks:
            self.watched.asks = self.take_the_lock
        if connected:
            self.connect()
        for n in range(held):
            self.offer(("held", n))
        self.offers = held
        self.most = 0

    def take_the_lock(self) -> None:
        """What every question to the stage does (the value of one would be one more thing to explore)."""
        with self.stage._lock:
            pass

    def _drop(self, x: Any) -> None:
        self.dropped.append(x)
        if self.asks:
            self.take_the_lock()

    def _fault(self, error: BaseException) -> None:
        self.faults.append(error)
        if self.asks:
            self.take_the_lock()

    def connect(self) -> None:
        self.stage.output.subscribe(self.watched.on_next, self.watched.on_error, self.watched.on_completed)

    def offer(self, x: Any) -> None:
        """As a producer does that must not die of a refusal."""
        try:
            self.stage.offer(x)
        except BrummerError as error:
            self.refusals.append(error)

    # --- afterwards -------------------------------------------------------------------------------

    def settle(self) -> None:
        self.lane.run_all()

    def sound(self, offers: int | None = None) -> bool:
        """L1, L2, L3, L4, L5 and L12, whatever happened."""
        self.settle()
        watched, books = self.watched, self.stage.ledger()
        assert not watched.overlap, "L2: two signals at once"
        assert not watched.after_end and len(watched.ends) <= 1, f"L1: {watched.heard} {watched.ends}"
        for producer in {who for who, _ in watched.heard}:
            numbers = [n for who, n in watched.heard if who == producer]
            assert numbers == sorted(set(numbers)), f"L3: {producer} {numbers}"
        assert books.high_water <= self.capacity + books.overshoots, f"L4: {books}"
        assert books.closes, f"L5: {books}"
        if offers is not None:
            assert books.offered + books.refused == self.offers + offers, f"L5: {books}"
        assert books.delivered == len(watched.heard), f"L5: {books.delivered} of {len(watched.heard)}"
        assert books.dropped == len(self.dropped), f"L5: {books.dropped} of {len(self.dropped)}"
        assert books.queued == 0, f"L12: {books.queued} left behind"
        assert books.ended or not watched.ends, "L1"
        (total,) = self.ledgers.snapshot()
        assert (total.offered, total.delivered, total.ended) == (books.offered, books.delivered, books.ended)
        return True


# --- what workers do --------------------------------------------------------------------------------


def offer(who: str, *numbers: int) -> Callable[[World], None]:
    def work(world: World) -> None:
        for n in numbers:
            world.offer((who, n))

    return work


def refuse(who: str, *numbers: int) -> Callable[[World], None]:
    """As `offer`, without waiting or ending anything: what a producer does that has asked before."""

    def work(world: World) -> None:
        for n in numbers:
            world.stage.try_emit((who, n))

    return work


def drain(world: World) -> None:
    world.lane.run_one()


def drain_all(world: World) -> None:
    world.lane.run_all()


def complete(world: World) -> None:
    world.stage.complete()


def dispose(world: World) -> None:
    world.stage.dispose()


def then(*works: Work) -> Work:
    def work(world: World) -> None:
        for step in works:
            step(world)

    return work
