"""The clock thread and its heap."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.pipeline.clock import ClockThread, Timer, TimerHeap
from brummer_rx.pipeline.errors import ThreadError
from brummer_rx.pipeline.lane import serving


@pytest.fixture
def clock() -> Iterator[ClockThread]:
    made = ClockThread()
    made.start()
    yield made
    assert made.close(5)


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans())), st.integers(0, 25))
def test_the_heap_gives_live_timers_by_due_time_first_in_first_out(
    timers: list[tuple[int, bool]], now: int
) -> None:
    heap, ran = TimerHeap(), list[int]()
    made = [heap.add(due, lambda i=i: ran.append(i))[0] for i, (due, _) in enumerate(timers)]
    for timer, (_, cancelled) in zip(made, timers, strict=True):
        if cancelled:
            timer.cancel()
    live = sorted((due, i) for i, (due, cancelled) in enumerate(timers) if not cancelled)

    assert heap.next_due() == (live[0][0] if live else None)
    while (action := heap.pop_due(now)) is not None:
        action()
    assert ran == [i for due, i in live if due <= now]
    assert heap.clear() == len([due for due, _ in live if due > now])


def test_set_and_cancelled_timers_cost_no_memory() -> None:
    heap = TimerHeap()
    for _ in range(10_000):
        heap.add(3600.0, lambda: None)[0].cancel()
    heap.add(1.0, lambda: None)
    for _ in range(10_000):
        heap.add(3600.0, lambda: None)[0].cancel()

    assert len(heap) <= 4


def test_a_cancelled_timer_lets_go_of_its_action_at_once() -> None:
    class Thing:
        def __call__(self) -> None:
            """Never."""

    heap, thing = TimerHeap(), Thing()
    gone = weakref.ref(thing)
    others = [heap.add(1.0, lambda: None) for _ in range(10)]
    timer, _ = heap.add(2.0, thing)
    timer.cancel()
    del thing
    gc.collect()

    assert gone() is None
    assert len(others) == 10


def test_add_says_whether_the_timer_is_the_first_to_come() -> None:
    heap = TimerHeap()

    assert [heap.add(due, lambda: None)[1] for due in (5.0, 6.0, 1.0)] == [True, False, True]


def test_actions_run_in_due_order_on_the_clock_thread(clock: ClockThread) -> None:
    ran: list[tuple[str, str, str | None]] = []
    done = threading.Event()

    def note(name: str) -> None:
        ran.append((name, threading.current_thread().name, serving()))

    clock.call_later(0.04, done.set)
    clock.call_later(0.02, lambda: note("second"))
    clock.call_later(0.0, lambda: note("first"))
    assert done.wait(5)

    assert ran == [("first", "clock", "clock"), ("second", "clock", "clock")]


def test_a_timer_is_not_early_and_a_nearer_one_overtakes(clock: ClockThread) -> None:
    far = clock.call_later(3600.0, lambda: None)
    fired, began = threading.Event(), clock.now()
    clock.call_later(0.02, fired.set)

    assert fired.wait(5)
    assert clock.now() - began >= 0.02
    far.cancel()


def test_a_cancelled_timer_does_not_run(clock: ClockThread) -> None:
    ran, done = [], threading.Event()
    clock.call_later(0.01, lambda: ran.append(1)).cancel()
    clock.call_later(0.03, done.set)

    assert done.wait(5)
    assert ran == []


def test_an_action_that_raises_is_counted_and_the_clock_goes_on(clock: ClockThread) -> None:
    done = threading.Event()
    clock.call_later(0.0, lambda: 1 // 0)
    clock.call_later(0.01, done.set)

    assert done.wait(5)
    assert clock.faults == 1


def test_timers_set_before_the_start_run_after_it() -> None:
    clock, done = ClockThread(), threading.Event()
    clock.call_later(0.0, done.set)
    assert not done.wait(0.01)

    clock.start()
    assert done.wait(5)
    assert clock.close(5)


def test_the_clock_ends_once_and_takes_nothing_after() -> None:
    clock = ClockThread()
    clock.start()
    clock.call_later(3600, lambda: None)
    assert clock.close(5)
    assert clock.close(5)

    assert clock.forgotten == 1
    assert clock.pending() == 0
    with pytest.raises(ThreadError):
        clock.call_later(0, lambda: None)
    with pytest.raises(ThreadError):
        clock.start()


def test_cancelling_says_whether_it_was_the_one_to_do_it() -> None:
    heap = TimerHeap()
    timer, _ = heap.add(1.0, lambda: None)

    assert heap.cancel(timer)
    assert not heap.cancel(timer)


def test_a_clock_that_runs_is_not_started_again_nor_one_that_was_closed(clock: ClockThread) -> None:
    with pytest.raises(ThreadError):
        clock.start()
    closed = ClockThread()
    closed.close(5)
    with pytest.raises(ThreadError):
        closed.start()


def test_a_timer_that_meets_the_end_halfway_is_refused_and_not_kept() -> None:
    clock = ClockThread()
    add = clock._timers.add

    def close_first(due: float, action: Callable[[], None]) -> tuple[Timer, bool]:
        clock._ended.set()
        return add(due, action)

    clock._timers.add = close_first  # type: ignore[method-assign]
    with pytest.raises(ThreadError):
        clock.call_later(1.0, lambda: None)
    assert clock.pending() == 0
    assert clock.close(5)
    assert clock.forgotten == 0


def test_a_clock_never_started_closes() -> None:
    assert ClockThread().close(1)


def test_a_clock_that_hangs_in_an_action_says_so() -> None:
    clock, go, inside = ClockThread(), threading.Event(), threading.Event()
    clock.start()
    clock.call_later(0, lambda: (inside.set(), go.wait(10)))
    assert inside.wait(5)

    assert not clock.close(0.01)
    go.set()
    assert clock.close(5)


def test_the_clock_cannot_wait_for_itself() -> None:
    clock, raised, done = ClockThread(), [], threading.Event()
    clock.start()

    def close() -> None:
        try:
            clock.close(1)
        except ThreadError as error:
            raised.append(error)
        done.set()

    clock.call_later(0, close)
    assert done.wait(5)
    assert len(raised) == 1
    assert clock.close(5)


def test_both_times_go_on(clock: ClockThread) -> None:
    assert abs(clock.time_ns() - time.time_ns()) < 5e9
    assert abs(clock.now() - time.monotonic()) < 5


def test_an_idle_clock_sleeps(clock: ClockThread) -> None:
    clock.call_later(3600.0, lambda: None)
    began = time.process_time()
    time.sleep(0.1)

    assert time.process_time() - began < 0.05
