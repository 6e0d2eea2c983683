"""What keeps the io loop: a callback or a step of a task that runs for longer than 100 ms, with its stack.

asyncio's debug mode would tell, at the price of a slow loop. Here the loop's selector notes when the loop is
away from it (one clock reading a turn), and a sampler on another thread (`Watchdog`) looks at the loop's
stack while it is. The same step in two looks, far enough apart, is one that blocks. Only while guards are on.
"""

from __future__ import annotations

import selectors
import sys
import threading
import traceback
from types import FrameType
from typing import TYPE_CHECKING

from brummer_rx.pipeline import guards
from brummer_rx.pipeline.lockgraph import calling_out
from brummer_rx.pipeline.violations import note

if TYPE_CHECKING:
    import asyncio

__all__ = ["LIMIT", "LOOK_EVERY", "LoopWatch", "live", "new_loop"]

LIMIT = 0.1
"""Seconds that one callback or step of a task may take."""
LOOK_EVERY = 0.02
"""Seconds between two looks. A step that takes `LIMIT` is seen in two that are `LIMIT - LOOK_EVERY` apart."""

_APART = LIMIT - LOOK_EVERY - 0.001

_live: dict[int, LoopWatch] = {}  # by id; entered by the loop's thread, taken out by it


class LoopWatch(selectors.DefaultSelector):
    """The selector of a watched loop. `look` is for the sampler's thread, the rest for the loop's."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self._ident = threading.get_ident()
        self._busy = True  # not in select
        self._step: FrameType | None = None  # the sampler's: what it saw last, since when, whether it said so
        self._since = 0.0
        self._told = False
        self.blocked = 0
        """Steps that took too long."""
        _live[id(self)] = self

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for files; whoever waits may hold no lock, so an await under one is found here."""
        calling_out(f"the {self._name} loop waits", raises=False)
        self._busy = False
        try:
            return super().select(timeout)
        finally:
            self._busy = True

    def close(self) -> None:
        """The loop has ended."""
        _live.pop(id(self), None)
        super().close()

    def look(self, now: float) -> None:
        """See what the loop does; report a step that was there `LIMIT` before. Monotonic seconds."""
        frame = sys._current_frames().get(self._ident) if self._busy else None
        step = _step_of(frame)
        if step is None or step is not self._step:
            self._step, self._since, self._told = step, now, False
        elif not self._told and now - self._since >= _APART:
            self._told = True
            self.blocked += 1
            stack = "".join(traceback.format_stack(frame))
            note(f"watchdog: the {self._name} loop is blocked for {now - self._since:.2f} s\n{stack}")


def _step_of(frame: FrameType | None) -> FrameType | None:
    """The frame of asyncio that runs one callback, or one step of a task."""
    while frame is not None:
        if frame.f_code.co_name == "_run" and frame.f_globals.get("__name__") == "asyncio.events":
            return frame
        frame = frame.f_back
    return None


def live() -> tuple[LoopWatch, ...]:
    """The loops that are watched now."""
    return tuple(_live.values())


def new_loop(name: str) -> asyncio.AbstractEventLoop:
    """An event loop for the calling thread; a watched one while the guards are on."""
    import asyncio

    return asyncio.SelectorEventLoop(LoopWatch(name)) if guards.on() else asyncio.new_event_loop()
