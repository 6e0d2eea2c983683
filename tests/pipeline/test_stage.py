"""The truth table of reactive.md appendix A, cell by cell, and the stage's interface."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator

import pytest
import reactivex
from hypothesis import given, settings
from hypothesis import strategies as st
from reactivex.subject import Subject

from brummer_rx.pipeline.errors import BufferOverflow, ConfigError, OperatorError, ThreadError
from brummer_rx.pipeline.event import LogBatch, Stream
from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.ledger import Ledger, Ledgers
from brummer_rx.pipeline.stage import BoundedStage, EmitResult, Overflow, observe_on_bounded, weight_of
from brummer_rx.pipeline.testing import HandLane
from tests.pipeline.until import until

ALL = list(Overflow)
HOLDING = [Overflow.BLOCK, Overflow.PARK, Overflow.ERROR]
WAITING = [Overflow.BLOCK, Overflow.PARK]
DROPPING = [Overflow.DROP_OLDEST, Overflow.DROP_NEWEST, Overflow.LATEST]


class Rig:
    """A stage on a lane driven by hand, with a subscriber that writes down what it hears."""

    def __init__(self, overflow: Overflow, *, capacity: int = 4, **options: object) -> None:
        self.lane = HandLane()
        self.dropped: list[object] = []
        self.faults: list[BaseException] = []
        self.heard: list[object] = []
        self.ledgers = Ledgers()
        self.gate = Gate()
        self.stage: BoundedStage[object] = BoundedStage(
            self.lane,
            name="rig",
            capacity=capacity,
            overflow=overflow,
            on_drop=self.dropped.append,
            on_fault=self.faults.append,
            joins=self.gate,
            ledgers=self.ledgers,
            **options,  # type: ignore[arg-type]
        )
        self.capacity = 1 if overflow is Overflow.LATEST else capacity

    def subscribe(self, on_next: Callable[[object], None] | None = None) -> None:
        self.stage.output.subscribe(
            on_next or self.heard.append,
            lambda error: self.heard.append(f"error {type(error).__name__}"),
            lambda: self.heard.append("done"),
        )

    def fill(self) -> list[int]:
        for i in range(self.capacity):
            self.stage.offer(i)
        return list(range(self.capacity))

    def books(self) -> Ledger:
        ledger = self.stage.ledger()
        assert ledger.closes, ledger
        return ledger


@pytest.fixture(params=ALL, ids=str)
def rig(request: pytest.FixtureRequest) -> Rig:
    made = Rig(request.param)
    made.subscribe()
    return made


@pytest.fixture
def in_thread() -> Iterator[Callable[[Callable[[], None]], list[BaseException]]]:
    threads = []

    def start(call: Callable[[], None]) -> list[BaseException]:
        raised: list[BaseException] = []

        def body() -> None:
            try:
                call()
            except BaseException as error:
                raised.append(error)

        thread = threading.Thread(target=body, daemon=True)
        thread.start()
        threads.append(thread)
        return raised

    yield start
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()


# --- offer, n < c ---------------------------------------------------------------------------------


def test_an_element_that_fits_is_queued_and_delivered_in_order(rig: Rig) -> None:
    sent = rig.fill()

    assert rig.books().queued == rig.capacity
    assert rig.lane.pending == 1  # one drain, however many elements
    rig.lane.run_all()
    assert rig.heard == sent
    assert rig.books().delivered == rig.capacity
    assert rig.books().high_water == rig.capacity


# --- offer, n = c ---------------------------------------------------------------------------------


@pytest.mark.parametrize("overflow", WAITING)
def test_full_a_producer_waits_for_room(
    overflow: Overflow, in_thread: Callable[[Callable[[], None]], list[BaseException]]
) -> None:
    rig = Rig(overflow)
    rig.subscribe()
    sent = rig.fill()

    in_thread(lambda: rig.stage.offer("late"))
    until(lambda: rig.books().blocked_count == 1)
    assert rig.books().queued == 4
    rig.lane.run_all()
    until(lambda: rig.books().accepted == 5)
    rig.lane.run_all()

    assert rig.heard == [*sent, "late"]
    assert rig.books().dropped == 0
    assert rig.books().blocked_seconds > 0
    assert rig.books().high_water == 4


def test_full_block_refuses_on_the_lane() -> None:
    rig = Rig(Overflow.BLOCK, capacity=1)
    raised: list[BaseException] = []

    def deliver(x: object) -> None:
        rig.heard.append(x)
        if x == 0:
            rig.stage.offer("fits")
            with pytest.raises(ThreadError) as info:
                rig.stage.offer("too much")
            raised.append(info.value)

    rig.subscribe(deliver)
    rig.stage.offer(0)
    rig.lane.run_all()

    assert "hand" in str(raised[0])
    assert rig.heard == [0, "fits"]
    assert rig.books().discarded == 1


def test_full_block_refuses_on_a_worker_of_another_lane() -> None:
    rig, other = Rig(Overflow.BLOCK), HandLane("other")
    rig.subscribe()
    rig.fill()
    other.submit_drain(lambda: rig.stage.offer("x"))

    with pytest.raises(ThreadError, match="must not block other"):
        other.run_one()
    assert rig.books().discarded == 1


def test_full_park_admits_on_a_worker_and_counts_the_overshoot() -> None:
    rig, other = Rig(Overflow.PARK), HandLane("other")
    rig.subscribe()
    sent = rig.fill()
    other.submit_drain(lambda: rig.stage.offer("x"))

    other.run_one()
    assert rig.books().overshoots == 1
    assert rig.books().high_water == 5
    rig.lane.run_all()
    assert rig.heard == [*sent, "x"]


def test_full_drop_newest_refuses_the_incoming() -> None:
    rig = Rig(Overflow.DROP_NEWEST)
    rig.subscribe()
    sent = rig.fill()

    for x in "abc":
        rig.stage.offer(x)
    rig.lane.run_all()

    assert rig.heard == sent
    assert rig.dropped == ["a", "b", "c"]
    assert rig.books().dropped == 3
    assert rig.books().accepted == 4


def test_full_drop_oldest_evicts_the_head() -> None:
    rig = Rig(Overflow.DROP_OLDEST)
    rig.subscribe()
    rig.fill()

    for x in "abc":
        rig.stage.offer(x)
    rig.lane.run_all()

    assert rig.heard == [3, "a", "b", "c"]
    assert rig.dropped == [0, 1, 2]
    assert rig.books().dropped == 3
    assert rig.books().accepted == 7


def test_full_latest_replaces_the_one() -> None:
    rig = Rig(Overflow.LATEST, capacity=1000)
    rig.subscribe()

    for x in "abc":
        rig.stage.offer(x)
    rig.lane.run_all()

    assert rig.heard == ["c"]
    assert rig.dropped == ["a", "b"]
    assert rig.books().high_water == 1


def test_full_error_ends_the_stage_behind_its_backlog_and_disposes_the_upstream() -> None:
    rig, source = Rig(Overflow.ERROR), Subject[object]()
    rig.subscribe()
    rig.stage.follow(source)
    sent = list(range(4))

    for x in [*sent, "too much", "late"]:
        source.on_next(x)
    assert source.observers == []
    rig.stage.offer("later")
    rig.lane.run_all()

    assert rig.heard == [*sent, "error BufferOverflow"]
    assert rig.books().discarded == 2  # "late" never came: the upstream was disposed


@pytest.mark.parametrize("overflow", ALL)
@pytest.mark.parametrize("on_lane", [False, True])
def test_room_that_appears_meanwhile_is_used(overflow: Overflow, on_lane: bool) -> None:
    rig = Rig(overflow)
    rig.subscribe()
    admit, calls = rig.stage._admit, []

    def full_at_first(x: object, size: int) -> tuple[EmitResult, bool]:
        calls.append(x)
        return (EmitResult.OVERFLOW, False) if len(calls) == 1 else admit(x, size)

    rig.stage._admit = full_at_first  # type: ignore[method-assign]
    if on_lane:
        rig.lane.submit_drain(lambda: rig.stage.offer("x"))
    else:
        rig.stage.offer("x")
    rig.lane.run_all()

    assert rig.heard == ["x"]
    assert rig.books().offered == rig.books().delivered == 1
    assert rig.books().overshoots == 0


# --- offer after the end, or waiting when it comes --------------------------------------------------


@pytest.mark.parametrize("end", ["complete", "error", "dispose"])
def test_what_comes_after_the_end_is_discarded_at_once(rig: Rig, end: str) -> None:
    finish(rig, end)

    rig.stage.offer("late")
    assert rig.stage.try_emit("later") is EmitResult.CLOSED
    rig.lane.run_all()

    assert rig.books().discarded == 2
    assert "late" not in rig.heard
    total = rig.ledgers.snapshot()[0]
    assert total.closes
    assert total.discarded == 2


@pytest.mark.parametrize("overflow", WAITING)
@pytest.mark.parametrize("end", ["complete", "error", "dispose", "fault"])
def test_a_waiting_producer_is_woken_by_the_end(
    overflow: Overflow, end: str, in_thread: Callable[[Callable[[], None]], list[BaseException]]
) -> None:
    rig = Rig(overflow)
    rig.subscribe(fail if end == "fault" else None)
    rig.fill()
    raised = in_thread(lambda: rig.stage.offer("waits"))
    until(lambda: rig.books().blocked_count == 1)

    finish(rig, end)

    until(lambda: rig.books().discarded > 0 and rig.books().blocked_seconds > 0)
    assert raised == []
    assert "waits" not in rig.heard


def finish(rig: Rig, end: str) -> None:
    if end == "complete":
        rig.stage.complete()
    elif end == "error":
        rig.stage.error(ValueError())
    elif end == "dispose":
        rig.stage.dispose()
    else:
        rig.lane.run_one()


def fail(_: object) -> None:
    raise ValueError("subscriber")


@pytest.mark.parametrize("overflow", WAITING)
def test_a_wait_ends_after_its_timeout_and_tells_the_caller(overflow: Overflow) -> None:
    rig = Rig(overflow, timeout=0.02)
    rig.subscribe()
    sent = rig.fill()

    with pytest.raises(BufferOverflow, match=r"rig had no room for 0\.02 s"):
        rig.stage.offer("too much")
    assert rig.books().discarded == 1
    assert rig.books().blocked_seconds >= 0.02
    rig.lane.run_all()
    rig.stage.offer("again")  # the stage lives on
    rig.lane.run_all()
    assert rig.heard == [*sent, "again"]


# --- terminal signals with a backlog ----------------------------------------------------------------


@pytest.mark.parametrize(("end", "signal"), [("complete", "done"), ("error", "error ValueError")])
def test_the_end_is_delivered_behind_the_backlog_once(rig: Rig, end: str, signal: str) -> None:
    sent = rig.fill()

    finish(rig, end)
    finish(rig, "complete")
    finish(rig, "error")
    rig.lane.run_all()

    assert rig.heard == [*sent, signal]
    assert rig.books().ended


@pytest.mark.parametrize(("end", "signal"), [("complete", "done"), ("error", "error ValueError")])
def test_the_end_of_an_empty_stage_is_delivered_on_its_lane(rig: Rig, end: str, signal: str) -> None:
    finish(rig, end)
    assert rig.heard == []

    rig.lane.run_all()
    assert rig.heard == [signal]


def test_the_latest_value_comes_before_the_end() -> None:
    rig = Rig(Overflow.LATEST)
    rig.subscribe()
    rig.stage.offer("a")
    rig.stage.offer("b")
    rig.stage.complete()
    rig.lane.run_all()

    assert rig.heard == ["b", "done"]


# --- the subscriber raises --------------------------------------------------------------------------


def test_a_subscriber_that_raises_ends_the_stage(rig: Rig) -> None:
    broken = Rig(rig.stage.overflow)
    source = Subject[object]()

    def deliver(x: object) -> None:
        broken.heard.append(x)
        raise ValueError("subscriber")

    broken.subscribe(deliver)
    broken.stage.follow(source)
    for i in range(broken.capacity):
        source.on_next(i)
    resumed: list[str] = []
    parked = broken.stage.park(lambda: resumed.append("resumed"))
    broken.lane.run_all()

    assert broken.heard == [0, "error ValueError"]
    assert [str(error) for error in broken.faults] == ["subscriber"]
    assert broken.books().faults == 1
    assert broken.books().delivered == 1
    assert broken.books().discarded == broken.capacity - 1
    assert source.observers == []
    assert resumed == (["resumed"] if parked else [])
    assert broken.stage.has_room()
    assert not broken.stage.park(lambda: None)
    assert broken.gate.stages == ()
    assert broken.lane.pending == 0


def test_a_fault_reaches_the_last_subscriber_through_operators() -> None:
    lane, heard, source = HandLane(), [], Subject[int]()
    hop = observe_on_bounded(lane, name="hop")
    source.pipe(hop).map(lambda x: 1 // x).map(fail).subscribe(
        heard.append, lambda e: heard.append(type(e).__name__)
    )

    source.on_next(1)
    lane.run_all()
    assert heard == ["ValueError"]


def test_a_keyboard_interrupt_ends_the_stage_and_goes_on_to_the_lane() -> None:
    rig = Rig(Overflow.PARK)

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    rig.subscribe(interrupt)
    rig.stage.offer(1)
    with pytest.raises(KeyboardInterrupt):
        rig.lane.run_all()
    assert rig.heard == ["error KeyboardInterrupt"]


def test_a_lane_that_takes_no_drain_ends_the_stage(rig: Rig) -> None:
    rig.lane.refuse = ThreadError("gone")

    rig.stage.offer(1)
    rig.stage.offer(2)

    assert rig.heard == ["error ThreadError"]
    assert rig.books().faults == 1
    assert rig.books().discarded == 2


@pytest.mark.parametrize("overflow", ALL)
def test_a_subscriber_without_on_error_or_raising_at_the_end_is_counted(overflow: Overflow) -> None:
    lane = HandLane()
    stages: list[BoundedStage[int]] = [BoundedStage(lane, name="x", overflow=overflow) for _ in range(3)]
    stages[0].output.subscribe(fail)
    stages[0].offer(1)
    stages[1].output.subscribe(on_completed=lambda: fail(0))
    stages[1].complete()
    stages[2].output.subscribe(on_error=fail)
    stages[2].error(KeyError())
    lane.run_all()

    assert [s.ledger().faults for s in stages] == [2, 1, 1]
    assert all(s.ledger().ended for s in stages)


def test_callbacks_that_raise_are_counted_and_harm_nobody() -> None:
    lane, heard = HandLane(), []
    stage: BoundedStage[int] = BoundedStage(
        lane, name="x", capacity=1, overflow=Overflow.DROP_OLDEST, on_drop=fail, on_fault=fail
    )
    stage.output.subscribe(heard.append)
    stage.offer(1)
    stage.offer(2)
    lane.run_all()
    assert heard == [2]
    assert stage.ledger().faults == 1


# --- dispose ----------------------------------------------------------------------------------------


def test_dispose_discards_the_backlog_without_a_signal(rig: Rig) -> None:
    source = Subject[object]()
    rig.stage.follow(source)
    rig.fill()
    resumed: list[str] = []
    parked = rig.stage.park(lambda: resumed.append("resumed"))

    rig.stage.dispose()
    rig.stage.dispose()
    rig.stage.complete()
    rig.lane.run_all()

    assert rig.heard == []
    assert rig.books().discarded == rig.capacity
    assert resumed == (["resumed"] if parked else [])
    assert source.observers == []
    assert rig.gate.stages == ()
    assert rig.ledgers.snapshot()[0].ended


def test_dispose_from_inside_lets_the_element_finish(rig: Rig) -> None:
    inside = Rig(rig.stage.overflow)

    def deliver(x: object) -> None:
        inside.stage.dispose()
        inside.heard.append(x)

    inside.subscribe(deliver)
    inside.fill()
    inside.lane.run_all()

    assert inside.heard == [0]
    assert inside.books().delivered == 1
    total = inside.ledgers.snapshot()[0]
    assert (total.delivered, total.discarded, total.queued) == (1, inside.capacity - 1, 0)


def test_a_downstream_that_has_enough_disposes_the_stage(rig: Rig) -> None:
    lane, heard, source = HandLane(), [], Subject[int]()
    hop = observe_on_bounded(lane, name="hop", overflow=rig.stage.overflow, capacity=8)
    source.pipe(hop).take(1).subscribe(heard.append, on_completed=lambda: heard.append("done"))
    for i in range(5):
        source.on_next(i)
    lane.run_all()

    assert heard in ([0, "done"], [4, "done"])  # LATEST
    assert source.observers == []


def test_after_dispose_nothing_holds_the_elements() -> None:
    class Thing:
        pass

    rig = Rig(Overflow.PARK)
    rig.subscribe()
    thing = Thing()
    gone = weakref.ref(thing)
    rig.stage.offer(thing)
    rig.stage.dispose()
    del thing
    gc.collect()

    assert gone() is None


# --- try_emit ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("overflow", HOLDING)
def test_try_emit_on_a_full_stage_leaves_the_element_with_the_caller(overflow: Overflow) -> None:
    rig = Rig(overflow)
    rig.subscribe()
    sent = rig.fill()

    assert rig.stage.try_emit("x") is EmitResult.OVERFLOW
    rig.lane.run_all()
    assert rig.stage.try_emit("y") is EmitResult.OK
    rig.lane.run_all()

    assert rig.heard == [*sent, "y"]
    assert rig.books().refused == 1
    assert rig.books().offered == 5


@pytest.mark.parametrize("overflow", DROPPING)
def test_try_emit_on_a_full_stage_drops_as_on_next_does(overflow: Overflow) -> None:
    rig = Rig(overflow)
    rig.subscribe()
    rig.fill()

    expected = EmitResult.OVERFLOW if overflow is Overflow.DROP_NEWEST else EmitResult.OK
    assert rig.stage.try_emit("x") is expected
    assert rig.dropped == ["x" if overflow is Overflow.DROP_NEWEST else 0]
    assert rig.books().refused == 0


# --- bytes ------------------------------------------------------------------------------------------


def sized(overflow: Overflow, max_bytes: int, capacity: int = 100) -> Rig:
    rig = Rig(overflow, capacity=capacity, max_bytes=max_bytes, weigh=lambda x: len(str(x)))
    rig.subscribe()
    return rig


def test_a_log_batch_weighs_its_data() -> None:
    assert weight_of(LogBatch("a", Stream.OUT, 0, 1, 0, b"x" * 10)) == 10
    assert weight_of("something else") == 0


def test_a_stage_says_its_bound() -> None:
    lane = HandLane()

    assert BoundedStage(lane, name="s", capacity=3).bound == (3, None)
    assert BoundedStage(lane, name="s", capacity=3, max_bytes=7, overflow=Overflow.LATEST).bound == (1, 7)


def test_bytes_are_a_bound_as_elements_are() -> None:
    rig = sized(Overflow.PARK, 10)
    for x in ("aaaa", "bbbb"):
        assert rig.stage.try_emit(x) is EmitResult.OK

    assert rig.stage.has_room(2)
    assert not rig.stage.has_room(3)
    assert rig.stage.try_emit("ccc") is EmitResult.OVERFLOW
    assert rig.stage.try_emit("cc") is EmitResult.OK
    assert rig.books().queued_bytes == 10
    rig.lane.run_all()
    assert rig.books().queued_bytes == 0
    assert rig.books().high_water_bytes == 10


def test_an_empty_queue_takes_an_element_of_any_size() -> None:
    rig = sized(Overflow.PARK, 10)

    assert rig.stage.has_room(1000)
    assert rig.stage.try_emit("x" * 1000) is EmitResult.OK
    assert not rig.stage.has_room(0)
    assert rig.stage.try_emit("") is EmitResult.OVERFLOW


def test_drop_oldest_evicts_until_the_bytes_fit() -> None:
    rig = sized(Overflow.DROP_OLDEST, 10)
    for x in ("aaaa", "bbbb", "cccccccc", "d" * 50):
        rig.stage.offer(x)
    rig.lane.run_all()

    assert rig.dropped == ["aaaa", "bbbb", "cccccccc"]
    assert rig.heard == ["d" * 50]


def test_the_low_mark_is_a_quarter_below_the_bound_in_bytes_too() -> None:
    rig = sized(Overflow.PARK, 8)
    resumed: list[int] = []
    for _ in range(8):
        rig.stage.offer("x")
    assert rig.stage.park(lambda: resumed.append(rig.books().queued), 1)
    assert rig.stage.park(lambda: resumed.append(-1), 1)
    rig.lane.run_all()

    assert resumed == [7, -1]  # 6 wait (the low mark of 8), one is on its way


@settings(max_examples=200)
@given(st.lists(st.integers(0, 30)), st.integers(1, 40), st.sampled_from(ALL))
def test_waiting_bytes_stay_within_the_bound_or_are_one_element(
    sizes: list[int], bound: int, overflow: Overflow
) -> None:
    rig = sized(overflow, bound, capacity=8)
    for size in sizes:
        rig.stage.try_emit("x" * size)
        books = rig.books()
        assert books.queued_bytes <= bound or books.queued == 1
        assert books.queued <= 8


# --- gate -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("overflow", DROPPING)
def test_a_dropping_stage_never_holds_its_upstream_back(overflow: Overflow) -> None:
    rig = Rig(overflow)
    rig.subscribe()
    rig.fill()

    assert rig.gate.has_room()
    assert not rig.gate.park(lambda: None)


def test_a_resume_is_called_once_at_the_low_mark() -> None:
    rig = Rig(Overflow.PARK, capacity=8, batch=1)
    rig.subscribe()
    resumed: list[int] = []
    rig.fill()
    assert rig.gate.park(lambda: resumed.append(rig.books().queued))

    rig.lane.run_one()
    assert resumed == []  # 7 wait: above the mark
    rig.lane.run_one()
    assert resumed == [7]  # 6 wait and one is on its way
    rig.lane.run_all()
    assert resumed == [7]


@pytest.mark.parametrize("end", ["complete", "error", "dispose"])
def test_the_end_resumes_who_is_parked(end: str) -> None:
    rig = Rig(Overflow.PARK)
    rig.subscribe()
    rig.fill()
    resumed: list[str] = []
    assert rig.gate.park(lambda: resumed.append("once"))
    finish(rig, end)
    finish(rig, "dispose")

    assert resumed == ["once"]
    assert rig.gate.has_room()


# --- interface --------------------------------------------------------------------------------------


def test_what_is_offered_before_the_subscriber_comes_waits_for_it(rig: Rig) -> None:
    early = Rig(rig.stage.overflow)
    sent = early.fill()
    early.stage.complete()
    assert early.lane.pending == 0

    early.subscribe()
    early.lane.run_all()
    assert early.heard == [*sent, "done"]


def test_a_second_subscriber_gets_an_error() -> None:
    rig = Rig(Overflow.PARK)
    rig.subscribe()
    errors: list[Exception] = []
    rig.stage.output.subscribe(on_error=errors.append)

    assert [type(e) for e in errors] == [OperatorError]
    rig.stage.offer(1)
    rig.lane.run_all()
    assert rig.heard == [1]


@pytest.mark.parametrize("wrong", [{"capacity": 0}, {"batch": 0}, {"max_bytes": 0}])
def test_bounds_below_one_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="bad"):
        BoundedStage(HandLane(), name="bad", **wrong)  # type: ignore[arg-type]


def test_each_subscription_of_the_operator_has_a_stage_of_its_own() -> None:
    lane, source, ledgers = HandLane(), Subject[int](), Ledgers()
    hop = source.pipe(observe_on_bounded(lane, name="hop", ledgers=ledgers))
    first: list[int] = []
    second: list[int] = []
    one = hop.subscribe(first.append)
    hop.subscribe(second.append)
    source.on_next(1)
    one.dispose()
    source.on_next(2)
    lane.run_all()

    assert (first, second) == ([], [1, 2])
    assert [(b.stage, b.delivered, b.discarded) for b in ledgers.snapshot()] == [("hop", 2, 1)]


def test_the_operator_takes_a_source_that_emits_while_it_is_subscribed() -> None:
    lane, heard = HandLane(), []
    reactivex.of(1, 2, 3).pipe(observe_on_bounded(lane, name="hop")).subscribe(
        heard.append, on_completed=lambda: heard.append("done")
    )
    lane.run_all()

    assert heard == [1, 2, 3, "done"]


def test_batch_is_the_most_that_one_drain_delivers() -> None:
    rig = Rig(Overflow.PARK, capacity=10, batch=3)
    rig.subscribe()
    rig.fill()

    counts = []
    while rig.lane.run_one():
        counts.append(len(rig.heard))
    assert counts == [3, 6, 9, 10]
    assert rig.books().hops == 4


def test_progress_is_dated() -> None:
    rig = Rig(Overflow.PARK)
    rig.subscribe()
    before = rig.books().last_progress
    rig.fill()
    rig.lane.run_all()

    assert before < rig.books().last_progress <= time.monotonic()


def test_producer_chain_without_a_lane_sees_its_own_reentrant_elements_in_order() -> None:
    rig = Rig(Overflow.PARK, capacity=2)

    def deliver(x: object) -> None:
        rig.heard.append(x)
        if isinstance(x, int) and x < 3000:
            rig.stage.offer(x + 1)  # would be a recursion without the queue

    rig.subscribe(deliver)
    rig.stage.offer(0)
    rig.lane.run_all()
    assert rig.heard == list(range(3001))
