"""The laws of a stage's end: L9 terminal signals, L10 faults, L11 dispose."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from typing import Any

import pytest
from reactivex import Observable
from reactivex.disposable import Disposable
from reactivex.subject import Subject

from brummer_rx.pipeline.errors import ThreadError
from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.lane import abandon_drain
from brummer_rx.pipeline.stage import BoundedStage, Overflow, observe_on_bounded
from brummer_rx.pipeline.testing import HandLane
from tests.laws.conftest import Make
from tests.laws.lawkit import ALL, HOLDING, WAITING, Background, Boom, Rig, Room, fail, soon

each_choice = pytest.mark.parametrize("overflow", ALL, ids=lambda c: c.name)
each_waiting = pytest.mark.parametrize("overflow", WAITING, ids=lambda c: c.name)


# --- L9 -------------------------------------------------------------------------------------------


@each_choice
@pytest.mark.parametrize("end", ["complete", "error"])
@pytest.mark.parametrize("batch", [1, 3, 64])
def test_l09_the_end_comes_once_behind_the_backlog(overflow: Overflow, end: str, batch: int) -> None:
    rig = Rig(overflow, batch=batch, capacity=7)
    sent: list[Any] = list(rig.fill())
    for _ in range(3):
        rig.end(end)
        rig.lane.run_one()
    rig.lane.run_all()

    assert rig.heard == [*sent, "done" if end == "complete" else "Boom"]
    assert rig.books().ended


@each_choice
@pytest.mark.parametrize("end", ["complete", "error"])
def test_l09_the_end_waits_for_a_backlog_that_is_parked(overflow: Overflow, end: str) -> None:
    room, feeds = Room(-1), Gate()
    feeds.join(room)
    rig = Rig(overflow, feeds=feeds)
    sent: list[Any] = list(rig.fill())
    rig.lane.run_all()
    rig.end(end)
    rig.lane.run_all()
    assert rig.heard == []
    room.open()
    rig.lane.run_all()

    assert rig.heard == [*sent, "done" if end == "complete" else "Boom"]


@pytest.mark.parametrize("first", ["overflow", "complete", "error"])
def test_l09_of_an_overflow_and_an_end_the_first_counts(first: str) -> None:
    rig = Rig(Overflow.ERROR)
    sent: list[Any] = list(rig.fill())
    steps = {
        "overflow": lambda: rig.stage.offer("new"),
        "complete": rig.stage.complete,
        "error": lambda: rig.stage.error(Boom()),
    }
    for step in [steps.pop(first), *steps.values()]:
        step()
    rig.lane.run_all()

    signal = {"overflow": "BufferOverflow", "complete": "done", "error": "Boom"}[first]
    assert rig.heard == [*sent, signal]
    assert rig.books().discarded == 1


# --- L10 ------------------------------------------------------------------------------------------


@each_choice
def test_l10_a_subscriber_that_raises_ends_the_stage_once(overflow: Overflow) -> None:
    """Heard once, producers released, upstream disposed, queue emptied, all of it counted."""
    source = Subject[Any]()
    rig = Rig(overflow, subscriber=fail)
    rig.stage.follow(source)
    sent = rig.fill()
    waits = Background(lambda: rig.stage.offer("waits")) if overflow in WAITING else None
    if waits is not None:
        soon(lambda: rig.books().blocked_count == 1)
    rig.lane.run_all()

    assert rig.heard == ["Boom"]
    assert waits is None or waits.wait() is None
    books = rig.books()
    assert (books.delivered, books.faults, books.queued) == (1, 1, 0)
    assert books.discarded == len(sent) - 1 + (waits is not None)
    assert [type(e) for e in rig.faults] == [Boom]
    assert source.observers == []
    assert rig.gate.stages == ()


@each_choice
@pytest.mark.parametrize("when", ["offer", "connect", "complete", "again", "resume", "abandoned"])
def test_l10_a_lane_that_takes_no_drain_ends_the_stage_once(overflow: Overflow, when: str) -> None:
    """Whenever the drain is submitted; and when the lane ends with the drain in its queue."""
    lane, room, feeds, heard = HandLane(), Room(-1 if when == "resume" else None), Gate(), list[str]()
    feeds.join(room)
    faults: list[BaseException] = []
    stage: BoundedStage[int] = BoundedStage(
        lane, name="s", overflow=overflow, batch=1, feeds=feeds, on_fault=faults.append
    )

    def connect() -> None:
        stage.output.subscribe(
            lambda _: offer_more(), lambda e: heard.append(type(e).__name__), lambda: heard.append("done")
        )

    def offer_more() -> None:
        stage.try_emit(2)
        lane.refuse = ThreadError("refused")

    if when == "connect":
        stage.offer(1)
        lane.refuse = ThreadError("refused")
    connect()
    if when in ("again", "resume", "abandoned"):
        stage.offer(1)
    if when == "abandoned":
        abandon_drain(lane._queue.popleft(), ThreadError("ended"))
    lane.run_all()
    lane.refuse = ThreadError("refused")
    stage.offer(1) if when == "offer" else stage.complete() if when == "complete" else None
    room.open()
    lane.refuse = None
    stage.offer(3)
    lane.run_all()

    assert heard == ["ThreadError"]
    assert [type(e) for e in faults] == [ThreadError]
    books = stage.ledger()
    assert books.closes
    assert (books.queued, books.faults, books.ended) == (0, 1, True)
    assert books.discarded == {"complete": 1}.get(when, 2)


@each_choice
def test_l10_a_subscriber_that_disposes_and_raises_hears_nothing_more(overflow: Overflow) -> None:
    def deliver(_: object) -> None:
        rig.stage.dispose()
        raise Boom

    rig = Rig(overflow, subscriber=deliver)
    sent = rig.fill()
    rig.lane.run_all()

    assert rig.heard == []
    books = rig.books()
    assert (books.delivered, books.discarded, books.faults) == (1, len(sent) - 1, 1)
    assert [type(e) for e in rig.faults] == [Boom]


@each_waiting
def test_l10_a_fault_releases_all_who_wait(overflow: Overflow, pools: Make, quick_switches: None) -> None:
    pool, go = pools(2), threading.Event()

    def deliver(_: Any) -> None:
        go.wait(60)
        raise Boom

    errors: list[Exception] = []
    stage: BoundedStage[int] = BoundedStage(pool, name="s", capacity=2, overflow=overflow)
    stage.output.subscribe(deliver, errors.append)
    waiters = [Background(lambda: [stage.offer(i) for i in range(10)] and None) for _ in range(4)]
    soon(lambda: stage.ledger().blocked_count >= 4)
    go.set()

    assert [waiter.wait() for waiter in waiters] == [None] * 4
    soon(lambda: len(errors) > 0)
    books = stage.ledger()
    assert books.closes
    assert (books.offered, books.delivered, books.discarded) == (40, 1, 39)
    assert [type(e) for e in errors] == [Boom]


# --- L11 ------------------------------------------------------------------------------------------


@each_choice
def test_l11_dispose_does_not_wait_for_the_element_in_flight(overflow: Overflow, pools: Make) -> None:
    """Four threads dispose while the subscriber hangs: all return; it may finish; nothing else comes."""
    pool, heard = pools(1), list[Any]()
    inside, go = threading.Event(), threading.Event()

    def deliver(x: Any) -> None:
        inside.set()
        go.wait(60)
        heard.append(x)

    stage: BoundedStage[Any] = BoundedStage(pool, name="s", capacity=4, overflow=overflow)
    stage.output.subscribe(deliver, heard.append, lambda: heard.append("done"))
    stage.offer("in flight")
    assert inside.wait(30)
    for number in range(4):
        stage.try_emit(number)
    try:
        began = time.monotonic()
        for each in [Background(stage.dispose) for _ in range(4)]:
            assert each.wait(30) is None
        assert time.monotonic() - began < 30
        assert heard == []
        assert (stage.ledger().queued, stage.ledger().ended) == (1, True)
        assert stage.ledger().closes
    finally:
        go.set()
    soon(lambda: stage.ledger().queued == 0)

    assert heard == ["in flight"]
    assert stage.ledger().closes
    assert stage.ledger().delivered == 1


@each_waiting
@pytest.mark.parametrize("waiting", [1, 5])
def test_l11_dispose_wakes_all_who_wait(overflow: Overflow, waiting: int) -> None:
    rig = Rig(overflow)
    rig.fill()
    producers = [Background(lambda: rig.stage.offer("waits")) for _ in range(waiting)]
    soon(lambda: rig.books().blocked_count == waiting)
    rig.stage.dispose()

    assert [producer.wait() for producer in producers] == [None] * waiting
    rig.lane.run_all()
    assert rig.heard == []
    assert rig.books().discarded == 4 + waiting


@each_choice
def test_l11_dispose_from_a_resume_and_from_inside(overflow: Overflow) -> None:
    def deliver(x: object) -> None:
        subscription.dispose()
        rig.stage.dispose()
        rig.heard.append(x)

    heard: list[object] = []
    rig = Rig(overflow)
    inner: BoundedStage[int] = BoundedStage(rig.lane, name="inner", overflow=overflow)
    subscription = inner.output.subscribe(deliver, heard.append, lambda: heard.append("done"))
    inner.offer(1)
    inner.try_emit(2)
    rig.fill()
    if overflow in HOLDING:
        rig.stage.park(lambda: (rig.stage.dispose(), heard.append("woken")))
    rig.lane.run_all()

    assert inner.ledger().closes
    assert inner.ledger().delivered == 1
    assert heard == (["woken"] if overflow in HOLDING else [])
    assert rig.books().ended


@each_choice
@pytest.mark.parametrize("end", ["dispose", "complete", "fault"])
def test_l11_after_the_end_nothing_holds_elements_or_subscriber(overflow: Overflow, end: str) -> None:
    class Thing:
        pass

    class Subscriber:
        def hear(self, _: object) -> None:
            if end == "fault":
                raise Boom

    subscriber, source, things = Subscriber(), Subject[Any](), [Thing() for _ in range(3)]
    rig = Rig(overflow, capacity=8, subscriber=subscriber.hear)
    rig.stage.follow(source)
    for thing in things:
        source.on_next(thing)
    rig.end(end) if end != "fault" else None
    rig.lane.run_all()
    gone = [weakref.ref(thing) for thing in (*things, rig.stage)]
    rig.faults.clear()  # a traceback holds its frames
    rig.dropped.clear()
    del things, thing, rig
    gc.collect()

    assert [ref() for ref in gone] == [None] * 4
    assert source.observers == []


def test_l11_disposing_the_operators_subscription_disposes_the_source() -> None:
    lane, disposed = HandLane(), list[str]()
    source: Observable[int] = Observable(
        lambda observer, _=None: (observer.on_next(1), Disposable(lambda: disposed.append("source")))[1]
    )
    subscription = source.pipe(observe_on_bounded(lane, name="s")).subscribe(lambda _: None)
    for _ in range(2):
        subscription.dispose()

    assert disposed == ["source"]
    assert lane.run_all() == 1  # what was queued finds the stage closed
