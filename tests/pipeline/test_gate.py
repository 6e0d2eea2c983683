"""The gate between an upstream and several downstreams."""

from __future__ import annotations

from collections.abc import Callable

from brummer_rx.pipeline.gate import Gate


class Downstream:
    def __init__(self, room: int) -> None:
        self.room = room
        self.parked: list[Callable[[], None]] = []

    def has_room(self, size: int = 0) -> bool:
        return size <= self.room

    def park(self, resume: Callable[[], None], size: int = 0) -> bool:
        if self.has_room(size):
            return False
        self.parked.append(resume)
        return True


def nothing() -> None:
    """A resume."""


def test_an_empty_gate_is_open() -> None:
    gate = Gate()

    assert gate.has_room(10**9)
    assert not gate.park(nothing, 10**9)


def test_all_must_have_room_for_the_size() -> None:
    gate, wide, narrow = Gate(), Downstream(10), Downstream(3)
    gate.join(wide)
    gate.join(narrow)

    assert gate.has_room(3)
    assert not gate.has_room(4)
    assert not gate.park(nothing, 3)


def test_it_parks_on_exactly_one_full_stage() -> None:
    gate, stages = Gate(), [Downstream(10), Downstream(3), Downstream(2)]
    for stage in stages:
        gate.join(stage)

    assert gate.park(nothing, 5)
    assert [len(stage.parked) for stage in stages] == [0, 1, 0]


def test_who_left_is_not_asked() -> None:
    gate, narrow = Gate(), Downstream(0)
    gate.leave(narrow)
    gate.join(narrow)
    assert not gate.has_room(1)

    gate.leave(narrow)
    gate.leave(narrow)
    assert gate.has_room(1)
    assert gate.stages == ()
