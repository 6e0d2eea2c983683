"""The laws of going on: L8 re-entrance, L12 wake-ups, L13 one drain, L16 no wait on lanes, L18 alone."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any

import pytest
from reactivex.subject import Subject

from brummer_rx.pipeline.errors import ThreadError
from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.stage import BoundedStage, EmitResult, Overflow
from brummer_rx.pipeline.testing import HandLane
from tests.laws.lawkit import ALL, DROPPING, HOLDING, WAITING, Background, Boom, Rig, Room, fail

each_choice = pytest.mark.parametrize("overflow", ALL, ids=lambda c: c.name)


# --- L8 -------------------------------------------------------------------------------------------


@each_choice
def test_l08_elements_offered_from_inside_come_next_on_a_flat_stack(overflow: Overflow) -> None:
    depths = set[int]()

    def deliver(number: int) -> None:
        depths.add(len(inspect.stack(0)) if number % 500 == 0 else 0)
        rig.heard.append(number)
        if number < 5000:
            rig.stage.offer(number + 1)

    rig = Rig(overflow, subscriber=deliver)
    rig.stage.offer(0)
    rig.lane.run_all()

    assert rig.heard == list(range(5001))
    assert len(depths - {0}) == 1


@pytest.mark.parametrize("overflow", WAITING, ids=lambda c: c.name)
def test_l08_two_stages_that_feed_each_other_do_not_recurse(overflow: Overflow) -> None:
    lane, heard = HandLane(), list[int]()
    stages: list[BoundedStage[int]] = [
        BoundedStage(lane, name=name, capacity=2, overflow=overflow) for name in ("ping", "pong")
    ]

    def deliver(number: int) -> None:
        heard.append(number)
        if number < 5 * sys.getrecursionlimit():
            stages[(number + 1) % 2].offer(number + 1)

    for stage in stages:
        stage.output.subscribe(deliver)
    stages[0].offer(0)
    lane.run_all()

    assert heard == list(range(5 * sys.getrecursionlimit() + 1))


@each_choice
@pytest.mark.parametrize("end", ["complete", "error", "dispose"])
def test_l08_the_end_from_inside_comes_after_the_element(overflow: Overflow, end: str) -> None:
    def deliver(x: object) -> None:
        rig.end(end)
        rig.stage.offer("late")
        rig.heard.append(x)

    rig = Rig(overflow, subscriber=deliver)
    rig.stage.offer("x")
    rig.lane.run_all()

    assert rig.heard == ["x", *{"complete": ["done"], "error": ["Boom"], "dispose": []}[end]]
    assert (rig.books().delivered, rig.books().discarded) == (1, 1)


# --- L12, L13 -------------------------------------------------------------------------------------


@each_choice
@pytest.mark.parametrize("place", ["next", "resume", "asked", "parks", "opened", "drop"])
def test_l12_an_offer_at_any_call_out_is_delivered(overflow: Overflow, place: str) -> None:
    """A producer on another thread strikes, whole, at each point where the stage lets others in."""
    strikes, striking = list(range(1000, 1010)), False
    struck: list[tuple[int, EmitResult]] = []

    def strike(where: str) -> None:
        nonlocal striking
        if where == place and strikes and not striking:
            striking, number = True, strikes.pop(0)
            Background(lambda: struck.append((number, rig.stage.try_emit(number)))).wait()
            striking = False

    class Door(Room):
        def has_room(self, size: int = 0) -> bool:
            strike("asked")
            return super().has_room(size)

        def park(self, resume: Callable[[], None], size: int = 0) -> bool:
            strike("opened" if self.takes(size) else "parks")
            return super().park(resume, size)

    def deliver(x: Any) -> None:
        rig.heard.append(x)
        strike("next")

    def drop(x: Any) -> None:
        rig.dropped.append(x)
        strike("drop")

    door, feeds = Door(), Gate()
    feeds.join(door)
    rig = Rig(overflow, capacity=4, batch=3, feeds=feeds, subscriber=deliver, on_drop=drop)
    for number in range(100):
        rig.stage.try_emit(number)
        if number % 4 == 3:
            rig.stage.park(lambda: strike("resume"))
            door.open()
            door.free = -1 if place == "parks" else None
            door.opens_when_asked = place == "opened"
            rig.lane.run_one()
    door.open()
    rig.lane.run_all()

    reachable = {"resume": overflow in HOLDING, "drop": overflow in DROPPING}.get(place, True)
    assert len(struck) == 10 * reachable
    came = {number for number, result in struck if result is EmitResult.OK} - set(rig.dropped)
    assert sorted(came) == [number for number in rig.heard if number >= 1000]
    assert (rig.books().queued, rig.lane.pending, door.parked) == (0, 0, [])


@each_choice
@pytest.mark.parametrize("end", ["", "complete", "error"])
@pytest.mark.parametrize("filled", [True, False], ids=["backlog", "empty"])
def test_l12_what_came_before_the_subscriber_waits_for_it(overflow: Overflow, end: str, filled: bool) -> None:
    lane, heard = HandLane(), list[Any]()
    stage: BoundedStage[int] = BoundedStage(lane, name="s", capacity=1, overflow=overflow)
    if filled:
        stage.offer(1)
    if end:
        stage.complete() if end == "complete" else stage.error(Boom())
    assert lane.pending == 0
    stage.output.subscribe(heard.append, lambda _: heard.append("Boom"), lambda: heard.append("done"))
    assert lane.pending == (filled or bool(end))
    lane.run_all()

    assert heard == [1] * filled + {"": [], "complete": ["done"], "error": ["Boom"]}[end]


@each_choice
def test_l13_one_drain_however_much_there_is_to_do(overflow: Overflow) -> None:
    room, feeds = Room(), Gate()
    feeds.join(room)
    inside: list[int] = []

    def deliver(_: object) -> None:
        rig.stage.try_emit("more")
        inside.append(rig.lane.pending)

    rig = Rig(overflow, batch=1, feeds=feeds, subscriber=deliver)
    for number in range(20):
        rig.stage.try_emit(number)
        assert rig.lane.pending == 1
    rig.lane.run_one()
    assert rig.lane.pending == 1
    room.free = -1
    rig.lane.run_one()
    assert (rig.lane.pending, len(room.parked)) == (0, 1)
    rig.stage.try_emit("while parked")
    rig.stage.complete()
    assert (rig.lane.pending, len(room.parked)) == (0, 1)
    room.open()
    assert (rig.lane.pending, len(room.parked)) == (1, 0)
    rig.lane.run_all()

    assert set(inside) == {0}
    assert rig.heard == ["done"]


# --- L16 ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["inside", "same-lane", "other-lane"])
def test_l16_block_raises_on_a_thread_that_serves_a_lane(where: str) -> None:
    raised: list[BaseException] = []

    def offer(_: object = None) -> None:
        for number in range(10):
            try:
                rig.stage.offer(number)
            except ThreadError as error:
                raised.append(error)

    rig = Rig(Overflow.BLOCK, subscriber=offer if where == "inside" else None)
    if where == "inside":
        rig.stage.offer("first")
        rig.lane.run_one()
    elif where == "same-lane":
        rig.lane.submit_drain(offer)
        rig.lane.run_one()
    else:
        rig.from_worker(offer)

    assert len(raised) >= 6
    assert "must not block" in str(raised[0])
    assert rig.books().blocked_count == 0


# --- L18 ------------------------------------------------------------------------------------------


@each_choice
def test_l18_a_subscriber_that_stands_still_does_not_stop_the_others(overflow: Overflow) -> None:
    """Each subscriber of a multicast has a stage and a lane of its own; one lane is never served."""
    fan, quick = Subject[int](), Rig(Overflow.PARK, capacity=4)
    slow = Rig(overflow, capacity=4)
    quick.stage.follow(fan)
    if overflow in WAITING:  # on the producer's thread these two would wait: it asks before it offers
        fan.subscribe(slow.stage.try_emit)  # type: ignore[arg-type]
    else:
        slow.stage.follow(fan)
    for number in range(100):
        fan.on_next(number)
        quick.lane.run_all()

    assert quick.heard == list(range(100))
    assert slow.heard == []
    assert slow.books().queued == slow.capacity


def test_l18_unless_asked_a_joint_gate_holds_all_back() -> None:
    """And lets go of who has ended."""
    behind, fan = Gate(), Subject[int]()
    lanes = [HandLane("quick"), HandLane("slow"), HandLane("front")]
    quick, slow = (BoundedStage[int](lane, name=lane.name, capacity=3, joins=behind) for lane in lanes[:2])
    front: BoundedStage[int] = BoundedStage(lanes[2], name="front", feeds=behind)
    heard: list[int] = []
    quick.output.subscribe(heard.append)
    slow.output.subscribe(fail)
    quick.follow(fan)
    slow.follow(fan)
    front.output.subscribe(fan)
    for number in range(10):
        front.offer(number)
    for _ in range(10):
        lanes[2].run_all()
        lanes[0].run_all()
    assert heard == [0, 1, 2]

    slow.dispose()
    for _ in range(10):
        lanes[2].run_all()
        lanes[0].run_all()
    assert heard == list(range(10))
