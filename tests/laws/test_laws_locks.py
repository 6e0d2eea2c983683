"""L14: no lock is held while anything of others is called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from reactivex import Observable
from reactivex.disposable import Disposable

from brummer_rx.pipeline.errors import ThreadError
from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.stage import BoundedStage, Overflow
from brummer_rx.pipeline.testing import HandLane
from tests.laws.lawkit import ALL, DROPPING, HOLDING, Background, Boom, Room

each_choice = pytest.mark.parametrize("overflow", ALL, ids=lambda c: c.name)


@each_choice
def test_l14_no_lock_is_held_while_others_are_called(overflow: Overflow) -> None:
    """From inside each call out, another thread takes the stage's lock."""
    asked: dict[str, bool] = {}

    def probe(where: str) -> None:
        def take() -> None:
            stage.ledger()
            stage.has_room()
            stage.park(lambda: None, 10**9)

        asked[where] = asked.get(where, True) and Background(take).returned.wait(30)

    class Lane(HandLane):
        def submit_drain(self, drain: Callable[[], None]) -> None:
            probe("submit")
            super().submit_drain(drain)

    class Door(Room):
        def has_room(self, size: int = 0) -> bool:
            probe("has_room")
            return super().has_room(size)

        def park(self, resume: Callable[[], None], size: int = 0) -> bool:
            probe("park")
            return super().park(resume, size)

    class Front(Gate):
        def leave(self, stage: Any) -> None:
            probe("leave")
            super().leave(stage)

    def weigh(_: Any) -> int:
        if made:
            probe("weigh")
        return 0

    def hear(x: Any) -> None:
        probe("on_next")
        if x == "bad":
            raise Boom

    def on_error(_: Exception) -> None:
        probe("on_error")

    made = list[bool]()
    for end in ("complete", "fault"):
        lane, door, feeds = Lane(), Door(), Gate()
        feeds.join(door)
        source: Observable[Any] = Observable(lambda *_: Disposable(lambda: probe("upstream")))
        made.clear()
        stage: BoundedStage[Any] = BoundedStage(
            lane,
            name="s",
            capacity=4,
            overflow=overflow,
            batch=3,
            weigh=weigh,
            joins=Front(),
            feeds=feeds,
            on_drop=lambda _: probe("on_drop"),
            on_fault=lambda _: probe("on_fault"),
        )
        made.append(True)
        stage.output.subscribe(hear, on_error, lambda: probe("on_completed"))
        stage.follow(source)
        for number in range(6):
            stage.try_emit(number)
        stage.park(lambda: probe("resume"))
        door.free = -1
        lane.run_all()
        door.open()
        lane.run_all()
        stage.try_emit("bad" if end == "fault" else "good")
        stage.complete() if end == "complete" else None
        lane.run_all()
        stage.offer("late")

    everywhere = {"submit", "has_room", "park", "leave", "weigh", "on_next", "on_error", "upstream"}
    everywhere |= {"on_completed", "on_fault"}
    everywhere |= {"resume"} if overflow in HOLDING else set()
    everywhere |= {"on_drop"} if overflow in DROPPING else set()
    assert set(asked) == everywhere
    assert [where for where, free in asked.items() if not free] == []


def test_l14_a_fault_of_the_lane_is_told_outside_of_the_lock() -> None:
    lane, answered = HandLane(), list[bool]()
    stage: BoundedStage[int] = BoundedStage(
        lane,
        name="s",
        on_fault=lambda _: answered.append(Background(lambda: stage.ledger() and None).returned.wait(30)),
    )
    stage.output.subscribe(lambda _: None, lambda _: None)
    lane.refuse = ThreadError("ended")
    stage.offer(1)

    assert answered == [True]
