"""EB-1 and EB-2: per-source order for every subscriber, and conservation, exactly."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from reactivex import operators as ops

from brummer_rx.pipeline.event import Event, LogBatch, Stream
from brummer_rx.pipeline.flow import LineFlow, SinkSpec
from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.guarded import GuardedTransform
from brummer_rx.pipeline.ledger import Ledgers
from brummer_rx.pipeline.stage import BoundedStage, Overflow
from tests.proof.journal import Journal, Listener, assert_clean, check
from tests.proof.seed import rng
from tests.properties.bus import Bus, quick_switches, run_threads, until

Pair = tuple[str, int]
LOSSLESS = (Overflow.BLOCK, Overflow.PARK)


def producers(count: int, events: int, give: Callable[[Pair], object]) -> list[Callable[[], None]]:
    def producer(name: str) -> Callable[[], None]:
        def body() -> None:
            for n in range(events):
                give((name, n))

        return body

    return [producer(f"p{k}") for k in range(count)]


# --- EB-1 ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "events"), [(1, 10_000), (4, 5_000), (32, 500)])
def test_eb_01_each_source_in_order_with_many_producers(count: int, events: int) -> None:
    """Nothing lost, repeated, reordered, overlapping.

    With 32 producers 500 events each (the paper has 10,000): what counts is the number that blocks at once.
    """
    with Bus(2) as bus:
        journal = Journal()
        ear = journal.listener("s")
        stage: BoundedStage[Pair] = BoundedStage(bus.pool, name="s", capacity=64)
        ear.listen(stage.output)
        run_threads(producers(count, events, lambda x: journal.offer(stage, x)))
        stage.complete()
        assert ear.ended.wait(20)
        report = bus.verdict(journal, "s", stage)

    assert report.of("s").events == events * count


@pytest.mark.parametrize("overflow", list(Overflow), ids=str)
def test_eb_01_in_order_under_overflow_and_slow_handlers(overflow: Overflow) -> None:
    """4 producers x 1,500 events into 16 places, a handler that is slow now and then, 1 us switches."""
    random = rng(f"eb_01 {overflow}")
    with Bus(3) as bus, quick_switches():
        journal = Journal()
        ear = journal.listener("s", lambda _: time.sleep(0.0005) if random.random() < 0.01 else None)
        stage: BoundedStage[Pair] = BoundedStage(
            bus.pool, name="s", capacity=16, batch=5, overflow=overflow, on_drop=journal.dropped
        )
        ear.listen(stage.output)
        run_threads(producers(4, 1_500, lambda x: journal.offer(stage, x)))
        stage.complete()
        assert ear.ended.wait(20)
        report = bus.verdict(journal, "s", stage)

    if overflow in LOSSLESS:
        assert report.of("s").events == 6_000
    elif overflow is not Overflow.ERROR:
        assert report.dropped > 0
        assert report.of("s").missing == ()


class FlowRig:
    """Producers -> [entry] -> [lines] -> a transform -> one stage per sink, all journalled."""

    def __init__(self, bus: Bus, *sinks: str, slow: str = "") -> None:
        self.journal = Journal()
        self.ledgers = Ledgers()
        self.slow = slow
        self.ends: dict[str, object] = {}
        self.ears = {name: self.journal.listener(name, self._body(name)) for name in sinks}
        self.inner: Listener = self.journal.listener("transform")
        gate = Gate()
        self.entry: BoundedStage[Event] = BoundedStage(
            bus.pool, name="entry", capacity=64, feeds=gate, ledgers=self.ledgers
        )
        self.flow = LineFlow(bus.pool, self.ledgers, self.ends.__setitem__)
        gate.join(self.flow.entrance)  # a gate answers as a stage does
        self.failures: list[object] = []
        transform = GuardedTransform(
            "probe", ops.do_action(self.inner), lambda *failure: self.failures.append(failure)
        )
        self.flow.connect(
            self.entry.output, [transform], [SinkSpec(name, bus.pool, self.ears[name]) for name in sinks]
        )

    def _body(self, name: str) -> Callable[[object], object] | None:
        random = rng(f"flow {name}")
        if name != self.slow:
            return None
        return lambda _: time.sleep(0.0005) if random.random() < 0.05 else None

    def batch(self, x: Pair) -> LogBatch:
        return LogBatch(x[0], Stream.OUT, x[1], 1, 0, b"x\n")

    def give(self, x: Pair) -> None:
        self.journal.offer(self.entry, self.batch(x))


def test_eb_01_each_subscriber_of_the_flow_hears_each_source_in_order() -> None:
    """8 sources x 400 batches; the slow sink holds back, the quick one and the transform see the same."""
    with Bus(3) as bus, quick_switches():
        rig = FlowRig(bus, "store", "console", slow="console")
        run_threads(producers(8, 400, rig.give))
        rig.entry.complete()
        until(lambda: len(rig.ends) == 2)
        report = assert_clean(rig.journal.freeze())

        assert rig.failures == []
        assert rig.ends == {"store": None, "console": None}
        assert {h.name: h.events for h in report.hearings} == dict.fromkeys(
            ("store", "console", "transform"), 3_200
        )
        for books in rig.ledgers.snapshot():
            assert (books.stage, books.delivered, books.closes) == (books.stage, 3_200, True)
            assert books.overshoots == 0


def test_eb_01_in_order_while_others_unsubscribe() -> None:
    """One sink is let go in the middle: what it heard was in order, the other one misses nothing."""
    with Bus(3) as bus, quick_switches():
        rig = FlowRig(bus, "store", "console", slow="console")
        enough = threading.Event()

        def let_go() -> None:
            until(lambda: rig.ears["console"].heard > 200)
            assert rig.flow.detach("console")
            enough.set()

        run_threads([*producers(4, 600, rig.give), let_go])
        rig.entry.complete()
        until(lambda: "store" in rig.ends)
        until(lambda: all(books.queued == 0 for books in rig.ledgers.snapshot()))
        books = {b.stage: b for b in rig.ledgers.snapshot()}
        report = check(rig.journal.freeze(), {"store": books["store"]})

    console = report.of("console")
    assert report.of("store").events == 2_400
    assert report.of("store").faults == ()
    assert console.events == books["console"].delivered < 2_400
    assert (console.duplicates, console.inversions, console.invented, console.overlaps) == ((), (), (), 0)
    assert books["console"].discarded == books["console"].offered - console.events
    # What the others missed is a suffix of each source: nothing was left out in between.
    assert all(r.last == 599 for r in console.missing)


# --- EB-2 ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["complete", "error", "dispose", "fault", "nothing"])
@pytest.mark.parametrize("overflow", list(Overflow), ids=str)
def test_eb_02_everything_offered_is_accounted_for(overflow: Overflow, end: str) -> None:
    """Journals of both sides against the ledger, exactly, at quiescence and after each kind of end.

    Half of the events come by `try_emit`; some are offered after the end.
    """
    random = rng(f"eb_02 {overflow} {end}")
    with Bus(2) as bus, quick_switches():
        journal = Journal()

        def hear(x: Pair) -> None:
            if end == "fault" and x[1] == 250:
                raise ValueError(x)

        ledgers = Ledgers()
        ear = journal.listener("s", hear)
        stage: BoundedStage[Pair] = BoundedStage(
            bus.pool,
            name="s",
            capacity=7,
            batch=3,
            overflow=overflow,
            on_drop=journal.dropped,
            ledgers=ledgers,
        )
        ear.listen(stage.output)
        stop_at = random.randrange(100, 400)
        ends: dict[str, Callable[[], None]] = {
            "complete": stage.complete,
            "error": lambda: stage.error(KeyError()),
            "dispose": stage.dispose,
        }

        def give(x: Pair) -> None:
            if x[1] % 2:
                journal.try_emit(stage, x)
            else:
                journal.offer(stage, x)
            if x == ("p0", stop_at) and end in ends:
                ends[end]()

        run_threads(producers(3, 500, give))
        report = bus.verdict(journal, "s", stage)
        total = next(iter(ledgers.snapshot()))

        assert (total.offered, total.closes) == (report.events, True)
        assert report.events + report.left == 1_500
        if end == "nothing" and overflow is not Overflow.ERROR:
            assert report.of("s").missing == ()
        if end in ends:
            late = [("late", n) for n in range(5)]
            for x in late:
                journal.offer(stage, x)
            after = assert_clean(journal.freeze(), {"s": stage.ledger()})
            assert after.of("s").excused == report.of("s").excused + 5


def test_eb_02_pending_ones_are_accounted_for_while_the_handler_hangs() -> None:
    with Bus(1) as bus:
        release, entered = bus.block(), threading.Event()
        journal = Journal()
        ear = journal.listener("s", lambda _: (entered.set(), release.wait(20)))
        stage: BoundedStage[Pair] = BoundedStage(bus.pool, name="s", capacity=10)
        ear.listen(stage.output)
        for n in range(8):
            journal.offer(stage, ("p", n))
        assert entered.wait(5)
        report = assert_clean(journal.freeze(), {"s": stage.ledger()})
        assert (stage.ledger().queued, report.of("s").excused) == (8, 8)

        release.set()
        after = bus.verdict(journal, "s", stage)
        assert after.of("s").excused == 0
        assert after.of("s").events == 8


def test_eb_02_each_branch_of_a_fan_out_keeps_books_of_its_own() -> None:
    """A lossless, a dropping and a failing subscriber of one stream: three ledgers, each exact."""
    with Bus(3) as bus, quick_switches():
        first: BoundedStage[Pair] = BoundedStage(bus.pool, name="first", capacity=32)
        hub = first.output.pipe(ops.publish())
        journals = {name: Journal() for name in ("all", "some", "broken")}
        stages: dict[str, BoundedStage[Pair]] = {}
        for name, journal in journals.items():
            overflow = Overflow.DROP_OLDEST if name == "some" else Overflow.PARK
            stages[name] = BoundedStage(
                bus.pool,
                name=name,
                capacity=4 if name == "some" else 100_000,
                overflow=overflow,
                on_drop=journal.dropped,
            )

            def fail(x: Pair, broken: bool = name == "broken") -> None:
                if broken and x[1] == 300:
                    raise ValueError

            journal.listener(name, fail).listen(stages[name].output)
            hub.subscribe(
                lambda x, journal=journal, stage=stages[name]: journal.offer(stage, x),
                on_completed=stages[name].complete,
            )
        hub.connect()
        run_threads(producers(4, 800, first.offer))
        first.complete()
        ears = [journal._listeners[0] for journal in journals.values()]
        until(lambda: all(ear.ended.is_set() for ear in ears))
        reports = {name: bus.verdict(journal, name, stages[name]) for name, journal in journals.items()}

    assert reports["all"].of("all").events == 3_200
    assert reports["some"].of("some").events + reports["some"].dropped == 3_200
    assert reports["broken"].of("broken").excused == 3_200 - reports["broken"].of("broken").events > 0
    assert stages["broken"].ledger().faults == 1
