"""The supervisor folds everything that happens into one table and has the effects run."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from brummer_rx.pipeline.effect import Effect, Signal, Spawn, Tell
from brummer_rx.pipeline.errors import BufferOverflow, ThreadError
from brummer_rx.pipeline.event import ProcessEvent, ProcessEventKind
from brummer_rx.pipeline.process import Command, CommandKind, ProcessSpec, ProcessState
from brummer_rx.pipeline.supervisor import RETRY, Supervisor
from brummer_rx.pipeline.testing import HandLane, VirtualClock

WEB = ProcessSpec("web", ("true",), "true", ".")
START = Command(CommandKind.START, "web")
STOP = Command(CommandKind.STOP, "web")


class Hands:
    """An effector that answers a spawn at once, and notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[Effect] = []
        self.fails = False

    def run(self, effect: Effect, deliver: Callable[[ProcessEvent], None]) -> None:
        self.asked.append(effect)
        if self.fails:
            raise OSError("out of hands")
        if isinstance(effect, Spawn):
            deliver(ProcessEvent("web", ProcessEventKind.STARTED, 1, effect.incarnation, pid=7))


class Rig:
    def __init__(self) -> None:
        self.lane, self.clock, self.hands = HandLane("pool"), VirtualClock(), Hands()
        self.told: list[Tell] = []
        self.failed: list[bool] = []
        self.changes = 0
        self.supervisor = Supervisor(
            (WEB,),
            grace=10.0,
            lane=self.lane,
            clock=self.clock,
            effector=self.hands,
            on_tell=self.told.append,
            on_change=self.changed,
            on_failed=lambda: self.failed.append(True),
        )

    def changed(self) -> None:
        self.changes += 1

    @property
    def state(self) -> ProcessState:
        return self.supervisor.table.processes[0].state


def test_a_command_becomes_an_effect_and_its_result_becomes_the_table() -> None:
    rig = Rig()
    rig.supervisor.send(START)
    rig.lane.run_all()

    assert rig.hands.asked == [Spawn(WEB, 1)]
    assert rig.state is ProcessState.RUNNING
    assert rig.changes == 2


def test_a_timer_comes_back_as_an_input() -> None:
    rig = Rig()
    rig.supervisor.send(START)
    rig.supervisor.send(STOP)
    rig.lane.run_all()
    assert [e.signum for e in rig.hands.asked if isinstance(e, Signal)] == [15]

    rig.clock.advance(10.0)
    rig.lane.run_all()
    assert [e.signum for e in rig.hands.asked if isinstance(e, Signal)] == [15, 9]


def test_an_effect_that_fails_is_told_and_the_table_goes_on() -> None:
    rig = Rig()
    rig.hands.fails = True
    rig.supervisor.send(START)
    rig.lane.run_all()

    assert rig.told == [Tell("Spawn: out of hands", bad=True)]
    assert rig.state is ProcessState.STARTING


def test_too_many_wishes_are_refused_and_events_are_kept() -> None:
    rig = Rig()
    rig.supervisor.send(START)
    rig.lane.run_all()
    for _ in range(1024):
        rig.supervisor.send(START)

    with pytest.raises(BufferOverflow, match="too many commands wait"):
        rig.supervisor.send(STOP)
    rig.supervisor.deliver(ProcessEvent("web", ProcessEventKind.EXITED, 2, 1, exit_code=3))
    rig.lane.run_all()
    assert rig.state is ProcessState.RUNNING

    rig.clock.advance(RETRY)
    rig.lane.run_all()
    assert rig.state is ProcessState.FAILED


def test_after_close_nothing_is_decided() -> None:
    rig = Rig()
    rig.supervisor.close()
    rig.supervisor.send(START)
    rig.lane.run_all()

    assert rig.hands.asked == []
    assert rig.supervisor.state.refused == 0


def test_whoever_needs_to_know_hears_that_nothing_is_decided_any_more() -> None:
    rig = Rig()
    rig.lane.refuse = ThreadError("no thread")
    rig.supervisor.deliver(START)

    assert rig.failed == [True]
    assert [tell.bad for tell in rig.told] == [True] and "process control failed" in rig.told[0].text
    rig.supervisor.deliver(STOP)
    rig.supervisor.close()
    assert rig.failed == [True]
