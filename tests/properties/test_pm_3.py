"""PM-3: real children's output is complete; `output_closed` comes after the last line, `exited` when it is.

Way: child -> ingest thread -> [lines] -> [store], as in a run; what each station was told is journalled.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from brummer_rx.pipeline.clock import ClockThread
from brummer_rx.pipeline.event import BatchFlag, Event, LogBatch, ProcessEvent, ProcessEventKind, Stream
from brummer_rx.pipeline.flow import LineFlow, SinkSpec
from brummer_rx.pipeline.ledger import Ledgers
from brummer_rx.pipeline.threads import Lane
from brummer_rx.sources.child import Child
from brummer_rx.sources.ingest import Ingest
from brummer_rx.sources.spawn import spawn
from tests.proof.journal import Journal, Tally, assert_clean
from tests.properties.bus import Bus, until
from tests.sources.rig import RUN, python

EXITED, CLOSED = ProcessEventKind.EXITED, ProcessEventKind.OUTPUT_CLOSED

WRITER = """
import os, threading
def write(fd, name, count):
    os.set_blocking(fd, True)
    data = b"".join(b"%s %d\\n" % (name, n) for n in range(count))
    while data:
        data = data[os.write(fd, data):]
both = [threading.Thread(target=write, args=(fd, name, COUNT)) for fd, name in ((1, b"out"), (2, b"err"))]
for one in both: one.start()
for one in both: one.join()
os._exit(7)
"""
"""Writes COUNT numbered lines to each stream and exits at once."""


class Run:
    """Ingest, the main path and one sink; `log` is everything that ingest emitted, in its order."""

    def __init__(self, consume: Callable[[LogBatch], object]) -> None:
        self.bus, self.store, self.ledgers = Bus(2), Lane("store"), Ledgers()
        self.log: list[LogBatch | ProcessEvent] = []
        self.stored: list[LogBatch] = []
        self.ends: dict[str, object] = {}
        self.journal = Journal()
        self._consume = consume
        self.flow = LineFlow(self.bus.pool, self.ledgers, self.ends.__setitem__)
        self.clock = ClockThread()
        self.ingest = Ingest(gate=self.flow.entrance, clock=self.clock)
        self.ingest.batches.subscribe(self._emitted)
        self.ingest.events.subscribe(self.log.append)
        ear = self.journal.listener("store", self._store)
        self.flow.connect(self.ingest.batches, (), [SinkSpec("store", self.store, ear)])
        self.children: list[Child] = []
        self.ingest.start()

    def _emitted(self, batch: LogBatch) -> None:
        self.log.append(batch)
        self.journal.offered(batch)

    def _store(self, event: Event) -> None:
        assert isinstance(event, LogBatch)
        self._consume(event)
        self.stored.append(event)

    def start(self, name: str, code: str, pipe_size: int = 65536) -> Child:
        child = spawn(python(name, code), incarnation=1, pty=False, run_id=RUN, pipe_size=pipe_size)
        self.children.append(child)
        self.ingest.add(child)
        return child

    def told(self, kind: ProcessEventKind, child: Child) -> list[int]:
        """Where in the log these events stand."""
        return [
            at
            for at, x in enumerate(tuple(self.log))
            if isinstance(x, ProcessEvent) and x.kind is kind and x.source == child.source
        ]

    def last_batch(self, child: Child) -> int:
        return max(
            at for at, x in enumerate(self.log) if isinstance(x, LogBatch) and x.source == child.source
        )

    def finish(self, seconds: float = 60) -> None:
        until(lambda: all(self.told(CLOSED, c) and self.told(EXITED, c) for c in self.children), seconds)
        assert self.ingest.close(10)
        until(lambda: "store" in self.ends, seconds)
        assert self.ends == {"store": None}

    def close(self) -> None:
        for child in self.children:
            child.handle.signal_group(9)
        self.ingest.close(10)
        self.bus.__exit__(None, None, None)
        assert self.store.close(10)
        assert self.clock.close(10)

    def check(self, child: Child, count: int) -> None:
        """Every line of both streams once and in order; the numbers of lines contiguous; the books exact."""
        tally = Tally(child.source)
        for batch in self.stored:
            for line in batch.data.splitlines() if batch.source == child.source else ():
                stream, number = line.split()
                assert stream == (b"out" if batch.stream is Stream.OUT else b"err")
                tally.heard(stream.decode(), int(number))
        report = tally.report({"out": count, "err": count})
        assert report.clean, report
        (exited,), (closed,) = self.told(EXITED, child), self.told(CLOSED, child)
        assert self.last_batch(child) < closed, "output_closed before the last line"
        assert self.log[exited].exit_code == 7  # type: ignore[union-attr]


@pytest.fixture
def runs() -> Iterator[Callable[[Callable[[LogBatch], object]], Run]]:
    made: list[Run] = []

    def make(consume: Callable[[LogBatch], object] = lambda _: None) -> Run:
        made.append(Run(consume))
        return made[-1]

    yield make
    for run in made:
        run.close()


Runs = Callable[..., Run]


def test_pm_3_100_000_lines_on_each_stream_and_an_immediate_exit(runs: Runs) -> None:
    """With pipes of 1 MiB, as in a run: much of it is still in there when the child is gone."""
    run = runs()
    child = run.start("web", WRITER.replace("COUNT", "100_000"), 1 << 20)
    run.finish()
    run.check(child, 100_000)
    books = {b.stage: b for b in run.ledgers.snapshot()}
    report = assert_clean(run.journal.freeze(), {"store": books["store"]})
    assert report.of("store").lines == 200_000
    assert run.ingest.counts().lines == 200_000


def test_pm_3_a_consumer_of_1_ms_a_line_gets_each_of_2_000_lines(runs: Runs) -> None:
    """1,000 lines on each stream in writes of one line, so that batches are many and small.

    The child has long been gone when the consumer comes to its last line.
    """
    code = WRITER.replace(
        "data = data[os.write(fd, data):]", "data = data[os.write(fd, data[:data.index(10) + 1]):]"
    )
    run = runs(lambda batch: time.sleep(0.001 * batch.lines))
    began = time.monotonic()
    child = run.start("web", code.replace("COUNT", "1_000"))
    run.finish()
    assert time.monotonic() - began >= 2.0
    run.check(child, 1_000)


def test_pm_3_the_end_of_output_waits_for_lines_that_find_no_room(runs: Runs) -> None:
    """The store hangs and everything behind the children is full; one exits with its line in the pipe.

    Then there is no `output_closed`, however long that lasts; when the store goes on, it comes last.
    """
    hang, entered = threading.Event(), threading.Event()

    def consume(_: LogBatch) -> None:
        entered.set()
        assert hang.wait(30)

    run = runs(consume)
    try:
        child = run.start("web", WRITER.replace("COUNT", "250_000"))
        assert entered.wait(20)
        until(lambda: run.ingest.counts().parks > 0)
        quick = run.start("quick", WRITER.replace("COUNT", "1"))
        until(lambda: bool(run.told(EXITED, quick)))
        assert run.told(CLOSED, quick) == [], "its line waits in the pipe"
        assert run.told(CLOSED, child) == []
        assert run.told(EXITED, child) == [], "it hangs in its own write"
    finally:
        hang.set()
    run.finish()
    run.check(child, 250_000)
    run.check(quick, 1)


def test_pm_3_a_last_line_without_a_newline_comes_before_the_end_too(runs: Runs) -> None:
    """It is stored at the end of its stream only, so it and the end become known together."""
    code = WRITER.replace("    while data:", "    data = data[:-1]\n    while data:")
    run = runs()
    children = [run.start(f"c{n}", code.replace("COUNT", "3")) for n in range(4)]
    run.finish()
    for child in children:
        run.check(child, 3)
        last = [b for b in run.stored if b.source == child.source and b.flags]
        assert [b.flags for b in last] == [BatchFlag.UNTERMINATED] * 2


def test_pm_3_an_exit_before_the_end_of_output_does_not_end_it(runs: Runs) -> None:
    """A grandchild holds the pipes and writes after the exit: `exited` first, then lines, then the end."""
    orphan = (
        "import os\nparent = os.getpid()\nif os.fork(): os._exit(7)\nwhile os.getppid() == parent: pass\n"
    )
    run = runs()
    child = run.start("web", orphan + WRITER.replace("COUNT", "5_000"))
    run.finish()
    run.check(child, 5_000)
    assert run.told(EXITED, child)[0] < run.last_batch(child)


def test_pm_3_twelve_children_at_once(runs: Runs) -> None:
    run = runs()
    children = [run.start(f"c{n}", WRITER.replace("COUNT", "2_000")) for n in range(12)]
    run.finish()
    for child in children:
        run.check(child, 2_000)
    books = {b.stage: b for b in run.ledgers.snapshot()}
    assert_clean(run.journal.freeze(), {"store": books["store"]})
