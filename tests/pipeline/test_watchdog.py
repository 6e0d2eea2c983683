"""The watchdog: a stage that stands still with work is said once, and why; lawful waiting is told apart."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from brummer_rx.pipeline import guards
from brummer_rx.pipeline.clock import ClockThread
from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.ledger import Ledger, Ledgers
from brummer_rx.pipeline.stage import BoundedStage
from brummer_rx.pipeline.testing import HandLane, VirtualClock
from brummer_rx.pipeline.threads import Lane
from brummer_rx.pipeline.violations import Mode
from brummer_rx.pipeline.watchdog import STALL, Watchdog, all_stacks, watch
from tests.pipeline.until import until


class Rig:
    """A watchdog on virtual time, and stages on a hand-driven lane."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.ledgers = Ledgers()
        self.lane = HandLane()
        self.said: list[str] = []
        self.dog = Watchdog(self.clock, self.ledgers, report=self.said.append)
        self.dog.start()

    def stage(
        self,
        name: str,
        consume: Callable[[int], None] | None = lambda x: None,
        *,
        lane: HandLane | None = None,
        joins: Gate | None = None,
        feeds: Gate | None = None,
    ) -> BoundedStage[int]:
        stage: BoundedStage[int] = BoundedStage(
            lane or self.lane, name=name, capacity=2, ledgers=self.ledgers, joins=joins, feeds=feeds
        )
        if consume is not None:
            stage.output.subscribe(consume)
        return stage


@pytest.fixture
def rig() -> Rig:
    return Rig()


class Reader:
    """Where a terminal's bytes go, while its reader may take nothing."""

    def __init__(self) -> None:
        self.frozen = True
        self.resumes: list[Callable[[], None]] = []

    def has_room(self, size: int = 0) -> bool:
        return not self.frozen

    def park(self, resume: Callable[[], None], size: int = 0) -> bool:
        if self.frozen:
            self.resumes.append(resume)
        return self.frozen

    def thaw(self) -> None:
        self.frozen = False
        resumes, self.resumes = self.resumes, []
        for resume in resumes:
            resume()


def test_a_lane_that_does_not_come_is_a_hang_with_all_stacks_and_books(rig: Rig) -> None:
    rig.stage("idle")
    stage = rig.stage("lines")
    stage.offer(1)

    rig.clock.advance(STALL - 0.1)
    assert rig.said == []
    rig.clock.advance(1.0)

    (text,) = rig.said
    assert text.startswith("watchdog: stage lines has 1 and delivered nothing for 2.")
    assert "it hangs" in text.splitlines()[0]
    assert "stage='lines', offered=1" in text
    assert "stage='idle'" in text
    assert "--- thread MainThread" in text
    assert "test_a_lane_that_does_not_come" in text
    assert rig.dog.hangs == 1


def test_it_is_said_once_an_episode(rig: Rig) -> None:
    stage = rig.stage("lines")
    stage.offer(1)
    rig.clock.advance(20.0)
    assert len(rig.said) == 1

    rig.lane.run_all()
    rig.clock.advance(20.0)
    assert len(rig.said) == 1

    stage.offer(2)
    rig.clock.advance(20.0)
    assert len(rig.said) == 2


def test_a_subscriber_that_does_not_return_is_seen_on_real_threads() -> None:
    clock, ledgers, lane = ClockThread(), Ledgers(), Lane("store")
    said: list[str] = []
    go = threading.Event()

    def hang_here(_: int) -> None:
        go.wait(20)

    stage: BoundedStage[int] = BoundedStage(lane, name="store", ledgers=ledgers)
    stage.output.subscribe(hang_here)
    clock.start()
    Watchdog(clock, ledgers, report=said.append, stall=0.3).start()
    stage.offer(1)

    until(lambda: len(said) == 1)
    go.set()
    assert "it hangs" in said[0]
    assert "--- thread store" in said[0]
    assert "hang_here" in said[0]
    assert lane.close(5)
    assert clock.close(5)


def test_work_that_moves_is_silent(rig: Rig) -> None:
    stage = rig.stage("lines")
    for n in range(30):
        stage.offer(n)
        stage.offer(n)
        rig.clock.advance(STALL - 0.5)
        rig.lane.run_all()

    assert rig.said == []


def test_an_idle_stage_and_an_ended_one_are_silent(rig: Rig) -> None:
    rig.stage("idle")
    ended = rig.stage("ended")
    ended.offer(1)
    ended.dispose()

    rig.clock.advance(60.0)

    assert rig.said == []


def test_a_frozen_reader_of_the_terminal_holds_back_and_is_no_hang(rig: Rig) -> None:
    reader, gate = Reader(), Gate()
    gate.join(reader)
    console = rig.stage("console", feeds=gate)
    console.offer(1)
    rig.lane.run_all()

    rig.clock.advance(10.0)

    (text,) = rig.said
    assert "held back by Reader" in text
    assert "--- thread" not in text
    assert (rig.dog.hangs, rig.dog.held_back) == (0, 1)

    reader.thaw()
    rig.lane.run_all()
    assert console.held_back_by() == ()
    rig.clock.advance(10.0)
    assert len(rig.said) == 1


def test_behind_a_hang_only_the_one_that_hangs_is_said_to(rig: Rig) -> None:
    fan, hung = Gate(), HandLane()  # nobody ever drives the lane of "store"
    store = rig.stage("store", lane=hung, joins=fan)
    lines = rig.stage("lines", store.offer, feeds=fan)
    for n in range(3):
        lines.offer(n)
        rig.lane.run_all()

    rig.clock.advance(10.0)

    first = sorted(text.splitlines()[0] for text in rig.said)
    assert [line.split(": ")[2] for line in first] == ["held back by store", "it hangs"]
    assert [line.split()[2] for line in first] == ["lines", "store"]
    assert (rig.dog.hangs, rig.dog.held_back) == (1, 1)

    hung.run_all()
    rig.lane.run_all()
    hung.run_all()
    assert [ledger.delivered for ledger in rig.ledgers.snapshot()] == [3, 3]


def test_parked_although_there_is_room_is_a_hang(rig: Rig) -> None:
    """The wake-up was lost: nobody will ever call the resume."""
    reader, gate = Reader(), Gate()
    gate.join(reader)
    console = rig.stage("console", feeds=gate)
    console.offer(1)
    rig.lane.run_all()
    reader.frozen = False  # without calling whom it promised to call

    rig.clock.advance(10.0)

    assert "it is parked although there is room" in rig.said[0]
    assert rig.dog.hangs == 1
    reader.thaw()


def test_what_nobody_has_subscribed_to_waits_lawfully(rig: Rig) -> None:
    stage = rig.stage("early", None)
    stage.offer(1)

    rig.clock.advance(10.0)

    assert "held back by no subscriber yet" in rig.said[0]
    assert rig.dog.hangs == 0


def test_a_process_that_was_stopped_has_no_hang(rig: Rig) -> None:
    """After Ctrl-Z and `fg` hours have passed, and we have looked once."""
    stage = rig.stage("lines")
    stage.offer(1)
    rig.clock.advance(1.0)
    rig.clock._now += 3600.0

    rig.clock.advance(0.3)

    assert rig.said == []
    rig.clock.advance(3.0)
    assert len(rig.said) == 1


def test_a_stage_of_another_kind_is_judged_by_its_books(rig: Rig) -> None:
    class Books:
        def ledger(self) -> Ledger:
            return Ledger("foreign", offered=1, accepted=1, queued=1)

    rig.ledgers.add(Books())
    rig.clock.advance(10.0)

    assert "stage foreign has 1" in rig.said[0]


@pytest.fixture
def off() -> Iterator[None]:
    before = guards.mode()
    guards.switch(Mode.OFF)
    yield
    guards.switch(before)


def test_off_there_is_none(off: None) -> None:
    clock = VirtualClock()

    assert watch(clock, Ledgers()) is None
    assert clock.pending() == 0


def test_on_it_runs_until_the_clock_ends() -> None:
    clock = ClockThread()
    clock.start()

    assert watch(clock, Ledgers()) is not None
    assert clock.pending() == 2
    assert clock.close(5)
    assert clock.faults == 0


def test_all_stacks_name_every_thread() -> None:
    lane = Lane("sync")
    lane.submit(lambda: None)

    text = all_stacks()

    assert "--- thread MainThread" in text
    assert "--- thread sync" in text
    assert lane.close(5)
