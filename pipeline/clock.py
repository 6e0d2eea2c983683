"""Time: one thread for all timers of the run.

Timer actions run on the thread "clock" and must only enqueue: they may not block and are no place for user
code.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable
from itertools import count
from typing import Protocol

from loguru import logger

from brummer_rx.pipeline import guards
from brummer_rx.pipeline.errors import ThreadError
from brummer_rx.pipeline.lane import serve
from brummer_rx.pipeline.threads import StartThread, start_thread

__all__ = ["Clock", "ClockThread", "Timer", "TimerHandle", "TimerHeap"]

Action = Callable[[], None]


class TimerHandle(Protocol):
    """A timer that can be called off."""

    def cancel(self) -> None:
        """Forget the action; any thread, any number of times; an action that runs already goes on."""
        ...


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> float:
        """Monotonic seconds."""
        ...

    def time_ns(self) -> int:
        """Wall clock, ns since the epoch."""
        ...

    def call_later(self, delay: float, action: Action) -> TimerHandle:
        """Run `action` after `delay` seconds (at once if <= 0); any thread."""
        ...


class Timer:
    """One timer in a heap; `action` is None once it ran or was cancelled."""

    __slots__ = ("_heap", "action", "due")

    def __init__(self, heap: TimerHeap, due: float, action: Action) -> None:
        self._heap = heap
        self.due = due
        self.action: Action | None = action

    def cancel(self) -> None:
        """See `TimerHandle`."""
        self._heap.cancel(self)


@guards.locked("_lock", "_heap", "_cancelled")
class TimerHeap:
    """Timers by due time, first in first out among equals; any thread (its own lock, nothing is called under
    it).

    Cancelled timers let go of their action at once and leave the heap when they are more than half of it, so
    that a timeout that is set and called off for every event costs no memory.
    """

    def __init__(self) -> None:
        self._lock = guards.lock("timer heap")
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = count()
        self._cancelled = 0

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, due: float, action: Action) -> tuple[Timer, bool]:
        """The new timer, and whether it is now the first to come."""
        timer = Timer(self, due, action)
        with self._lock:
            heapq.heappush(self._heap, (due, next(self._order), timer))
            return timer, self._heap[0][2] is timer

    def cancel(self, timer: Timer) -> bool:
        """Let go of the timer's action. False, and nothing happens, if it ran or was cancelled before."""
        with self._lock:
            if timer.action is None:
                return False
            timer.action = None
            self._cancelled += 1
            if self._cancelled * 2 > len(self._heap):
                self._heap = [entry for entry in self._heap if entry[2].action is not None]
                heapq.heapify(self._heap)
                self._cancelled = 0
            return True

    def pop_due(self, now: float) -> Action | None:
        """Take the next action that is due."""
        with self._lock:
            while len(self._heap):
                due, _, timer = self._heap[0]
                if timer.action is not None and due > now:
                    return None
                heapq.heappop(self._heap)
                action, timer.action = timer.action, None
                if action is not None:
                    return action
                self._cancelled -= 1
            return None

    def next_due(self) -> float | None:
        """When the first timer is due (a cancelled one at the top does not count)."""
        with self._lock:
            while len(self._heap) and self._heap[0][2].action is None:
                heapq.heappop(self._heap)
                self._cancelled -= 1
            return self._heap[0][0] if len(self._heap) else None

    def clear(self) -> int:
        """Forget all timers; how many were still to come."""
        with self._lock:
            live = len(self._heap) - self._cancelled
            for _, _, timer in self._heap:
                timer.action = None
            self._heap.clear()
            self._cancelled = 0
            return live


@guards.owned("clock thread", "_run_due", shared=("_thread", "forgotten"))
@guards.calls_out("call_later", "close", "_run_due")
class ClockThread:
    """The run's clock; idle, it waits without a timeout.

    `wall` tells the wall clock, which may jump; timers know only the monotonic one.
    """

    def __init__(
        self, *, wall: Callable[[], int] = time.time_ns, start_thread: StartThread = start_thread
    ) -> None:
        self._wall = wall
        self._start_thread = start_thread
        self._timers = TimerHeap()
        self._changed = threading.Event()
        self._ended = threading.Event()  # set: no timer is taken any more
        self._thread: threading.Thread | None = None
        self.faults = 0
        """Actions that raised; written by the clock thread only."""
        self.forgotten = 0
        """Timers that were still to come when the clock was closed."""

    def now(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()

    def time_ns(self) -> int:
        """Wall clock, ns since the epoch."""
        return self._wall()

    def start(self) -> None:
        """Start the thread; timers set before run from now on. Once."""
        if self._thread is not None or self._ended.is_set():
            raise ThreadError("the clock can be started once")
        self._thread = self._start_thread("clock", self._run)

    def call_later(self, delay: float, action: Action) -> TimerHandle:
        """Run `action` on the clock thread after `delay` seconds; any thread. `ThreadError` after `close`."""
        if self._ended.is_set():
            raise ThreadError("the clock was closed")
        timer, first = self._timers.add(time.monotonic() + max(0.0, delay), action)
        # Closed meanwhile, nobody would run it or count it, if `close` has not done so yet.
        if self._ended.is_set() and self._timers.cancel(timer):
            raise ThreadError("the clock was closed")
        if first:
            self._changed.set()
        return timer

    def pending(self) -> int:
        """Timers kept, cancelled ones that have not left yet included."""
        return len(self._timers)

    def close(self, timeout: float) -> bool:
        """Forget all timers and end; True: the thread ended in time. Idempotent.

        Not from the clock itself.
        """
        self._ended.set()
        self._changed.set()
        thread = self._thread
        if thread is threading.current_thread():
            raise ThreadError("the clock cannot wait for its own end")
        if thread is not None:
            thread.join(timeout)
        self.forgotten += self._timers.clear()
        return thread is None or not thread.is_alive()

    def _run(self) -> None:
        with serve("clock"):
            while True:
                self._changed.clear()
                # Asked before, `close` could set both between the question and the clear: its call lost.
                if self._ended.is_set():
                    return
                self._run_due()
                due = self._timers.next_due()
                self._changed.wait(None if due is None else max(0.0, due - time.monotonic()))

    def _run_due(self) -> None:
        while not self._ended.is_set():
            action = self._timers.pop_due(time.monotonic())
            if action is None:
                return
            try:
                action()
            except BaseException as error:  # noqa: BLE001 - one bad action must not end all timers
                self.faults += 1
                logger.opt(exception=error).error("a timer's action raised")
