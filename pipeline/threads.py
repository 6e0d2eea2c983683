"""The only creator of threads: named, counted daemons, and crews of them that run tasks in order.

Daemons, because a hanging child or extension must not keep the interpreter from ending; that nothing is lost
is the shutdown protocol's work (`close` with a deadline), not the interpreter's.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from loguru import logger

from brummer_rx.pipeline import guards
from brummer_rx.pipeline.errors import BufferOverflow, ThreadError
from brummer_rx.pipeline.lane import abandon_drain, serve

__all__ = [
    "Closed",
    "Crew",
    "CrewCounts",
    "Lane",
    "StartThread",
    "is_ours",
    "live_threads",
    "start_thread",
    "thread_high_water",
]

Task = Callable[[], None]
StartThread = Callable[[str, Task], threading.Thread]
"""`start_thread`, or what tests put in its place."""


class _Census:
    """Which threads of ours live; guarded by its lock, for every thread."""

    def __init__(self) -> None:
        self.lock = guards.lock("thread census")
        self.live: dict[threading.Thread, str] = {}
        self.high_water = 0
        self.crashes = 0


_census = _Census()


class _OurThread(threading.Thread):
    """A thread of the thread table; removed from the census when it ends, however it ends."""

    def __init__(self, name: str, target: Task) -> None:
        super().__init__(name=name, daemon=True)
        self._body = target

    def run(self) -> None:
        try:
            self._body()
        except BaseException as error:  # noqa: BLE001 - this is the thread's last frame: nobody else can tell
            with _census.lock:
                _census.crashes += 1
            logger.opt(exception=error).critical("thread {} ended by an exception", self.name)
        finally:
            del self._body
            with _census.lock:
                _census.live.pop(self, None)


def start_thread(name: str, target: Task) -> threading.Thread:
    """Start a daemon thread; an exception that ends it is logged and counted, never lost.

    Raises `ThreadError` when the system gives no thread.
    """
    thread = _OurThread(name, target)
    with _census.lock:
        _census.live[thread] = name
        _census.high_water = max(_census.high_water, len(_census.live))
    try:
        thread.start()
    except BaseException as error:
        with _census.lock:
            del _census.live[thread]
        if isinstance(error, RuntimeError):
            raise ThreadError(f"the thread {name} could not be started: {error}") from error
        raise
    return thread


def thread_high_water() -> int:
    """Most threads of ours that were alive at once, counted when they were created (the main thread is not in
    it).
    """
    with _census.lock:
        return _census.high_water


def live_threads() -> tuple[str, ...]:
    """Names of our threads that are alive now, in the order of their start."""
    with _census.lock:
        return tuple(_census.live.values())


def is_ours() -> bool:
    """Whether the calling thread stands in the thread table (the main thread does, too)."""
    thread = threading.current_thread()
    return isinstance(thread, _OurThread) or thread is threading.main_thread()


class Closed(NamedTuple):
    """How a crew ended."""

    joined: bool
    """All its threads ended within the timeout."""
    discarded: int
    """Tasks that were accepted and never run."""


class CrewCounts(NamedTuple):
    """A crew at one moment."""

    threads: int
    idle: int
    waiting: int
    """Bounded tasks that wait."""
    high_water: int
    """Most bounded tasks that ever waited."""
    drains: int
    """Unbounded tasks (drains) that wait: at most one per stage."""
    ran: int
    faults: int
    discarded: int


_OPEN, _DRAINING, _ENDED = range(3)


@guards.locked("_lock", "_idle", "_state", "_waiting", "_high_water", "_ran", "_faults", "_discarded")
@guards.calls_out("put", "run_guarded", "close")
class Crew:
    """Up to `size` threads that take tasks from one queue in the order in which they were put.

    Owner of the state: its lock. Idle threads stand in a stack, each on a lock of its own, so that a wake-up
    costs one release and picks the warmest thread.
    """

    def __init__(
        self,
        role: str,
        names: Callable[[int], str],
        size: int,
        on_error: Callable[[BaseException], None] | None,
        start_thread: StartThread = start_thread,
    ) -> None:
        self.role = role
        self._start_thread = start_thread
        self._short = False  # fewer threads than wanted, and it was said
        self._names = names
        self._size = size
        self._on_error = on_error
        self._lock = guards.lock("crew")
        self._queue: deque[tuple[Task, bool]] = deque()  # (task, counts against a limit)
        self._idle: list[threading.Lock] = []
        self._threads: list[threading.Thread] = []
        self._idents: set[int] = set()
        self._state = _OPEN
        self._waiting = self._high_water = self._ran = self._faults = self._discarded = 0

    def put(self, task: Task, limit: int | None = None) -> bool:
        """Queue `task`; any thread, never blocks. False when `limit` bounded tasks wait already.

        Raises `ThreadError` when the crew has ended, or drains and this is a bounded task from outside.
        """
        wake: threading.Lock | None = None
        with self._lock:
            if self._state != _OPEN and not self._takes_late(limit):
                raise ThreadError(f"{self.role} takes nothing any more: it was closed")
            if limit is not None and self._waiting >= limit:
                return False
            if self._idle:
                wake = self._idle.pop()
            elif len(self._threads) < self._size:
                self._grow()
            self._queue.append((task, limit is not None))
            if limit is not None:
                self._waiting += 1
                self._high_water = max(self._high_water, self._waiting)
        if wake is not None:
            wake.release()
        return True

    def _grow(self) -> None:
        try:
            self._threads.append(self._start_thread(self._names(len(self._threads)), self._work))
            self._short = False
        except ThreadError as error:
            if not self._threads:
                raise ThreadError(f"{self.role} could not start a thread") from error
            if not self._short:  # each task tries again
                self._short = True
                logger.warning("{} goes on with {} threads: {}", self.role, len(self._threads), error)

    def _takes_late(self, limit: int | None) -> bool:
        # While it drains, what goes on with accepted work is work accepted: drains, and tasks of its own
        # threads.
        return self._state == _DRAINING and (limit is None or self.is_current())

    def is_current(self) -> bool:
        """Whether the calling thread is one of the crew's."""
        return threading.get_ident() in self._idents

    def counts(self) -> CrewCounts:
        """The numbers as of now."""
        with self._lock:
            return CrewCounts(
                threads=len(self._threads),
                idle=len(self._idle),
                waiting=self._waiting,
                high_water=self._high_water,
                drains=len(self._queue) - self._waiting,
                ran=self._ran,
                faults=self._faults,
                discarded=self._discarded,
            )

    def _work(self) -> None:
        bell = threading.Lock()  # a bell: others release it
        bell.acquire()
        ident = threading.get_ident()
        with self._lock:
            self._idents.add(ident)
        try:
            with serve(self.role):
                while (task := self._next(bell)) is not None:
                    self.run_guarded(task)
                    del task  # an idle thread must not keep the last task's objects alive
        finally:
            with self._lock:
                self._idents.discard(ident)

    def _next(self, bell: threading.Lock) -> Task | None:
        while True:
            with self._lock:
                if len(self._queue):
                    task, bounded = self._queue.popleft()
                    self._waiting -= bounded
                    self._ran += 1
                    return task
                if self._may_end():
                    others, self._idle = self._idle, []
                    self._state = _ENDED
                    break
                self._idle.append(bell)
            bell.acquire()
        for other in others:
            other.release()
        return None

    def _may_end(self) -> bool:
        # The last thread that finds nothing while draining ends the crew: a running task may still put
        # another.
        busy = len(self._idents) - len(self._idle) - 1
        return self._state == _ENDED or (self._state == _DRAINING and busy <= 0 and not self._starting())

    def _starting(self) -> bool:
        return len(self._idents) < len(self._threads)

    def run_guarded(self, task: Task) -> None:
        """Run `task` here; what it raises is counted, logged and handed to `on_error`."""
        try:
            task()
        except BaseException as error:  # noqa: BLE001 - one bad task must not end the thread of all others
            self.report(error)

    def report(self, error: BaseException) -> None:
        """Count, log and hand on what a task raised."""
        with self._lock:
            self._faults += 1
        logger.opt(exception=error).error("a task on {} raised", self.role)
        if self._on_error is not None:
            try:
                self._on_error(error)
            except BaseException as second:  # noqa: BLE001 - as above
                logger.opt(exception=second).error("the error hook of {} raised", self.role)

    def close(self, timeout: float, *, drain: bool = True) -> Closed:
        """Take no more, run what was accepted (or discard it), join; not from one of its own threads.

        Idempotent.
        """
        if self.is_current():
            raise ThreadError(f"{self.role} cannot wait for its own end")
        deadline = time.monotonic() + timeout
        lost = self._begin_end(drain)
        joined = self._join(deadline)
        if not joined:
            lost += self._begin_end(False)
        with self._lock:
            self._discarded += len(lost)
            discarded = self._discarded
        reason = ThreadError(f"{self.role} ended before this could run")
        for task, _ in lost:
            abandon_drain(task, reason)
        return Closed(joined, discarded)

    def _begin_end(self, drain: bool) -> list[tuple[Task, bool]]:
        lost: list[tuple[Task, bool]] = []
        with self._lock:
            if drain and self._state == _OPEN:
                self._state = _DRAINING
                # One idle thread is woken to find out whether all are; without threads there is nothing to
                # wait for.
                wake = [self._idle.pop()] if self._idle else []
                if not self._threads:
                    self._state = _ENDED
            else:
                wake, self._idle = self._idle, []
                if not drain:
                    self._state = _ENDED
                    lost = list(self._queue)
                    self._queue.clear()
                    self._waiting = 0
        for bell in wake:
            bell.release()
        return lost

    def _join(self, deadline: float) -> bool:
        with self._lock:
            threads = tuple(self._threads)
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)


class Lane:
    """One named thread that runs actions and drains in the order of their submission (`store`, `sync`)."""

    def __init__(
        self,
        name: str,
        *,
        capacity: int = 1024,
        on_error: Callable[[BaseException], None] | None = None,
        start_thread: StartThread = start_thread,
    ) -> None:
        self.name = name
        self.capacity = capacity
        self._crew = Crew(name, lambda _: name, 1, on_error, start_thread)

    def submit(self, action: Task) -> None:
        """Run `action` after what was submitted before; any thread, never blocks.

        Raises `BufferOverflow` when `capacity` actions wait, `ThreadError` after `close`.
        """
        if not self._crew.put(action, self.capacity):
            raise BufferOverflow(f"{self.capacity} actions wait on {self.name}")

    def submit_drain(self, drain: Task) -> None:
        """Run a stage's drain; always admitted. Raises `ThreadError` after the lane has ended."""
        self._crew.put(drain)

    def is_current(self) -> bool:
        """Whether this is the lane's thread."""
        return self._crew.is_current()

    def counts(self) -> CrewCounts:
        """The numbers as of now."""
        return self._crew.counts()

    def close(self, timeout: float) -> bool:
        """Run what was accepted, then end. True: the thread ended within `timeout` seconds.

        What is left at the deadline is discarded: counted, and stages are told. Idempotent; not from the lane
        itself.
        """
        return self._crew.close(timeout).joined
