"""Where threads meet at the edges: main loop, ingest's wishes, store's snapshot, supervisor's inbox."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brummer_rx.pipeline.effect import Effect, Spawn
from brummer_rx.pipeline.errors import ThreadError
from brummer_rx.pipeline.event import ProcessEvent, ProcessEventKind, Stream
from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.mainloop import MainLoop
from brummer_rx.pipeline.process import Command, CommandKind, ProcessSpec, ProcessState
from brummer_rx.pipeline.supervisor import Supervisor
from brummer_rx.pipeline.testing import VirtualClock
from brummer_rx.sources.child import Child, ChildHandle
from brummer_rx.sources.ingest import Ingest
from tests.laws.races.explorer import BOTH, Strategy, holds
from tests.laws.races.world import Lane
from tests.sinks.storekit import Kit, batch_of

both = pytest.mark.parametrize("strategy", BOTH)


def readable(fd: int) -> bool:
    return bool(select.select([fd], [], [], 0)[0])


# --- the main loop ------------------------------------------------------------------------------------


class Main:
    def __init__(self) -> None:
        self.loop = MainLoop()
        self.loop._owner = -1  # whoever of the explorer's workers runs a round
        self.ran: list[str] = []
        self.abandoned = 0
        self.refused = 0

    def post(self, key: str, what: str) -> None:
        self.loop.post(key, lambda: self.ran.append(what))

    def abandon(self, _: BaseException) -> None:
        self.abandoned += 1

    def __call__(self) -> None:
        self.ran.append("drain")

    def submit(self) -> None:
        try:
            self.loop.submit_drain(self)
        except ThreadError:
            self.refused += 1

    def round(self) -> None:
        self.loop._answer_bell()
        self.loop._run_waiting()

    def wakes(self) -> bool:
        """What waits has rung: the owner, who sleeps in select without a timeout, would wake."""
        loop = self.loop
        rung = readable(loop._bell_out)
        assert rung or not (loop._posts or loop._drains), "lost wake-up"
        assert rung or not loop._rung, "the next wake-up would be lost"
        self.round()
        loop.close()
        return True


@both
def test_l12_a_post_wakes_the_main_loop_and_the_last_of_a_key_runs(strategy: Strategy) -> None:
    def last_one(main: Main) -> bool:
        main.wakes()
        assert main.ran in (["old", "new"], ["new"])
        return True

    def main() -> Main:
        main = Main()
        main.post("status", "old")
        return main

    holds(main, [Main.round, lambda main: main.post("status", "new")], last_one, strategy)


@both
def test_l12_a_drain_wakes_the_main_loop(strategy: Strategy) -> None:
    def once(main: Main) -> bool:
        main.wakes()
        return main.ran == ["drain"]

    holds(Main, [Main.round, Main.submit], once, strategy)


@both
def test_l20_a_drain_that_meets_the_end_of_the_main_loop_is_told(strategy: Strategy) -> None:
    holds(
        Main,
        [Main.submit, lambda main: main.loop.close()],
        lambda main: main.refused + main.abandoned == 1 and not main.ran,
        strategy,
    )


# --- ingest -------------------------------------------------------------------------------------------


class Handle:
    """A child that has exited."""

    pidfd = -1

    def reap(self) -> int:
        return 0

    def close_stdin(self) -> None:
        return None

    def close_pidfd(self) -> None:
        return None


class Reading:
    def __init__(self) -> None:
        self.ingest = Ingest(gate=Gate(), clock=VirtualClock())
        self.ended: list[str] = []
        self.wished = 0
        self.ingest.batches.subscribe(on_completed=lambda: self.ended.append("batches"))
        self.fd, write = os.pipe()
        os.set_blocking(self.fd, False)
        os.close(write)
        self.inode = os.fstat(self.fd).st_ino
        handle: Any = Handle()
        self.child = Child("web", 1, 7, {Stream.OUT: self.fd}, "run", handle)

    def wish(self) -> None:
        def grant() -> None:
            self.wished += 1

        self.ingest._wish(grant)

    def grant(self) -> None:
        self.ingest._waker.clear()
        self.ingest._grant()

    def is_open(self) -> bool:
        try:
            return os.fstat(self.fd).st_ino == self.inode
        except OSError:
            return False


@both
def test_l11_a_child_that_meets_the_end_of_ingest_is_given_back(strategy: Strategy) -> None:
    def closed(reading: Reading) -> bool:
        assert not reading.is_open()
        assert reading.ended == ["batches"]
        return True

    holds(
        Reading,
        [lambda reading: reading.ingest.add(reading.child), lambda reading: reading.ingest.close(0.0)],
        closed,
        strategy,
        bound=1,
    )


@both
def test_l12_a_wish_wakes_the_ingest_thread(strategy: Strategy) -> None:
    """So does the gate's call: a full stage's resume is a wish."""

    def heard(reading: Reading) -> bool:
        waker = reading.ingest._waker
        assert readable(waker.fd) or not reading.ingest._wishes, "lost wake-up"
        reading.grant()
        assert reading.wished == 1
        os.close(reading.fd)
        return reading.ingest.close(0.0)

    holds(Reading, [Reading.grant, Reading.wish], heard, strategy)


@both
def test_a_reaped_child_is_not_signalled(strategy: Strategy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its ids may belong to somebody else by then."""
    calls: list[str] = []

    def wait(_pid: int, _options: int) -> tuple[int, int]:
        calls.append("reaped")
        return nobody, 0

    nobody = 2**22 + 1  # no system hands out such an id
    monkeypatch.setattr(os, "waitpid", wait)
    monkeypatch.setattr(os, "killpg", lambda _pid, _signum: calls.append("signalled"))

    def handle() -> ChildHandle:
        calls.clear()
        return ChildHandle(nobody)

    holds(
        handle,
        [lambda child: child.reap() and None, lambda child: child.signal_group(signal.SIGTERM) and None],
        lambda _: calls in (["reaped"], ["signalled", "reaped"]),
        strategy,
    )


# --- supervisor and store -----------------------------------------------------------------------------


class Hands:
    def __init__(self) -> None:
        self.asked: list[Effect] = []

    def run(self, effect: Effect, deliver: Callable[[ProcessEvent], None]) -> None:
        self.asked.append(effect)
        if isinstance(effect, Spawn):
            deliver(ProcessEvent("web", ProcessEventKind.STARTED, 1, effect.incarnation, pid=7))


class Deciding:
    def __init__(self) -> None:
        self.lane, self.hands = Lane(), Hands()
        self.supervisor = Supervisor(
            (ProcessSpec("web", ("true",), "true", "."),),
            grace=10.0,
            lane=self.lane,
            clock=VirtualClock(),
            effector=self.hands,
            on_tell=lambda _: None,
            on_change=lambda: None,
        )

    def start(self) -> None:
        self.supervisor.send(Command(CommandKind.START, "web"))


@both
def test_l2_two_start_one_process_and_it_is_started_once(strategy: Strategy) -> None:
    def started_once(deciding: Deciding) -> bool:
        deciding.lane.run_all()
        assert [type(effect) for effect in deciding.hands.asked] == [Spawn]
        assert deciding.supervisor.table.processes[0].state is ProcessState.RUNNING
        return True

    def start_and_decide(deciding: Deciding) -> None:
        deciding.start()
        deciding.lane.run_one()

    holds(Deciding, [start_and_decide, Deciding.start], started_once, strategy, bound=1, attempts=4)


@both
def test_a_reader_s_snapshot_is_whole_while_the_store_writes(strategy: Strategy, tmp_path: Path) -> None:
    made = iter(range(100_000))
    kits: list[Kit] = []

    class Log(Kit):
        def __init__(self) -> None:
            while kits:
                kits.pop().close()
            super().__init__(tmp_path / str(next(made)))
            kits.append(self)
            self.seen = [self.store.snapshot()]

        def write(self) -> None:
            self.store.append(batch_of(b"one", b"two"))
            self.store.flush()

        def read(self) -> None:
            self.seen.append(self.store.snapshot())
            self.seen.append(self.store.snapshot())

    def whole(log: Log) -> bool:
        ends = [snapshot.end_seq for snapshot in log.seen]
        assert ends == sorted(ends)
        assert set(ends) <= {0, 2}
        for snapshot in log.seen:
            assert len(snapshot.lines(0, 10)) == snapshot.end_seq == sum(snapshot.source_counts().values())
        return True

    holds(Log, [Log.write, Log.read], whole, strategy, attempts=3)
    kits.pop().close()
