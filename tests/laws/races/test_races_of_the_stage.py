"""The laws of reactive.md section 3.4 that threads can break, on one stage, in every schedule.

`World.sound` holds L1 to L5 and L12 in each of them; a test adds what its own law says.
"""

from __future__ import annotations

import pytest
from reactivex import Subject

from brummer_rx.pipeline.errors import BufferOverflow, ThreadError
from brummer_rx.pipeline.stage import Overflow
from tests.laws.races.explorer import BOTH, Strategy, holds
from tests.laws.races.world import (
    HOLDING,
    SIX,
    World,
    complete,
    dispose,
    drain,
    offer,
    refuse,
    then,
)

both = pytest.mark.parametrize("strategy", BOTH)
six = pytest.mark.parametrize("overflow", SIX)
waiting = pytest.mark.parametrize("overflow", [Overflow.BLOCK, Overflow.PARK])


def error(world: World) -> None:
    world.stage.error(KeyError("upstream"))


def test_the_explorer_has_the_locks_of_the_product_and_of_reactivex() -> None:
    world = World(Overflow.PARK)
    for lock in (world.stage._lock, world.gate._lock, world.ledgers._lock, Subject[int]().lock):
        assert type(lock).__module__.startswith("frontrun"), lock


@both
@six
def test_l1_two_ends_race_and_one_is_heard(overflow: Overflow, strategy: Strategy) -> None:
    def one_end(world: World) -> bool:
        world.sound(0)
        assert world.watched.heard == [("held", 0)]
        assert len(world.watched.ends) == 1
        return True

    holds(lambda: World(overflow, held=1), [then(complete, drain), error], one_end, strategy)


@both
@six
def test_l2_l12_a_drain_ends_while_an_element_comes(overflow: Overflow, strategy: Strategy) -> None:
    """The new element finds the drain active, or submits another: never both, never neither."""

    def nothing_stays(world: World) -> bool:
        world.sound(1)
        if not world.stage.ledger().refused and not world.dropped:
            assert world.watched.heard == [("held", 0), ("a", 0)]
        return True

    # All schedules for one that holds back and one that drops; the others differ from them in nothing else.
    bound = None if overflow in (Overflow.PARK, Overflow.DROP_OLDEST) else 1
    work = [drain, then(refuse("a", 0), drain)]
    holds(lambda: World(overflow, held=1), work, nothing_stays, strategy, bound=bound)


@both
@six
def test_l3_two_producers_keep_their_order(overflow: Overflow, strategy: Strategy) -> None:
    holds(
        lambda: World(overflow, capacity=4),
        [offer("a", 0, 1), offer("b", 0, 1)],
        lambda world: world.sound(4),
        strategy,
        bound=1 if overflow is Overflow.LATEST else None,
    )


@both
@six
def test_l4_two_producers_meet_at_the_last_place(overflow: Overflow, strategy: Strategy) -> None:
    holds(
        lambda: World(overflow, capacity=2, held=1),
        [refuse("a", 0), refuse("b", 0)],
        lambda world: world.sound(2),
        strategy,
    )


@both
@six
def test_l5_an_element_meets_dispose(overflow: Overflow, strategy: Strategy) -> None:
    holds(
        lambda: World(overflow, capacity=2, held=1),
        [offer("a", 0), then(dispose, dispose)],
        lambda world: world.sound(1),
        strategy,
    )


@both
@six
def test_l9_the_end_comes_behind_the_backlog(overflow: Overflow, strategy: Strategy) -> None:
    def all_then_the_end(world: World) -> bool:
        world.sound(1)
        books = world.stage.ledger()
        assert world.watched.ends == ["completed"]
        assert books.discarded == 0
        assert books.delivered + books.dropped + books.refused == 2
        return True

    work = [then(refuse("a", 0), complete), drain]
    holds(lambda: World(overflow, held=1), work, all_then_the_end, strategy, bound=1)


@both
def test_l9_an_overflow_races_the_end(strategy: Strategy) -> None:
    def one_of_them(world: World) -> bool:
        world.sound(1)
        (end,) = world.watched.ends
        assert end == "completed" or isinstance(end, BufferOverflow)
        assert world.watched.heard == [("held", 0)]
        return True

    holds(lambda: World(Overflow.ERROR, held=1), [offer("a", 0), complete], one_of_them, strategy)


@both
@six
def test_l10_the_subscriber_raises_while_an_element_comes(overflow: Overflow, strategy: Strategy) -> None:
    def told_once(world: World) -> bool:
        world.sound(1)
        if ("held", 0) in world.dropped:  # LATEST: it was replaced before its turn
            assert world.watched.heard == [("a", 0)]
            return True
        assert world.watched.heard == [("held", 0)]
        assert [type(end) for end in world.watched.ends] == [ValueError]
        assert len(world.faults) == 1
        return True

    def world() -> World:
        return World(overflow, capacity=2, held=1, poison=("held", 0))

    holds(world, [drain, refuse("a", 0)], told_once, strategy)


@both
@waiting
def test_l10_a_waiting_producer_is_released_by_a_fault(overflow: Overflow, strategy: Strategy) -> None:
    def released(world: World) -> bool:
        world.sound(1)
        assert len(world.watched.ends) == 1
        assert len(world.faults) == 1
        return True

    def world() -> World:
        return World(overflow, held=1, batch=1, poison=("held", 0))

    holds(world, [drain, offer("a", 0)], released, strategy, bound=1)


@both
def test_l10_the_lane_refuses_two_producers(strategy: Strategy) -> None:
    def world() -> World:
        world = World(Overflow.PARK, capacity=2)
        world.lane.refuse = ThreadError("the lane is gone")
        return world

    def told_once(world: World) -> bool:
        world.sound(2)
        assert [type(end) for end in world.watched.ends] == [ThreadError]
        assert world.watched.heard == []
        return True

    holds(world, [offer("a", 0), offer("b", 0)], told_once, strategy)


@both
@six
def test_l11_nothing_is_delivered_after_dispose(overflow: Overflow, strategy: Strategy) -> None:
    """But the element that is being delivered when dispose returns."""

    def let_go(world: World) -> None:
        world.stage.dispose()
        with world.stage._lock:
            books = world.stage._books
            world.offers, world.most = 2, books.delivered + books.flying

    def silent(world: World) -> bool:
        world.sound(0)
        assert len(world.watched.heard) <= world.most
        assert not world.watched.ends
        return True

    # LATEST and capacity 1 have one element; the second one is dropped or refused.
    def world() -> World:
        return World(overflow, capacity=2, held=2 if overflow is not Overflow.LATEST else 1)

    def latest(world: World) -> None:
        let_go(world)
        world.offers = 1

    holds(world, [drain, latest if overflow is Overflow.LATEST else let_go], silent, strategy, bound=1)


@both
@waiting
def test_l11_dispose_wakes_a_waiting_producer(overflow: Overflow, strategy: Strategy) -> None:
    holds(
        lambda: World(overflow, held=1),
        [offer("a", 0), dispose],
        lambda world: world.sound(1),
        strategy,
        bound=1,
    )


@both
@waiting
def test_l12_room_wakes_a_waiting_producer(overflow: Overflow, strategy: Strategy) -> None:
    """A lost wake-up is a deadlock here, and the explorer tells."""

    def all_of_it(world: World) -> bool:
        world.sound(1)
        assert world.watched.heard == [("held", 0), ("a", 0)]
        return True

    holds(lambda: World(overflow, held=1, batch=1), [offer("a", 0), drain], all_of_it, strategy, bound=1)


@both
@waiting
def test_l12_room_and_the_timeout_race(overflow: Overflow, strategy: Strategy) -> None:
    """Time is one more actor here: it may run out at any point."""

    def one_or_the_other(world: World) -> bool:
        world.sound(1)
        assert (("a", 0) in world.watched.heard) == (not world.refusals)
        return True

    def world() -> World:
        return World(overflow, held=1, batch=1, timeout=5.0)

    holds(world, [offer("a", 0), drain], one_or_the_other, strategy, bound=1, clock="explored")


@both
def test_l12_the_subscriber_comes_while_elements_do(strategy: Strategy) -> None:
    def all_of_it(world: World) -> bool:
        world.sound(1)
        assert world.watched.heard == [("a", 0)]
        assert world.watched.ends == ["completed"]
        return True

    def world() -> World:
        return World(Overflow.PARK, connected=False)

    holds(world, [then(offer("a", 0), complete), World.connect], all_of_it, strategy)


@both
@six
def test_l14_no_lock_is_held_while_others_are_called(overflow: Overflow, strategy: Strategy) -> None:
    """Subscriber, `on_drop` and `on_fault` take the lock: were it held, a deadlock."""

    def world() -> World:
        return World(overflow, held=1, batch=1, poison=("held", 0), asks=True)

    holds(world, [drain, refuse("a", 0)], lambda world: world.sound(1), strategy, bound=1)


@both
@pytest.mark.parametrize("overflow", HOLDING)
def test_l14_resumes_are_called_without_the_lock(overflow: Overflow, strategy: Strategy) -> None:
    class Parked(World):
        called = 0
        registered = 0

        def resume(self) -> None:
            self.take_the_lock()
            self.called += 1

        def park(self) -> None:
            self.registered += self.stage.park(self.resume)

    def once_each(world: Parked) -> bool:
        world.sound(0)
        assert world.called == world.registered
        return True

    holds(lambda: Parked(overflow, held=1, batch=1), [drain, Parked.park], once_each, strategy)
