"""The worker pool as a scheduler, an executor and a lane."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import reactivex
from reactivex import operators as ops
from reactivex.disposable import BooleanDisposable, Disposable
from reactivex.scheduler import ThreadPoolScheduler
from reactivex.subject import Subject

from brummer_rx.pipeline.clock import ClockThread
from brummer_rx.pipeline.errors import BufferOverflow, ConfigError, ThreadError
from brummer_rx.pipeline.lane import serving
from brummer_rx.pipeline.scheduler import FOR_EVER, BoundedThreadPoolScheduler, _Executor, _Periodic
from brummer_rx.pipeline.stage import BoundedStage
from brummer_rx.pipeline.testing import VirtualClock
from brummer_rx.pipeline.threads import start_thread
from tests.pipeline.until import until


class Stop:
    """An action that occupies its worker until it is let go."""

    def __init__(self) -> None:
        self.inside, self.go = threading.Event(), threading.Event()

    def __call__(self, *_: object) -> None:
        self.inside.set()
        self.go.wait(20)


Make = Callable[..., BoundedThreadPoolScheduler]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def make(clock: VirtualClock) -> Iterator[Make]:
    made: list[BoundedThreadPoolScheduler] = []

    def pool(workers: int = 2, **options: Any) -> BoundedThreadPoolScheduler:
        made.append(BoundedThreadPoolScheduler(workers, **{"clock": clock, **options}))
        return made[-1]

    yield pool
    for each in made:
        assert each.dispose(drain=False, timeout=5)


def full(pool: BoundedThreadPoolScheduler, admission: int) -> list[Stop]:
    """Occupy all workers and fill the admission with jobs that do nothing."""
    stops = [Stop() for _ in range(pool.max_workers)]
    for stop in stops:
        pool.schedule(stop)
        assert stop.inside.wait(5)
    for _ in range(admission):
        pool.schedule(lambda *_: None)
    return stops


def let_go(stops: list[Stop]) -> None:
    for stop in stops:
        stop.go.set()


def on_thread(call: Callable[[], object], ours: bool) -> list[object]:
    """Run `call` on a thread that is (not) one of the thread table; what it returned or raised."""
    out: list[object] = []

    def body() -> None:
        try:
            out.append(call())
        except Exception as error:
            out.append(error)

    thread = start_thread("ingest", body) if ours else threading.Thread(target=body)
    if not ours:
        thread.start()
    thread.join(10)
    assert not thread.is_alive()
    return out


# --- sizes ------------------------------------------------------------------------------------------


def test_no_worker_is_started_before_it_is_needed(clock: VirtualClock) -> None:
    pool = BoundedThreadPoolScheduler(3, clock=clock)
    assert (pool.max_workers, pool.statistics().workers) == (3, 0)
    assert pool.dispose()


@pytest.mark.parametrize(("workers", "admission"), [(0, 1), (1, 0)])
def test_sizes_below_one_are_refused(workers: int, admission: int, clock: VirtualClock) -> None:
    with pytest.raises(ConfigError):
        BoundedThreadPoolScheduler(workers, admission=admission, clock=clock)


# --- one-shot jobs ----------------------------------------------------------------------------------


def test_an_action_runs_on_a_named_worker_with_scheduler_and_state(make: Make) -> None:
    pool = make(2)
    assert isinstance(pool, ThreadPoolScheduler)
    seen: list[object] = []
    done = threading.Event()

    def action(scheduler: object, state: object) -> None:
        seen.extend([scheduler, state, threading.current_thread().name, serving(), pool.is_current()])
        done.set()

    pool.schedule(action, "state")
    assert done.wait(5)
    assert seen == [pool, "state", "pool-1", "pool", True]
    assert not pool.is_current()


def test_a_job_that_raises_is_counted_and_told(make: Make) -> None:
    errors: list[BaseException] = []
    pool = make(1, on_error=errors.append)
    pool.schedule(lambda *_: 1 // 0)
    pool.schedule(lambda *_: None)
    until(lambda: pool.statistics().ran == 2)

    assert [type(e) for e in errors] == [ZeroDivisionError]
    assert pool.statistics().faults == 1


def test_a_disposed_job_does_not_run_and_a_running_one_disposes_what_it_returned(make: Make) -> None:
    pool, ran, disposed, done = make(1), [], threading.Event(), threading.Event()
    stop = Stop()
    pool.schedule(stop)
    cancelled = pool.schedule(lambda *_: ran.append(1))
    kept = pool.schedule(lambda *_: Disposable(disposed.set))
    pool.schedule(lambda *_: done.set())
    cancelled.dispose()
    stop.go.set()
    assert done.wait(5)

    assert ran == []
    assert not disposed.is_set()
    kept.dispose()
    assert disposed.is_set()


# --- admission --------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["main", "ours"])
def test_full_a_thread_of_the_table_is_refused_at_once(make: Make, where: str) -> None:
    pool = make(2, admission=3)
    stops = full(pool, 3)
    if where == "main":
        with pytest.raises(BufferOverflow, match="3 jobs wait"):
            pool.schedule(lambda *_: None)
    else:
        (raised,) = on_thread(lambda: pool.schedule(lambda *_: None), ours=True)
        assert isinstance(raised, BufferOverflow)

    assert pool.statistics().overflows == 1
    assert pool.statistics().high_water_jobs == 3
    assert pool.statistics().workers == 2
    let_go(stops)


def test_full_a_foreign_thread_runs_its_job_itself(make: Make) -> None:
    pool = make(2, admission=3)
    stops = full(pool, 3)
    ran: list[str] = []
    names = on_thread(
        lambda: (
            pool.schedule(lambda *_: ran.append(threading.current_thread().name)),
            threading.current_thread().name,
        )[1],
        ours=False,
    )

    assert ran == names
    assert pool.statistics().caller_runs == 1
    let_go(stops)


def test_full_a_foreign_callers_job_that_raises_does_not_hit_the_caller(make: Make) -> None:
    pool = make(1, admission=1)
    stops = full(pool, 1)
    out = on_thread(lambda: pool.schedule(lambda *_: 1 // 0), ours=False)

    assert not isinstance(out[0], Exception)
    assert pool.statistics().faults == 1
    let_go(stops)


def test_full_a_worker_runs_its_job_itself_and_chains_do_not_pile_up_frames(make: Make) -> None:
    pool, steps, done = make(1, admission=1), [], threading.Event()
    start = Stop()

    def chain(_: object, left: int | None) -> None:
        assert left is not None
        steps.append(left)
        if left:
            pool.schedule(chain, left - 1)
        else:
            done.set()

    def begin(*_: object) -> None:
        start()
        pool.schedule(chain, 5000)

    pool.schedule(begin)
    assert start.inside.wait(5)
    pool.schedule(lambda *_: None)  # fills the admission until the chain is over
    start.go.set()
    assert done.wait(20)

    assert steps == list(range(5000, -1, -1))
    assert pool.statistics().caller_runs == 5001
    assert pool.statistics().faults == 0


def test_full_even_the_callers_own_pile_is_bounded(make: Make) -> None:
    pool, raised, done = make(1, admission=2), [], threading.Event()
    start = Stop()

    def fan_out(*_: object) -> None:
        for _ in range(4):
            try:
                pool.schedule(lambda *_: None)
            except BufferOverflow as error:
                raised.append(error)
        done.set()

    def begin(*_: object) -> None:
        start()
        pool.schedule(fan_out)

    pool.schedule(begin)
    assert start.inside.wait(5)
    for _ in range(2):
        pool.schedule(lambda *_: None)
    start.go.set()
    assert done.wait(5)
    assert len(raised) == 2


def test_full_drains_are_admitted(make: Make) -> None:
    pool, got = make(1, admission=1), list[int]()
    stops = full(pool, 1)
    stages: list[BoundedStage[int]] = [BoundedStage(pool, name=str(i)) for i in range(20)]
    for i, stage in enumerate(stages):
        stage.output.subscribe(got.append)
        stage.offer(i)

    assert pool.statistics().waiting_drains == 20
    let_go(stops)
    until(lambda: len(got) == 20)
    assert got == list(range(20))


# --- time -------------------------------------------------------------------------------------------


def test_timers_hold_no_worker(make: Make, clock: VirtualClock) -> None:
    pool, done, ran = make(1), threading.Event(), []
    for _ in range(50):
        pool.schedule_relative(1.0, lambda *_: ran.append(clock.now()))
    pool.schedule(lambda *_: done.set())
    assert done.wait(5)
    assert pool.statistics().timed == 50

    clock.advance(1.0)
    until(lambda: len(ran) == 50)
    assert pool.statistics().timed == 0


def test_relative_and_absolute_times(make: Make, clock: VirtualClock) -> None:
    pool, ran = make(1), list[object]()
    pool.schedule_relative(timedelta(seconds=2), lambda _, s: ran.append(s), "relative")
    pool.schedule_absolute(pool.now + timedelta(seconds=3), lambda _, s: ran.append(s), "absolute")
    pool.schedule_relative(-1.0, lambda _, s: ran.append(s), "past")

    clock.advance(0.0)
    until(lambda: ran == ["past"])
    clock.advance(2.0)
    until(lambda: ran == ["past", "relative"])
    clock.advance(1.0)
    until(lambda: ran == ["past", "relative", "absolute"])


def test_a_disposed_timer_is_forgotten(make: Make, clock: VirtualClock) -> None:
    pool, ran = make(1), []
    timers = [pool.schedule_relative(3600.0, lambda *_: ran.append(1)) for _ in range(100)]
    for timer in timers:
        timer.dispose()

    assert clock.pending() == 0
    assert pool.statistics().timed == 0
    clock.advance(4000.0)
    assert ran == []


def test_a_due_timer_that_finds_the_admission_full_comes_again(make: Make, clock: VirtualClock) -> None:
    pool, ran = make(1, admission=1), threading.Event()
    pool.schedule_relative(1.0, lambda *_: ran.set())
    stops = full(pool, 1)
    clock.advance(1.0)
    assert pool.statistics().delayed == 1
    assert not ran.is_set()

    let_go(stops)
    until(lambda: pool.statistics().waiting_jobs == 0)
    clock.advance(0.1)
    assert ran.wait(5)


def test_a_periodic_action_keeps_its_pace_and_never_overlaps_itself(make: Make, clock: VirtualClock) -> None:
    pool, ran = make(4), list[tuple[float, object]]()

    def tick(state: int | None) -> int:
        ran.append((clock.now(), state))
        return (state or 0) + 1

    timer = pool.schedule_periodic(1.0, tick, 0)
    for i in range(1, 4):
        clock.advance(1.0)
        until(lambda i=i: len(ran) == i and pool.statistics().timed == 1)
    clock.advance(10.0)  # late: one run, not ten
    until(lambda: len(ran) >= 4 and pool.statistics().timed == 1)
    timer.dispose()
    clock.advance(100.0)

    assert ran[:4] == [(1.0, 0), (2.0, 1), (3.0, 2), (4.0, 3)] or [s for _, s in ran[:4]] == [0, 1, 2, 3]
    assert len(ran) <= 5
    assert clock.pending() == 0


class FakePool:
    """Notes what it is asked for; runs nothing."""

    def __init__(self) -> None:
        self.delays: list[float] = []
        self.jobs: list[BooleanDisposable] = []
        self.ends: list[tuple[bool, float]] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def schedule_relative(self, delay: float, action: object, state: object = None) -> Disposable:
        self.delays.append(delay)
        self.jobs.append(BooleanDisposable())
        self.meanwhile()
        return self.jobs[-1]  # type: ignore[return-value]

    def dispose(self, drain: bool = True, timeout: float = 5.0) -> bool:
        self.ends.append((drain, timeout))
        return True


def periodic(pool: FakePool, clock: VirtualClock, action: Callable[[Any], Any]) -> _Periodic:
    return _Periodic(pool, clock, 1.0, action, 0)  # type: ignore[arg-type]


def test_a_periodic_action_is_due_a_period_after_it_was_due_before(clock: VirtualClock) -> None:
    pool = FakePool()
    timer = periodic(pool, clock, lambda state: state)
    clock.advance(1.25)
    timer._run(None)  # type: ignore[arg-type]
    clock.advance(10)
    timer._run(None)  # type: ignore[arg-type]
    timer._run(None)  # type: ignore[arg-type]

    assert pool.delays == [1.0, 0.75, 0.0, 1.0]


@pytest.mark.parametrize("when", ["before", "inside", "while it is scheduled again"])
def test_a_periodic_action_that_was_disposed_does_not_come_again(clock: VirtualClock, when: str) -> None:
    pool, ran = FakePool(), list[int]()

    def action(_: object) -> None:
        ran.append(1)
        if when == "inside":
            timer.dispose()

    timer = periodic(pool, clock, action)
    if when == "before":  # it was on its way to a worker already
        timer.dispose()
    elif when == "while it is scheduled again":
        pool.meanwhile = timer.dispose
    timer._run(None)  # type: ignore[arg-type]

    assert len(ran) == (when != "before")
    assert all(job.is_disposed for job in pool.jobs)
    assert len(pool.jobs) == (2 if when == "while it is scheduled again" else 1)


def test_the_executor_ends_the_pool_as_it_was_asked_to() -> None:
    pool = FakePool()
    executor = _Executor(pool, 1)  # type: ignore[arg-type]
    executor.shutdown()
    executor.shutdown(wait=False)
    executor.shutdown(wait=False, cancel_futures=True)

    assert pool.ends == [(True, FOR_EVER), (True, 0.0), (False, 0.0)]


def test_what_a_future_raised_is_told_as_it_is(clock: VirtualClock) -> None:
    told: list[BaseException] = []
    pool = BoundedThreadPoolScheduler(1, clock=clock, on_error=told.append)
    future = pool.executor.submit(lambda: 1 // 0)
    assert isinstance(future.exception(5), ZeroDivisionError)
    until(lambda: pool.statistics().idle == 1)

    assert [type(e) for e in told] == [ZeroDivisionError]
    assert pool.statistics().faults == 1
    assert pool.dispose()


def test_now_is_the_clocks_wall_time_in_utc(make: Make, clock: VirtualClock) -> None:
    assert make(1).now == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def test_a_job_that_was_disposed_while_it_waited_is_no_fault(make: Make) -> None:
    pool, go, inside = make(1), threading.Event(), threading.Event()

    def hold(*_: object) -> None:
        inside.set()
        go.wait(20)

    pool.schedule(hold)
    assert inside.wait(5)
    pool.schedule(lambda *_: None).dispose()
    go.set()
    until(lambda: pool.statistics().ran == 2 and pool.statistics().idle == 1)

    assert pool.statistics().faults == 0


def test_a_periodic_action_that_raises_ends(make: Make, clock: VirtualClock) -> None:
    pool = make(1)
    pool.schedule_periodic(1.0, lambda _: 1 // 0)
    clock.advance(1.0)
    until(lambda: pool.statistics().faults == 1)

    assert clock.pending() == 0


def test_a_periodic_action_may_dispose_itself(make: Make, clock: VirtualClock) -> None:
    pool, ran = make(1), []
    timer = pool.schedule_periodic(1.0, lambda _: (ran.append(1), timer.dispose()))
    clock.advance(1.0)
    until(lambda: pool.statistics().ran == 1)
    clock.advance(5.0)

    assert ran == [1]
    assert clock.pending() == 0


def test_real_time_and_two_intervals_on_two_workers_starve_nobody() -> None:
    clock = ClockThread()
    clock.start()
    pool = BoundedThreadPoolScheduler(2, clock=clock)
    ticks, done = [], threading.Event()
    intervals = [reactivex.interval(0.005, scheduler=pool).subscribe(ticks.append) for _ in range(4)]
    pool.schedule(lambda *_: done.set())
    assert done.wait(1)
    until(lambda: len(ticks) > 8)
    for each in intervals:
        each.dispose()

    assert pool.dispose(timeout=5)
    assert clock.close(5)


# --- foreign code -----------------------------------------------------------------------------------


def test_it_works_as_any_reactivex_scheduler(make: Make) -> None:
    pool, source, got, done = make(3), Subject[int](), list[int](), threading.Event()
    source.pipe(ops.observe_on(pool), ops.map(lambda x: x * 2)).subscribe(got.append, on_completed=done.set)
    for i in range(500):
        source.on_next(i)
    source.on_completed()
    assert done.wait(10)

    assert got == [2 * i for i in range(500)]


def test_observe_on_survives_a_full_admission(make: Make) -> None:
    pool, got, done = make(1, admission=1), list[int](), threading.Event()
    start = Stop()
    pool.schedule(start)
    assert start.inside.wait(5)
    source = Subject[int]()
    source.pipe(ops.observe_on(pool)).subscribe(got.append, on_completed=done.set)
    for i in range(3000):
        source.on_next(i)
    source.on_completed()
    start.go.set()
    assert done.wait(20)

    assert got == list(range(3000))


def test_subscribe_on_and_a_timer_of_foreign_code(make: Make, clock: VirtualClock) -> None:
    pool, got, done = make(2), list[int](), threading.Event()
    reactivex.of(1, 2, 3).pipe(ops.subscribe_on(pool)).subscribe(got.append, on_completed=done.set)
    assert done.wait(5)
    assert got == [1, 2, 3]

    debounced, source = list[int](), Subject[int]()
    source.pipe(ops.debounce(1.0, scheduler=pool)).subscribe(debounced.append)
    for i in range(100):
        source.on_next(i)
    clock.advance(1.0)
    until(lambda: debounced == [99])


def test_the_executor_fills_futures_and_reads_their_exceptions(make: Make) -> None:
    pool = make(2)
    assert pool.executor.submit(pow, 2, 10).result(5) == 1024
    assert list(pool.executor.map(lambda x: x + 1, [1, 2, 3])) == [2, 3, 4]
    broken = pool.executor.submit(lambda: 1 // 0)

    with pytest.raises(ZeroDivisionError):
        broken.result(5)
    until(lambda: pool.statistics().faults == 1)


def test_a_cancelled_future_does_not_run(make: Make) -> None:
    pool, ran = make(1), []
    stop = Stop()
    pool.schedule(stop)
    future = pool.executor.submit(lambda: ran.append(1))
    assert future.cancel()
    stop.go.set()
    until(lambda: pool.statistics().ran == 2)
    assert ran == []


def test_the_executors_shutdown_is_the_pools_end(make: Make) -> None:
    pool, ran = make(1), []
    with pool.executor as executor:
        for i in range(10):
            executor.submit(ran.append, i)
    assert ran == list(range(10))
    with pytest.raises(ThreadError):
        pool.executor.submit(ran.append, 1)


def test_a_future_that_the_end_cut_off_is_cancelled(make: Make) -> None:
    pool = make(1)
    stop = Stop()
    pool.schedule(stop)
    assert stop.inside.wait(5)
    future = pool.executor.submit(pow, 2, 2)
    pool.executor.shutdown(wait=False, cancel_futures=True)

    with pytest.raises(CancelledError):
        future.result(5)
    stop.go.set()


# --- the end ----------------------------------------------------------------------------------------


def test_with_drain_everything_accepted_is_delivered(make: Make) -> None:
    """L20; foreign `observe_on`, which goes on by scheduling itself, too."""
    pool, got, foreign = make(2), list[int](), list[int]()
    stage: BoundedStage[int] = BoundedStage(pool, name="s", batch=7)
    stage.output.subscribe(got.append)
    source = Subject[int]()
    source.pipe(ops.observe_on(pool)).subscribe(foreign.append)
    for i in range(500):
        stage.offer(i)
        source.on_next(i)

    assert pool.dispose(drain=True, timeout=10)
    assert got == foreign == list(range(500))
    assert pool.statistics().discarded == 0


def test_without_drain_what_waits_is_discarded_and_counted(make: Make) -> None:
    pool, got, errors = make(1), list[int](), []
    stop = Stop()
    pool.schedule(stop)
    assert stop.inside.wait(5)
    stage: BoundedStage[int] = BoundedStage(pool, name="s")
    stage.output.subscribe(got.append, errors.append)
    for i in range(10):
        stage.offer(i)
    pool.schedule(lambda *_: None)
    pool.schedule_relative(5.0, lambda *_: None)
    threading.Timer(0.02, stop.go.set).start()

    assert pool.dispose(drain=False, timeout=5)
    assert got == []
    assert [type(e) for e in errors] == [ThreadError]
    assert stage.ledger().closes
    assert stage.ledger().discarded == 10
    assert pool.statistics().discarded == 3  # the drain, the job, the timer


def test_a_worker_that_hangs_costs_the_deadline_only(make: Make) -> None:
    pool = make(1)
    stop = Stop()
    pool.schedule(stop)
    assert stop.inside.wait(5)
    began = time.monotonic()

    assert not pool.dispose(timeout=0.05)
    assert time.monotonic() - began < 2
    stop.go.set()
    assert pool.dispose(timeout=5)


def test_a_closed_pool_takes_nothing_and_late_timers_are_counted(make: Make, clock: VirtualClock) -> None:
    pool = make(1)
    assert pool.dispose()
    for call in (
        lambda: pool.schedule(lambda *_: None),
        lambda: pool.submit_drain(lambda: None),
    ):
        with pytest.raises(ThreadError):
            call()
    pool.schedule_relative(1.0, lambda *_: None)
    clock.advance(1.0)

    assert pool.statistics().discarded == 1
    assert pool.statistics().timed == 0


def test_a_clock_that_was_closed_refuses_timers() -> None:
    clock = ClockThread()
    pool = BoundedThreadPoolScheduler(1, clock=clock)
    assert clock.close(1)
    with pytest.raises(ThreadError):
        pool.schedule_relative(1.0, lambda *_: None)

    assert pool.statistics().timed == 0
    assert pool.dispose()


SCRIPT = """
import sys, threading, reactivex
from brummer_rx.pipeline.clock import ClockThread
from brummer_rx.pipeline.scheduler import BoundedThreadPoolScheduler
clock = ClockThread(); clock.start()
pool = BoundedThreadPoolScheduler(2, clock=clock)
reactivex.interval(0.01, scheduler=pool).subscribe(lambda _: None)
pool.schedule(lambda *_: threading.Event().wait())
print("end", flush=True)
sys.exit(3)
"""


def test_neither_intervals_nor_hanging_jobs_keep_the_interpreter_from_ending() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, timeout=20, check=False)

    assert (done.returncode, done.stdout) == (3, b"end\n")
