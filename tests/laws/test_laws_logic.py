"""The laws of what is delivered: L1, L3 to L7, on a lane driven by hand.

`test_stage_machine.py` asks the same after every step of random programs; here each law has a test of its
name.
"""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from brummer_rx.pipeline.errors import ConfigError
from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.stage import EmitResult, Overflow
from tests.laws.lawkit import ALL, DROPPING, HOLDING, Rig, Room, fail
from tests.proof.seed import rng

each_choice = pytest.mark.parametrize("overflow", ALL, ids=lambda c: c.name)
each_holding = pytest.mark.parametrize("overflow", HOLDING, ids=lambda c: c.name)


# --- L1 -------------------------------------------------------------------------------------------


@each_choice
@pytest.mark.parametrize("ends", list(permutations(["complete", "error", "dispose"])), ids="-".join)
@pytest.mark.parametrize("drained", [False, True], ids=["at-once", "after-each"])
def test_l01_one_terminal_signal_at_most_and_nothing_after_it(
    overflow: Overflow, ends: tuple[str, ...], drained: bool
) -> None:
    rig = Rig(overflow)
    sent: list[Any] = list(rig.fill())
    for end in ends:
        rig.end(end)
        rig.stage.offer("late")
        if drained:
            rig.lane.run_all()
    rig.lane.run_all()

    expected = {"complete": [*sent, "done"], "error": [*sent, "Boom"], "dispose": []}[ends[0]]
    assert rig.heard == (expected if drained or ends[0] == "dispose" else [])  # disposed before it ran
    assert rig.books().discarded == 3 + (0 if expected and drained else len(sent))


@each_choice
def test_l01_a_fault_is_the_last_signal(overflow: Overflow) -> None:
    rig = Rig(overflow, subscriber=fail)
    rig.fill()
    rig.lane.run_all()
    for end in ("complete", "error", "dispose"):
        rig.end(end)
    rig.stage.offer("late")
    rig.lane.run_all()

    assert rig.heard == ["Boom"]


# --- L3, L4, L5 -----------------------------------------------------------------------------------


@each_choice
def test_l03_each_producers_elements_come_in_its_order(overflow: Overflow) -> None:
    """All of them where producers wait (here: come again), a subsequence elsewhere."""
    random, rig = rng(f"l03 {overflow}"), Rig(overflow, capacity=8, batch=3)
    sent = {"a": 0, "b": 0, "c": 0}
    for _ in range(2000):
        producer = random.choice("abc")
        if rig.stage.try_emit((producer, sent[producer])) is EmitResult.OK or overflow in DROPPING:
            sent[producer] += 1
        if random.random() < 0.25:
            rig.lane.run_one()
    rig.lane.run_all()

    for producer, count in sent.items():
        mine = [number for who, number in rig.heard if who == producer]
        assert mine == sorted(set(mine))
        if overflow in HOLDING:
            assert mine == list(range(count))
    assert len(rig.heard) > 100


@each_choice
@pytest.mark.parametrize("max_bytes", [None, 20])
def test_l04_no_more_waits_than_the_bound_at_any_instant(overflow: Overflow, max_bytes: int | None) -> None:
    """Looked at after each call, and from inside of each callback."""
    random = rng(f"l04 {overflow}")
    worst = [0, 0]

    def look(_: object = None) -> None:
        books = rig.stage._books
        worst[0] = max(worst[0], len(books.items))
        worst[1] = max(worst[1], books.bytes)

    rig = Rig(
        overflow,
        capacity=5,
        batch=2,
        max_bytes=max_bytes,
        weigh=lambda x: x,
        subscriber=look,
        on_drop=look,
    )
    for _ in range(1000):
        rig.stage.try_emit(random.randrange(8))
        look()
        if random.random() < 0.4:
            rig.lane.run_one()

    books = rig.books()
    assert worst == [books.high_water, books.high_water_bytes]
    assert books.high_water == rig.capacity if max_bytes is None else books.high_water <= rig.capacity
    assert max_bytes is None or worst[1] <= max_bytes


@each_choice
def test_l05_every_element_has_one_fate(overflow: Overflow) -> None:
    """Told by a journal of the test, whatever the stage says of itself."""
    random = rng(f"l05 {overflow}")
    rig = Rig(overflow, capacity=6, batch=2)
    refused, late = [], []
    for number in range(3000):
        result = rig.stage.try_emit(number)
        if result is EmitResult.CLOSED:
            late.append(number)
        elif result is EmitResult.OVERFLOW and overflow in HOLDING:
            refused.append(number)
        if random.random() < 0.3:
            rig.lane.run_one()
        if number == 2900:
            waiting = rig.books().queued
            rig.stage.dispose()
    rig.lane.run_all()
    books = rig.books()

    fates = [*rig.heard, *rig.dropped, *refused, *late]
    assert len(fates) == len(set(fates))
    assert len(fates) + waiting == 3000
    assert (books.delivered, books.dropped, books.refused) == (len(rig.heard), len(rig.dropped), len(refused))
    assert (books.discarded, books.queued) == (len(late) + waiting, 0)
    assert books.offered == 3000 - len(refused)
    assert len(late) == 99
    assert rig.ledgers.snapshot()[0].offered == books.offered


# --- L6 -------------------------------------------------------------------------------------------


@each_choice
def test_l06_nothing_passes_without_room_behind(overflow: Overflow) -> None:
    """Three rooms behind; each element takes of the room of all, room is given at random."""
    random = rng(f"l06 {overflow}")
    rooms, feeds = [Room(-1) for _ in range(3)], Gate()
    granted, passed = [0, 0, 0], 0

    def deliver(_: object) -> None:
        nonlocal passed
        passed += 1
        assert all(passed <= grant for grant in granted)
        for room, grant in zip(rooms, granted, strict=True):
            room.free = None if grant > passed else -1

    rig = Rig(overflow, capacity=4, batch=3, feeds=feeds, subscriber=deliver)
    for room in rooms:
        feeds.join(room)
    for number in range(2000):
        rig.stage.try_emit(number)
        rig.lane.run_one()
        which = random.randrange(3)
        granted[which] += random.randrange(3)
        if granted[which] > passed:
            rooms[which].open()

    assert passed == rig.books().delivered
    assert min(granted) >= passed > 500
    assert rig.books().parks > 100


# --- L7: what stands for demand here is to park and to be resumed -----------------------------------


@each_holding
def test_l07_each_who_parks_is_resumed_once_and_nobody_after_the_end(overflow: Overflow) -> None:
    rig, calls = Rig(overflow, capacity=8, batch=1), list[int]()
    rig.fill()
    for who in range(5):
        assert rig.stage.park(lambda who=who: calls.append(who))
    rig.lane.run_one()
    assert calls == []  # 7 of 8 wait: above the low mark
    rig.lane.run_one()
    assert calls == [0, 1, 2, 3, 4]
    rig.lane.run_all()
    rig.fill()
    assert calls == [0, 1, 2, 3, 4]
    assert rig.stage.park(lambda: calls.append(5))
    rig.stage.complete()
    assert calls == [0, 1, 2, 3, 4, 5]
    assert not rig.stage.park(lambda: calls.append(6))  # a no-op from here on
    rig.stage.dispose()
    assert calls == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("wrong", [{"capacity": 0}, {"capacity": -1}, {"batch": 0}, {"max_bytes": 0}])
def test_l07_a_bound_below_one_is_an_error(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError):
        Rig(Overflow.PARK, **wrong)  # type: ignore[arg-type]


def test_l07_a_resume_that_comes_twice_or_late_harms_nobody() -> None:
    """A gate that calls again when the stage has been disposed: a no-op."""
    room, feeds = Room(-1), Gate()
    feeds.join(room)
    rig = Rig(Overflow.PARK, feeds=feeds)
    rig.fill()
    rig.lane.run_all()
    (resume,) = room.parked
    rig.stage.dispose()
    for _ in range(3):
        resume()
    rig.lane.run_all()

    assert rig.heard == []
    assert rig.books().discarded == 4
