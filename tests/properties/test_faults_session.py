"""Faults x a whole run: it goes on, or ends by itself with the exit code that is documented, and says why.

Real children, real threads, real time; the system that the run is given fails by plan. Whatever happens:
every line of every child is in the log or in a gap, the ledgers close, and nothing is left behind.
"""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from loguru import logger
from reactivex import operators as ops

from brummer_rx.cli import session as session_module
from brummer_rx.cli.session import Session
from brummer_rx.cli.system import System
from brummer_rx.pipeline.errors import ThreadError
from brummer_rx.pipeline.event import Event, GapReason
from brummer_rx.pipeline.flow import SinkSpec
from brummer_rx.pipeline.guarded import MAX_FAILURES, GuardedTransform
from brummer_rx.pipeline.process import Command, CommandKind, ProcessSpec, ProcessState
from brummer_rx.pipeline.settings import load
from brummer_rx.sinks.store.reader import open_run
from tests.proof.faultports import (
    FaultyDisk,
    FaultyHandler,
    FaultyPoller,
    FaultyRead,
    FaultySpawn,
    FaultyThreads,
    FaultyWall,
)
from tests.proof.faults import (
    FOR_EVER,
    Fails,
    Fault,
    FaultPlan,
    Hangs,
    Injector,
    Jumps,
    NoThread,
    Raises,
    Short,
    Slow,
    plan,
)

EIO, ENOSPC, EMFILE, EAGAIN, EINTR, ENOMEM = (
    errno.EIO, errno.ENOSPC, errno.EMFILE, errno.EAGAIN, errno.EINTR, errno.ENOMEM,
)  # fmt: skip
HOUR = 3600.0
COUNT = 3000
DEADLINE = 20.0
pytestmark = pytest.mark.timeout(60)


def shell(name: str, text: str) -> ProcessSpec:
    return ProcessSpec(name, ("/bin/sh", "-c", text), text, ".")


TRICKLE = "i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo $i; sleep 0.01; done"
COUNTING = f"seq {COUNT}"


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    logger.remove()
    threads, fds = set(threading.enumerate()), psutil.Process().num_fds()
    yield
    logger.remove()
    assert set(threading.enumerate()) <= threads
    assert psutil.Process().num_fds() <= fds + 1, "a lazily opened file of psutil may stay"
    assert psutil.Process().children() == []


class Run:
    """A session on a system that fails by plan."""

    def __init__(self, folder: Path, played: FaultPlan, *specs: ProcessSpec, bad_read: str = "") -> None:
        self.faults = Injector(played)
        self.said: list[str] = []
        system = System(
            disk=FaultyDisk(self.faults),
            start_thread=FaultyThreads(self.faults),
            start_process=FaultySpawn(self.faults),
            wall=FaultyWall(self.faults),
            read=FaultyRead(self.faults),
            make_poller=lambda: FaultyPoller(self.faults),
        )
        environ = {"HOME": str(folder), "BRUMMER_GRACE": "1"}
        self.session = Session(
            load(folder, {"state_dir": str(folder / "state")}, environ),
            specs,
            pty=False,
            on_notice=lambda text, bad: self.said.append(text),
            system=system,
        )
        self.began = time.monotonic()

    def go(self, *sinks: SinkSpec) -> int:
        try:
            self.session.run(*sinks)
        finally:
            code = self.session.close()
        return code

    def when(self, condition: Callable[[], bool], action: Callable[[], None]) -> None:
        """Do `action` on the main loop as soon as `condition` holds."""

        def look() -> None:
            assert time.monotonic() - self.began < DEADLINE, "in vain"
            if condition():
                action()
            else:
                self.session.loop.call_later(0.005, look)

        self.session.loop.call_later(0.0, look)

    def heard(self, words: str) -> bool:
        return any(words in text for text in self.said)

    def lines(self, source: str) -> list[str]:
        snapshot = open_run(self.session.run_folder.path).snapshot()
        return [line.text for line in snapshot.lines(0, snapshot.end_seq) if line.source == source]

    def lost(self) -> int:
        """Lines in gaps; each number is in a line or a gap, once."""
        snapshot = open_run(self.session.run_folder.path).snapshot()
        seqs = [line.seq for line in snapshot.lines(0, snapshot.end_seq)]
        gone = [seq for gap in snapshot.gaps if gap.lines for seq in range(gap.first_seq, gap.last_seq + 1)]
        assert sorted(seqs + gone) == list(range(snapshot.end_seq))
        return len(gone)

    def books_close(self) -> bool:
        return all(ledger.closes and ledger.queued == 0 for ledger in self.session.ledgers.snapshot())

    def state(self, name: str) -> ProcessState | None:
        info = self.session.supervisor.table.get(name)
        return None if info is None else info.state


def each(where: str, *whats: object, **more: object) -> list[FaultPlan]:
    return [plan(Fault(where, what, **more)) for what in whats]  # type: ignore[arg-type]


def numbers(count: int) -> list[str]:
    return [str(n) for n in range(1, count + 1)]


HARMLESS = [
    *each("read", Fails(EINTR), Fails(EAGAIN), Short(1), times=20),
    *each("writev", Short(100), times=FOR_EVER, chance=0.5),
    *each("sync", Fails(EIO), Fails(ENOSPC), times=3),
    *each("append", Fails(EIO), times=3),
    *each("replace", Fails(ENOSPC), first=2, times=2),
    *each("wall", Jumps(HOUR), Jumps(-HOUR), first=5),
    *each("wall", Jumps(-1.0), times=FOR_EVER, chance=0.3),
    *each("poll.add", Fails(ENOSPC), Fails(ENOMEM), times=6),
    *each("thread.pool-2", NoThread(), times=FOR_EVER),
    *each("writev", Slow(0.01), times=10),
    plan(
        Fault("read", Short(500), 1, FOR_EVER, 0.3),
        Fault("read", Fails(EAGAIN), 1, FOR_EVER, 0.1),
        Fault("writev", Short(1000), 1, FOR_EVER, 0.3),
        Fault("sync", Fails(EIO), 1, FOR_EVER, 0.5),
        Fault("wall", Jumps(-HOUR), 1, FOR_EVER, 0.1),
        Fault("poll.add", Fails(ENOMEM), 1, FOR_EVER, 0.3),
        name="all-at-once",
    ),
]


@pytest.mark.parametrize("played", HARMLESS, ids=str)
def test_session_loses_nothing_by_a_passing_fault(played: FaultPlan, tmp_path: Path) -> None:
    run = Run(tmp_path, played, shell("a", COUNTING), shell("b", "seq 40 >&2; exit 3"))

    assert run.go() == 3
    assert run.lines("a") == numbers(COUNT) and run.lines("b") == numbers(40)
    assert run.lost() == 0 and run.books_close()
    assert run.faults or played.faults[0].where in ("append", "thread.pool-2", "sync", "writev", "replace")


@pytest.mark.parametrize(
    "played",
    [
        *each("writev", Fails(ENOSPC), Fails(EIO), first=2, times=3),
        plan(Fault("writev", Fails(ENOSPC), 2, 3), Fault("append", Fails(ENOSPC), 1, 3), name="full-disk"),
        *each("create", Fails(EMFILE), times=2),
    ],
    ids=str,
)
def test_session_disk_refuses(played: FaultPlan, tmp_path: Path) -> None:
    """Lines are lost, each in a gap, it is said once; when the disk takes them again the log goes on."""
    run = Run(tmp_path, played, shell("a", TRICKLE))

    assert run.go() == 0
    lost = run.lost()
    assert lost > 0
    got = run.lines("a")
    assert len(got) + lost == 40 and got[-1] == "40"
    assert (
        run.heard("the log cannot be written")
        and len([t for t in run.said if "lines are being lost" in t]) == 1
    )
    snapshot = open_run(run.session.run_folder.path).snapshot()
    assert {gap.reason for gap in snapshot.gaps} == {GapReason.DISK}
    assert run.books_close()


@pytest.mark.parametrize("played", each("writev", Fails(ENOSPC), times=FOR_EVER), ids=str)
def test_session_disk_is_full_to_the_end(played: FaultPlan, tmp_path: Path) -> None:
    run = Run(tmp_path, played, shell("a", TRICKLE))

    assert run.go() == 0
    assert run.lines("a") == [] and run.lost() == run.session.store.stats.lines == 40
    assert run.books_close()


@pytest.mark.parametrize("played", each("writev", Hangs(), first=2), ids=str)
def test_session_disk_hangs(played: FaultPlan, tmp_path: Path) -> None:
    """The children wait; when it comes back nothing is missing."""
    run = Run(tmp_path, played, shell("a", "head -c 6000000 /dev/zero | tr '\\0' x | fold -w 1000"))
    release = run.faults.release

    def held() -> bool:
        return run.faults.hanging.is_set() and run.session.ingest.counts().parks > 0

    run.when(held, release)
    assert run.go() == 0
    assert run.lines("a") == ["x" * 1000] * 6000 and run.lost() == 0
    assert run.books_close()


@pytest.mark.parametrize("played", each("read", Fails(EIO), Fails(errno.EBADF), first=2), ids=str)
def test_session_read_fails(played: FaultPlan, tmp_path: Path) -> None:
    """One stream of one child ends early, with a gap; the run ends as its children do."""
    run = Run(
        tmp_path, played, shell("a", f"trap '' PIPE; {TRICKLE} 2>/dev/null; exit 0"), shell("b", TRICKLE)
    )

    run.go()
    snapshot = open_run(run.session.run_folder.path).snapshot()
    whole = [name for name in "ab" if run.lines(name) == numbers(40)]
    assert run.faults.injected["read"] == 1
    assert len(whole) == 1
    assert [(gap.source, gap.reason, gap.lines) for gap in snapshot.gaps] == [
        ("b" if whole == ["a"] else "a", GapReason.CUT, 0)
    ]
    assert run.books_close()


@pytest.mark.parametrize(
    ("number", "code"),
    [(errno.ENOENT, 127), (EAGAIN, 126), (EMFILE, 126)],
    ids=["ENOENT", "EAGAIN", "EMFILE"],
)
def test_session_spawn_failure(number: int, code: int, tmp_path: Path) -> None:
    """The process has failed and says so, the others run; started again it runs, too."""
    run = Run(tmp_path, plan(Fault("spawn", Fails(number))), shell("a", "echo one"), shell("b", "sleep 0.3"))
    failed: list[bool] = []

    def again() -> None:
        failed.append(run.state("a") is ProcessState.FAILED)
        info = run.session.supervisor.table.get("a")
        assert info is not None and info.exit_code == code
        run.session.supervisor.send(Command(CommandKind.START, "a"))

    run.when(lambda: run.state("a") is ProcessState.FAILED, again)
    assert run.go() == code  # that something has failed is not forgotten
    assert run.state("a") is ProcessState.EXITED
    assert failed == [True] and run.faults.injected["spawn"] == 1
    assert run.lines("a") == ["one"]
    assert run.heard("a: ")
    assert run.books_close()


@pytest.mark.parametrize("number", [errno.ENOENT, EAGAIN, EMFILE], ids=["ENOENT", "EAGAIN", "EMFILE"])
def test_session_spawn_failure_of_the_only_process_ends_the_run(number: int, tmp_path: Path) -> None:
    run = Run(tmp_path, plan(Fault("spawn", Fails(number))), shell("a", "echo one"))

    assert run.go() == (127 if number == errno.ENOENT else 126)
    assert run.books_close()


@pytest.mark.parametrize("name", ["clock", "ingest"])
def test_session_thread_start_failure_before_anything_runs(name: str, tmp_path: Path) -> None:
    run = Run(tmp_path, plan(Fault(f"thread.{name}", NoThread(), 1, FOR_EVER)), shell("a", "echo one"))

    with pytest.raises(ThreadError, match="could not be started") as told:
        run.session.run()
    assert told.value.exit_code == 1
    run.session.close()
    assert run.books_close()


def test_session_thread_start_failure_of_the_pool_ends_the_run(tmp_path: Path) -> None:
    """Nothing can be started or watched without a worker: the run is not left standing there for ever."""
    run = Run(tmp_path, plan(Fault("thread.pool-1", NoThread(), 1, FOR_EVER)), shell("a", "echo one"))

    assert run.go() == 1
    assert run.heard("process control failed")
    assert time.monotonic() - run.began < DEADLINE
    assert run.books_close()


def test_session_thread_start_failure_of_the_store_ends_the_run(tmp_path: Path) -> None:
    """Nothing can be kept any more: it is said, and nobody is left running into the void."""
    endless = shell("a", "while :; do echo up; sleep 0.01; done")
    run = Run(tmp_path, plan(Fault("thread.store", NoThread(), 1, FOR_EVER)), endless)

    assert run.go() == 1
    assert run.heard("store failed and gets no more lines")
    assert run.heard("nothing is kept any more: the run is ended")
    assert run.books_close()


@pytest.mark.parametrize(
    "played", [*each("handler", Raises(), first=3), *each("handler", Slow(0.01), times=50)], ids=str
)
def test_session_sink_raises_or_is_slow(played: FaultPlan, tmp_path: Path) -> None:
    run = Run(tmp_path, played, shell("a", TRICKLE))
    raises = isinstance(played.faults[0].what, Raises)
    seen: list[Event] = []
    handler = FaultyHandler(run.faults, seen.append)

    assert run.go(SinkSpec("console", run.session.loop, handler)) == int(raises)
    assert run.lines("a") == numbers(40) and run.lost() == 0
    assert run.heard("console failed and gets no more lines") is raises
    assert run.books_close()


@pytest.mark.parametrize("played", each("handler", Hangs(), first=2), ids=str)
def test_session_sink_hangs_until_it_is_stopped(played: FaultPlan, tmp_path: Path) -> None:
    """A sink on a thread of its own that does not come back: a stop ends the run all the same."""
    run = Run(tmp_path, played, shell("a", "while :; do seq 100; sleep 0.01; done"))
    handler = FaultyHandler(run.faults)

    def stop() -> None:
        run.session.stop(143, "stop")
        run.session.stop(143, "stop")
        run.session.loop.call_later(0.3, run.faults.release)

    run.when(run.faults.hanging.is_set, stop)
    lane = run.session._sync_lane
    assert run.go(SinkSpec("console", lane, handler)) in (143, 1)
    assert time.monotonic() - run.began < DEADLINE
    assert run.lost() == 0 and run.books_close()


@pytest.mark.parametrize("played", each("handler", Raises(), first=2, times=FOR_EVER), ids=str)
def test_session_operator_raises(played: FaultPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    holder: list[FaultyHandler] = []

    def broken(settings: object, failed: Callable[..., None]) -> tuple[GuardedTransform, ...]:
        operator = ops.map(lambda event: holder[0](event))
        return (GuardedTransform("broken", operator, failed),)

    monkeypatch.setattr(session_module, "transforms", broken)
    run = Run(tmp_path, played, shell("a", TRICKLE))
    holder.append(FaultyHandler(run.faults, lambda event: event))

    assert run.go() == 0
    assert run.lines("a") == numbers(40)
    assert run.faults.injected["handler"] == MAX_FAILURES
    assert run.heard("operator broken failed") and run.heard("it is bypassed from now on")
    assert run.books_close()


@pytest.mark.parametrize(
    "played",
    [
        plan(
            Fault("writev", Fails(ENOSPC), 2, FOR_EVER, 0.1),
            Fault("writev", Short(5000), 2, FOR_EVER, 0.1),
            Fault("append", Fails(ENOSPC), 1, FOR_EVER, 0.3),
            Fault("sync", Fails(EIO), 1, FOR_EVER, 0.3),
            Fault("read", Short(5000), 1, 3),  # whatever the seed says, there is one
            Fault("read", Short(5000), 4, FOR_EVER, 0.1),
            Fault("wall", Jumps(-30.0), 1, FOR_EVER, 0.05),
            name="flood",
        )
    ],
    ids=str,
)
def test_session_flood(played: FaultPlan, tmp_path: Path) -> None:
    """Four children at full speed on a system that fails here and there: nothing is unaccounted for."""
    run = Run(tmp_path, played, *(shell(f"w{n}", "seq 8000; seq 8000 >&2") for n in range(4)))

    assert run.go() == 0
    stats = run.session.store.stats
    assert run.faults and stats.lines == 64_000
    assert run.lost() == stats.lost_lines == 64_000 - stats.stored_lines
    assert run.books_close()
