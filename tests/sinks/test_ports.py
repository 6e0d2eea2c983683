"""Posting to lanes."""

from __future__ import annotations

from brummer_rx.pipeline.testing import VirtualClock
from brummer_rx.sinks.store.ports import post
from tests.sinks.storekit import HandActions


def test_a_full_lane_is_tried_again_until_it_takes_the_action() -> None:
    lane, clock = HandActions(), VirtualClock()
    ran: list[int] = []
    lane.full = 3

    post(lane, clock, lambda: ran.append(1))
    assert not lane.waiting
    clock.advance(0.05)
    assert not lane.waiting
    clock.advance(0.02)
    lane.run_all()

    assert ran == [1]
