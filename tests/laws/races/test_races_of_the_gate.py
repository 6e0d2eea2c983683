"""Stages in a row: demand, parking and resuming, and the gate's own list, in every schedule."""

from __future__ import annotations

from typing import Any

import pytest

from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.stage import BoundedStage, Overflow
from tests.laws.races.explorer import BOTH, Strategy, holds
from tests.laws.races.world import HOLDING, Lane, Watched, visible

both = pytest.mark.parametrize("strategy", BOTH)


class Chain:
    """An upstream that holds elements, a gate, and what is behind it."""

    def __init__(
        self, overflow: Overflow, *, held: int = 2, behind: int = 1, one_lane: bool = False, end: bool = False
    ) -> None:
        self.gate = Gate()
        self.held = held
        self.up_lane = Lane()
        self.down_lane = self.up_lane if one_lane else Lane()
        self.up: BoundedStage[Any] = BoundedStage(
            self.up_lane, name="up", capacity=held, overflow=Overflow.PARK, feeds=self.gate
        )
        self.down: list[BoundedStage[Any]] = []
        self.watched: list[Watched] = []
        for n in range(behind):
            stage: BoundedStage[Any] = BoundedStage(
                self.down_lane, name=f"down-{n}", capacity=1, overflow=overflow, batch=1, joins=self.gate
            )
            visible(stage)
            watched = Watched()
            stage.output.subscribe(watched.on_next, watched.on_error, watched.on_completed)
            self.down.append(stage)
            self.watched.append(watched)
        self.up.output.subscribe(self._hand_on, self._fail, self._complete)
        for n in range(held):
            self.up.offer(n)
        if end:
            self.up.complete()

    def _hand_on(self, x: Any) -> None:
        for stage in self.down:
            stage.offer(x)

    def _fail(self, error: Exception) -> None:
        for stage in self.down:
            stage.error(error)

    def _complete(self) -> None:
        for stage in self.down:
            stage.complete()

    def settle(self) -> None:
        while self.up_lane.run_one() or self.down_lane.run_one():
            pass

    def all_of_it(self) -> bool:
        self.settle()
        for stage, watched in zip(self.down, self.watched, strict=True):
            books = stage.ledger()
            assert books.closes
            assert not watched.overlap
            assert books.high_water <= 1, f"L4: {books}"
            assert books.overshoots == 0, f"L6: {books}"
            if stage.overflow.holds_back and not books.ended:
                assert [x for x in watched.heard if x >= 0] == list(range(self.held)), f"L12: {watched.heard}"
        books = self.up.ledger()
        assert books.closes
        assert books.queued == 0, f"L12: {books}"
        assert books.delivered == self.held
        return True


def full(**how: Any) -> Chain:
    """A chain whose stages behind the gate have no room."""
    chain = Chain(Overflow.PARK, **how)
    for stage in chain.down:
        stage.offer(-1)
    return chain


def run_up(chain: Chain) -> None:
    chain.up_lane.run_one()


def run_down(chain: Chain) -> None:
    chain.down_lane.run_one()


@both
def test_l6_l12_a_drain_parks_while_room_comes(strategy: Strategy) -> None:
    """`has_room` is a hint, `park` asks again under the lock: a lost resume leaves elements behind."""
    holds(lambda: full(held=1), [run_up, run_down], Chain.all_of_it, strategy, bound=1)


@both
@pytest.mark.parametrize("overflow", HOLDING)
def test_l6_an_upstream_delivers_no_more_than_the_room_it_saw(overflow: Overflow, strategy: Strategy) -> None:
    holds(lambda: Chain(overflow), [run_up, run_down], Chain.all_of_it, strategy, bound=1)


@both
def test_l11_a_full_stage_ends_while_its_upstream_parks(strategy: Strategy) -> None:
    holds(
        lambda: full(held=1),
        [run_up, lambda chain: chain.down[0].dispose()],
        Chain.all_of_it,
        strategy,
        bound=1,
    )


@both
def test_l11_l12_one_of_two_stages_ends_while_the_upstream_parks(strategy: Strategy) -> None:
    def end_the_second(chain: Chain) -> None:
        chain.down[1].dispose()
        chain.down_lane.run_one()

    holds(lambda: full(held=1, behind=2), [run_up, end_the_second], Chain.all_of_it, strategy, bound=1)


@both
@pytest.mark.parametrize("overflow", HOLDING)
def test_l15_a_chain_with_its_end_finishes_on_one_lane(overflow: Overflow, strategy: Strategy) -> None:
    """Two workers take the drains of both stages from one list, as those of the pool do."""

    def finished(chain: Chain) -> bool:
        chain.all_of_it()
        assert chain.watched[0].ends == ["completed"]
        return True

    holds(
        lambda: Chain(overflow, held=1, one_lane=True, end=True),
        [lambda chain: chain.up_lane.run_one(), lambda chain: chain.up_lane.run_all()],
        finished,
        strategy,
        bound=1,
    )


class Doors:
    def __init__(self) -> None:
        self.gate = Gate()
        self.rooms = [
            BoundedStage[int](Lane(), name=str(n), capacity=1, overflow=Overflow.PARK) for n in range(3)
        ]
        self.gate.join(self.rooms[0])


@both
def test_joining_and_leaving_lose_nobody(strategy: Strategy) -> None:
    def swap(doors: Doors) -> None:
        doors.gate.join(doors.rooms[1])
        doors.gate.leave(doors.rooms[0])

    holds(
        Doors,
        [swap, lambda doors: doors.gate.join(doors.rooms[2])],
        lambda doors: set(doors.gate.stages) == set(doors.rooms[1:]),
        strategy,
    )
