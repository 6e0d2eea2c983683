"""Waiting for many file descriptors at once: epoll, or whatever `selectors` has (kqueue, poll, select).

Level-triggered. A poller belongs to the thread that polls; only `Waker.wake` may be called by others.
"""

from __future__ import annotations

import os
import select
import selectors
from typing import Protocol

from brummer_rx.pipeline import guards

__all__ = ["EpollPoller", "Poller", "SelectorPoller", "SurePoller", "Waker", "make_poller"]


class Poller(Protocol):
    """Which of my descriptors have something to read (or are at their end)?"""

    def add(self, fd: int) -> None:
        """Look at `fd` from now on."""
        ...

    def remove(self, fd: int) -> None:
        """Look at it no more; must happen before it is closed. Unknown ones are ignored."""
        ...

    def poll(self, timeout: float | None) -> list[int]:
        """The ready ones; waits `timeout` seconds for the first, None: for ever."""
        ...

    def close(self) -> None:
        """Give the system's resources back."""
        ...


@guards.owned("ingest thread", "add", "remove", "poll")
class EpollPoller:
    """The poller of Linux."""

    def __init__(self) -> None:
        self._epoll = select.epoll()

    def add(self, fd: int) -> None:
        """Look at `fd`; looking at it already is no error."""
        try:
            self._epoll.register(fd, select.EPOLLIN)
        except FileExistsError:
            return

    def remove(self, fd: int) -> None:
        """Look at it no more."""
        try:
            self._epoll.unregister(fd)
        except FileNotFoundError:
            return

    def poll(self, timeout: float | None) -> list[int]:
        """The ready ones. A fraction of a millisecond is waited as a whole one."""
        return [fd for fd, _ in self._epoll.poll(timeout)]

    def close(self) -> None:
        """Close the epoll descriptor."""
        self._epoll.close()


@guards.owned("ingest thread", "add", "remove", "poll")
class SelectorPoller:
    """The poller of other systems, on a `selectors` selector of one's choice."""

    def __init__(self, selector: selectors.BaseSelector | None = None) -> None:
        self._selector = selector if selector is not None else selectors.DefaultSelector()

    def add(self, fd: int) -> None:
        """Look at `fd`; looking at it already is no error."""
        if fd not in self._selector.get_map():
            self._selector.register(fd, selectors.EVENT_READ)

    def remove(self, fd: int) -> None:
        """Look at it no more."""
        if fd in self._selector.get_map():
            self._selector.unregister(fd)

    def poll(self, timeout: float | None) -> list[int]:
        """The ready ones."""
        return [key.fd for key, _ in self._selector.select(timeout)]

    def close(self) -> None:
        """Close the selector."""
        self._selector.close()


def make_poller() -> Poller:
    """The best poller of this system."""
    return EpollPoller() if hasattr(select, "epoll") else SelectorPoller()


class SurePoller:
    """A poller that takes every descriptor.

    One that the system refuses to watch (no memory, the user's limit of watches) counts as ready each `every`
    seconds and is offered again then: who reads without blocking loses nothing but time.
    """

    def __init__(self, poller: Poller, *, every: float = 0.05) -> None:
        self._poller = poller
        self._every = every
        self._left: set[int] = set()
        self.refused = 0
        """How often a descriptor was refused that was not before."""

    def add(self, fd: int) -> None:
        """Look at `fd`, in one way or the other."""
        if fd not in self._left and not self._offer(fd):
            self.refused += 1
            self._left.add(fd)

    def remove(self, fd: int) -> None:
        """Look at it no more."""
        self._left.discard(fd)
        self._poller.remove(fd)

    def poll(self, timeout: float | None) -> list[int]:
        """The ready ones, and those that nobody watches."""
        if not self._left:
            return self._poller.poll(timeout)
        ready = self._poller.poll(self._every if timeout is None else min(timeout, self._every))
        self._left = {fd for fd in self._left if not self._offer(fd)}
        return [*ready, *self._left.difference(ready)]

    def close(self) -> None:
        """Close the poller."""
        self._left.clear()
        self._poller.close()

    def _offer(self, fd: int) -> bool:
        try:
            self._poller.add(fd)
        except OSError:
            return False
        return True


@guards.locked("_lock", "_woken", "_closed")
class Waker:
    """A descriptor that becomes readable when any thread calls `wake`. Closed by the polling thread."""

    def __init__(self) -> None:
        self.fd, self._write_end = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(self._write_end, False)
        self._lock = guards.lock("ingest waker")
        self._woken = False
        self._closed = False

    def wake(self) -> None:
        """Any thread; many calls before `clear` cost one byte, calls after `close` nothing."""
        with self._lock:
            if self._woken or self._closed:
                return
            self._woken = True
            os.write(self._write_end, b"!")

    def clear(self) -> None:
        """The polling thread, before it looks at what it was woken for."""
        with self._lock:
            if self._woken:
                self._woken = False
                os.read(self.fd, 1)

    def close(self) -> None:
        """Close both ends; idempotent."""
        with self._lock:
            if not self._closed:
                self._closed = True
                os.close(self.fd)
                os.close(self._write_end)
