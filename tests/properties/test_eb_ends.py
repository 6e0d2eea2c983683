"""EB-9, EB-10 and EB-12: stopping, unsubscribing, and payloads that nobody can change."""

from __future__ import annotations

import dataclasses
import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import FrozenInstanceError

import pytest
from reactivex import Subject

from brummer_rx.pipeline import effect, event, ledger, process, reader
from brummer_rx.pipeline.errors import ThreadError
from brummer_rx.pipeline.event import (
    Event,
    Finding,
    FindingKind,
    Gap,
    GapReason,
    HttpEvent,
    HttpPhase,
    LogBatch,
    McpEvent,
    McpPhase,
    ProcessEvent,
    ProcessEventKind,
    Stream,
)
from brummer_rx.pipeline.flow import LineFlow, SinkSpec
from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.ledger import Ledgers
from brummer_rx.pipeline.stage import BoundedStage, EmitResult, Overflow, observe_on_bounded
from brummer_rx.pipeline.threads import Lane
from tests.proof.journal import Journal, assert_clean, check
from tests.proof.seed import rng
from tests.properties.bus import Bus, quick_switches, run_threads, until

Pair = tuple[str, int]


# --- EB-9 ---------------------------------------------------------------------------------------------


def in_time(call: Callable[[], bool], seconds: float) -> tuple[bool, float]:
    """What `call` returns and how long it took; fails when it takes longer than `seconds`."""
    answers: list[bool] = []
    began = time.monotonic()
    run_threads([lambda: answers.append(call())], seconds)
    return answers[0], time.monotonic() - began


@pytest.mark.parametrize("where", ["pool", "lane"])
def test_eb_09_stop_runs_everything_that_was_accepted(where: str) -> None:
    """500 elements x 1 ms are queued when the stop comes: all are handled, in order, before it returns."""
    with Bus(2) as bus:
        lane = Lane("eb09") if where == "lane" else None
        journal = Journal()
        ear = journal.listener("s", lambda _: time.sleep(0.001))
        stage: BoundedStage[Pair] = BoundedStage(lane or bus.pool, name="s", batch=16)
        ear.listen(stage.output)
        for n in range(500):
            journal.offer(stage, ("p", n))
        stop = (lambda: lane.close(15)) if lane else (lambda: bus.pool.dispose(drain=True, timeout=15))
        ended, _ = in_time(stop, 20)

        assert ended
        assert ear.heard == 500
        assert stage.ledger().queued == 0
        assert assert_clean(journal.freeze(), {"s": stage.ledger()}).of("s").excused == 0


@pytest.mark.parametrize("where", ["pool", "lane"])
def test_eb_09_stop_with_a_hanging_handler_returns_at_its_deadline_and_says_what_it_left(where: str) -> None:
    with Bus(1) as bus:
        release, entered = bus.block(), threading.Event()
        lane = Lane("eb09") if where == "lane" else None
        journal, told = Journal(), list[BaseException]()
        hung: BoundedStage[Pair] = BoundedStage(lane or bus.pool, name="hung")
        waits: BoundedStage[Pair] = BoundedStage(lane or bus.pool, name="waits", on_fault=told.append)
        hung.output.subscribe(lambda _: (entered.set(), release.wait(20)), lambda _: None)
        ear = journal.listener("waits")
        ear.listen(waits.output)
        hung.offer(("h", 0))
        assert entered.wait(5)
        for n in range(20):
            journal.offer(waits, ("p", n))

        def stop() -> bool:
            return lane.close(0.2) if lane else bus.pool.dispose(drain=True, timeout=0.2)

        ended, took = in_time(stop, 10)
        assert not ended
        assert 0.2 <= took < 5
        # What it abandoned: the drain of "waits" with its 20 elements, told, counted, exact.
        assert (lane.counts().discarded if lane else bus.pool.statistics().discarded) == 1
        assert [type(error) for error in told] == [ThreadError]
        assert ear.ended.is_set()
        report = assert_clean(journal.freeze(), {"waits": waits.ledger()})
        assert (report.of("waits").events, report.of("waits").excused, waits.ledger().discarded) == (
            0,
            20,
            20,
        )

        again, took = in_time(stop, 10)
        assert not again
        assert took < 5
        assert [type(error) for error in told] == [ThreadError], "a second stop is a no-op"
        release.set()
        if lane:
            assert lane.close(5)


def test_eb_09_a_second_stop_is_a_no_op() -> None:
    with Bus(2) as bus:
        done = threading.Event()
        bus.pool.schedule(lambda *_: done.set() and None)
        assert done.wait(5)
        for _ in range(3):
            assert bus.pool.dispose(drain=True, timeout=5)
        lane = Lane("eb09")
        lane.submit(lambda: None)
        for _ in range(3):
            assert lane.close(5)
        before = bus.pool.statistics()
        assert bus.pool.dispose(drain=False, timeout=5)
        assert bus.pool.statistics() == before


@pytest.mark.parametrize("overflow", list(Overflow), ids=str)
@pytest.mark.parametrize("end", ["complete", "error", "dispose"])
def test_eb_09_what_is_offered_after_the_stop_is_refused_and_counted(overflow: Overflow, end: str) -> None:
    with Bus(1) as bus:
        ledgers, journal = Ledgers(), Journal()
        ear = journal.listener("s")
        stage: BoundedStage[Pair] = BoundedStage(
            bus.pool, name="s", overflow=overflow, on_drop=journal.dropped, ledgers=ledgers
        )
        ear.listen(stage.output)
        for n in range(3):
            journal.offer(stage, ("p", n))
        if end != "dispose":
            bus.settle(stage)
        {"complete": stage.complete, "error": lambda: stage.error(KeyError()), "dispose": stage.dispose}[
            end
        ]()
        assert [journal.try_emit(stage, ("late", n)) for n in range(50)] == [EmitResult.CLOSED] * 50
        for n in range(50, 100):
            journal.offer(stage, ("late", n))
        report = bus.verdict(journal, "s", stage)
        until(lambda: stage.ledger().ended)

        assert stage.ledger().discarded >= 100
        assert not any(e.source == "late" for e in journal.freeze().hearings[0].entries)
        assert report.of("s").events + report.dropped + stage.ledger().discarded == 103
        (total,) = ledgers.snapshot()
        assert (total.offered, total.discarded) == (103, stage.ledger().discarded)


def test_eb_09_a_stage_whose_pool_has_ended_says_so_and_a_job_is_refused() -> None:
    with Bus(1) as bus:
        journal, told = Journal(), list[BaseException]()
        ear = journal.listener("s")
        stage: BoundedStage[Pair] = BoundedStage(bus.pool, name="s", on_fault=told.append)
        ear.listen(stage.output)
        assert bus.pool.dispose(drain=True, timeout=5)
        for n in range(10):
            journal.offer(stage, ("p", n))

        assert ear.ended.wait(5)
        assert [type(error) for error in told] == [ThreadError]
        assert assert_clean(journal.freeze(), {"s": stage.ledger()}).of("s").excused == 10
        with pytest.raises(ThreadError):
            bus.pool.schedule(lambda *_: None)


def test_eb_09_producers_that_wait_for_room_are_let_go_by_the_stop() -> None:
    with Bus(1) as bus:
        release, entered = bus.block(), threading.Event()
        journal = Journal()
        ear = journal.listener("s", lambda _: (entered.set(), release.wait(20)))
        stage: BoundedStage[Pair] = BoundedStage(bus.pool, name="s", capacity=1, overflow=Overflow.BLOCK)
        ear.listen(stage.output)
        journal.offer(stage, ("a", 0))
        assert entered.wait(5)
        journal.offer(stage, ("a", 1))

        def produce(name: str) -> Callable[[], None]:
            return lambda: journal.offer(stage, (name, 0))

        def stop() -> None:
            until(lambda: stage.ledger().blocked_count == 3)
            stage.dispose()

        run_threads([produce("b"), produce("c"), produce("d"), stop], 10)
        release.set()
        assert bus.verdict(journal, "s", stage).of("s").excused == 4


# --- EB-10 --------------------------------------------------------------------------------------------


def test_eb_10_no_call_begins_after_the_unsubscription() -> None:
    """20 threads subscribe and unsubscribe against 4 publishers; each subscription has a stage of its own.

    `dispose` never waits, so the one element that is already being delivered may still arrive (law L11);
    nothing may begin once the books say that none is in flight, and never more than that one.
    """
    published = 1_200
    random = rng("eb_10")
    delays = [[random.choice((0, 0, 0, 1, 3)) for _ in range(6)] for _ in range(20)]
    with Bus(3) as bus, quick_switches():
        journal, gate, hub = Journal(), Gate(), Subject[Pair]()
        entry: BoundedStage[Pair] = BoundedStage(bus.pool, name="entry", capacity=32, feeds=gate)
        entry.output.subscribe(hub)
        over = threading.Event()
        late: list[int] = []
        counter = itertools.count()

        def churn(waits: list[int]) -> Callable[[], None]:
            def body() -> None:
                for wait in waits:
                    name, ledgers = f"s{next(counter)}", Ledgers()
                    strict = journal.listener(name, partial=True)
                    ear = journal.listener(f"{name} at once", strict, partial=True)
                    hop = observe_on_bounded(
                        bus.pool, name=name, capacity=4, batch=2, joins=gate, ledgers=ledgers
                    )
                    subscription = ear.listen(hub.pipe(hop))
                    for _ in range(wait):
                        time.sleep(0.001)
                    subscription.dispose()
                    ear.silenced()
                    until(lambda ledgers=ledgers: ledgers.snapshot()[0].queued == 0)
                    strict.silenced()
                    assert ledgers.snapshot()[0].closes
                    assert ledgers.snapshot()[0].ended

            return body

        def publish(name: str) -> Callable[[], None]:
            def body() -> None:
                for n in range(published):
                    journal.offer(entry, (name, n))

            return body

        run_threads([*(churn(waits) for waits in delays), *(publish(f"p{k}") for k in range(4))])
        entry.complete()
        books = bus.settle(entry)
        over.set()
        report = check(journal.freeze())

        assert (books.delivered, books.faults) == (4 * published, 0)
        assert gate.stages == ()
        late += [h.late for h in report.hearings if h.name.endswith("at once")]
        assert max(late) <= 1
        faults = [f for f in report.faults if "at once: 1 calls after the unsubscription" not in f]
        assert faults == []
        assert sum(h.events for h in report.hearings) > 0


def test_eb_10_a_detached_sink_hears_nothing_more_once_it_is_out_of_its_call() -> None:
    with Bus(2) as bus:
        entered, release = threading.Event(), bus.block()
        heard: list[int] = []
        ledgers = Ledgers()

        def hang(x: Event) -> None:
            assert isinstance(x, LogBatch)
            heard.append(x.first_line)
            entered.set()
            release.wait(20)

        entry: BoundedStage[Event] = BoundedStage(bus.pool, name="entry")
        flow = LineFlow(bus.pool, ledgers, lambda *_: None)
        flow.connect(entry.output, (), [SinkSpec("console", bus.pool, hang)])
        for n in range(10):
            entry.offer(LogBatch("web", Stream.OUT, n, 1, n, b"x\n"))
        assert entered.wait(5)
        until(lambda: {b.stage: b.offered for b in ledgers.snapshot()}["console"] == 10)
        assert in_time(lambda: flow.detach("console"), 5)[0]
        release.set()
        until(lambda: {b.stage: b.queued for b in ledgers.snapshot()}["console"] == 0)
        books = {b.stage: b for b in ledgers.snapshot()}["console"]
        assert heard == [0]
        assert (books.delivered, books.discarded) == (1, 9)


# --- EB-12 --------------------------------------------------------------------------------------------


SAMPLES: tuple[Event, ...] = (
    LogBatch("web", Stream.OUT, 0, 2, 7, b"one\ntwo\n", levels=b"\2\2", first_seq=3),
    ProcessEvent("web", ProcessEventKind.EXITED, 7, 1, 42, 0),
    HttpEvent(1, HttpPhase.REQUEST, 7, "GET", "/"),
    McpEvent(1, McpPhase.STARTED, 7, "client", "tool"),
    Finding(FindingKind.URL, "web", 0, 1, "http://localhost:3000"),
    Gap("web", 3, 9, GapReason.DISK, 0, 2),
)


def vandal(x: object) -> list[str]:
    """Try to change every field of `x`, and what the fields hold; what succeeded."""
    done = []
    for field in dataclasses.fields(x):  # type: ignore[arg-type]
        value = getattr(x, field.name)
        try:
            setattr(x, field.name, None)
        except FrozenInstanceError:
            pass
        else:
            done.append(field.name)
        for item in (lambda value=value: value.__setitem__(0, 0), lambda value=value: value.append(0)):
            try:
                item()
            except (AttributeError, IndexError, TypeError):
                continue
            done.append(f"inside {field.name}")
    try:
        object.__setattr__(x, "new", 1)
    except AttributeError:
        pass
    else:
        done.append("a new attribute")
    return done


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda x: type(x).__name__)
def test_eb_12_an_event_cannot_be_changed(sample: Event) -> None:
    before = repr(sample)
    assert vandal(sample) == []
    assert repr(sample) == before
    hash(sample)


def test_eb_12_there_is_a_sample_of_each_kind_of_event() -> None:
    assert {type(sample) for sample in SAMPLES} == set(Event.__args__)


def test_eb_12_the_vandal_finds_what_is_mutable() -> None:
    """The measure above can fail."""

    @dataclasses.dataclass
    class Shared:
        data: bytearray
        names: list[str]

    assert set(vandal(Shared(bytearray(b"x"), []))) >= {"data", "names", "a new attribute"}

    @dataclasses.dataclass(frozen=True)
    class Half:
        data: bytearray

    assert "inside data" in vandal(Half(bytearray(b"x")))


@pytest.mark.parametrize("module", [effect, event, ledger, process, reader], ids=lambda m: m.__name__)
def test_eb_12_each_value_that_crosses_threads_is_frozen_and_slotted(module: object) -> None:
    values = [
        kind
        for name, kind in vars(module).items()
        if dataclasses.is_dataclass(kind) and kind.__module__ == module.__name__  # type: ignore[attr-defined]
    ]
    assert values
    for kind in values:
        assert kind.__dataclass_params__.frozen, kind  # type: ignore[union-attr]
        assert "__slots__" in vars(kind), kind


def test_eb_12_what_a_sink_does_to_its_events_no_other_sink_sees() -> None:
    """One sink tries to change all that it gets; the other one, the slower, gets what was published."""
    with Bus(2) as bus:
        ends, got = dict[str, object](), list[str]()
        damage: list[str] = []
        vandalised = threading.Semaphore(0)

        def spoil(x: Event) -> None:
            damage.extend(vandal(x))
            vandalised.release()

        def look(x: Event) -> None:
            assert vandalised.acquire(timeout=10)  # after the vandal
            got.append(repr(x))

        entry: BoundedStage[Event] = BoundedStage(bus.pool, name="entry")
        flow = LineFlow(bus.pool, Ledgers(), ends.__setitem__)
        flow.connect(
            entry.output, (), [SinkSpec("vandal", bus.pool, spoil), SinkSpec("store", bus.pool, look)]
        )
        expected = [repr(sample) for sample in SAMPLES]
        for sample in SAMPLES:
            entry.offer(sample)
        entry.complete()
        until(lambda: len(ends) == 2)

    assert ends == {"vandal": None, "store": None}
    assert damage == []
    assert got == expected
