"""The explorer can fail: it visits every order of critical sections, and finds seeded defects."""

from __future__ import annotations

import threading
from typing import Any

import frontrun
import pytest

from brummer_rx.pipeline.drain import Resume
from brummer_rx.pipeline.stage import BoundedStage, EmitResult, Overflow
from tests.laws.races.explorer import Strategy, counterexample, holds
from tests.laws.races.world import Work, World, drain, refuse, then


class Sections:
    """Workers that write their name under a lock, so many times."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.order = ""


def enters(name: str, times: int) -> Any:
    def work(sections: Sections) -> None:
        for _ in range(times):
            with sections.lock:
                sections.order += name

    return work


@pytest.mark.parametrize(
    ("times", "orders"), [((2, 2), 6), ((3, 2), 10), ((3, 3), 20), ((1, 1, 1), 6)], ids=str
)
def test_every_order_of_critical_sections_is_visited(times: tuple[int, ...], orders: int) -> None:
    seen: set[str] = set()

    def note(sections: Sections) -> bool:
        seen.add(sections.order)
        return True

    holds(Sections, [enters("abc"[n], count) for n, count in enumerate(times)], note, "dpor")
    assert len(seen) == orders


def test_alone_frontrun_does_not_visit_every_order() -> None:
    """Why our workers start with a write to one place. When this fails, they need not any more."""
    seen: set[str] = set()

    def note(sections: Sections) -> bool:
        seen.add(sections.order)
        return True

    frontrun.explore(Sections, [enters("a", 2), enters("b", 2)], note, preemption_bound=None, detect_io=False)
    assert seen == {"aabb", "abab", "abba"}


class ChecksOutside(BoundedStage[Any]):
    """The capacity is looked at before the lock is taken."""

    def try_emit(self, x: Any) -> EmitResult:
        if not self._books.fits(0):
            return EmitResult.OVERFLOW
        with self._lock:
            result, start = self._push(x, 0)
        if start:
            self._submit()
        return result


class SleepsLate(BoundedStage[Any]):
    """ "Nothing is left" and "no drain is active" are two critical sections."""

    def _rest(self) -> Any:
        rest = super()._rest()
        if rest.name == "IDLE":
            self._active = True
        return rest

    def _stop_draining(self, rest: Any, observer: Any) -> None:
        if rest.name == "IDLE":
            with self._lock:
                self._active = False
        super()._stop_draining(rest, observer)


class TwoDrains(BoundedStage[Any]):
    """A drain is active from its submission on, not from the enqueuing on."""

    def _claim(self) -> bool:
        return not (self._active or self._closed or self._observer is None)

    def _submit(self) -> None:
        with self._lock:
            self._active = True
        super()._submit()


class CountsOutside(BoundedStage[Any]):
    """A counter is updated after the lock was given back."""

    def try_emit(self, x: Any) -> EmitResult:
        with self._lock:
            result, start = self._push(x, 0)
            self._books.accepted -= 1
        self._books.accepted += 1
        if start:
            self._submit()
        return result


class ParksBlindly(BoundedStage[Any]):
    """`park` trusts what `has_room` said before."""

    def park(self, resume: Resume, size: int = 0) -> bool:
        with self._lock:
            self._resumes.append(resume)
            return True


class Upstream(World):
    """Somebody who asks for room, parks and waits to be called."""

    parked = 0
    called = 0

    def ask(self) -> None:
        if not self.stage.has_room() and self.stage.park(self.resume):
            self.parked = 1

    def resume(self) -> None:
        self.called = 1


def never_forgotten(world: Upstream) -> bool:
    world.sound()
    assert world.parked == world.called, "L12: nobody calls who has parked"
    return True


both_offer: list[Work] = [refuse("a", 0), refuse("b", 0)]
offer_and_drain: list[Work] = [then(refuse("a", 0), drain), then(refuse("b", 0), drain)]
drain_and_offer: list[Work] = [drain, refuse("a", 0)]
ask_and_drain: list[Any] = [Upstream.ask, drain]

DEFECTS: dict[str, tuple[type[BoundedStage[Any]], str, dict[str, int], list[Any]]] = {
    "check outside the lock": (ChecksOutside, "L4", {"capacity": 2, "held": 1}, both_offer),
    "asleep in two steps": (SleepsLate, "L12", {"capacity": 2, "held": 1}, drain_and_offer),
    "two drains": (TwoDrains, "L2", {"capacity": 2}, offer_and_drain),
    "counter outside the lock": (CountsOutside, "L5", {"capacity": 4}, both_offer),
    "park without asking again": (ParksBlindly, "L12", {"held": 1}, ask_and_drain),
}


def found(defect: str, strategy: Strategy) -> None:
    stage, law, size, workers = DEFECTS[defect]
    why = counterexample(
        lambda: Upstream(Overflow.PARK, stage=stage, **size),
        workers,
        never_forgotten,
        strategy,
        attempts=300,
    )
    assert law in why, why


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_seeded_defect_is_found(defect: str) -> None:
    found(defect, "dpor")


def test_a_seeded_defect_is_found_by_chance() -> None:
    found("check outside the lock", "random")


@pytest.mark.parametrize("defect", [defect for defect in DEFECTS if defect != "two drains"])
def test_without_the_defect_the_same_search_finds_nothing(defect: str) -> None:
    _, _, size, workers = DEFECTS[defect]
    holds(lambda: Upstream(Overflow.PARK, **size), workers, never_forgotten, "dpor")
