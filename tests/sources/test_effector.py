"""The effector's hands on real children."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from brummer_rx.pipeline.clock import ClockThread
from brummer_rx.pipeline.effect import Cut, Signal, SignalLeftovers, Spawn
from brummer_rx.pipeline.event import ProcessEvent, ProcessEventKind
from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.process import ProcessSpec
from brummer_rx.sources.effector import ProcessEffector, sweep
from brummer_rx.sources.ingest import Ingest
from tests.sources.rig import until


class Rig:
    def __init__(self, run_id: str) -> None:
        self.clock = ClockThread()
        self.clock.start()
        self.ingest = Ingest(gate=Gate(), clock=self.clock)
        self.events: list[ProcessEvent] = []
        self.lines = b""
        self.ingest.events.subscribe(self.events.append)
        self.ingest.batches.subscribe(self.keep)
        self.ingest.start()
        self.hands = ProcessEffector(self.ingest, clock=self.clock, run_id=run_id, pty=False)

    def keep(self, batch: object) -> None:
        self.lines += batch.data  # type: ignore[attr-defined]

    def spawn(self, text: str, cwd: str = ".") -> None:
        spec = ProcessSpec("web", ("/bin/sh", "-c", text), text, cwd)
        self.hands.run(Spawn(spec, 1), self.events.append)

    def kinds(self) -> list[str]:
        return [str(e.kind) for e in self.events]

    def close(self) -> None:
        self.ingest.close(5)
        self.clock.close(5)


@pytest.fixture
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    rig = Rig(f"test-{os.getpid()}-{request.node.name}")
    yield rig
    rig.close()


def test_started_comes_before_everything_else_of_an_incarnation(rig: Rig) -> None:
    rig.spawn("echo hi; exit 4")
    until(lambda: len(rig.events) == 3)

    assert rig.kinds()[0] == "started"
    assert sorted(rig.kinds()[1:]) == ["exited", "output_closed"]
    assert {e.exit_code for e in rig.events if e.kind is ProcessEventKind.EXITED} == {4}
    assert rig.lines == b"hi\n"


def test_what_cannot_start_exits_with_its_code_and_a_reason(rig: Rig) -> None:
    rig.spawn("true", cwd="/nonexistent/folder")

    (event,) = rig.events
    assert (event.kind, event.exit_code) == (ProcessEventKind.EXITED, 126)
    assert "/nonexistent/folder does not exist" in event.detail


def test_a_signal_reaches_the_group(rig: Rig) -> None:
    rig.spawn("sleep 60 & echo up; wait")
    until(lambda: rig.lines == b"up\n")
    rig.hands.run(Signal("web", 1, signal.SIGTERM), rig.events.append)
    until(lambda: len(rig.events) == 3)

    assert [e.exit_code for e in rig.events if e.exit_code] == [143]


def test_a_signal_for_an_unknown_incarnation_does_nothing(rig: Rig) -> None:
    rig.hands.run(Signal("web", 9, signal.SIGTERM), rig.events.append)

    assert rig.events == []


def test_leftovers_of_the_group_are_told_and_killed(rig: Rig, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    rig.spawn(f"(trap '' TERM; exec sleep 60) >/dev/null 2>&1 </dev/null & echo $! > {pid_file}")
    until(lambda: len(rig.events) == 3)
    left = psutil.Process(int(pid_file.read_text()))
    until(lambda: left.name() == "sleep")
    rig.hands.run(SignalLeftovers("web", 1, signal.SIGTERM), rig.events.append)
    assert left.is_running()

    rig.hands.run(SignalLeftovers("web", 1, signal.SIGKILL), rig.events.append)
    until(lambda: not left.is_running() or left.status() == psutil.STATUS_ZOMBIE)


def test_a_cut_closes_an_output_that_a_stranger_holds(rig: Rig) -> None:
    rig.spawn("sleep 60 & echo up")
    until(lambda: rig.lines == b"up\n" and "exited" in rig.kinds())
    rig.hands.run(Cut("web", 1), rig.events.append)
    until(lambda: "output_closed" in rig.kinds())

    rig.hands.run(SignalLeftovers("web", 1, signal.SIGKILL), rig.events.append)


def test_the_sweep_ends_what_left_its_session_and_says_so(rig: Rig, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    rig.spawn(f"setsid sh -c 'echo $$ > {pid_file}; exec sleep 60' >/dev/null 2>&1 </dev/null &")
    until(lambda: len(rig.events) == 3 and pid_file.exists() and pid_file.read_text() != "")
    stray = int(pid_file.read_text())
    told = sweep(rig.hands.run_id, 5.0)

    assert len(told) == 1
    assert str(stray) in told[0]
    until(lambda: not psutil.pid_exists(stray) or psutil.Process(stray).status() == psutil.STATUS_ZOMBIE)
    assert sweep(rig.hands.run_id, 0.1) == ()
