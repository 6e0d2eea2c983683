"""Faults x ingest: what a child wrote is emitted, or a gap says that it is not; the other streams go on."""

from __future__ import annotations

import errno
import itertools
import threading
from collections.abc import Callable, Iterator

import pytest
from loguru import logger

from brummer_rx.pipeline.clock import ClockThread
from brummer_rx.pipeline.errors import SourceError, ThreadError
from brummer_rx.pipeline.event import Gap, GapReason, LogBatch, Stream
from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.ledger import Ledgers
from brummer_rx.pipeline.scheduler import BoundedThreadPoolScheduler
from brummer_rx.pipeline.stage import BoundedStage, Overflow
from brummer_rx.sources.child import Child
from brummer_rx.sources.ingest import UNKNOWN_SEQ, Ingest
from brummer_rx.sources.pipes import IngestOptions
from brummer_rx.sources.spawn import spawn
from tests.proof.faultports import (
    FaultyClock,
    FaultyHandler,
    FaultyPoller,
    FaultyRead,
    FaultySpawn,
    FaultyThreads,
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
from tests.sources.rig import RUN, Rig, open_fds, shell, until

HOUR = 3600.0
LINES = 1500
WANT = b"".join(b"%d\n" % n for n in range(1, LINES + 1))
COUNTING = f"seq {LINES}; seq {LINES} >&2"
SMALL = IngestOptions(read_min=512, read_max=1024)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logger.disable("brummer_rx")
    before = open_fds()
    yield
    logger.enable("brummer_rx")
    assert open_fds() == before


def rig_of(faults: Injector, *, only: Callable[[int], bool] = lambda fd: True) -> Rig:
    return Rig(
        options=SMALL,
        read=FaultyRead(faults, only=only),
        poller=FaultyPoller(faults),
        clock=FaultyClock(faults, ClockThread()),
    )


def each(where: str, *whats: object, **more: object) -> list[FaultPlan]:
    return [plan(Fault(where, what, **more)) for what in whats]  # type: ignore[arg-type]


HARMLESS = [
    *each("read", Fails(errno.EINTR), Fails(errno.EAGAIN), Short(1), first=2, times=30),
    *each("read", Fails(errno.EINTR), Fails(errno.EAGAIN), Short(7), times=FOR_EVER, chance=0.4),
    *each("poll.add", Fails(errno.ENOSPC), Fails(errno.ENOMEM), first=1),  # the waker
    *each("poll.add", Fails(errno.ENOSPC), first=2),  # the child's first stream
    *each("poll.add", Fails(errno.ENOSPC), first=3, times=2),  # its pidfd
    *each("poll.add", Fails(errno.ENOMEM), times=FOR_EVER),
    *each("wall", Jumps(HOUR), Jumps(-HOUR), first=3),
    *each("wall", Jumps(-0.5), times=FOR_EVER, chance=0.5),
    plan(
        Fault("read", Short(100), 1, FOR_EVER, 0.3),
        Fault("read", Fails(errno.EAGAIN), 1, FOR_EVER, 0.1),
        Fault("wall", Jumps(-HOUR), 1, FOR_EVER, 0.1),
        Fault("poll.add", Fails(errno.ENOMEM), 1, FOR_EVER, 0.5),
        name="all-at-once",
    ),
]


@pytest.mark.parametrize("played", HARMLESS, ids=str)
@pytest.mark.parametrize("pty", [False, True], ids=["pipes", "terminal"])
def test_ingest_loses_nothing_by_a_passing_fault(played: FaultPlan, pty: bool) -> None:
    faults = Injector(played)
    with rig_of(faults) as rig:
        child = rig.run(shell("web", COUNTING), pty=pty)
        rig.finish(child)

        if pty:
            out = rig.output(child, Stream.TTY).replace(b"\r\n", b"\n")
            assert sorted(out.split()) == sorted((WANT + WANT).split())
        else:
            assert rig.output(child) == rig.output(child, Stream.ERR) == WANT
        lines = [batch.lines for batch in rig.batches]
        assert [batch.first_line for batch in rig.batches] == [0, *itertools.accumulate(lines)][:-1]
        assert rig.gaps == []
        refused = faults.injected["poll.add"]
        assert (refused > 0) <= rig.ingest.counts().faults <= refused  # told, and not at each new attempt
    assert faults


@pytest.mark.parametrize(
    "played", [*each("read", Fails(errno.EIO), Fails(errno.EBADF), Fails(errno.ENXIO), first=3)], ids=str
)
def test_ingest_read_fails(played: FaultPlan) -> None:
    """A gap takes the place of the rest; the child's other stream and the other child are whole."""
    faults, bad = Injector(played), -1
    with rig_of(faults, only=lambda fd: fd == bad) as rig:
        child = spawn(shell("web", COUNTING), incarnation=1, pty=False, run_id=RUN)
        rig.children.append(child)
        bad = child.fds[Stream.OUT]
        rig.ingest.add(child)
        other = rig.run(shell("api", COUNTING))
        rig.finish(child, other)

        got = rig.output(child)
        assert faults.injected["read"] == 1
        assert WANT.startswith(got) and len(got) < len(WANT)
        assert [(gap.source, gap.lines, gap.reason, gap.first_seq) for gap in rig.gaps] == [
            ("web", 0, GapReason.CUT, UNKNOWN_SEQ)
        ]
        assert rig.all.index(rig.gaps[0]) > rig.all.index(rig.batches_of(child)[-1])
        assert rig.output(child, Stream.ERR) == rig.output(other) == WANT
        assert rig.ingest.counts().faults == 1


@pytest.mark.parametrize("played", [*each("read", Fails(errno.EBADF), first=2)], ids=str)
def test_ingest_read_of_a_terminal_fails_in_the_middle_of_a_gathering(played: FaultPlan) -> None:
    """What was read before the failure is not lost with it (the second read gathers more for the first)."""
    faults = Injector(played)
    with Rig(read=FaultyRead(faults)) as rig:
        child = rig.run(shell("web", f"seq {LINES}"), pty=True)
        rig.finish(child)

        assert faults.injected["read"] == 1
        assert rig.output(child, Stream.TTY).replace(b"\r\n", b"\n") == WANT
        assert rig.gaps == []


@pytest.mark.parametrize("played", [plan(Fault("handler", Raises(), 2))], ids=str)
def test_ingest_handler_raises(played: FaultPlan) -> None:
    """Of several subscribers only the one that raises is through; reading goes on for all others."""
    faults = Injector(played)
    with rig_of(faults) as rig:
        rig.ingest.batches.subscribe(FaultyHandler(faults))
        child = rig.run(shell("web", COUNTING))
        rig.finish(child)

        assert faults.injected["handler"] == 1
        assert rig.output(child) == rig.output(child, Stream.ERR) == WANT
        assert rig.ingest.counts().faults == 1


class Behind:
    """A stage behind ingest, on a pool of one, with a handler that fails by plan."""

    def __init__(self, faults: Injector) -> None:
        self.clock = ClockThread()
        self.pool = BoundedThreadPoolScheduler(1, clock=self.clock)
        self.ledgers, self.gate = Ledgers(), Gate()
        self.batches: list[LogBatch] = []
        self.ends: list[object] = []
        self.ingest = Ingest(
            gate=self.gate,
            clock=self.clock,
            options=SMALL,
            read=FaultyRead(faults),
            poller=FaultyPoller(faults),
        )
        self.stage: BoundedStage[LogBatch] = BoundedStage(
            self.pool, name="lines", capacity=4, max_bytes=4096, overflow=Overflow.PARK, batch=2,
            joins=self.gate, ledgers=self.ledgers,
        )  # fmt: skip
        handler = FaultyHandler(faults, self.batches.append)
        self.stage.output.subscribe(handler, self.ends.append, lambda: self.ends.append("completed"))
        self.stage.follow(self.ingest.batches)
        self.ingest.start()

    def run(self, text: str) -> Child:
        child = spawn(shell("web", text), incarnation=1, pty=False, run_id=RUN)
        self.ingest.add(child)
        return child

    def close(self) -> None:
        assert self.ingest.close(10)
        until(lambda: bool(self.ends))
        assert self.pool.dispose(timeout=10)
        assert self.clock.close(10)
        assert all(ledger.closes and ledger.queued == 0 for ledger in self.ledgers.snapshot())


@pytest.mark.parametrize(
    "played",
    [
        plan(Fault("handler", Hangs(), 1), name="queue-full"),
        plan(Fault("handler", Slow(0.1), 1, 10), name="slow-consumer"),
        plan(
            Fault("handler", Hangs(), 1),
            Fault("poll.add", Fails(errno.ENOMEM), 5, FOR_EVER),
            name="no-watch-after-it",
        ),
    ],
    ids=str,
)
def test_ingest_queue_full_and_slow_consumer(played: FaultPlan) -> None:
    """The child waits in its own write; when there is room again everything comes, also by another way."""
    faults = Injector(played)
    behind = Behind(faults)
    child = behind.run(f"seq {LINES}")
    if played.faults[0].what == Hangs():
        assert faults.hanging.wait(10)
        until(lambda: behind.ingest.counts().parks == 1)
        assert behind.stage.ledger().high_water_bytes <= 4096
        faults.release()
    until(lambda: child.handle.exit_code is not None)
    until(lambda: b"".join(batch.data for batch in behind.batches) == WANT)
    assert behind.ingest.counts().parks > 0
    assert behind.stage.ledger().overshoots == 0
    behind.close()
    assert behind.ends == ["completed"]


@pytest.mark.parametrize(
    "played", [plan(Fault("read", Short(3000), 1, FOR_EVER, 0.2), name="flood")], ids=str
)
def test_ingest_flood(played: FaultPlan) -> None:
    faults = Injector(played)
    with Rig(read=FaultyRead(faults)) as rig:
        children = [rig.run(shell(f"w{n}", "seq 40000; seq 40000 >&2")) for n in range(3)]
        rig.finish(*children)

        want = b"".join(b"%d\n" % n for n in range(1, 40001))
        for child in children:
            assert rig.output(child) == rig.output(child, Stream.ERR) == want
        assert rig.ingest.counts().lines == 240_000 and rig.gaps == []
    assert faults


@pytest.mark.parametrize("played", [plan(Fault("thread.ingest", NoThread(), 1, 2))], ids=str)
def test_ingest_thread_start_failure(played: FaultPlan) -> None:
    faults = Injector(played)
    ended: list[str] = []
    made = Ingest(gate=Gate(), clock=ClockThread(), start_thread=FaultyThreads(faults))
    made.batches.subscribe(on_completed=lambda: ended.append("batches"))
    child = spawn(shell("web", "exec sleep 60"), incarnation=1, pty=False, run_id=RUN)
    made.add(child)
    for _ in range(2):
        with pytest.raises(ThreadError, match="could not be started"):
            made.start()

    assert made.close(1) and ended == ["batches"]  # nothing stays open
    child.handle.signal_group(9)
    until(lambda: child.handle.reap() is not None)


def test_ingest_starts_when_there_are_threads_again() -> None:
    made = Ingest(
        gate=Gate(),
        clock=ClockThread(),
        start_thread=FaultyThreads(Injector(plan(Fault("thread", NoThread())))),
    )
    got: list[bytes] = []
    made.batches.subscribe(lambda batch: got.append(batch.data))
    with pytest.raises(ThreadError):
        made.start()
    made.start()
    child = spawn(shell("web", "echo one"), incarnation=1, pty=False, run_id=RUN)
    made.add(child)
    until(lambda: got == [b"one\n"] and child.handle.exit_code == 0)
    assert made.close(10)


class OneSeat:
    """A stage with room for one batch; the consumer takes it away from time to time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free = True
        self._resumes: list[Callable[[], None]] = []

    def has_room(self, size: int = 0) -> bool:
        return self._free

    def park(self, resume: Callable[[], None], size: int = 0) -> bool:
        with self._lock:
            if not self._free:
                self._resumes.append(resume)
            return not self._free

    def sit(self, _: object) -> None:
        with self._lock:
            self._free = False

    def leave(self) -> None:
        with self._lock:
            self._free = True
            resumes, self._resumes = self._resumes, []
        for resume in resumes:
            resume()


@pytest.mark.parametrize("played", each("wall", Jumps(-HOUR), Jumps(HOUR), Jumps(0), first=20), ids=str)
def test_ingest_clock_jump_leaves_each_stream_its_turn(played: FaultPlan) -> None:
    """Who was read before the wall clock was set back must not be starved until it has caught up."""
    faults = Injector(played)
    with rig_of(faults) as rig:
        seat = OneSeat()
        rig.gate.join(seat)
        rig.ingest.batches.subscribe(seat.sit)
        children = [rig.run(shell(f"w{n}", "exec yes line")) for n in range(3)]
        for n in range(90):
            until(lambda n=n: len(rig.batches) > n)
            seat.leave()
        last = [batch.source for batch in rig.batches[30:90]]
        rig.gate.leave(seat)
        for child in children:
            child.handle.signal_group(9)
        seat.leave()
        rig.finish(*children)

    assert faults
    assert min(last.count(f"w{n}") for n in range(3)) >= 10, last


@pytest.mark.parametrize(
    ("number", "code", "says"),
    [(errno.ENOENT, 127, "not found"), (errno.EAGAIN, 126, "temporarily"), (errno.EMFILE, 126, "open files")],
    ids=["ENOENT", "EAGAIN", "EMFILE"],
)
@pytest.mark.parametrize("pty", [False, True], ids=["pipes", "terminal"])
def test_ingest_spawn_failure(number: int, code: int, says: str, pty: bool) -> None:
    """It is told with the code of a shell, nothing stays open, and the next spawn is as any other."""
    faults = Injector(plan(Fault("spawn", Fails(number))))
    start, before = FaultySpawn(faults), open_fds()
    with pytest.raises(SourceError, match=says) as told:
        spawn(shell("web", "echo one"), incarnation=1, pty=pty, run_id=RUN, start=start)
    assert told.value.exit_code == code
    assert open_fds() == before

    with rig_of(faults) as rig:
        child = spawn(shell("web", "echo one"), incarnation=2, pty=pty, run_id=RUN, start=start)
        rig.children.append(child)
        rig.ingest.add(child)
        rig.finish(child)
        assert rig.output(child, Stream.TTY if pty else Stream.OUT).rstrip() == b"one"


def test_a_gap_of_what_could_not_be_read_tells_how_much_waited() -> None:
    faults = Injector(plan(Fault("read", Fails(errno.EIO))))
    with rig_of(faults) as rig:
        child = spawn(shell("web", "echo one; read x; echo no"), incarnation=1, pty=False, run_id=RUN)
        rig.children.append(child)
        rig.ingest.add(child)
        until(lambda: bool(rig.gaps))
        assert rig.gaps == [Gap("web", 0, 4, GapReason.CUT, UNKNOWN_SEQ, UNKNOWN_SEQ)]
