"""Faults x outlet and console: all in order, or told once and counted; nobody waits for who takes nothing."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from loguru import logger

from brummer_rx.pipeline.event import Event, LogBatch, Stream
from brummer_rx.pipeline.ledger import Ledgers
from brummer_rx.pipeline.mainloop import MainLoop
from brummer_rx.pipeline.stage import BoundedStage
from brummer_rx.sinks.console import Console
from brummer_rx.sinks.outlet import Outlet
from tests.pipeline.until import until
from tests.proof.faultports import FaultyHandler, FaultyWrite
from tests.proof.faults import FOR_EVER, Fails, Fault, FaultPlan, Injector, Raises, Short, Slow, plan

DATA = b"".join(b"%07d\n" % n for n in range(60_000))
DEADLINE = 10.0


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logger.disable("brummer_rx")
    yield
    logger.enable("brummer_rx")


def each(where: str, *whats: object, **more: object) -> list[FaultPlan]:
    return [plan(Fault(where, what, **more)) for what in whats]  # type: ignore[arg-type]


class FaultyLoop:
    """A loop driven by hand; place "loop.add" (epoll takes no more descriptors)."""

    def __init__(self, faults: Injector) -> None:
        self._faults = faults
        self.writers: dict[int, Callable[[], None]] = {}

    def add_writer(self, fd: int, action: Callable[[], None]) -> None:
        self._faults.draw("loop.add")
        assert fd not in self.writers
        self.writers[fd] = action

    def remove_writer(self, fd: int) -> None:
        del self.writers[fd]

    def turn(self) -> None:
        for action in list(self.writers.values()):
            action()


class Reader:
    """The other end of a pipe, read by a thread when it is told to."""

    def __init__(self) -> None:
        self.fd, self.write_end = os.pipe()
        self.got = b""

    def read(self, size: int) -> None:
        while len(self.got) < size:
            self.got += os.read(self.fd, 65536)

    def close(self) -> None:
        os.close(self.fd)
        os.close(self.write_end)


@pytest.fixture
def reader() -> Iterator[Reader]:
    made = Reader()
    yield made
    made.close()


HARMLESS = [
    *each("write", Fails(errno.EAGAIN), Fails(errno.EINTR), Short(1), Short(5000), first=2, times=20),
    *each("write", Fails(errno.EAGAIN), Fails(errno.EINTR), Short(333), times=FOR_EVER, chance=0.4),
    plan(
        Fault("write", Short(999), 1, FOR_EVER, 0.3),
        Fault("write", Fails(errno.EINTR), 1, FOR_EVER, 0.2),
        Fault("write", Fails(errno.EAGAIN), 1, FOR_EVER, 0.2),
        name="all-at-once",
    ),
]


@pytest.mark.parametrize("played", HARMLESS, ids=str)
@pytest.mark.parametrize("kind", ["pipe", "file"])
def test_outlet_loses_nothing_by_a_passing_fault(
    played: FaultPlan, kind: str, reader: Reader, tmp_path: Path
) -> None:
    faults, errors = Injector(played), []
    loop = FaultyLoop(faults)
    fd = reader.write_end if kind == "pipe" else os.open(tmp_path / "out", os.O_WRONLY | os.O_CREAT)
    outlet = Outlet(fd, loop, errors.append, write=FaultyWrite(faults))
    pieces = [DATA[at : at + 7001] for at in range(0, len(DATA), 7001)]
    for piece in pieces:
        outlet.write(piece)
    while outlet.waiting_bytes:
        if kind == "pipe" and len(reader.got) < outlet.written:
            reader.got += os.read(reader.fd, 65536)
        loop.turn()
    assert outlet.close()
    if kind == "pipe":
        reader.read(len(DATA))
    else:
        os.close(fd)
        reader.got = (tmp_path / "out").read_bytes()

    assert faults and errors == []
    assert reader.got == DATA
    assert (outlet.written, outlet.discarded) == (len(DATA), 0)
    assert loop.writers == {}


@pytest.mark.parametrize(
    "played",
    [
        *each("write", Fails(errno.EIO), Fails(errno.ENOSPC), Fails(errno.EPIPE), first=3),
        *each("loop.add", Fails(errno.ENOSPC), Fails(errno.ENOMEM)),
    ],
    ids=str,
)
def test_outlet_write_fails(played: FaultPlan, reader: Reader) -> None:
    """Told once, everything after it counted, and whoever waits for room or for the end is called."""
    faults, errors, called = Injector(played), [], []
    loop = FaultyLoop(faults)
    outlet = Outlet(reader.write_end, loop, errors.append, write=FaultyWrite(faults))
    for n in range(40):
        outlet.write(DATA[:30_000])
        if n == 0 and not outlet.failed:
            outlet.when_out(lambda: called.append("out"))
        if not outlet.has_room():
            outlet.park(lambda: called.append("room"))
        loop.turn()
    loop.turn()

    assert [error.errno for error in errors] == [played.faults[0].what.number]  # type: ignore[union-attr]
    assert outlet.failed is errors[0]
    assert outlet.written + outlet.discarded == 40 * 30_000 and outlet.waiting_bytes == 0
    assert outlet.has_room() and not outlet.park(lambda: called.append("late"))
    assert not outlet.when_out(lambda: called.append("late"))
    assert "late" not in called and loop.writers == {}
    assert not outlet.close(1)


@pytest.mark.parametrize(
    "played", each("write", Fails(errno.EIO), Fails(errno.EPIPE), times=FOR_EVER), ids=str
)
def test_outlet_that_fails_calls_whoever_waits_for_it(played: FaultPlan, reader: Reader) -> None:
    faults, errors, called = Injector(played), [], []
    faults.pause()
    loop = FaultyLoop(faults)
    outlet = Outlet(reader.write_end, loop, errors.append, write=FaultyWrite(faults))
    while outlet.has_room():
        outlet.write(DATA)
    assert outlet.park(lambda: called.append("room")) and outlet.when_out(lambda: called.append("out"))
    faults.strike()
    loop.turn()

    assert called == ["room", "out"] and len(errors) == 1
    assert outlet.discarded > 1024 * 1024 - 65536 * 2


def test_outlet_queue_full(reader: Reader) -> None:
    """A reader that takes nothing: room ends at the bound, who parks is called, close does not wait."""
    called: list[str] = []
    loop = FaultyLoop(Injector(plan(name="none")))
    outlet = Outlet(reader.write_end, loop, lambda error: None)
    size = 0
    while outlet.has_room():
        outlet.write(DATA[:50_000])
        size += 50_000
    assert outlet.park(lambda: called.append("room"))
    assert size < 1024 * 1024 + 4 * 65536

    while not called:  # it reads again
        reader.got += os.read(reader.fd, 65536)
        loop.turn()
    assert outlet.has_room() and outlet.written == size - outlet.waiting_bytes
    outlet.write(DATA)
    assert not outlet.close(0.02)
    assert outlet.written + outlet.discarded == size + len(DATA) and outlet.discarded > 0
    assert loop.writers == {}


class Run:
    """A console on a real main loop, fed through its stage by a thread, read by a thread."""

    def __init__(self, played: FaultPlan, write_end: int, handler: bool = False) -> None:
        self.faults = Injector(played)
        self.loop, self.ledgers = MainLoop(on_error=lambda error: self.faulty.append(error)), Ledgers()
        self.faulty: list[BaseException] = []
        self.errors: list[OSError] = []
        self.ends: list[object] = []
        self.console = Console(
            self.loop,
            color="never",
            fd=write_end,
            on_error=self.errors.append,
            write=FaultyWrite(self.faults),
        )
        self.stage: BoundedStage[Event] = BoundedStage(
            self.loop, name="console", capacity=16, feeds=self.console.gate, ledgers=self.ledgers
        )
        write = FaultyHandler(self.faults, self.console.write) if handler else self.console.write
        self.stage.output.subscribe(write, self._end, lambda: self._end("completed"))

    def _end(self, what: object) -> None:
        self.ends.append(what)
        self.look()

    def look(self) -> None:
        if not self.console.outlet.when_out(self.look):
            self.loop.stop()

    def go(self, count: int) -> threading.Thread:
        def feed() -> None:
            for n in range(0, 10 * count, 10):
                data = b"".join(b"%d\n" % k for k in range(n, n + 10))
                self.stage.offer(LogBatch("web", Stream.OUT, n, 10, n, data))
            self.stage.complete()

        thread = threading.Thread(target=feed)
        thread.start()
        self.loop.run()
        thread.join(DEADLINE)
        assert not thread.is_alive()
        return thread

    def close(self) -> None:
        self.console.close(0.05)
        self.loop.close()
        books = self.ledgers.snapshot()
        assert all(ledger.closes and ledger.queued == 0 for ledger in books)


def reading(reader: Reader, slow: float = 0.0) -> threading.Thread:
    """Reads to the end (both write ends closed)."""
    os_read = FaultyHandler(Injector(plan(Fault("handler", Slow(slow), 1, 10))), os.read)

    def body() -> None:
        while data := os_read(reader.fd, 65536):
            reader.got += data

    thread = threading.Thread(target=body)
    thread.start()
    return thread


@pytest.mark.parametrize(
    "played",
    [
        *each("write", Fails(errno.EAGAIN), Fails(errno.EINTR), Short(50), times=FOR_EVER, chance=0.3),
        plan(name="flood"),
        plan(name="slow-reader"),
    ],
    ids=str,
)
def test_console_loses_nothing_by_a_passing_fault(played: FaultPlan) -> None:
    reader = Reader()
    thread = reading(reader, 0.01 if played.name == "slow-reader" else 0.0)
    run = Run(played, reader.write_end)
    run.go(1500)
    run.close()
    os.close(reader.write_end)
    thread.join(DEADLINE)
    os.close(reader.fd)

    assert run.ends == ["completed"] and run.errors == run.faulty == []
    assert [int(line.rsplit(b"| ", 1)[1]) for line in reader.got.splitlines()] == list(range(15_000))
    assert run.faults or not played.faults


@pytest.mark.parametrize(
    "played", each("write", Fails(errno.EIO), Fails(errno.EPIPE), Fails(errno.ENOSPC), first=20), ids=str
)
def test_console_write_fails(played: FaultPlan) -> None:
    """The console takes and counts the rest: whoever feeds it is not held, and the run can end."""
    reader = Reader()
    thread = reading(reader)
    run = Run(played, reader.write_end)
    run.go(1500)
    run.close()
    os.close(reader.write_end)
    thread.join(DEADLINE)
    os.close(reader.fd)

    assert len(run.errors) == 1 and run.ends == ["completed"]
    seen = [int(line.rsplit(b"| ", 1)[1]) for line in reader.got.splitlines()[:-1]]
    assert seen == list(range(len(seen)))
    assert run.console.outlet.discarded > 0
    assert run.stage.ledger().delivered == 1500


@pytest.mark.parametrize("played", each("handler", Raises(), first=100), ids=str)
def test_console_handler_raises(played: FaultPlan) -> None:
    reader = Reader()
    thread = reading(reader)
    run = Run(played, reader.write_end, handler=True)
    run.go(1500)
    run.close()
    os.close(reader.write_end)
    thread.join(DEADLINE)
    os.close(reader.fd)

    assert [type(end) for end in run.ends] == [ValueError]
    assert len(reader.got.splitlines()) == 990
    ledger = run.stage.ledger()
    assert (ledger.delivered, ledger.discarded) == (100, 1400)


def test_console_queue_full() -> None:
    """A reader that takes nothing for a while: the stage is full, the producer waits; then all comes."""
    reader = Reader()
    run = Run(plan(name="none"), reader.write_end)
    started: list[threading.Thread] = []

    def full() -> None:
        if run.stage.ledger().parks and run.stage.ledger().queued > 12:  # its producer waits, too
            assert not run.console.gate.has_room(1)
            started.append(reading(reader))
        else:
            run.loop.call_later(0.005, full)

    run.loop.call_later(0.0, full)
    run.go(6_000)
    run.close()
    os.close(reader.write_end)
    until(lambda: bool(started))
    started[0].join(DEADLINE)
    os.close(reader.fd)
    assert len(reader.got.splitlines()) == 60_000
    assert run.stage.ledger().high_water <= 16
