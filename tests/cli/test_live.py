"""The live run as others see it: snapshots, notices, and who is told of changes."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from brummer_rx.cli.live import NOTICES, SAMPLE_EVERY, LiveRun
from brummer_rx.pipeline.errors import BufferOverflow
from brummer_rx.pipeline.process import Command, CommandKind, ProcessTable
from brummer_rx.pipeline.testing import VirtualClock


class Part:
    """Stands for every part of a run: notes what it is asked."""

    def __init__(self) -> None:
        self.table = ProcessTable(1, ())
        self.sent: list[Command] = []
        self.jobs: list[Callable[[], None]] = []
        self.full = False

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        return lambda: None

    def tails(self) -> tuple[object, ...]:
        return ()

    def send(self, command: Command) -> None:
        self.sent.append(command)

    def admit(self, job: Callable[[], None]) -> None:
        if self.full:
            raise BufferOverflow("full")
        self.jobs.append(job)


class Rig:
    def __init__(self) -> None:
        self.part, self.clock = Part(), VirtualClock()
        part: object = self.part
        self.live = LiveRun(
            "run-1",
            reader=part,  # type: ignore[arg-type]
            search=part,  # type: ignore[arg-type]
            supervisor=part,  # type: ignore[arg-type]
            ingest=part,  # type: ignore[arg-type]
            pool=part,  # type: ignore[arg-type]
            clock=self.clock,
        )


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_changes_are_told_until_they_are_not_asked_for(rig: Rig) -> None:
    told: list[int] = []
    stop = rig.live.on_change(lambda: told.append(1))
    rig.live.changed()
    stop()
    rig.live.changed()

    assert told == [1]


def test_the_newest_notices_are_kept(rig: Rig) -> None:
    for n in range(NOTICES + 5):
        rig.live.tell(str(n), bad=n % 2 == 0)

    notices = rig.live.notices()
    assert len(notices) == NOTICES
    assert (notices[0].text, notices[-1].text) == ("5", str(NOTICES + 4))


def test_commands_go_to_the_decider_and_the_table_comes_from_it(rig: Rig) -> None:
    command = Command(CommandKind.STOP, "web")
    rig.live.send(command)

    assert rig.part.sent == [command]
    assert rig.live.processes() is rig.part.table
    assert rig.live.tails() == ()


def test_usage_is_sampled_by_one_job_at_a_time_while_asked(rig: Rig) -> None:
    rig.live.usage()
    rig.live.usage()
    assert len(rig.part.jobs) == 1

    rig.part.jobs.pop()()
    rig.clock.advance(SAMPLE_EVERY)
    assert len(rig.part.jobs) == 1, "somebody asked just now: again"


def test_nobody_asking_ends_the_sampling(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.live.usage()
    now = time.monotonic()
    monkeypatch.setattr("brummer_rx.cli.live.time.monotonic", lambda: now + 10 * SAMPLE_EVERY)
    rig.part.jobs.pop()()
    rig.clock.advance(10 * SAMPLE_EVERY)

    assert rig.part.jobs == []


def test_a_pool_that_is_full_is_asked_again(rig: Rig) -> None:
    rig.part.full = True
    rig.live.usage()
    rig.part.full = False
    rig.clock.advance(SAMPLE_EVERY)

    assert len(rig.part.jobs) == 1


def test_a_look_that_fails_is_not_the_last_one(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: object, table: object) -> None:
        raise RuntimeError("a process went away in the wrong moment")

    monkeypatch.setattr("brummer_rx.cli.live.UsageSampler.sample", broken)
    rig.live.usage()
    rig.part.jobs.pop()()
    rig.clock.advance(SAMPLE_EVERY)

    assert len(rig.part.jobs) == 1
