"""Timers and ledgers in every schedule: each action once or called off, each element counted once."""

from __future__ import annotations

import pytest

from brummer_rx.pipeline.clock import ClockThread, Timer, TimerHeap
from brummer_rx.pipeline.errors import ThreadError
from brummer_rx.pipeline.stage import Overflow
from tests.laws.races.explorer import BOTH, Strategy, holds
from tests.laws.races.world import World, dispose, offer

both = pytest.mark.parametrize("strategy", BOTH)


class Heap:
    def __init__(self) -> None:
        self.heap = TimerHeap()
        self.ran: list[str] = []
        self.timers: dict[str, Timer] = {}
        for name in ("x", "y"):
            self.add(name)
        self.cleared = 0

    def add(self, name: str) -> None:
        self.timers[name], _ = self.heap.add(1.0, lambda: self.ran.append(name))

    def run_due(self) -> None:
        action = self.heap.pop_due(1.0)
        if action is not None:
            action()

    def consistent(self) -> bool:
        heap = self.heap
        dead = sum(timer.action is None for _, _, timer in heap._heap)
        assert heap._cancelled == dead, f"{heap._cancelled} of {dead}"
        live = len(heap) - dead
        while (action := heap.pop_due(1.0)) is not None:
            action()
        assert len(self.ran) == len(set(self.ran))
        assert len(heap) == 0
        self.left = live
        return True


@both
def test_a_timer_runs_or_is_cancelled_never_both(strategy: Strategy) -> None:
    def cancel(heap: Heap) -> None:
        heap.timers["x"].cancel()
        heap.cleared = len(heap.ran)

    def once(heap: Heap) -> bool:
        heap.consistent()
        assert heap.ran in (["y"], ["x", "y"])
        return True

    holds(Heap, [Heap.run_due, cancel], once, strategy)


@both
def test_two_cancel_one_timer_and_another_is_added(strategy: Strategy) -> None:
    def cancel(heap: Heap) -> None:
        heap.timers["x"].cancel()

    def cancel_and_add(heap: Heap) -> None:
        heap.timers["x"].cancel()
        heap.add("z")

    def the_others(heap: Heap) -> bool:
        heap.consistent()
        assert heap.ran == ["y", "z"]
        return True

    holds(Heap, [cancel, cancel_and_add], the_others, strategy)


@both
def test_a_timer_is_cancelled_while_all_are_forgotten(strategy: Strategy) -> None:
    def clear(heap: Heap) -> None:
        heap.cleared = heap.heap.clear()

    def nothing_runs(heap: Heap) -> bool:
        heap.consistent()
        assert heap.ran == []
        assert heap.cleared in (1, 2)
        return True

    holds(Heap, [clear, lambda heap: heap.timers["x"].cancel()], nothing_runs, strategy)


class Ticking:
    """The clock's body is one of the explorer's workers."""

    def __init__(self) -> None:
        self.clock = ClockThread()
        self.ran: list[int] = []
        self.refused = 0

    def set_timer(self, delay: float = 0.0) -> None:
        try:
            self.clock.call_later(delay, lambda: self.ran.append(1))
        except ThreadError:
            self.refused += 1


@both
def test_l12_the_clock_wakes_for_a_timer_that_is_set_while_it_falls_asleep(strategy: Strategy) -> None:
    """Idle, it waits without a timeout: a lost wake-up is a deadlock."""

    def set_the_end(ticking: Ticking) -> None:
        def end() -> None:
            ticking.clock._ended.set()
            ticking.clock._changed.set()

        ticking.clock.call_later(3600.0, end)

    holds(
        Ticking,
        [lambda ticking: ticking.clock._run(), set_the_end],
        lambda ticking: ticking.clock.pending() == 0,
        strategy,
        bound=1,
    )


@both
def test_l20_the_clock_wakes_when_it_is_closed(strategy: Strategy) -> None:
    holds(
        Ticking,
        [lambda ticking: ticking.clock._run(), lambda ticking: ticking.clock.close(1.0)],
        lambda _: True,
        strategy,
    )


@both
def test_a_timer_that_is_set_while_the_clock_closes_is_refused_or_counted(strategy: Strategy) -> None:
    def accounted(ticking: Ticking) -> bool:
        assert ticking.clock.pending() == 0
        assert len(ticking.ran) + ticking.refused + ticking.clock.forgotten == 1, vars(ticking.clock)
        return True

    holds(Ticking, [Ticking.set_timer, lambda ticking: ticking.clock.close(1.0)], accounted, strategy)


@both
def test_books_are_exact_while_a_stage_ends_and_an_element_comes_too_late(strategy: Strategy) -> None:
    """A snapshot never shows an element twice, and forgets none."""

    class Seen(World):
        seen = 0

        def look(self) -> None:
            (books,) = self.ledgers.snapshot()
            assert books.closes
            self.seen = books.offered

    def exact(world: Seen) -> bool:
        world.sound(1)
        assert world.seen == 1, f"{world.seen} of 1"
        return True

    def world() -> Seen:
        return Seen(Overflow.PARK)

    def offer_and_look(world: Seen) -> None:
        offer("a", 0)(world)
        world.look()

    holds(world, [dispose, offer_and_look], exact, strategy, bound=1)


@both
def test_two_stages_of_one_name_end_at_once(strategy: Strategy) -> None:
    class Two(World):
        def __init__(self) -> None:
            super().__init__(Overflow.PARK, held=1)
            self.second = World(Overflow.PARK, held=1)
            self.second.stage._ledgers = self.ledgers
            self.ledgers.add(self.second.stage)

    def merged(two: Two) -> bool:
        (books,) = two.ledgers.snapshot()
        return (books.offered, books.discarded, books.ended) == (2, 2, True) and not two.ledgers._live

    holds(Two, [dispose, lambda two: two.second.stage.dispose()], merged, strategy)
