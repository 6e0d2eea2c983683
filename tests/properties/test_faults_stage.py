"""Faults x stage and flow: everything is delivered or booked, nobody waits for ever, others go on.

Real pool, real threads. The column "stage" is one bounded stage beside a healthy one on the same pool; "flow"
is the whole main path with two sinks.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from loguru import logger
from reactivex import Subject
from reactivex import operators as ops

from brummer_rx.pipeline.clock import ClockThread
from brummer_rx.pipeline.errors import BufferOverflow, ThreadError
from brummer_rx.pipeline.event import Event, LogBatch, Stream
from brummer_rx.pipeline.flow import LineFlow, SinkSpec
from brummer_rx.pipeline.guarded import MAX_FAILURES, GuardedTransform
from brummer_rx.pipeline.ledger import Ledgers
from brummer_rx.pipeline.overflow import EmitResult, Overflow
from brummer_rx.pipeline.scheduler import BoundedThreadPoolScheduler
from brummer_rx.pipeline.stage import BoundedStage
from brummer_rx.pipeline.threads import Lane, start_thread
from tests.pipeline.until import until
from tests.proof.faultports import FaultyHandler, FaultyThreads
from tests.proof.faults import FOR_EVER, Fault, FaultPlan, Hangs, Injector, NoThread, Raises, Slow, plan
from tests.proof.seed import rng

CAPACITY = 16
COUNT = 400
DROPS_NEW = (Overflow.DROP_NEWEST,)
DEADLINE = 10.0
RECOVERY = 5.0
"""ST-4: after the fault is over nothing waits any more within so many seconds."""


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logger.disable("brummer_rx")
    yield
    logger.enable("brummer_rx")


class Bench:
    """A pool of two workers whose threads and handlers fail by plan."""

    def __init__(self, played: FaultPlan) -> None:
        self.faults = Injector(played)
        self.clock = ClockThread()
        self.pool = BoundedThreadPoolScheduler(2, clock=self.clock, start_thread=FaultyThreads(self.faults))
        self.ledgers = Ledgers()

    def stage(self, name: str, overflow: Overflow, capacity: int = CAPACITY) -> BoundedStage[int]:
        return BoundedStage(
            self.pool, name=name, capacity=capacity, overflow=overflow, batch=8, ledgers=self.ledgers
        )

    def close(self) -> None:
        self.faults.calm()
        assert self.pool.dispose(drain=True, timeout=DEADLINE)
        assert self.clock.close(DEADLINE)
        books = self.ledgers.snapshot()
        assert all(ledger.closes for ledger in books), books


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    made = Bench(request.param)
    yield made
    made.close()


class Heard:
    """A subscriber, and how its stream ended."""

    def __init__(self, stage: BoundedStage[int], handler: FaultyHandler | None = None) -> None:
        self.got: list[int] = []
        self.ends: list[object] = []
        on_next = self.got.append if handler is None else lambda x: (self.got.append(x), handler(x))
        stage.output.subscribe(on_next, self.ends.append, lambda: self.ends.append("completed"))


def produce(stage: BoundedStage[int], count: int = COUNT) -> threading.Thread:
    """A foreign thread: it may wait for room."""

    def body() -> None:
        for n in range(count):
            stage.offer(n)
        stage.complete()

    thread = threading.Thread(target=body)
    thread.start()
    return thread


def joined(*threads: threading.Thread) -> bool:
    for thread in threads:
        thread.join(DEADLINE)
    return not any(thread.is_alive() for thread in threads)


@pytest.mark.parametrize("bench", [plan(Fault("handler", Raises(), 100))], indirect=True, ids=str)
def test_stage_handler_raises(bench: Bench) -> None:
    bad, good = bench.stage("bad", Overflow.PARK), bench.stage("good", Overflow.PARK)
    hurt, well = Heard(bad, FaultyHandler(bench.faults)), Heard(good)

    assert joined(produce(bad), produce(good))
    until(lambda: bool(well.ends), RECOVERY)

    ledger = bad.ledger()
    assert bench.faults.injected["handler"] == 1
    assert hurt.got == list(range(100))
    assert [type(end) for end in hurt.ends] == [ValueError]
    assert (ledger.delivered, ledger.queued, ledger.faults, ledger.ended) == (100, 0, 1, True)
    assert ledger.discarded == COUNT - 100
    assert well.got == list(range(COUNT)) and well.ends == ["completed"]


@pytest.mark.parametrize(
    "bench",
    [plan(Fault("handler", Hangs(), 50), Fault("handler", Raises(), 51))],
    indirect=True,
    ids=["raises-while-producers-wait"],
)
def test_stage_handler_raises_while_producers_wait(bench: Bench) -> None:
    """They are called back, and what they offer is booked."""
    stage = bench.stage("bad", Overflow.PARK)
    hurt = Heard(stage, FaultyHandler(bench.faults))
    producers = produce(stage), produce(stage)
    assert bench.faults.hanging.wait(DEADLINE)
    until(lambda: stage.ledger().queued > CAPACITY * 3 // 4, RECOVERY)  # from here on they wait
    bench.faults.release()

    assert joined(*producers)
    assert [type(end) for end in hurt.ends] == [ValueError]
    ledger = stage.ledger()
    assert ledger.closes and ledger.delivered == 51
    assert ledger.discarded >= COUNT - 51  # `complete` of one of them came after the fault


@pytest.mark.parametrize("bench", [plan(Fault("handler", Hangs(), 50))], indirect=True, ids=str)
def test_stage_handler_hangs(bench: Bench) -> None:
    bad, good = bench.stage("bad", Overflow.PARK), bench.stage("good", Overflow.PARK)
    hurt, well = Heard(bad, FaultyHandler(bench.faults)), Heard(good)
    mine = produce(bad)
    assert bench.faults.hanging.wait(DEADLINE)

    assert joined(produce(good))
    until(lambda: well.ends == ["completed"], RECOVERY)
    assert well.got == list(range(COUNT))
    assert bad.ledger().high_water <= CAPACITY

    bench.faults.release()
    assert joined(mine)
    until(lambda: bool(hurt.ends), RECOVERY)
    assert hurt.got == list(range(COUNT)) and hurt.ends == ["completed"]
    assert bad.ledger().queued == 0


@pytest.mark.parametrize("bench", [plan(Fault("handler", Slow(0.001), 1, 100))], indirect=True, ids=str)
def test_stage_slow_consumer(bench: Bench) -> None:
    bad, good = bench.stage("bad", Overflow.PARK), bench.stage("good", Overflow.PARK)
    hurt, well = Heard(bad, FaultyHandler(bench.faults)), Heard(good)

    assert joined(produce(bad), produce(good))
    until(lambda: len(hurt.ends) == len(well.ends) == 1, RECOVERY)

    assert hurt.got == well.got == list(range(COUNT))
    assert bad.ledger().high_water <= CAPACITY and bad.ledger().blocked_count > 0


@pytest.mark.parametrize("overflow", list(Overflow))
@pytest.mark.parametrize("bench", [plan(Fault("handler", Hangs(), 1))], indirect=True, ids=str)
def test_stage_queue_full(bench: Bench, overflow: Overflow) -> None:
    stage = bench.stage("full", overflow)
    heard = Heard(stage, FaultyHandler(bench.faults))
    stage.offer(0)
    assert bench.faults.hanging.wait(DEADLINE)

    results = [stage.try_emit(n) for n in range(1, 3 * CAPACITY + 1)]
    ledger = stage.ledger()
    room = 1 if overflow is Overflow.LATEST else CAPACITY
    assert ledger.closes and ledger.high_water <= room
    kept = {
        Overflow.DROP_OLDEST: range(2 * CAPACITY + 1, 3 * CAPACITY + 1),
        Overflow.LATEST: range(3 * CAPACITY, 3 * CAPACITY + 1),
    }.get(overflow, range(1, CAPACITY + 1))
    refused = 2 * CAPACITY if overflow.holds_back else 0
    if overflow is Overflow.ERROR:
        stage.offer(-1)  # this ends it, behind its backlog

    bench.faults.release()
    until(lambda: stage.ledger().queued == 0, RECOVERY)
    stage.offer(-2)  # work goes on, where the choice is not to end
    stage.complete()
    until(lambda: bool(heard.ends), RECOVERY)

    ledger = stage.ledger()
    assert (ledger.refused, ledger.dropped) == (refused, 3 * CAPACITY - len(kept) - refused)
    assert results.count(EmitResult.OVERFLOW) == (refused or ledger.dropped * (overflow in DROPS_NEW))
    if overflow is Overflow.ERROR:
        assert heard.got == [0, *kept] and ledger.discarded == 2
        assert [type(end) for end in heard.ends] == [BufferOverflow]
    else:
        assert heard.got == [0, *kept, -2] and ledger.discarded == 0
        assert heard.ends == ["completed"]


@pytest.mark.parametrize("overflow", list(Overflow))
@pytest.mark.parametrize(
    "bench",
    [plan(Fault("handler", Slow(0.01), 1), Fault("handler", Slow(0.0005), 2, FOR_EVER, chance=0.02))],
    indirect=True,
    ids=["slow-at-times"],
)
def test_stage_flood(bench: Bench, overflow: Overflow) -> None:
    stage = bench.stage("flood", overflow)
    heard = Heard(stage, FaultyHandler(bench.faults))
    each, producers = 1500, 3
    start = threading.Barrier(producers)

    def flood(first: int) -> None:
        start.wait(DEADLINE)
        for n in range(first, first + each):
            stage.offer(n)

    threads = [threading.Thread(target=flood, args=(n * each,)) for n in range(producers)]
    for thread in threads:
        thread.start()
    assert joined(*threads)
    stage.complete()
    until(lambda: bool(heard.ends), RECOVERY)

    ledger = stage.ledger()
    assert bench.faults
    assert ledger.closes and ledger.queued == 0 and ledger.offered == each * producers
    assert ledger.high_water <= (1 if overflow is Overflow.LATEST else CAPACITY)
    assert ledger.delivered == len(heard.got) == len(set(heard.got))
    for n in range(producers):
        mine = [x for x in heard.got if n * each <= x < (n + 1) * each]
        assert mine == sorted(mine)
    if overflow in (Overflow.BLOCK, Overflow.PARK):
        assert len(heard.got) == each * producers


@pytest.mark.parametrize(
    "bench", [plan(Fault("thread", NoThread(), 1, FOR_EVER))], indirect=True, ids=["no-first-thread"]
)
def test_stage_thread_start_failure(bench: Bench) -> None:
    stage = bench.stage("bad", Overflow.PARK)
    heard = Heard(stage)

    assert joined(produce(stage))
    assert [type(end) for end in heard.ends] == [ThreadError]
    ledger = stage.ledger()
    assert (ledger.discarded, ledger.queued, ledger.faults, ledger.ended) == (COUNT, 0, 1, True)

    bench.faults.calm()  # there are threads again: new stages work
    good = bench.stage("good", Overflow.PARK)
    well = Heard(good)
    assert joined(produce(good))
    until(lambda: well.ends == ["completed"], RECOVERY)
    assert well.got == list(range(COUNT))


# --- flow -------------------------------------------------------------------------------------------------


def batch_of(n: int) -> LogBatch:
    return LogBatch("web", Stream.OUT, n, 1, n, b"line %d\n" % n)


class Flow:
    """Ingest's part played by a thread of ours, the pool, two sinks on lanes of their own."""

    def __init__(self, bench: Bench, transforms: tuple[GuardedTransform, ...] = ()) -> None:
        self.bench = bench
        self.ends: dict[str, object] = {}
        self.flow = LineFlow(bench.pool, bench.ledgers, self.ends.__setitem__)
        self.lanes = {name: Lane(name) for name in ("first", "second")}
        self.got: dict[str, list[int]] = {name: [] for name in self.lanes}
        self.source: Subject[Event] = Subject()
        self.transforms = transforms
        self.held = threading.Event()
        """Set while ingest's part waits for room."""

    def connect(self, first: FaultyHandler | None = None) -> None:
        specs = [SinkSpec(name, lane, self._consume(name, first)) for name, lane in self.lanes.items()]
        self.flow.connect(self.source, self.transforms, specs)

    def _consume(self, name: str, handler: FaultyHandler | None) -> FaultyHandler:
        def take(event: Event) -> None:
            assert isinstance(event, LogBatch)
            self.got[name].append(event.first_line)

        if name == "first" and handler is not None:
            return lambda event: (take(event), handler(event))  # type: ignore[return-value]
        return take  # type: ignore[return-value]

    def feed(self, count: int = COUNT) -> threading.Thread:
        """As ingest does: asks the gate before each batch."""
        bell = threading.Event()

        def body() -> None:
            for n in range(count):
                batch = batch_of(n)
                while not self.flow.entrance.has_room(len(batch.data)):
                    bell.clear()
                    if self.flow.entrance.park(bell.set, len(batch.data)):
                        self.held.set()
                        assert bell.wait(DEADLINE)
                        self.held.clear()
                self.source.on_next(batch)
            self.source.on_completed()

        return start_thread("ingest", body)

    def close(self) -> None:
        assert all(lane.close(DEADLINE) for lane in self.lanes.values())


@pytest.mark.parametrize("bench", [plan(Fault("handler", Raises(), 100))], indirect=True, ids=str)
def test_flow_handler_raises(bench: Bench) -> None:
    flow = Flow(bench)
    flow.connect(FaultyHandler(bench.faults))

    assert joined(flow.feed())
    until(lambda: len(flow.ends) == 2, RECOVERY)

    assert flow.got["first"] == list(range(100)) and flow.got["second"] == list(range(COUNT))
    assert isinstance(flow.ends["first"], ValueError) and flow.ends["second"] is None
    flow.close()


@pytest.mark.parametrize(
    "bench",
    [
        plan(Fault("handler", Raises(), 10, MAX_FAILURES - 1)),
        plan(Fault("handler", Raises(SystemExit), 10, FOR_EVER)),
        plan(Fault("handler", Raises(), 1, FOR_EVER, chance=0.3)),
    ],
    indirect=True,
    ids=str,
)
def test_flow_operator_raises(bench: Bench) -> None:
    told: list[bool] = []
    operator = ops.map(FaultyHandler(bench.faults, lambda event: event))
    guarded = GuardedTransform("broken", operator, lambda name, error, bypassed: told.append(bypassed))
    flow = Flow(bench, (guarded,))
    flow.connect()

    assert joined(flow.feed())
    until(lambda: len(flow.ends) == 2, RECOVERY)

    assert flow.got["first"] == flow.got["second"] == list(range(COUNT))
    assert set(flow.ends.values()) == {None}
    assert len(told) == guarded.failures == bench.faults.injected["handler"] > 0
    assert told[-1] is guarded.bypassed
    flow.close()


@pytest.mark.parametrize(
    "bench",
    [plan(Fault("handler", Hangs(), 30)), plan(Fault("handler", Slow(0.002), 1, 60))],
    indirect=True,
    ids=str,
)
def test_flow_sink_hangs_or_is_slow(bench: Bench) -> None:
    count = 5000  # more than all stages hold together
    flow = Flow(bench)
    flow.connect(FaultyHandler(bench.faults))
    feeder = flow.feed(count)
    if bench.faults.plan.faults[0].what == Hangs():
        assert bench.faults.hanging.wait(DEADLINE)
        until(flow.held.is_set, RECOVERY)  # ingest is held back
        assert len(flow.got["second"]) < count
        bench.faults.release()

    assert joined(feeder)
    until(lambda: len(flow.ends) == 2, RECOVERY)
    assert flow.got["first"] == flow.got["second"] == list(range(count))
    assert all(ledger.queued == 0 and ledger.dropped == 0 for ledger in bench.ledgers.snapshot())
    flow.close()


@pytest.mark.parametrize("bench", [plan(Fault("handler", Hangs(), 30))], indirect=True, ids=str)
def test_flow_sink_that_hangs_is_let_go(bench: Bench) -> None:
    count = 5000
    flow = Flow(bench)
    flow.connect(FaultyHandler(bench.faults))
    feeder = flow.feed(count)
    assert bench.faults.hanging.wait(DEADLINE)
    until(flow.held.is_set, RECOVERY)

    assert flow.flow.detach("first")
    assert joined(feeder)
    until(lambda: flow.ends.get("second", 0) is None, RECOVERY)
    assert flow.got["second"] == list(range(count))
    bench.faults.release()
    until(lambda: all(ledger.queued == 0 for ledger in bench.ledgers.snapshot()), RECOVERY)
    flow.close()


@pytest.mark.parametrize(
    "bench", [plan(Fault("handler", Slow(0.0005), 1, FOR_EVER, chance=0.01))], indirect=True, ids=str
)
def test_flow_flood(bench: Bench) -> None:
    flow = Flow(bench)
    flow.connect(FaultyHandler(bench.faults))
    count = rng("faults/flow flood").randrange(8_000, 12_000)

    assert joined(flow.feed(count))
    until(lambda: len(flow.ends) == 2, RECOVERY)

    assert flow.got["first"] == flow.got["second"] == list(range(count))
    assert bench.faults
    flow.close()


@pytest.mark.parametrize(
    "bench", [plan(Fault("thread.pool-2", NoThread(), 1, FOR_EVER))], indirect=True, ids=["no-second-thread"]
)
def test_flow_thread_start_failure(bench: Bench) -> None:
    """The pool does with one thread what it would do with two."""
    flow = Flow(bench)
    flow.connect()
    other = bench.stage("other", Overflow.PARK)
    heard = Heard(other)

    assert joined(flow.feed(), produce(other))
    until(lambda: len(flow.ends) == 2 and bool(heard.ends), RECOVERY)

    assert flow.got["first"] == flow.got["second"] == heard.got == list(range(COUNT))
    assert bench.faults and bench.pool.statistics().workers == 1
    flow.close()
