"""reactivex's pool, hops, timers and ends as they are (reactive.md sections 0 and 2): why we have our own."""

from __future__ import annotations

import asyncio
import os
import threading
import time
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
import reactivex
from reactivex import Observable, Subject
from reactivex import operators as ops
from reactivex.observer import ScheduledObserver
from reactivex.scheduler import EventLoopScheduler, ThreadPoolScheduler
from reactivex.scheduler.eventloop import AsyncIOScheduler, AsyncIOThreadSafeScheduler

from tests.contract.facts import (
    Door,
    ended,
    event_loop,
    fact,
    in_thread,
    no_thread_is_left,
    script,
    worker_pool,
)
from tests.pipeline.until import until

__all__ = ["no_thread_is_left"]

STAGE = "pipeline/stage.py: a bounded stage of our own is the only hop (rule `hops`)"
POOL = "pipeline/scheduler.py: a pool of our own with bounded admission that reads every error"
CLOCK = "pipeline/clock.py: one thread for all timers; a timer holds no worker until it is due"
SOURCES = "sources/ingest.py: sources have a thread of their own, never subscribe_on"
SCHEDULER = "rule `time_operators`: no time operator without scheduler="


class Recorded(Exception):
    """Raised on purpose."""


@pytest.fixture
def hop(monkeypatch: pytest.MonkeyPatch) -> list[ScheduledObserver[Any]]:
    """Every observer that observe_on makes."""
    made: list[ScheduledObserver[Any]] = []
    begin = ScheduledObserver.__init__

    def note(self: ScheduledObserver[Any], *args: Any) -> None:
        begin(self, *args)
        made.append(self)

    monkeypatch.setattr(ScheduledObserver, "__init__", note)
    return made


@pytest.fixture
def hooked(monkeypatch: pytest.MonkeyPatch) -> list[threading.ExceptHookArgs]:
    """What reaches threading.excepthook."""
    seen: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", seen.append)
    return seen


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[threading.Thread]:
    """Every thread that is started."""
    seen: list[threading.Thread] = []
    start = threading.Thread.start

    def note(self: threading.Thread) -> None:
        seen.append(self)
        start(self)

    monkeypatch.setattr(threading.Thread, "start", note)
    return seen


def waiting(pool: ThreadPoolScheduler) -> int:
    """Tasks in the executor's queue."""
    return pool.executor._work_queue.qsize()


# --- 2.1 to 2.3: bounds and order ---------------------------------------------------------------------


@fact(POOL)
def test_the_pool_bounds_threads_and_nothing_else() -> None:
    door = Door()
    with worker_pool(2) as pool:
        for _ in range(2000):
            pool.schedule(lambda *_: door.pass_through())
        until(lambda: waiting(pool) == 1998)
        assert len(pool.executor._threads) == 2
        pool.executor.shutdown(wait=False, cancel_futures=True)
        door.open()


@fact("settings.py: the number of workers is ours to say")
def test_without_a_number_the_pool_takes_cores_plus_four() -> None:
    with worker_pool(None) as pool:  # type: ignore[arg-type]
        assert pool.executor._max_workers == min(32, (os.cpu_count() or 1) + 4)


@fact(STAGE)
def test_observe_on_keeps_an_unbounded_list(hop: list[ScheduledObserver[Any]]) -> None:
    door, source = Door(), Subject[int]()
    with worker_pool(1) as pool:
        source.pipe(ops.observe_on(pool)).subscribe(lambda _: door.pass_through())
        source.on_next(0)
        door.reached()
        for n in range(20_000):
            source.on_next(n)  # neither blocks nor raises
        assert type(hop[0].queue) is list, "its head is popped at O(n)"
        assert len(hop[0].queue) == 20_000
        hop[0].queue.clear()
        door.open()


@fact("reactivex may be used as a serialiser in tests and extensions; parallelism needs stages")
def test_observe_on_serialises_and_never_runs_in_parallel(hop: list[ScheduledObserver[Any]]) -> None:
    source, door = Subject[tuple[int, int]](), Door()
    inside, overlaps, seen = [0], [0], list[tuple[int, int]]()

    def take(x: tuple[int, int]) -> None:
        inside[0] += 1
        overlaps[0] += inside[0] > 1
        door.pass_through()
        seen.append(x)
        inside[0] -= 1

    def produce(producer: int) -> None:
        for n in range(300):
            source.on_next((producer, n))

    with worker_pool(4) as pool:
        source.pipe(ops.observe_on(pool)).subscribe(take)
        threads = [threading.Thread(target=produce, args=(producer,)) for producer in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        door.reached()
        assert waiting(pool) == 0, "899 elements wait, three workers are idle: one task per stage"
        assert len(hop[0].queue) == 899
        door.open()
        until(lambda: len(seen) == 900, 20)

    assert overlaps == [0]
    assert all([n for p, n in seen if p == producer] == list(range(300)) for producer in range(3))


@fact("architecture.md: no flat_map per event on the hot path; order comes from stages by key")
def test_flat_map_over_the_pool_loses_the_order() -> None:
    second_is_out, source, seen = threading.Event(), Subject[int](), list[int]()

    def work(n: int) -> int:
        assert n == 2 or second_is_out.wait(20)
        return n

    with worker_pool(2) as pool:
        each = ops.flat_map(lambda n: reactivex.just(n).pipe(ops.subscribe_on(pool), ops.map(work)))
        source.pipe(each).subscribe(lambda n: (seen.append(n), second_is_out.set()))
        source.on_next(1)
        source.on_next(2)
        until(lambda: len(seen) == 2, 20)

    assert seen == [2, 1]


@fact("merge(max_concurrent) and zip are no bound: stages are (rule `unbounded_queues` cannot see them)")
@pytest.mark.parametrize("operator", ["merge", "zip"])
def test_queues_inside_of_operators_are_unbounded(operator: str) -> None:
    source: Subject[Any] = Subject()
    many: Any = ops.merge(max_concurrent=2) if operator == "merge" else ops.zip(reactivex.never())
    subscription = source.pipe(many).subscribe(lambda _: None)
    kept: list[weakref.ref[Any]] = []
    for _ in range(1000):
        inner = Subject[int]()
        kept.append(weakref.ref(inner))
        source.on_next(inner)
    del inner

    assert sum(ref() is not None for ref in kept) == 1000
    subscription.dispose()


# --- 2.4 to 2.6: time ---------------------------------------------------------------------------------


@fact(CLOCK)
def test_a_timer_holds_its_worker_until_it_is_due() -> None:
    order: list[str] = []
    with worker_pool(1) as pool:
        pool.schedule_relative(0.2, lambda *_: order.append("in 0.2 s"))
        pool.schedule_relative(0.01, lambda *_: order.append("in 0.01 s"))
        pool.schedule(lambda *_: order.append("now"))
        until(lambda: len(order) == 3)

    assert order == ["in 0.2 s", "in 0.01 s", "now"]


@fact(CLOCK)
def test_disposing_a_timer_does_not_free_its_worker() -> None:
    ran = threading.Event()
    with worker_pool(1) as pool:
        began = time.monotonic()
        timer = pool.schedule_relative(0.25, lambda *_: None)
        until(lambda: waiting(pool) == 0)  # the worker has it
        timer.dispose()
        pool.schedule(lambda *_: ran.set())
        assert ran.wait(20)

    assert time.monotonic() - began >= 0.25


@fact(CLOCK)
def test_an_interval_holds_its_worker_for_ever() -> None:
    ticks, ran = list[int](), threading.Event()
    with worker_pool(1) as pool:
        subscription = reactivex.interval(0.01, scheduler=pool).subscribe(ticks.append)
        until(lambda: len(ticks) > 0)
        pool.schedule(lambda *_: ran.set())
        until(lambda: len(ticks) > 10)
        assert not ran.is_set(), "it waited for ten ticks"
        subscription.dispose()
        assert ran.wait(20)


@fact(SCHEDULER)
@pytest.mark.parametrize(
    ("operator", "threads"),
    [
        (ops.debounce(30.0), 20),
        (ops.timeout(30.0), 21),
        (ops.flat_map(lambda _: reactivex.timer(30.0)), 20),
        (ops.throttle_with_timeout(30.0), 20),
    ],
    ids=["debounce", "timeout", "timer", "throttle_with_timeout"],
)
def test_without_a_scheduler_each_item_is_a_thread(
    operator: Any, threads: int, started: list[threading.Thread]
) -> None:
    source = Subject[int]()
    subscription = source.pipe(operator).subscribe(lambda _: None)
    for n in range(20):
        source.on_next(n)
    subscription.dispose()

    assert len(started) == threads
    assert all(type(thread) is threading.Timer for thread in started)


@fact(SCHEDULER)
def test_with_a_scheduler_a_time_operator_starts_no_thread_per_item(started: list[threading.Thread]) -> None:
    source = Subject[int]()
    with event_loop() as loop:
        subscription = source.pipe(ops.debounce(30.0, scheduler=loop)).subscribe(lambda _: None)
        for n in range(20):
            source.on_next(n)
        subscription.dispose()

    assert len(started) == 1


@fact("pipeline/clock.py: a cancelled timer leaves our heap, and lets go of its action at once")
def test_cancelled_timers_stay_in_the_heap_until_they_are_due() -> None:
    source = Subject[int]()
    with event_loop() as loop:
        subscription = source.pipe(ops.timeout(3600.0, scheduler=loop)).subscribe(lambda _: None)
        for n in range(500):
            source.on_next(n)
        subscription.dispose()

        assert len(loop._queue) == 501


@fact("pipeline/clock.py: the clock clears its bell first, and asks then whether it is to end")
def test_an_event_loop_that_is_disposed_while_it_runs_an_action_never_ends() -> None:
    loop, threads = EventLoopScheduler(), list[threading.Thread]()

    def last(*_: object) -> None:
        threads.append(threading.current_thread())
        loop.dispose()

    loop.schedule(last)
    until(lambda: len(threads) == 1 and len(loop._condition._waiters) == 1)  # type: ignore[attr-defined]
    assert threads[0].is_alive(), "the notification came while it did not wait: lost"
    until(lambda: ended(loop, threads[0]))


# --- 2.5: blocking ------------------------------------------------------------------------------------


@fact(SOURCES)
def test_blocking_sources_starve_everybody_on_their_pool() -> None:
    door, seen = Door(), list[str]()

    def blocking(name: str) -> Iterator[str]:
        yield name
        door.pass_through()

    with worker_pool(2) as pool:
        for name in "abc":
            reactivex.from_iterable(blocking(name)).pipe(ops.subscribe_on(pool)).subscribe(seen.append)
        other: Subject[str] = Subject()
        other.pipe(ops.observe_on(pool)).subscribe(seen.append)
        until(lambda: len(seen) == 2)
        other.on_next("other")
        until(lambda: waiting(pool) == 2)
        assert set(seen) <= {"a", "b", "c"}
        assert len(seen) == 2
        door.open()
        until(lambda: len(seen) == 4)


@fact("rule `runs_in_callbacks`: Observable.run() never in a callback")
def test_run_inside_the_pool_deadlocks() -> None:
    text = """
import os, reactivex, threading
from reactivex import operators as ops
from reactivex.scheduler import ThreadPoolScheduler
pool, both = ThreadPoolScheduler(2), threading.Barrier(3)
done = []
def job(*_):
    both.wait()
    done.append(reactivex.of(1, 2).pipe(ops.observe_on(pool)).run())
pool.schedule(job); pool.schedule(job)
both.wait()
while pool.executor._work_queue.qsize() < 2: pass
threading.Event().wait(0.3)
print(len(done), pool.executor._work_queue.qsize(), flush=True)
os._exit(0)
"""
    with script(text) as process:
        assert process.communicate()[0].split() == ["0", "2"], "both workers wait for what waits for a worker"


# --- 2.7: exceptions ----------------------------------------------------------------------------------


@fact("pipeline/drain.py: what a subscriber raises ends the stage with on_error, is logged and counted")
def test_what_a_subscriber_raises_behind_observe_on_is_swallowed(
    hop: list[ScheduledObserver[Any]], hooked: list[threading.ExceptHookArgs]
) -> None:
    source, seen = Subject[int](), list[object]()

    def take(n: int) -> None:
        if n == 3:
            raise Recorded
        seen.append(n)

    with worker_pool(2) as pool:
        source.pipe(ops.observe_on(pool)).subscribe(take, seen.append, lambda: seen.append("completed"))
        for n in range(10):
            source.on_next(n)
        until(lambda: hop[0].has_faulted)
        for n in range(1000):
            source.on_next(n)
        source.on_completed()

    assert seen == [0, 1, 2]
    assert len(hop[0].queue) >= 1001, "a dead queue that grows"
    assert hooked == []


@fact("pipeline/scheduler.py: the pool reads every error itself")
def test_what_a_scheduled_action_raises_is_swallowed(hooked: list[threading.ExceptHookArgs]) -> None:
    def bad(*_: object) -> None:
        raise Recorded

    ran = threading.Event()
    with worker_pool(1) as pool:
        pool.schedule(bad)
        pool.schedule(lambda *_: ran.set())
        assert ran.wait(20), "the pool lives"

    assert hooked == []


@fact("pipeline/clock.py, pipeline/ioloop.py: one bad action must not end a loop; no EventLoopScheduler")
def test_an_event_loop_dies_of_one_exception_and_does_not_say_so(
    hooked: list[threading.ExceptHookArgs],
) -> None:
    loop, threads, ran = EventLoopScheduler(), list[threading.Thread](), list[int]()

    def bad(*_: object) -> None:
        threads.append(threading.current_thread())
        raise Recorded

    loop.schedule(bad)
    until(lambda: len(threads) == 1)
    threads[0].join(20)
    loop.schedule(lambda *_: ran.append(1))  # accepted

    assert [args.exc_type for args in hooked] == [Recorded]
    assert not threads[0].is_alive()
    assert loop._has_thread()
    assert ran == []
    assert len(loop._ready_list) == 1, "it will wait for ever"


@fact("pipeline/flow.py: each sink hangs behind a stage of its own")
def test_what_a_subscriber_of_a_subject_raises_hits_the_producer_and_the_others() -> None:
    source, seen = Subject[int](), list[int]()

    def bad(_: int) -> None:
        raise Recorded

    source.subscribe(bad)
    source.subscribe(seen.append)
    with pytest.raises(Recorded):
        source.on_next(1)

    assert seen == []


@fact("pipeline/guarded.py: an operator's failure comes out of its on_error, and ends the operator")
def test_only_what_operator_functions_raise_becomes_on_error() -> None:
    source, seen = Subject[int](), list[object]()
    source.pipe(ops.map(lambda n: 1 // n)).subscribe(seen.append, lambda error: seen.append(type(error)))
    for n in (1, 0, 1):
        source.on_next(n)

    assert seen == [1, ZeroDivisionError]


# --- 2.8 and 2.9: ends --------------------------------------------------------------------------------


@fact("pipeline/scheduler.py: dispose(drain=True) runs the backlog; stages are told when they cannot")
def test_shutdown_with_a_backlog_loses_it_without_a_word() -> None:
    door, source, seen = Door(), Subject[int](), list[object]()

    def take(n: int) -> None:
        door.pass_through()
        seen.append(n)

    with worker_pool(2) as pool:
        source.pipe(ops.observe_on(pool)).subscribe(take, seen.append, lambda: seen.append("completed"))
        for n in range(51):
            source.on_next(n)
        door.reached()
        pool.executor.shutdown(wait=False)
        door.open()

    assert seen == [0]


@fact("pipeline/drain.py: a lane that has ended faults the stage; nothing is accepted silently")
def test_after_shutdown_the_producer_is_told_once_and_then_never_again() -> None:
    source, seen = Subject[int](), list[object]()
    with worker_pool(1) as pool:
        source.pipe(ops.observe_on(pool)).subscribe(seen.append, seen.append)
    with pytest.raises(RuntimeError, match="after shutdown"):
        pool.schedule(lambda *_: None)
    with pytest.raises(RuntimeError, match="after shutdown"):
        source.on_next(1)
    source.on_next(2)
    source.on_completed()

    assert seen == []


@fact("pipeline/threads.py: daemons, and an end with a deadline; no interval on the pool")
def test_a_live_interval_keeps_the_interpreter_from_ending() -> None:
    text = """
import reactivex, sys
from reactivex.scheduler import ThreadPoolScheduler
reactivex.interval(0.01, scheduler=ThreadPoolScheduler(1)).subscribe(lambda n: print(n, flush=True))
print("end of main", flush=True)
sys.exit(3)
"""
    with script(text) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line == "end of main\n":
                break
        later = [process.stdout.readline() for _ in range(30)]

        assert all(line.strip().isdigit() for line in later), "it ticks on after sys.exit"
        assert process.poll() is None


@fact("pipeline/threads.py: daemons; what is cut off at the end is counted, and it is our deadline that cuts")
def test_the_interpreter_waits_for_the_whole_queue_of_the_pool() -> None:
    text = """
import threading
from reactivex.scheduler import ThreadPoolScheduler
pool, over = ThreadPoolScheduler(1), threading.Event()
pool.schedule(lambda *_: over.wait())
for n in range(20): pool.schedule(lambda _, n: print(n), n)
print("end of main")
over.set()
"""
    with script(text) as process:
        assert process.communicate()[0].split("\n") == ["end of main", *map(str, range(20)), ""]


@fact("pipeline/scheduler.py: what the end of the pool cuts off is counted, and whoever waits is told")
def test_cancelled_futures_take_scheduled_actions_with_them() -> None:
    door, ran, pool = Door(), list[int](), ThreadPoolScheduler(1)
    pool.schedule(lambda *_: door.pass_through())
    door.reached()
    for _ in range(10):
        pool.schedule(lambda *_: ran.append(1))
    pool.executor.shutdown(wait=False, cancel_futures=True)
    door.open()
    pool.executor.shutdown(wait=True)

    assert ran == []


@fact("pipeline/drain.py: dispose discards the backlog at once and costs the pool nothing")
def test_a_disposed_observe_on_pumps_its_backlog_through_the_pool(
    hop: list[ScheduledObserver[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduled = [0]
    schedule = ThreadPoolScheduler.schedule

    def count(self: ThreadPoolScheduler, *args: Any) -> Any:
        scheduled[0] += 1
        return schedule(self, *args)

    monkeypatch.setattr(ThreadPoolScheduler, "schedule", count)
    door, source, seen = Door(), Subject[int](), list[int]()

    def take(n: int) -> None:
        door.pass_through()
        seen.append(n)

    with worker_pool(1) as pool:
        subscription = source.pipe(ops.observe_on(pool)).subscribe(take)
        for n in range(500):
            source.on_next(n)
        door.reached()
        subscription.dispose()
        door.open()
        until(lambda: not hop[0].is_acquired)

    assert seen == [0]
    assert scheduled[0] == 501


@fact(SOURCES)
@pytest.mark.parametrize("end", ["dispose", "take"])
def test_a_source_on_the_pool_cannot_be_stopped(end: str) -> None:
    stop, pulled, seen = threading.Event(), [0], list[int]()

    def source() -> Iterator[int]:
        while not stop.is_set():
            pulled[0] += 1
            yield pulled[0]

    with worker_pool(1) as pool:
        flow: Observable[int] = reactivex.from_iterable(source()).pipe(ops.subscribe_on(pool))
        if end == "take":
            flow.pipe(ops.take(10)).subscribe(seen.append)
            until(lambda: len(seen) == 10)
        else:
            subscription = flow.subscribe(seen.append)
            until(lambda: len(seen) > 10)
            subscription.dispose()
        before, delivered = pulled[0], len(seen)
        until(lambda: pulled[0] > before + 200)
        stop.set()

    # What was on its way when dispose came may still arrive.
    assert len(seen) == 10 if end == "take" else len(seen) <= delivered + 1


# --- 2.10 and 2.11: recursion, asyncio ----------------------------------------------------------------


@fact("pipeline/scheduler.py passes itself to actions: what they schedule is admitted like the rest")
def test_an_action_of_the_pool_is_given_a_private_loop_and_not_the_pool() -> None:
    given, threads = list[object](), list[int]()
    with worker_pool(4) as pool:

        def again(scheduler: Any, left: int | None = None) -> None:
            given.append(scheduler)
            threads.append(threading.get_ident())
            if left:
                scheduler.schedule(again, left - 1)

        pool.schedule(again, 50)
        until(lambda: len(given) == 51)

    assert type(given[0]) is EventLoopScheduler
    assert len(set(map(id, given))) == 1
    assert len(set(threads)) == 1, "so recursion stays on one worker"


@fact(
    "pipeline/ioloop.py: our own loop thread and call_soon_threadsafe; rule `threads` bars AsyncIOScheduler"
)
def test_the_asyncio_scheduler_is_not_made_for_other_threads() -> None:
    loop = asyncio.new_event_loop()
    loop.set_debug(True)
    try:
        with in_thread(loop.run_forever):
            until(loop.is_running)
            with pytest.raises(RuntimeError, match="on-thread-safe operation"):
                AsyncIOScheduler(loop).schedule(lambda *_: None)
            loop.call_soon_threadsafe(loop.stop)
    finally:
        loop.close()


@fact("as above: its thread-safe sister cancels from the foreign thread")
def test_the_thread_safe_asyncio_scheduler_disposes_on_the_wrong_thread() -> None:
    loop = asyncio.new_event_loop()
    try:
        with in_thread(loop.run_forever):
            until(loop.is_running)
            scheduler, ran = AsyncIOThreadSafeScheduler(loop), threading.Event()
            scheduler.schedule(lambda *_: ran.set())
            assert ran.wait(20)
            assert scheduler._on_self_loop_or_not_running(), "neither is true here"
            loop.call_soon_threadsafe(loop.stop)
    finally:
        loop.close()


# --- 0.2: what is not there ---------------------------------------------------------------------------


@fact("pipeline/overflow.py, pipeline/gate.py: backpressure is ours")
def test_there_is_neither_backpressure_nor_a_serialiser() -> None:
    names = {name for name in (*dir(ops), *dir(Observable), *dir(Subject)) if not name.startswith("_")}

    assert not {name for name in names if "backpressure" in name or "overflow" in name}
    assert not names & {"request", "synchronize", "serialize", "serialized", "to_serialized", "try_emit"}
