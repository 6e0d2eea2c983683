"""For tests, ours and those of extensions.

A lane driven by hand, and a clock that goes when it is told to.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from brummer_rx.pipeline.clock import TimerHandle, TimerHeap
from brummer_rx.pipeline.lane import serve

__all__ = ["HandLane", "VirtualClock"]


class HandLane:
    """A lane whose drains run when the test says so, on the test's thread."""

    def __init__(self, name: str = "hand") -> None:
        self.name = name
        self.refuse: BaseException | None = None
        """Set: `submit_drain` raises it, as a lane that has ended does."""
        self._queue: deque[Callable[[], None]] = deque()
        self._running: int | None = None  # ident of the thread inside run_one

    @property
    def pending(self) -> int:
        """Drains that wait."""
        return len(self._queue)

    def submit_drain(self, drain: Callable[[], None]) -> None:
        """Keep `drain` until `run_one`."""
        if self.refuse is not None:
            raise self.refuse
        self._queue.append(drain)

    def is_current(self) -> bool:
        """Whether the calling thread is inside `run_one`."""
        return self._running == threading.get_ident()

    def run_one(self) -> bool:
        """Run the oldest drain; False if there is none. What it raises comes out here."""
        if not len(self._queue):
            return False
        drain = self._queue.popleft()
        before, self._running = self._running, threading.get_ident()
        try:
            with serve(self.name):
                drain()
        finally:
            self._running = before
        return True

    def run_all(self, limit: int = 100_000) -> int:
        """Run drains until none waits; how many ran. `AssertionError` when `limit` were not enough."""
        ran = 0
        while self.run_one():
            ran += 1
            if ran >= limit:
                raise AssertionError(f"{self.name} is still busy after {limit} drains")
        return ran


class VirtualClock:
    """A clock that stands until `advance`; one test thread drives it.

    Actions run inside `advance`, in due order.
    """

    def __init__(self, start: float = 0.0, wall_ns: int = 1_700_000_000_000_000_000) -> None:
        self._now = start
        self._wall_offset_ns = wall_ns - round(start * 1e9)
        self._timers = TimerHeap()

    def now(self) -> float:
        """Virtual seconds."""
        return self._now

    def time_ns(self) -> int:
        """Virtual wall clock; goes with `now`."""
        return self._wall_offset_ns + round(self._now * 1e9)

    def call_later(self, delay: float, action: Callable[[], None]) -> TimerHandle:
        """Run `action` when the clock has advanced by `delay` seconds; any thread."""
        return self._timers.add(self._now + max(0.0, delay), action)[0]

    def pending(self) -> int:
        """Timers kept, cancelled ones that have not left yet included."""
        return len(self._timers)

    def advance(self, seconds: float) -> None:
        """Let time pass: every action that comes due runs at its own time. What one raises comes out here."""
        end = self._now + seconds
        while (due := self._timers.next_due()) is not None and due <= end:
            self._now = max(self._now, due)
            action = self._timers.pop_due(self._now)
            if action is not None:
                action()
        self._now = end
