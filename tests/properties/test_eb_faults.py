"""EB-7 and EB-8: nothing is published under a lock, and a handler that fails harms only itself."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from reactivex import operators as ops

from brummer_rx.pipeline.clock import ClockThread
from brummer_rx.pipeline.errors import ThreadError
from brummer_rx.pipeline.event import Event, LogBatch, Stream
from brummer_rx.pipeline.flow import LineFlow, SinkSpec
from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.guarded import GuardedTransform
from brummer_rx.pipeline.ledger import Ledgers
from brummer_rx.pipeline.stage import BoundedStage, Overflow
from brummer_rx.pipeline.threads import Lane
from brummer_rx.sources.ingest import Ingest
from brummer_rx.sources.outbox import Outbox
from tests.proof.journal import Journal, check
from tests.properties.bus import Bus, HeldLocks, run_threads, until

Pair = tuple[str, int]


# --- EB-7 ---------------------------------------------------------------------------------------------


class SpyLane:
    """A pool whose `submit_drain` is a callback, too: it must be called without a lock."""

    def __init__(self, bus: Bus, locks: HeldLocks) -> None:
        self.name, self._bus, self._locks = "spy", bus, locks

    def submit_drain(self, drain: Callable[[], None]) -> None:
        self._locks.called("submit_drain")
        self._bus.pool.submit_drain(drain)

    def is_current(self) -> bool:
        return self._bus.pool.is_current()


@pytest.mark.parametrize("end", ["complete", "fault", "dispose"])
@pytest.mark.parametrize("overflow", list(Overflow), ids=str)
def test_eb_07_nobody_is_called_under_a_lock(overflow: Overflow, end: str) -> None:
    """Each callback that a stage makes, on whatever thread, finds that its thread holds no tracked lock.

    Tracked are the locks of the stage, its gates and ledgers, the pool and its crew.
    """
    locks = HeldLocks()
    with Bus(2) as bus:
        ledgers, joins, feeds = Ledgers(), Gate(), Gate()
        calls: list[str] = []

        def called(where: str) -> Callable[..., None]:
            def note(*_: object) -> None:
                locks.called(where)
                calls.append(where)

            return note

        def hear(x: Pair) -> None:
            note_next()
            if end == "fault" and x[1] == 60:
                raise ValueError

        note_next = called("on_next")
        behind: BoundedStage[Pair] = BoundedStage(bus.pool, name="behind", capacity=2, joins=feeds)
        stage: BoundedStage[Pair] = BoundedStage(
            SpyLane(bus, locks),
            name="s",
            capacity=4,
            batch=3,
            overflow=overflow,
            joins=joins,
            feeds=feeds,
            ledgers=ledgers,
            weigh=lambda _: called("weigh")() or 1,
            on_drop=called("on_drop"),
            on_fault=called("on_fault"),
        )
        for owner, name in (
            (stage, "stage"),
            (behind, "behind"),
            (joins, "joins"),
            (feeds, "feeds"),
            (ledgers, "ledgers"),
            (bus.pool, "pool"),
            (bus.pool._crew, "crew"),
        ):
            locks.track(owner, name)
        behind.output.subscribe(called("behind"))
        stage.output.pipe(ops.do_action(hear)).subscribe(
            behind.offer, called("on_error"), called("on_completed")
        )

        stage.offer(("p", 0))
        until(lambda: "behind" in calls)

        def produce() -> None:
            for n in range(1, 80):
                stage.offer(("p", n))
                if not joins.has_room(1) and joins.park(called("resume"), 1):
                    calls.append("parked")

        run_threads([produce, produce])
        stage.dispose() if end == "dispose" else stage.complete()
        until(lambda: stage.ledger().ended and not stage.ledger().queued)

    assert locks.violations == []
    assert {"weigh", "on_next", "behind"} <= set(calls)
    if not overflow.holds_back:
        assert "on_drop" in calls
    elif overflow is not Overflow.ERROR and end != "fault":
        assert calls.count("resume") == calls.count("parked")


def test_eb_07_the_guard_sees_a_callback_under_a_lock_and_a_second_entry() -> None:
    """The measure above can fail."""

    class Owner:
        def __init__(self) -> None:
            self._lock = threading.Lock()

    locks, owner = HeldLocks(), Owner()
    locks.track(owner, "owner")
    locks.called("free")
    with owner._lock:
        locks.called("on_next")
        with pytest.raises(RuntimeError, match="taken twice"):
            owner._lock.acquire()
    locks.called("free again")
    assert locks.violations == ["on_next was called under owner", "owner is taken twice by one thread"]


@pytest.mark.parametrize("overflow", list(Overflow), ids=str)
def test_eb_07_a_handler_that_publishes_into_its_own_full_stage_ends(overflow: Overflow) -> None:
    """It finishes or is refused at once, by its stage's choice; the books close; nothing hangs.

    BLOCK refuses (no thread of a lane may wait), PARK takes it beyond the bound, and counts that.
    """
    with Bus(2) as bus:
        refused: list[BaseException] = []
        heard: list[int] = []
        full, ended = threading.Event(), threading.Event()
        stage: BoundedStage[int] = BoundedStage(bus.pool, name="s", capacity=2, overflow=overflow, timeout=30)

        def hear(x: int) -> None:
            heard.append(x)
            if x == 0:
                assert full.wait(5)
                for n in range(100, 105):
                    try:
                        stage.offer(n)
                    except ThreadError as error:
                        refused.append(error)

        stage.output.subscribe(hear, lambda _: ended.set(), ended.set)
        stage.offer(0)
        until(lambda: heard == [0])
        for n in (1, 2):
            stage.try_emit(n)
        full.set()
        until(lambda: stage.ledger().queued == 0, 5)
        stage.complete()
        assert ended.wait(5)
        books = stage.ledger()

    assert books.closes
    assert books.offered == books.delivered + books.dropped + books.discarded
    assert len(refused) == (5 if overflow is Overflow.BLOCK else 0)
    assert books.overshoots == (5 if overflow is Overflow.PARK else 0)
    assert (
        heard
        == {
            Overflow.BLOCK: [0, 1, 2],
            Overflow.PARK: [0, 1, 2, 100, 101, 102, 103, 104],
            Overflow.DROP_OLDEST: [0, 103, 104],
            Overflow.DROP_NEWEST: [0, 1, 2],
            Overflow.LATEST: [0, 104],
            Overflow.ERROR: [0, 1, 2],
        }[overflow]
    )


# --- EB-8 ---------------------------------------------------------------------------------------------


def batch(n: int) -> LogBatch:
    return LogBatch("web", Stream.OUT, n, 1, n, b"x\n")


def test_eb_08_a_transform_that_raises_at_item_3_of_10_is_tried_ten_times_and_costs_nothing() -> None:
    with Bus(2) as bus:
        journal, ledgers, ends = Journal(), Ledgers(), dict[str, object]()
        attempts: list[int] = []
        told: list[tuple[str, bool]] = []

        def trip(event: Event) -> Event:
            assert isinstance(event, LogBatch)
            attempts.append(event.first_line)
            if len(attempts) == 3:
                raise ValueError("item 3")
            return event

        transform = GuardedTransform(
            "trips", ops.map(trip), lambda name, _, bypassed: told.append((name, bypassed))
        )
        entry: BoundedStage[Event] = BoundedStage(bus.pool, name="entry")
        flow = LineFlow(bus.pool, ledgers, ends.__setitem__)
        sinks = [SinkSpec(name, bus.pool, journal.listener(name)) for name in ("store", "console")]
        flow.connect(entry.output, [transform], sinks)
        for n in range(10):
            journal.offer(entry, batch(n))
        entry.complete()
        until(lambda: len(ends) == 2)
        report = check(journal.freeze())

    assert report.clean, report
    assert attempts == list(range(10))
    assert (transform.failures, told) == (1, [("trips", False)])
    assert [h.events for h in report.hearings] == [10, 10]
    assert ends == {"store": None, "console": None}


def test_eb_08_a_sink_that_raises_ends_alone_is_counted_once_and_others_complete() -> None:
    with Bus(2) as bus:
        journal, ledgers, ends = Journal(), Ledgers(), dict[str, object]()

        def trip(event: Event) -> None:
            if isinstance(event, LogBatch) and event.first_line == 2:
                raise ValueError("item 3")

        ears = {"store": journal.listener("store"), "broken": journal.listener("broken", trip)}
        entry: BoundedStage[Event] = BoundedStage(bus.pool, name="entry")
        flow = LineFlow(bus.pool, ledgers, ends.__setitem__)
        flow.connect(entry.output, (), [SinkSpec(name, bus.pool, ear) for name, ear in ears.items()])
        for n in range(10):
            journal.offer(entry, batch(n))
        entry.complete()
        until(lambda: len(ends) == 2)
        until(lambda: all(b.queued == 0 for b in ledgers.snapshot()))
        books = {b.stage: b for b in ledgers.snapshot()}
        report = check(journal.freeze(), {"store": books["store"]})

    assert report.of("store").faults == ()
    assert ends["store"] is None
    assert isinstance(ends["broken"], ValueError)
    assert report.of("broken").events == books["broken"].delivered == 3
    assert (books["broken"].faults, books["broken"].closes) == (1, True)
    assert books["lines"].delivered == 10
    assert books["lines"].faults == 0


@pytest.mark.parametrize("raised", [ValueError, KeyboardInterrupt, SystemExit])
def test_eb_08_a_subscriber_that_raises_is_told_its_end_and_its_worker_lives(
    raised: type[BaseException],
) -> None:
    """reactivex alone would end the subscription silently, its queue growing for ever."""
    with Bus(1) as bus:
        journal, faults = Journal(), list[BaseException]()

        def trip(x: Pair) -> None:
            if x[1] == 2:
                raise raised("item 3")

        ear = journal.listener("s", trip)
        stage: BoundedStage[Pair] = BoundedStage(bus.pool, name="s", on_fault=faults.append)
        ear.listen(stage.output)
        for n in range(10):
            journal.offer(stage, ("p", n))
        assert ear.ended.wait(5)
        report = bus.verdict(journal, "s", stage)
        books = stage.ledger()

        until(lambda: len(faults) > 0)
        assert [type(fault) for fault in faults] == [raised]
        assert isinstance(ear.error, raised)
        assert (report.of("s").events, books.faults, report.of("s").excused) == (3, 1, 7)
        healthy = journal.listener("healthy")
        other: BoundedStage[Pair] = BoundedStage(bus.pool, name="healthy")
        healthy.listen(other.output)
        other.offer(("q", 0))
        until(lambda: healthy.heard == 1)
        assert bus.pool.statistics().workers == 1


def test_eb_08_a_job_that_raises_is_counted_and_the_next_one_runs() -> None:
    with Bus(1) as bus:
        ran = threading.Event()

        def trip(*_: object) -> None:
            raise ValueError("a job")

        bus.pool.schedule(trip)
        bus.pool.schedule(lambda *_: ran.set() and None)
        assert ran.wait(5)
        assert [str(error) for error in bus.errors] == ["a job"]
        assert bus.pool.statistics().faults == 1


def test_eb_08_an_action_of_a_lane_or_of_the_clock_that_raises_harms_no_other() -> None:
    lane, clock, ran = Lane("eb08"), ClockThread(), list[str]()
    clock.start()

    def trip() -> None:
        raise ValueError

    lane.submit(trip)
    lane.submit(lambda: ran.append("lane"))
    assert lane.close(5)
    clock.call_later(0.0, trip)
    clock.call_later(0.001, lambda: ran.append("clock"))
    until(lambda: "clock" in ran)
    assert clock.close(5)
    assert ran == ["lane", "clock"]
    assert (lane.counts().faults, clock.faults) == (1, 1)


def test_eb_08_a_subscriber_of_ingest_that_raises_is_counted_and_reading_goes_on() -> None:
    """Ten batches through the outbox of the ingest thread; the handler of the third raises."""
    outbox, heard = Outbox(Gate(), lambda: None), list[int]()

    def trip(item: LogBatch) -> None:
        heard.append(item.first_line)
        if item.first_line == 2:
            raise ValueError("item 3")

    outbox.batches.subscribe(trip)
    for n in range(10):
        outbox.put(batch(n))
        outbox.flush()
    assert heard == list(range(10))
    assert outbox.faults == 1
    ingest = Ingest(gate=Gate(), clock=ClockThread())
    assert ingest.counts().faults == 0
    assert ingest.close(5)
