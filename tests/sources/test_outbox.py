"""What is emitted, in which order, and what waits for room."""

from __future__ import annotations

import pytest
from loguru import logger

from brummer_rx.pipeline.event import Gap, GapReason, LogBatch, ProcessEvent, ProcessEventKind, Stream
from brummer_rx.pipeline.gate import Gate
from brummer_rx.sources.outbox import Outbox
from tests.sources.rig import FakeRoom


def batch(number: int, size: int = 2) -> LogBatch:
    return LogBatch("a", Stream.OUT, number, 1, 0, b"x" * (size - 1) + b"\n")


CLOSED = ProcessEvent("a", ProcessEventKind.OUTPUT_CLOSED, 0, 1)
EXITED = ProcessEvent("a", ProcessEventKind.EXITED, 0, 1, exit_code=0)
GAP = Gap("a", 0, 0, GapReason.CUT, -1, -1)


class Fixture:
    def __init__(self) -> None:
        self.room = FakeRoom()
        gate = Gate()
        gate.join(self.room)
        self.woken = 0
        self.box = Outbox(gate, self._wake)
        self.seen: list[object] = []
        for stream in (self.box.batches, self.box.events, self.box.gaps):
            stream.subscribe(self.seen.append, on_completed=lambda: self.seen.append("end"))

    def _wake(self) -> None:
        self.woken += 1


@pytest.fixture
def it() -> Fixture:
    return Fixture()


def test_order_is_kept_over_the_three_streams(it: Fixture) -> None:
    for item in (batch(0), GAP, CLOSED, batch(1)):
        it.box.put(item)
    it.box.flush()

    assert it.seen == [batch(0), GAP, CLOSED, batch(1)]
    assert len(it.box) == 0


def test_a_full_stage_holds_everything_behind_the_batch_and_is_asked_once(it: Fixture) -> None:
    it.room.full = True
    it.box.put(batch(0, 10))
    it.box.put(CLOSED)
    it.box.flush()
    it.box.flush()
    assert not it.box.has_room(1)

    assert (it.seen, len(it.box), it.room.waiting, it.box.parks, it.room.asked) == ([], 2, 1, 1, [10])

    it.room.open()
    assert it.woken == 1
    it.box.unpark()
    assert it.seen == [batch(0, 10), CLOSED]
    assert not it.box.parked


def test_a_stage_that_fills_again_parks_again(it: Fixture) -> None:
    it.room.full = True
    it.box.put(batch(0))
    it.box.flush()

    it.box.unpark()

    assert (it.box.parked, it.box.parks, it.seen) == (True, 2, [])


def test_room_that_comes_between_asking_and_parking_is_taken(it: Fixture) -> None:
    it.room.has_room = lambda size=0: False  # type: ignore[method-assign]

    assert it.box.has_room(5)
    assert not it.box.parked


def test_force_goes_beyond_the_bound(it: Fixture) -> None:
    it.room.full = True
    it.box.put(batch(0))
    it.box.put(CLOSED)

    it.box.flush(force=True)

    assert it.seen == [batch(0), CLOSED]


def test_an_exit_does_not_wait_for_lines(it: Fixture) -> None:
    it.room.full = True
    it.box.put(batch(0))
    it.box.flush()

    it.box.tell(EXITED)

    assert it.seen == [EXITED]


def test_completion_comes_last_and_for_each_stream(it: Fixture) -> None:
    it.room.full = True
    it.box.put(batch(0))

    it.box.complete()

    assert it.seen == [batch(0), "end", "end", "end"]


def test_a_subscriber_that_raises_is_counted_and_told_of_and_the_others_go_on() -> None:
    box = Outbox(Gate(), lambda: None)
    seen: list[LogBatch] = []

    def bad(_: object) -> None:
        raise ValueError("mine")

    box.events.subscribe(bad)
    box.batches.subscribe(seen.append)
    told: list[str] = []
    sink = logger.add(told.append, format="{message}", level="ERROR")

    box.tell(EXITED)
    box.put(batch(0))
    box.flush()
    logger.remove(sink)

    assert (box.faults, seen) == (1, [batch(0)])
    assert "a subscriber of ingest raised" in told[0]
    assert "mine" in told[0]
