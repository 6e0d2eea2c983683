"""The consuming half of a stage: what the truth table (test_stage.py) does not reach."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from reactivex.subject import Subject

from brummer_rx.pipeline.drain import Drained, DrainTask
from brummer_rx.pipeline.errors import OperatorError, ThreadError
from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.lane import Abandonable
from brummer_rx.pipeline.ledger import Ledgers
from brummer_rx.pipeline.overflow import Backlog
from brummer_rx.pipeline.stage import BoundedStage
from brummer_rx.pipeline.testing import HandLane


class Behind:
    """A downstream that is full until opened, and remembers what it was asked."""

    def __init__(self) -> None:
        self.room = 0
        self.asked: list[int] = []
        self.parked: list[Callable[[], None]] = []
        self.opens_between = False  # room appears between has_room and park

    def has_room(self, size: int = 0) -> bool:
        self.asked.append(size)
        return size <= self.room

    def park(self, resume: Callable[[], None], size: int = 0) -> bool:
        if self.opens_between:
            self.room = 1000
        if size <= self.room:
            return False
        self.parked.append(resume)
        return True

    def open(self, room: int = 1000) -> None:
        self.room = room
        parked, self.parked = self.parked, []
        for resume in parked:
            resume()


def parked_stage(lane: HandLane) -> tuple[BoundedStage[str], Behind, list[object]]:
    behind, gate, heard = Behind(), Gate(), list[object]()
    gate.join(behind)
    stage: BoundedStage[str] = BoundedStage(lane, name="s", feeds=gate, weigh=len)
    stage.output.subscribe(heard.append, lambda e: heard.append(type(e)), lambda: heard.append("|"))
    return stage, behind, heard


def test_the_drain_asks_for_the_size_of_its_head_and_parks() -> None:
    lane = HandLane()
    stage, behind, heard = parked_stage(lane)
    for x in ("a", "bbb", "cc"):
        stage.offer(x)
    behind.room = 2
    lane.run_all()

    assert heard == ["a"]
    assert behind.asked == [1, 3]
    assert stage.ledger().parks == 1
    assert (lane.pending, len(behind.parked)) == (0, 1)
    stage.offer("d")
    assert lane.pending == 0  # active: parked
    behind.open()
    lane.run_all()
    assert heard == ["a", "bbb", "cc", "d"]
    assert stage.ledger().parks == 1


def test_room_that_appears_before_it_parks_is_used() -> None:
    lane = HandLane()
    stage, behind, heard = parked_stage(lane)
    behind.opens_between = True
    stage.offer("a")
    lane.run_all()

    assert heard == ["a"]
    assert stage.ledger().parks == 0


def test_an_element_that_comes_after_the_gate_was_asked_for_none_is_asked_for() -> None:
    lane = HandLane()
    stage, behind, heard = parked_stage(lane)
    behind.room = 1
    ask = stage._ask

    def ask_late(feeds: Gate) -> bool | None:
        answer = ask(feeds)
        if answer is False and stage.ledger().offered == 1:
            stage.offer("bbb")  # does not fit
        return answer

    stage._ask = ask_late  # type: ignore[method-assign]
    stage.offer("a")
    lane.run_all()

    assert heard == ["a"]
    assert len(behind.parked) == 1


def test_the_element_before_a_park_is_booked_as_delivered() -> None:
    lane = HandLane()
    stage, behind, _ = parked_stage(lane)
    behind.room = 1
    for x in ("a", "bb"):
        stage.offer(x)
    lane.run_all()

    assert (stage.ledger().delivered, stage.ledger().queued) == (1, 1)


def test_the_end_waits_for_a_parked_backlog() -> None:
    lane = HandLane()
    stage, behind, heard = parked_stage(lane)
    stage.offer("a")
    lane.run_all()
    stage.complete()
    lane.run_all()
    assert heard == []

    behind.open()
    lane.run_all()
    assert heard == ["a", "|"]


def test_an_end_without_a_backlog_asks_nobody_for_room() -> None:
    lane = HandLane()
    stage, behind, heard = parked_stage(lane)
    stage.complete()
    lane.run_all()

    assert heard == ["|"]
    assert behind.asked == []


def test_a_resume_after_the_end_does_nothing() -> None:
    lane = HandLane()
    stage, behind, heard = parked_stage(lane)
    stage.offer("a")
    lane.run_all()
    stage.dispose()
    behind.open()
    lane.run_all()

    assert heard == []
    assert lane.pending == 0
    assert stage.ledger().discarded == 1


def test_a_resume_onto_a_lane_that_ended_is_a_fault() -> None:
    lane = HandLane()
    stage, behind, heard = parked_stage(lane)
    stage.offer("a")
    lane.run_all()
    lane.refuse = ThreadError("ended")
    behind.open()

    assert heard == [ThreadError]
    assert stage.ledger().closes
    assert stage.ledger().discarded == 1


def test_a_drain_that_cannot_queue_itself_again_is_a_fault() -> None:
    lane, heard = HandLane(), list[object]()
    stage: BoundedStage[int] = BoundedStage(lane, name="s", batch=2)

    def hear(x: int) -> None:
        heard.append(x)
        lane.refuse = ThreadError("ended")

    stage.output.subscribe(hear, lambda e: heard.append(type(e)))
    for i in range(5):
        stage.offer(i)
    lane.run_all()

    assert heard == [0, 1, ThreadError]
    assert stage.ledger().delivered == 2
    assert stage.ledger().discarded == 3


def test_a_lane_may_tell_the_task_that_it_will_never_run() -> None:
    told: list[BaseException] = []
    task = DrainTask(lambda: told.append(KeyError()), told.append)
    assert isinstance(task, Abandonable)
    task.abandon(ThreadError())
    task()

    assert [type(e) for e in told] == [ThreadError, KeyError]


def test_an_abandoned_stage_ends_as_by_a_fault() -> None:
    lane, heard, ledgers = HandLane(), list[object](), Ledgers()
    stage: BoundedStage[int] = BoundedStage(lane, name="s", ledgers=ledgers)
    stage.output.subscribe(heard.append, lambda e: heard.append(type(e)))
    stage.offer(1)
    stage._task.abandon(ThreadError("ended"))
    lane.run_all()

    assert heard == [ThreadError]
    assert ledgers.snapshot()[0].discarded == 1


def test_a_stage_that_had_ended_has_no_fault_when_its_lane_ends() -> None:
    lane, faults, ledgers = HandLane(), list[BaseException](), Ledgers()
    stage: BoundedStage[int] = BoundedStage(lane, name="s", ledgers=ledgers, on_fault=faults.append)
    stage.output.subscribe()
    stage.offer(1)
    stage.dispose()
    stage._task.abandon(ThreadError("ended"))

    assert faults == []
    assert (ledgers.snapshot()[0].faults, ledgers.snapshot()[0].discarded) == (0, 1)


def test_an_upstream_that_raises_when_disposed_is_counted() -> None:
    lane, source = HandLane(), Subject[int]()
    stage: BoundedStage[int] = BoundedStage(lane, name="s")
    stage.output.subscribe()
    stage.follow(source)
    source.observers.clear()  # what a completion that races with dispose leaves behind

    class Broken:
        def dispose(self) -> None:
            raise ValueError("list.remove(x): x not in list")

    stage._upstream.current = Broken()  # type: ignore[assignment]
    stage.dispose()
    assert stage.ledger().ended
    assert stage.ledger().faults >= 1


def test_draining_without_a_subscriber_is_a_bug_that_shows() -> None:
    half: Drained[int] = Drained(
        HandLane(), Backlog("s", 1, None), batch=1, joins=None, feeds=None, on_fault=None, ledgers=None
    )
    with pytest.raises(OperatorError):
        half._drain()
