"""What the bus properties have in common: a pool that must end, threads that are counted when they start.

"The bus" is the stages and their subscribers. Counting threads at the end of a test is no evidence: a thread
that an overflow started may be gone by then. `ThreadWatch` counts inside `Thread.start`.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from brummer_rx.pipeline.clock import ClockThread
from brummer_rx.pipeline.ledger import Ledger
from brummer_rx.pipeline.scheduler import BoundedThreadPoolScheduler
from brummer_rx.pipeline.stage import BoundedStage
from tests.proof.journal import Journal, Report, assert_clean

__all__ = ["Bus", "HeldLocks", "ThreadWatch", "TrackedLock", "quick_switches", "run_threads", "until"]


def until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    """Poll until it holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.001)


@contextmanager
def quick_switches(interval: float = 1e-6) -> Iterator[None]:
    """The interpreter offers to change threads as often as it can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(interval)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def run_threads(bodies: Sequence[Callable[[], None]], seconds: float = 40.0) -> None:
    """Run all at once (they start at a barrier); what one raises is raised here."""
    barrier = threading.Barrier(len(bodies))
    errors: list[BaseException] = []

    def run(body: Callable[[], None]) -> None:
        try:
            barrier.wait(20)
            body()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(body,), daemon=True) for body in bodies]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    assert not any(thread.is_alive() for thread in threads), "a thread hangs"
    if errors:
        raise errors[0]


class Bus:
    """`with Bus(workers) as bus:` a pool and its clock; both must end, or the test fails."""

    def __init__(self, workers: int = 2, admission: int = 1024) -> None:
        self.clock = ClockThread()
        self.clock.start()
        self.errors: list[BaseException] = []
        self.pool = BoundedThreadPoolScheduler(
            workers, clock=self.clock, admission=admission, on_error=self.errors.append
        )
        self._releases: list[threading.Event] = []

    def block(self) -> threading.Event:
        """An event that is set at the end at the latest, so that no handler hangs for ever."""
        event = threading.Event()
        self._releases.append(event)
        return event

    def __enter__(self) -> Bus:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for release in self._releases:
            release.set()
        ended = self.pool.dispose(drain=False, timeout=10)
        ticked = self.clock.close(10)
        assert kind is not None or (ended and ticked), "the pool or the clock did not end"

    @staticmethod
    def settle(stage: BoundedStage[Any]) -> Ledger:
        """The books once nothing is queued or being delivered."""
        until(lambda: stage.ledger().queued == 0)
        return stage.ledger()

    @classmethod
    def verdict(cls, journal: Journal, name: str, stage: BoundedStage[Any]) -> Report:
        """The checker's report at rest; journal and ledger must agree exactly."""
        books = cls.settle(stage)  # before the journal is frozen
        return assert_clean(journal.freeze(), {name: books})


class ThreadWatch:
    """Counts threads of this process inside `Thread.start`, whoever starts them and however short they live.

    Threads started through `mine` are the test's own and do not count.
    """

    def __init__(self) -> None:
        self.high_water = 0
        self.names: list[str] = []
        self._lock = threading.Lock()
        self._own: set[threading.Thread] = set()
        self._counted: list[threading.Thread] = []

    def mine(self, body: Callable[[], None]) -> threading.Thread:
        """Start a thread of the test."""
        thread = threading.Thread(target=body, daemon=True)
        with self._lock:
            self._own.add(thread)
        thread.start()
        return thread

    def _starts(self, thread: threading.Thread) -> None:
        with self._lock:
            if thread in self._own:
                return
            self.names.append(thread.name)
            self._counted = [t for t in self._counted if t.is_alive()] + [thread]
            self.high_water = max(self.high_water, len(self._counted))

    def alive(self) -> int:
        """Counted threads that live now: what counting at the end sees."""
        with self._lock:
            return sum(thread.is_alive() for thread in self._counted)

    def __enter__(self) -> ThreadWatch:
        self._real = threading.Thread.start

        def start(thread: threading.Thread) -> None:
            self._real(thread)
            self._starts(thread)

        threading.Thread.start = start  # type: ignore[method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        threading.Thread.start = self._real  # type: ignore[method-assign]


class HeldLocks:
    """Which tracked locks each thread holds, and who called out while holding one."""

    def __init__(self) -> None:
        self._mine = threading.local()
        self.violations: list[str] = []

    def held(self) -> list[str]:
        """Names of the locks that the calling thread holds."""
        names: list[str] = self._mine.__dict__.setdefault("names", [])
        return names

    def called(self, where: str) -> None:
        """A callback named `where` runs: its thread must hold none."""
        if self.held():
            self.violations.append(f"{where} was called under {', '.join(self.held())}")

    def track(self, owner: Any, name: str, attribute: str = "_lock") -> None:
        """Put a tracked lock around a lock of `owner` (before anybody uses it)."""
        setattr(owner, attribute, TrackedLock(self, name, getattr(owner, attribute)))


class TrackedLock:
    """A lock that knows its holder; entering it twice on one thread raises instead of hanging."""

    def __init__(self, locks: HeldLocks, name: str, lock: Any) -> None:
        self._locks, self.name, self._lock = locks, name, lock

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if self.name in self._locks.held():
            self._locks.violations.append(f"{self.name} is taken twice by one thread")
            raise RuntimeError(f"{self.name} is taken twice by one thread")
        got = bool(self._lock.acquire(blocking, timeout))
        if got:
            self._locks.held().append(self.name)
        return got

    def release(self) -> None:
        self._locks.held().remove(self.name)
        self._lock.release()

    def locked(self) -> bool:
        return bool(self._lock.locked())

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()
