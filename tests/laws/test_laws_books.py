"""The books: counts add up over several times, an ended stage leaves them, and they are read under the lock.

General mutation testing found that nothing else held these.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from reactivex import Observable, abc
from reactivex.disposable import Disposable
from reactivex.observer import Observer

from brummer_rx.pipeline import threads
from brummer_rx.pipeline.clock import Timer, TimerHeap
from brummer_rx.pipeline.errors import BufferOverflow, ThreadError
from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.ledger import Ledger, Ledgers
from brummer_rx.pipeline.scheduler import BoundedThreadPoolScheduler
from brummer_rx.pipeline.stage import BoundedStage, EmitResult, Overflow
from brummer_rx.pipeline.testing import HandLane, VirtualClock
from brummer_rx.pipeline.threads import Crew, live_threads, start_thread, thread_high_water
from tests.laws.lawkit import ALL, DROPPING, HOLDING, WAITING, Boom, Rig, Room, soon

each_choice = pytest.mark.parametrize("overflow", ALL, ids=lambda c: c.name)


# --- read under the lock --------------------------------------------------------------------------------


class Door:
    """In the place of a lock: as it, and counts who came in."""

    def __init__(self, lock: Any) -> None:
        self.lock = lock
        self.entered = 0

    def __enter__(self) -> None:
        self.lock.acquire()
        self.entered += 1

    def __exit__(self, *_: object) -> None:
        self.lock.release()


def behind_a_door(owner: Any, name: str = "_lock") -> Door:
    door = Door(getattr(owner, name))
    setattr(owner, name, door)
    return door


def stage_of(**options: Any) -> BoundedStage[Any]:
    return BoundedStage(HandLane(), name="s", **options)


STAGE: list[Callable[[BoundedStage[Any]], object]] = [
    lambda stage: stage.ledger(),
    lambda stage: stage.held_back_by(),
    lambda stage: stage.park(lambda: None, 10**9),
]


@pytest.mark.parametrize("ask", STAGE, ids=["ledger", "held_back_by", "park"])
def test_a_stage_is_read_under_its_lock(ask: Callable[[BoundedStage[Any]], object]) -> None:
    stage = stage_of()
    door = behind_a_door(stage)
    ask(stage)

    assert door.entered == 1


LEDGERS: list[Callable[[Ledgers], object]] = [
    lambda books: books.add(stage_of()),
    lambda books: books.retire(stage_of(), Ledger("s")),
    lambda books: books.late("s"),
    lambda books: books.live(),
    lambda books: books.snapshot(),
]


@pytest.mark.parametrize("ask", LEDGERS, ids=["add", "retire", "late", "live", "snapshot"])
def test_the_ledgers_are_used_under_their_lock(ask: Callable[[Ledgers], object]) -> None:
    ledgers = Ledgers()
    door = behind_a_door(ledgers)
    ask(ledgers)

    assert door.entered == 1


def test_a_crew_is_read_and_joined_under_its_lock() -> None:
    crew = Crew("crew", lambda n: f"crew-{n}", 1, None)
    door = behind_a_door(crew)
    crew.counts()
    assert door.entered == 1

    crew.put(lambda: None)
    soon(lambda: len(crew._idle) == 1)
    assert door.entered == 1 + 4  # put; the thread comes, takes the task, finds nothing
    assert crew.close(30).joined
    assert door.entered == 5 + 5  # begin, join, count; the thread finds nothing again, and goes


def test_a_pool_is_used_under_its_lock() -> None:
    pool = BoundedThreadPoolScheduler(1, clock=VirtualClock())
    door = behind_a_door(pool)
    pool.statistics()
    assert door.entered == 1

    pool.schedule_relative(1.0, lambda *_: None).dispose()
    assert door.entered == 3  # known, forgotten
    pool.dispose()
    assert door.entered == 5  # which timers there are; how many were cut off


HEAP: list[Callable[[TimerHeap], object]] = [
    lambda heap: heap.add(1.0, lambda: None),
    lambda heap: heap.cancel(Timer(heap, 1.0, lambda: None)),
    lambda heap: heap.pop_due(0.0),
    lambda heap: heap.next_due(),
    lambda heap: heap.clear(),
]


@pytest.mark.parametrize("ask", HEAP, ids=["add", "cancel", "pop_due", "next_due", "clear"])
def test_timers_are_used_under_the_heaps_lock(ask: Callable[[TimerHeap], object]) -> None:
    heap = TimerHeap()
    door = behind_a_door(heap)
    ask(heap)

    assert door.entered == 1


def test_the_census_is_kept_and_read_under_its_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    door = Door(threads._census.lock)
    monkeypatch.setattr(threads._census, "lock", door)
    live_threads()
    thread_high_water()
    assert door.entered == 2

    start_thread("x", lambda: None).join(30)
    assert door.entered == 4  # it comes and goes
    start_thread("x", lambda: 1 // 0).join(30)
    assert door.entered == 7  # it is counted, too


def test_a_thread_that_does_not_start_leaves_the_census_under_its_lock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_: object) -> None:
        raise RuntimeError("no more")

    door = Door(threads._census.lock)
    monkeypatch.setattr(threads._census, "lock", door)
    monkeypatch.setattr(threads._OurThread, "start", refuse)
    with pytest.raises(ThreadError):
        start_thread("x", lambda: None)

    assert door.entered == 2


# --- counts add up ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("overflow", HOLDING, ids=lambda c: c.name)
def test_each_refusal_is_counted(overflow: Overflow) -> None:
    rig = Rig(overflow)
    rig.fill()
    for _ in range(3):
        assert rig.stage.try_emit("x") is EmitResult.OVERFLOW

    assert rig.books().refused == 3


def test_each_overshoot_is_counted() -> None:
    rig = Rig(Overflow.PARK)
    rig.fill()
    for x in "abc":
        rig.from_worker(lambda x=x: rig.stage.offer(x))  # type: ignore[misc]

    assert rig.books().overshoots == 3


@pytest.mark.parametrize("overflow", WAITING, ids=lambda c: c.name)
def test_each_wait_is_counted_and_its_time_added(overflow: Overflow) -> None:
    rig = Rig(overflow, timeout=0.001)
    rig.fill()
    seconds = [0.0]
    for _ in range(3):
        with pytest.raises(BufferOverflow):
            rig.stage.offer("x")
        seconds.append(rig.books().blocked_seconds)

    assert rig.books().blocked_count == 3
    assert all(0.001 <= b - a < 60 for a, b in pairwise(seconds)), seconds


def test_each_park_is_counted_and_one_that_was_resumed_before_its_count_is_over() -> None:
    room, feeds = Room(-1), Gate()
    feeds.join(room)
    rig = Rig(Overflow.PARK, feeds=feeds)
    for x in range(3):
        rig.stage.offer(x)
        rig.lane.run_all()
        assert rig.stage.held_back_by() == ("Room",)
        while room.parked:
            room.parked.pop()()
    assert rig.books().parks >= 3

    class Hasty(Room):
        """Resumes before `park` has returned."""

        def park(self, resume: Callable[[], None], size: int = 0) -> bool:
            self.free = None
            resume()
            return True

    feeds.leave(room)
    feeds.join(Hasty(-1))
    rig.lane.run_all()
    assert rig.heard == [0, 1, 2]
    assert rig.stage.held_back_by() == ()


def test_each_fault_is_counted() -> None:
    lane = HandLane()

    def upset(_: object) -> None:
        raise Boom

    stage: BoundedStage[int] = BoundedStage(
        lane, name="s", capacity=1, overflow=Overflow.DROP_OLDEST, on_drop=upset
    )
    stage.output.subscribe(upset, lambda _: None)
    for x in range(4):
        stage.offer(x)
    assert stage.ledger().faults == 3
    lane.run_all()
    assert stage.ledger().faults == 4


@pytest.mark.parametrize("overflow", DROPPING, ids=lambda c: c.name)
def test_dropping_with_nobody_to_tell_is_no_fault(overflow: Overflow) -> None:
    stage = stage_of(capacity=1, overflow=overflow)
    stage.output.subscribe()
    for x in range(3):
        stage.offer(x)

    assert (stage.ledger().dropped, stage.ledger().faults) == (2, 0)


# --- the end ----------------------------------------------------------------------------------------------


@each_choice
@pytest.mark.parametrize("how", ["complete", "error", "dispose", "fault", "dispose inside"])
def test_an_ended_stage_has_left_the_ledgers(overflow: Overflow, how: str) -> None:
    def hear(_: Any) -> None:
        if how == "fault":
            raise Boom
        if how == "dispose inside":
            rig.stage.dispose()

    rig = Rig(overflow, subscriber=hear)
    assert rig.ledgers.live() == (rig.stage,)
    rig.fill()
    if how not in ("fault", "dispose inside"):
        rig.end(how)
    rig.lane.run_all()

    assert rig.ledgers.live() == ()
    assert rig.books().ended
    (last,) = rig.ledgers.snapshot()
    assert last.ended
    assert (last.offered, last.queued) == (rig.capacity, 0)


@pytest.mark.parametrize("how", ["complete", "error"])
def test_a_stage_that_said_its_end_is_closed_although_nobody_disposes_it(how: str) -> None:
    stage, heard = stage_of(), list[object]()
    stage.connect(Observer(heard.append, lambda e: heard.append(type(e)), lambda: heard.append("done")))
    stage.complete() if how == "complete" else stage.error(Boom())
    assert not stage.ledger().ended
    stage._lane.run_all()  # type: ignore[attr-defined]

    assert heard == ["done" if how == "complete" else Boom]
    assert stage.ledger().ended


def test_no_signal_follows_when_a_subscriber_disposes_and_then_raises() -> None:
    lane, heard, faults = HandLane(), list[object](), list[BaseException]()
    stage: BoundedStage[int] = BoundedStage(lane, name="s", on_fault=faults.append)

    def hear(x: int) -> None:
        heard.append(x)
        stage.dispose()
        raise Boom

    # As operators connect: an observer that does not close itself when it raises.
    stage.connect(Observer(hear, heard.append, lambda: heard.append("done")))
    stage.offer(1)
    stage.offer(2)
    lane.run_all()

    assert heard == [1]
    assert [type(f) for f in faults] == [Boom]
    assert stage.ledger().ended


@pytest.mark.parametrize("overflow", HOLDING, ids=lambda c: c.name)
def test_a_full_stage_that_is_about_to_end_holds_nobody_back(overflow: Overflow) -> None:
    rig = Rig(overflow)
    rig.fill()
    assert not rig.stage.has_room()
    rig.stage.complete()

    assert rig.books().queued == rig.capacity
    assert rig.stage.has_room()
    assert not rig.stage.park(lambda: None)


def test_an_overflow_that_ends_the_stage_calls_who_is_parked() -> None:
    rig, called = Rig(Overflow.ERROR), list[str]()
    rig.fill()
    assert rig.stage.park(lambda: called.append("resume"))
    rig.stage.offer("too much")

    assert called == ["resume"]


def test_room_that_appears_meanwhile_does_not_cut_the_upstream_off() -> None:
    rig, gone = Rig(Overflow.ERROR), list[str]()
    source: Observable[Any] = Observable(lambda *_: Disposable(lambda: gone.append("upstream")))
    rig.stage.follow(source)
    rig.stage._end_by_overflow("fits", 0)  # there was none when `offer` looked

    assert gone == []
    rig.lane.run_all()
    assert rig.heard == ["fits"]


def test_a_fault_calls_who_is_parked_though_the_backlog_was_never_low() -> None:
    called: list[str] = []

    def upset(_: object) -> None:
        raise Boom

    rig = Rig(Overflow.PARK, capacity=100, subscriber=upset)
    rig.fill()
    assert rig.stage.park(lambda: called.append("resume"))
    rig.lane.run_one()

    assert called == ["resume"]


def test_a_resume_after_the_end_queues_nothing() -> None:
    room, feeds = Room(-1), Gate()
    feeds.join(room)
    rig = Rig(Overflow.PARK, feeds=feeds)
    rig.stage.offer(1)
    rig.lane.run_all()
    rig.stage.dispose()
    room.parked.pop()()

    assert rig.lane.pending == 0


# --- one drain, one bell ------------------------------------------------------------------------------------


@each_choice
@pytest.mark.parametrize("where", ["here", "worker"])
def test_a_full_stage_queues_no_second_drain(overflow: Overflow, where: str) -> None:
    if (overflow in WAITING and where == "here") or overflow is Overflow.BLOCK:
        pytest.skip("waits, or refuses")
    rig = Rig(overflow)
    rig.fill()
    if where == "here":
        rig.stage.try_emit("x")
        rig.stage.offer("x")
    else:
        rig.from_worker(lambda: rig.stage.offer("x"))

    assert rig.lane.pending == 1


def test_a_refusal_to_block_queues_no_second_drain() -> None:
    rig = Rig(Overflow.BLOCK)
    rig.fill()
    raised: list[BaseException] = []

    def offer() -> None:
        try:
            rig.stage.offer("x")
        except ThreadError as error:
            raised.append(error)

    rig.from_worker(offer)
    assert len(raised) == 1
    assert rig.lane.pending == 1


@pytest.mark.parametrize("overflow", WAITING, ids=lambda c: c.name)
def test_who_gave_up_waiting_is_not_kept(overflow: Overflow) -> None:
    rig = Rig(overflow, timeout=0.001)
    rig.fill()
    with pytest.raises(BufferOverflow):
        rig.stage.offer("x")

    assert rig.stage._resumes == []


def test_a_bell_is_taken_down_before_the_next_wait_and_waits_no_longer_than_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits: list[tuple[bool, float]] = []

    class Bell:
        """Rung at once the first time, in vain (another one took the room); then time runs out."""

        def __init__(self) -> None:
            self.up = False

        def set(self) -> None:
            self.up = True

        def clear(self) -> None:
            self.up = False

        def wait(self, timeout: float) -> bool:
            waits.append((self.up, timeout))
            if len(waits) == 1:
                rig.stage._resumes.pop()()
                return True
            return False

    rig = Rig(Overflow.BLOCK, timeout=0.01)
    rig.fill()
    monkeypatch.setattr("brummer_rx.pipeline.stage.threading.Event", Bell)
    with pytest.raises(BufferOverflow):
        rig.stage.offer("x")

    assert [up for up, _ in waits] == [False] * len(waits)
    assert all(0 <= timeout <= 0.01 for _, timeout in waits)


def test_the_subscribers_scheduler_is_handed_on_to_the_source() -> None:
    seen: list[object] = []

    def subscribe(_: object, scheduler: abc.SchedulerBase | None = None) -> abc.DisposableBase:
        seen.append(scheduler)
        return Disposable()

    pool = BoundedThreadPoolScheduler(1, clock=VirtualClock())
    stage_of().follow(Observable(subscribe), pool)

    assert seen == [pool]
    assert pool.dispose()
