"""The worker pool: a reactivex scheduler with bounded admission, and the lane of most stages.

Jobs (what `schedule` and the executor get) wait in a bounded queue; when it is full, a worker or a foreign
thread runs its own job, every other thread of the thread table gets `BufferOverflow`. Drains are always
admitted: there is at most one per stage. Time is the clock's: a timer holds no worker until it is due.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ParamSpec, TypeVar

from loguru import logger
from reactivex import abc, typing
from reactivex.disposable import SingleAssignmentDisposable
from reactivex.scheduler import ThreadPoolScheduler

from brummer_rx.pipeline import guards
from brummer_rx.pipeline.clock import Clock, TimerHandle
from brummer_rx.pipeline.errors import BufferOverflow, ConfigError, ThreadError
from brummer_rx.pipeline.threads import Crew, StartThread, is_ours, start_thread

__all__ = ["BoundedThreadPoolScheduler", "PoolStatistics"]

T = TypeVar("T")
P = ParamSpec("P")
State = TypeVar("State")
Task = Callable[[], None]

RETRY_SECONDS = 0.005  # a due timer that finds the admission full comes again after this; it is never lost
FOR_EVER = 1e6  # seconds


@dataclass(frozen=True, slots=True)
class PoolStatistics:
    """The pool at one moment."""

    workers: int
    """Threads that were started."""
    idle: int
    waiting_jobs: int
    high_water_jobs: int
    waiting_drains: int
    timed: int
    """Jobs that wait for their time."""
    ran: int
    faults: int
    caller_runs: int
    """Jobs that ran on their caller's thread because the admission was full."""
    overflows: int
    """Jobs that were refused with `BufferOverflow`."""
    delayed: int
    """Times that a due timer had to come again because the admission was full."""
    discarded: int
    """Accepted jobs and drains, and timers to come, that the end of the pool cut off."""


class _Job(abc.DisposableBase):
    """One scheduled action; disposing it before it runs lets go of the action at once."""

    __slots__ = ("_inner", "_pool", "_todo", "timer")

    def __init__(
        self, pool: BoundedThreadPoolScheduler, action: abc.ScheduledAction[Any], state: Any
    ) -> None:
        self._pool = pool
        # One attribute: read one after the other, an action could get the state of a disposed job.
        self._todo: tuple[abc.ScheduledAction[Any], Any] | None = (action, state)
        self._inner = SingleAssignmentDisposable()
        self.timer: TimerHandle | None = None

    def __call__(self) -> None:
        todo, self._todo = self._todo, None
        if todo is not None:
            self._inner.disposable = self._pool.invoke_action(*todo)

    @property
    def wanted(self) -> bool:
        """Whether it has neither run nor been disposed."""
        return self._todo is not None

    def dispose(self) -> None:
        self._todo = None
        if self.timer is not None:
            self.timer.cancel()
            self._pool._forget(self)
        self._inner.dispose()


class _Periodic(abc.DisposableBase):
    """A periodic action: never two runs at once, and no burst to make up for late ones."""

    def __init__(
        self,
        pool: BoundedThreadPoolScheduler,
        clock: Clock,
        period: float,
        action: typing.ScheduledPeriodicAction[Any],
        state: Any,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._period = period
        self._action = action
        self._state = state
        self._due = clock.now() + period
        self._disposed = threading.Event()
        self._job: abc.DisposableBase = pool.schedule_relative(period, self._run)

    def _run(self, _scheduler: abc.SchedulerBase, _state: object = None) -> None:
        if self._disposed.is_set():
            return
        self._state = self._action(self._state)  # raising, it is not scheduled again
        now = self._clock.now()
        self._due = max(self._due + self._period, now)
        if not self._disposed.is_set():
            self._job = self._pool.schedule_relative(self._due - now, self._run)
            if self._disposed.is_set():  # meanwhile
                self._job.dispose()

    def dispose(self) -> None:
        self._disposed.set()
        self._job.dispose()


class _FutureJob:
    """What the executor runs: fills a future; its exception is read here, too."""

    __slots__ = ("_call", "_future", "_report")

    def __init__(
        self, future: Future[Any], call: Callable[[], Any], report: Callable[[BaseException], None]
    ) -> None:
        self._future = future
        self._call = call
        self._report = report

    def __call__(self) -> None:
        if not self._future.set_running_or_notify_cancel():
            return
        try:
            result = self._call()
        except BaseException as error:  # noqa: BLE001 - it goes to the future and to the books
            self._future.set_exception(error)
            self._report(error)
        else:
            self._future.set_result(result)

    def abandon(self, _reason: BaseException) -> None:
        """The pool ended: whoever waits for the future is told."""
        self._future.cancel()


class _Executor(ThreadPoolExecutor):
    """The pool as an executor (reactivex exposes one); it never starts threads of its own."""

    def __init__(self, pool: BoundedThreadPoolScheduler, workers: int) -> None:
        super().__init__(max_workers=workers)
        self._pool = pool

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        self._pool.admit(_FutureJob(future, lambda: fn(*args, **kwargs), self._pool.report))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._pool.dispose(drain=not cancel_futures, timeout=FOR_EVER if wait else 0.0)


@guards.locked("_lock", "_caller_runs", "_overflows", "_delayed", "_cut")
@guards.calls_out("submit_drain", "admit", "dispose")
class BoundedThreadPoolScheduler(ThreadPoolScheduler):
    """See the module. Any thread may call everything; `dispose` not from a worker.

    :param max_workers: threads at most; they start when they are needed
    :param admission: jobs that may wait
    :param clock: what knows time; its actions only enqueue here
    :param on_error: told of every exception of a job or drain, on the thread where it happened
    """

    name = "pool"

    def __init__(
        self,
        max_workers: int,
        *,
        clock: Clock,
        admission: int = 1024,
        on_error: Callable[[BaseException], None] | None = None,
        start_thread: StartThread = start_thread,
    ) -> None:
        if max_workers < 1 or admission < 1:
            raise ConfigError(
                f"pool: {max_workers} workers and an admission of {admission} must be at least 1"
            )
        super().__init__(max_workers)
        self.max_workers = max_workers
        self.executor = _Executor(self, max_workers)
        self._clock = clock
        self._admission = admission
        self._crew = Crew("pool", lambda n: f"pool-{n + 1}", max_workers, on_error, start_thread)
        self._local = threading.local()  # .later: jobs for after the one that this thread runs as a caller
        self._lock = guards.lock("pool")
        # Guarded by the lock:
        self._timed: set[_Job] = set()
        self._caller_runs = self._overflows = self._delayed = self._cut = 0

    # --- the lane ---------------------------------------------------------------------------------

    def submit_drain(self, drain: Task) -> None:
        """Run a stage's drain; always admitted. `ThreadError` after the pool has ended."""
        self._crew.put(drain)

    def is_current(self) -> bool:
        """Whether the calling thread is a worker."""
        return self._crew.is_current()

    # --- the scheduler ----------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        """The clock's wall time."""
        return datetime.fromtimestamp(self._clock.time_ns() / 1e9, tz=UTC)

    def schedule(self, action: abc.ScheduledAction[State], state: State | None = None) -> abc.DisposableBase:
        """Run `action` on a worker; where the admission is full, here (worker, foreign thread).

        Raises `BufferOverflow` on all other threads when it is full, `ThreadError` after `dispose`.
        """
        job = _Job(self, action, state)
        self.admit(job)
        return job

    def schedule_relative(
        self, duetime: typing.RelativeTime, action: abc.ScheduledAction[State], state: State | None = None
    ) -> abc.DisposableBase:
        """Run `action` on a worker after `duetime`; until then it holds none.

        `ThreadError` after `dispose`.
        """
        job = _Job(self, action, state)
        with self._lock:
            self._timed.add(job)
        try:
            job.timer = self._clock.call_later(max(0.0, self.to_seconds(duetime)), lambda: self._due(job))
        except BaseException:
            self._forget(job)
            raise
        return job

    def schedule_absolute(
        self, duetime: typing.AbsoluteTime, action: abc.ScheduledAction[State], state: State | None = None
    ) -> abc.DisposableBase:
        """Run `action` on a worker at `duetime` (wall clock)."""
        return self.schedule_relative(self.to_datetime(duetime) - self.now, action, state)

    def schedule_periodic(
        self,
        period: typing.RelativeTime,
        action: typing.ScheduledPeriodicAction[State],
        state: State | None = None,
    ) -> abc.DisposableBase:
        """Run `state = action(state)` each `period`, never two at once; an exception ends it."""
        return _Periodic(self, self._clock, self.to_seconds(period), action, state)

    # --- admission --------------------------------------------------------------------------------

    def admit(self, job: Task) -> None:
        """Queue a one-shot job; see the module for what happens when the admission is full."""
        if self._crew.put(job, self._admission):
            return
        mine = self._crew.is_current() or not is_ours()
        if mine and self._run_here(job):
            return
        with self._lock:
            self._overflows += 1
        raise BufferOverflow(f"{self._admission} jobs wait in the pool")

    def _run_here(self, job: Task) -> bool:
        """Run `job` on its caller's thread: now or, inside such a job, after it.

        A chain must not pile up frames. False: too many wait for their turn there.
        """
        later: deque[Task] | None = getattr(self._local, "later", None)
        if later is not None:
            if len(later) >= self._admission:
                return False
            later.append(job)
            with self._lock:
                self._caller_runs += 1
            return True
        with self._lock:
            self._caller_runs += 1
        self._local.later = later = deque()
        try:
            self._crew.run_guarded(job)
            while len(later):
                self._crew.run_guarded(later.popleft())
        finally:
            self._local.later = None
        return True

    def _due(self, job: _Job) -> None:  # on the clock's thread: enqueues only
        if not job.wanted:
            return
        try:
            admitted = self._crew.put(job, self._admission)
        except ThreadError:
            with self._lock:
                self._cut += 1
            self._forget(job)
            logger.warning("a timer came due after the pool had ended")
            return
        if admitted:
            self._forget(job)
        else:
            with self._lock:
                self._delayed += 1
            job.timer = self._clock.call_later(RETRY_SECONDS, lambda: self._due(job))

    def _forget(self, job: _Job) -> None:
        with self._lock:
            self._timed.discard(job)

    def report(self, error: BaseException) -> None:
        """Count and log what a job raised, and hand it to `on_error`."""
        self._crew.report(error)

    # --- the end ----------------------------------------------------------------------------------

    def dispose(self, drain: bool = True, timeout: float = 5.0) -> bool:
        """End the pool: timers to come are cut off; with `drain` what was accepted runs, else it is
        discarded.

        True: all workers ended within `timeout` seconds. What is left then is discarded (counted; stages and
        futures are told). Idempotent.
        """
        with self._lock:
            timed = list(self._timed)
        cut = 0
        for job in timed:
            cut += job.wanted
            job.dispose()
        with self._lock:
            self._cut += cut
        return self._crew.close(timeout, drain=drain).joined

    def statistics(self) -> PoolStatistics:
        """The numbers as of now."""
        crew = self._crew.counts()
        with self._lock:
            return PoolStatistics(
                workers=crew.threads,
                idle=crew.idle,
                waiting_jobs=crew.waiting,
                high_water_jobs=crew.high_water,
                waiting_drains=crew.drains,
                timed=len(self._timed),
                ran=crew.ran + self._caller_runs,
                faults=crew.faults,
                caller_runs=self._caller_runs,
                overflows=self._overflows,
                delayed=self._delayed,
                discarded=crew.discarded + self._cut,
            )
