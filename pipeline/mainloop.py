"""The main thread's loop: files, signals, timers, what other threads post, and drains of stages.

Owner: the thread that calls `run` (before that: the one that made the loop). Only `submit_drain`, `post`,
`stop` and `is_current` may be called by others. Idle, it waits in select without a timeout.
"""

from __future__ import annotations

import os
import selectors
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from types import FrameType
from typing import Any

from loguru import logger

from brummer_rx.pipeline import guards
from brummer_rx.pipeline.clock import TimerHandle, TimerHeap
from brummer_rx.pipeline.errors import ThreadError
from brummer_rx.pipeline.lane import abandon_drain, serve

__all__ = ["MainLoop"]

Action = Callable[[], None]
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


def _in_the_loop_instead(_signum: int, _frame: FrameType | None) -> None:
    """The handler does nothing: the wakeup file has told the loop already."""


@guards.owned("main thread", shared=("_drains", "_posts", "_rung", "_stop", "_closed", "_owner"))
@guards.locked("_lock", "_drains", "_posts", "_rung", "_stop", "_closed", "_owner")
@guards.calls_out("submit_drain", "_call")
class MainLoop:
    """A selector loop. Exceptions of actions go to `on_error`, or, without one, end `run` and come out of
    it.
    """

    name = "main"

    def __init__(self, *, on_error: Callable[[BaseException], None] | None = None) -> None:
        self._on_error = on_error
        self._owner = threading.get_ident()
        self._selector = selectors.DefaultSelector()
        self._bell_out, self._bell_in = os.pipe()
        os.set_blocking(self._bell_out, False)
        os.set_blocking(self._bell_in, False)
        self._selector.register(self._bell_out, READ)
        self._files: dict[int, dict[int, Action]] = {}  # fd -> event -> action
        self._always: set[int] = set()  # fds that cannot be waited for (plain files): always ready
        self._timers = TimerHeap()
        self._signals: dict[int, Action] = {}
        self._old_handlers: dict[int, Any] = {}
        self._old_wakeup: int | None = None
        self.faults = 0
        """Actions that raised; written by the owner."""
        self._lock = guards.lock("main loop")
        # Guarded by the lock:
        self._drains: deque[Action] = deque()
        self._posts: dict[str, Action] = {}
        self._rung = False  # a byte that nobody has answered is in the pipe
        self._stop = False
        self._closed = False

    # --- any thread -------------------------------------------------------------------------------

    def submit_drain(self, drain: Action) -> None:
        """Run a stage's drain in the loop. `ThreadError` after `close`."""
        with self._lock:
            if self._closed:
                raise ThreadError("the main loop was closed")
            self._drains.append(drain)
            self._ring()

    def post(self, key: str, action: Action) -> None:
        """Run `action` in the loop; of several under one key that wait, only the last one runs.

        After `close` nothing happens: nobody is there to see it.
        """
        with self._lock:
            if not self._closed:
                self._posts[key] = action
                self._ring()

    def stop(self) -> None:
        """Let `run` return after the round it is in; before `run`, it returns at once."""
        with self._lock:
            self._stop = True
            if not self._closed:
                self._ring()

    def is_current(self) -> bool:
        """Whether the calling thread owns the loop."""
        return self._owner == threading.get_ident()

    def _ring(self) -> None:  # under the lock, so that the pipe is open
        if self._rung or self.is_current():
            return
        self._rung = True
        try:
            os.write(self._bell_in, b"\0")
        except BlockingIOError:
            return  # full: the loop is being woken as it is

    # --- owner only -------------------------------------------------------------------------------

    def call_later(self, delay: float, action: Action) -> TimerHandle:
        """Run `action` in the loop after `delay` seconds."""
        self._check_owner()
        return self._timers.add(time.monotonic() + max(0.0, delay), action)[0]

    def add_reader(self, fd: int, action: Action) -> None:
        """Call `action` whenever `fd` is readable (or hung up), until removed; replaces the one before."""
        self._set(fd, READ, action)

    def add_writer(self, fd: int, action: Action) -> None:
        """Call `action` whenever `fd` is writable, until removed; replaces the one before."""
        self._set(fd, WRITE, action)

    def remove_reader(self, fd: int) -> None:
        """Forget the reader of `fd`, if there is one; before `fd` is closed."""
        self._unset(fd, READ)

    def remove_writer(self, fd: int) -> None:
        """Forget the writer of `fd`, if there is one; before `fd` is closed."""
        self._unset(fd, WRITE)

    def on_signal(self, signum: int, action: Action) -> None:
        """Run `action` in the loop each time the signal arrives; the main thread of the process only."""
        self._check_owner()
        if self._old_wakeup is None:
            self._old_wakeup = signal.set_wakeup_fd(self._bell_in, warn_on_full_buffer=False)
        if signum not in self._old_handlers:
            self._old_handlers[signum] = signal.signal(signum, _in_the_loop_instead)
        self._signals[signum] = action

    def answer_signals(self) -> None:
        """Run the actions of the signals that have come; for an owner that waits outside of `run`."""
        self._check_owner()
        with self._lock:
            if self._closed:
                return
            self._rung = False
        self._answer_bell()

    def run(self) -> None:
        """Serve until `stop`. May be called again after it returned."""
        with self._lock:
            if self._closed:
                raise ThreadError("the main loop was closed")
            self._owner = threading.get_ident()
        guards.hand_over(self)
        with serve(self.name):
            while not self._stopping():
                self._round()

    def close(self) -> None:
        """Restore signal handlers and the wakeup file, release everything; drains that wait are told.

        Idempotent.
        """
        with self._lock:
            if self._closed:
                return
            self._closed = True
            lost, self._drains = self._drains, deque()
            self._posts.clear()
        for signum, handler in self._old_handlers.items():
            signal.signal(signum, signal.SIG_DFL if handler is None else handler)
        if self._old_wakeup is not None:
            signal.set_wakeup_fd(self._old_wakeup)
        self._timers.clear()
        self._files.clear()
        self._selector.close()
        os.close(self._bell_out)
        os.close(self._bell_in)
        for drain in lost:
            abandon_drain(drain, ThreadError("the main loop was closed before this could run"))

    def _check_owner(self) -> None:
        if not self.is_current():
            raise ThreadError("only the thread that runs the main loop may do this")

    # --- files ------------------------------------------------------------------------------------

    def _set(self, fd: int, event: int, action: Action) -> None:
        self._check_owner()
        if self._closed:
            return  # as with posts: nobody will look any more
        actions = self._files.setdefault(fd, {})
        new = event not in actions
        actions[event] = action
        if new:
            try:
                self._watch(fd, actions)
            except BaseException:
                del actions[event]
                if not actions:
                    del self._files[fd]
                raise

    def _unset(self, fd: int, event: int) -> None:
        self._check_owner()
        actions = self._files.get(fd, {})
        if actions.pop(event, None) is None:
            return
        if actions:
            self._watch(fd, actions)
        else:
            del self._files[fd]
            if fd in self._always:
                self._always.discard(fd)
            else:
                self._selector.unregister(fd)

    def _watch(self, fd: int, actions: dict[int, Action]) -> None:
        if fd in self._always:
            return
        mask = sum(actions)
        if fd in self._selector.get_map():
            self._selector.modify(fd, mask)
            return
        try:
            self._selector.register(fd, mask)
        except PermissionError:  # epoll knows no plain files: they never make anyone wait
            self._always.add(fd)

    # --- one round --------------------------------------------------------------------------------

    def _stopping(self) -> bool:
        with self._lock:
            stop, self._stop = self._stop, False
            return stop

    def _timeout(self) -> float | None:
        with self._lock:
            if self._stop or len(self._drains) or self._posts or self._always:
                return 0.0
        due = self._timers.next_due()
        return None if due is None else max(0.0, due - time.monotonic())

    def _round(self) -> None:
        ready = [(key.fd, events) for key, events in self._selector.select(self._timeout())]
        ready += [(fd, READ | WRITE) for fd in self._always]
        for fd, events in ready:
            if fd == self._bell_out:
                self._answer_bell()
            else:
                for event in (READ, WRITE):
                    # An action before may have removed this one.
                    action = self._files.get(fd, {}).get(event) if events & event else None
                    if action is not None:
                        self._call(action)
        # The time is taken once: a timer that sets the next one at once must not keep the round going.
        now = time.monotonic()
        while (action := self._timers.pop_due(now)) is not None:
            self._call(action)
        self._run_waiting()

    def _answer_bell(self) -> None:
        try:
            rung = os.read(self._bell_out, 65536)
        except BlockingIOError:
            return
        for signum in rung:
            action = self._signals.get(signum)
            if action is not None:
                self._call(action)

    def _run_waiting(self) -> None:
        """What waits now, once each; what comes meanwhile is for the next round, so that files get their
        turn.
        """
        with self._lock:
            self._rung = False
            drains, posts = len(self._drains), list(self._posts)
        for _ in range(drains):
            with self._lock:
                if not len(self._drains):
                    break
                drain = self._drains.popleft()
            self._call(drain)
        for key in posts:
            with self._lock:
                action = self._posts.pop(key, None)
            if action is not None:
                self._call(action)

    def _call(self, action: Action) -> None:
        try:
            action()
        except Exception as error:
            self.faults += 1
            if self._on_error is None:
                raise
            logger.opt(exception=error).error("an action of the main loop raised")
            self._on_error(error)
