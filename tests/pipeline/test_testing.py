"""The test doubles that extensions use, too."""

from __future__ import annotations

import pytest

from brummer_rx.pipeline.lane import serving
from brummer_rx.pipeline.testing import HandLane, VirtualClock


def test_a_hand_lane_runs_drains_in_order_when_told() -> None:
    lane, ran = HandLane("mine"), []
    for i in range(3):
        lane.submit_drain(lambda i=i: ran.append((i, lane.is_current(), serving())))

    assert (lane.pending, ran, lane.is_current()) == (3, [], False)
    assert lane.run_one()
    assert ran == [(0, True, "mine")]
    assert lane.run_all() == 2
    assert not lane.run_one()
    assert [i for i, _, _ in ran] == [0, 1, 2]
    assert not lane.is_current()


def test_a_hand_lane_runs_what_its_drains_submit() -> None:
    lane, ran = HandLane(), []
    lane.submit_drain(lambda: lane.submit_drain(lambda: ran.append(1)))

    assert lane.run_all() == 2
    assert ran == [1]


def test_a_hand_lane_that_never_rests_is_an_assertion() -> None:
    lane = HandLane()

    def again() -> None:
        lane.submit_drain(again)

    again()
    with pytest.raises(AssertionError, match="busy after 10"):
        lane.run_all(limit=10)


def test_a_hand_lane_refuses_and_raises_as_told() -> None:
    lane = HandLane()
    lane.submit_drain(lambda: 1 // 0)
    lane.refuse = RuntimeError("ended")

    with pytest.raises(RuntimeError, match="ended"):
        lane.submit_drain(lambda: None)
    with pytest.raises(ZeroDivisionError):
        lane.run_one()
    assert serving() is None
    assert not lane.is_current()


def test_virtual_time_stands_until_it_is_advanced() -> None:
    clock, ran = VirtualClock(100.0), []
    clock.call_later(2.0, lambda: ran.append(("b", clock.now())))
    clock.call_later(1.0, lambda: ran.append(("a", clock.now())))
    clock.call_later(-5.0, lambda: ran.append(("now", clock.now())))
    wall = clock.time_ns()

    clock.advance(1.5)
    assert ran == [("now", 100.0), ("a", 101.0)]
    assert clock.now() == 101.5
    clock.advance(1.0)
    assert ran[2:] == [("b", 102.0)]
    assert clock.time_ns() - wall == 2_500_000_000


def test_timers_set_by_timers_run_in_the_same_advance() -> None:
    clock, ran = VirtualClock(), []

    def tick() -> None:
        ran.append(clock.now())
        clock.call_later(1.0, tick)

    clock.call_later(1.0, tick)
    clock.advance(3.5)
    assert ran == [1.0, 2.0, 3.0]
    assert clock.pending() == 1


def test_a_cancelled_virtual_timer_does_not_run() -> None:
    clock, ran = VirtualClock(), []
    timer = clock.call_later(1.0, lambda: ran.append(1))
    timer.cancel()
    timer.cancel()
    clock.advance(2.0)
    assert ran == []
    assert clock.pending() == 0
