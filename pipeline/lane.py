"""Lanes: where the drains of bounded stages run, and which threads must never wait.

A lane runs one drain at a time per stage; the stage sees to it that at most one of its drains is outstanding.
Threads that serve a lane (and those of the clock and the asyncio loop) declare themselves with `serve`: on
them nothing may block, so `BLOCK` refuses there and `PARK` admits beyond its bound instead of waiting.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, runtime_checkable

__all__ = ["Abandonable", "DrainLane", "abandon_drain", "serve", "serving"]


class DrainLane(Protocol):
    """Where a stage's drain runs."""

    @property
    def name(self) -> str:
        """For messages: "pool", "store", "main", …"""
        ...

    def submit_drain(self, drain: Callable[[], None]) -> None:
        """Run `drain` soon. Any thread; never blocks; always admitted (a stage has at most one outstanding).

        Raises `ThreadError` once the lane has ended.
        """
        ...

    def is_current(self) -> bool:
        """Whether the calling thread is (one of) this lane's."""
        ...


@runtime_checkable
class Abandonable(Protocol):
    """A drain that wants to know when its lane ends without running it."""

    def abandon(self, reason: BaseException) -> None:
        """Called instead of the drain, once, by whoever closes the lane; must not block."""
        ...


def abandon_drain(task: object, reason: BaseException) -> None:
    """Tell `task` that it will never run, if it is one that cares."""
    if isinstance(task, Abandonable):
        task.abandon(reason)


_here = threading.local()  # per thread: the name of what it serves


def serving() -> str | None:
    """The lane (or "clock", "io") that the calling thread serves now; None on threads that may wait."""
    name: str | None = getattr(_here, "name", None)
    return name


@contextmanager
def serve(name: str) -> Iterator[None]:
    """While inside, the calling thread serves `name` and must not wait for a stage."""
    before = serving()
    _here.name = name
    try:
        yield
    finally:
        _here.name = before
