"""L5 to L7, L9, L10, L12, L13 with one preemption wherever a thread is about to take the stage's lock.

A fixed story runs on the test's thread; before the n-th time that it takes the lock, another thread does one
whole thing to the stage. n goes from 1 to the last one, so each gap between two critical sections is tried.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from brummer_rx.pipeline.errors import ThreadError
from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.stage import EmitResult, Overflow
from tests.laws.lawkit import ALL, HOLDING, Background, Boom, Rig


class Till:
    """A room that lets through as many elements as it was given tokens."""

    def __init__(self, tokens: int) -> None:
        self.tokens = tokens
        self.parked: list[Callable[[], None]] = []

    def has_room(self, _: int = 0) -> bool:
        return self.tokens > 0

    def park(self, resume: Callable[[], None], _: int = 0) -> bool:
        if self.tokens <= 0:
            self.parked.append(resume)
        return self.tokens <= 0

    def give(self, tokens: int) -> None:
        self.tokens += tokens
        parked, self.parked = self.parked, []
        for resume in parked:
            resume()


class PorousLock:
    """The stage's lock; `before` is called by whoever is about to take it."""

    def __init__(self, lock: Any, before: Callable[[], None]) -> None:
        self._lock = lock
        self._before = before

    def __enter__(self) -> object:
        self._before()
        return self._lock.__enter__()

    def __exit__(self, *about: object) -> object:
        return self._lock.__exit__(*about)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lock, name)


class Story:
    """One telling, with a strike before the `nth` lock."""

    def __init__(self, overflow: Overflow, strike: str, nth: int) -> None:
        self.left = nth
        self.till, feeds = Till(2), Gate()
        feeds.join(self.till)
        self.rig = Rig(overflow, capacity=3, batch=2, feeds=feeds, subscriber=self.hear)
        self.stage = self.rig.stage
        self.refused, self.late, self.made = list[int](), list[int](), 0
        self.without_room, self.parked, self.resumed = 0, 0, 0
        strikes = {
            "emit": self.emit,
            "complete": self.stage.complete,
            "error": lambda: self.stage.error(Boom()),
            "dispose": self.stage.dispose,
            "token": lambda: self.till.give(1),
            "park": self.park,
        }
        self.strike = strikes[strike]
        self.stage._lock = PorousLock(self.stage._lock, self.before)  # type: ignore[assignment]

    def before(self) -> None:
        self.left -= 1
        if self.left == 0:
            assert Background(self.strike).wait() is None

    def hear(self, number: int) -> None:
        self.till.tokens -= 1
        self.without_room += self.till.tokens < 0
        self.rig.heard.append(number)

    def emit(self) -> None:
        number, self.made = self.made, self.made + 1
        result = self.stage.try_emit(number)
        if result is EmitResult.CLOSED:
            self.late.append(number)
        elif result is EmitResult.OVERFLOW and self.rig.overflow in HOLDING:
            self.refused.append(number)

    def park(self) -> None:
        def resume() -> None:
            self.resumed += 1

        if self.stage.park(resume):  # not `+=` on the call: the strike inside of it counts, too
            self.parked += 1

    def tell(self) -> None:
        lane = self.rig.lane
        for _ in range(2):
            self.emit()
        lane.run_one()  # two tokens, two elements; the next one finds none
        for _ in range(4):
            self.emit()
        self.park()
        lane.run_one()
        self.till.give(3)
        lane.run_one()
        self.emit()
        lane.run_all()
        self.till.give(1)
        lane.run_all()

    def end(self) -> None:
        self.left = 0
        self.stage.complete()
        self.till.give(100)
        self.rig.lane.run_all()


@pytest.mark.parametrize("overflow", ALL, ids=lambda c: c.name)
@pytest.mark.parametrize("strike", ["emit", "complete", "error", "dispose", "token", "park"])
def test_l12_whatever_strikes_between_two_critical_sections(overflow: Overflow, strike: str) -> None:
    nth = 0
    while True:
        nth += 1
        story = Story(overflow, strike, nth)
        story.tell()
        struck = story.left <= 0
        story.end()
        check(story, strike if struck else "")
        if not struck:
            break

    assert nth > 15


def check(story: Story, strike: str) -> None:
    rig, books = story.rig, story.rig.books()
    numbers = [signal for signal in rig.heard if isinstance(signal, int)]
    signals = [signal for signal in rig.heard if isinstance(signal, str)]
    assert story.without_room == 0
    assert signals == {"dispose": [], "error": ["Boom"]}.get(strike, ["done"])
    assert rig.heard == [*numbers, *signals]
    assert len(numbers) == len(set(numbers))
    fates = [*numbers, *rig.dropped, *story.refused, *story.late]
    assert len(fates) == len(set(fates))
    lost = story.made - len(fates)
    assert strike == "dispose" or lost == 0
    assert (books.delivered, books.dropped, books.refused) == (
        len(numbers),
        len(rig.dropped),
        len(story.refused),
    )
    assert (books.discarded, books.queued) == (len(story.late) + lost, 0)
    assert story.resumed == story.parked
    assert (rig.lane.pending, story.till.parked) == (0, [])
    assert (books.faults, books.ended) == (0, True)
    assert books.high_water <= rig.capacity


@pytest.mark.parametrize("overflow", ALL, ids=lambda c: c.name)
def test_l10_a_lane_that_ends_between_two_critical_sections(overflow: Overflow) -> None:
    """From the strike on the lane takes no drain: one fault, told once, and the books close."""
    nth, faulted = 0, 0
    while True:
        nth += 1
        story = Story(overflow, "token", nth)
        lane = story.rig.lane

        def refuse(lane: Any = lane) -> None:
            lane.refuse = ThreadError("ended")

        story.strike = refuse
        story.tell()
        struck = story.left <= 0
        story.end()
        books, signals = story.rig.books(), [s for s in story.rig.heard if isinstance(s, str)]
        assert signals in (["ThreadError"], ["done"])
        assert books.faults == len(story.rig.faults) == (signals == ["ThreadError"])
        assert (books.queued, books.ended, story.resumed) == (0, True, story.parked)
        faulted += books.faults
        if not struck:
            break

    assert faulted > 5
