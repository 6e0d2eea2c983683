"""How a fact about reactivex is written down: with the decision of ours that stands on it.

A test here fails when reactivex has changed, not when we have. Its message says what to think over again.
"""

from __future__ import annotations

import functools
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any, ParamSpec

import pytest
from reactivex.scheduler import EventLoopScheduler, ThreadPoolScheduler

from tests.pipeline.until import until

__all__ = ["Door", "ended", "event_loop", "fact", "in_thread", "no_thread_is_left", "script", "worker_pool"]

P = ParamSpec("P")
KNOWN = "6.1.0"
"""The version that every fact was seen with."""


def fact(decision: str) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Mark a test as a fact about reactivex; `decision`: what of ours stands on it."""

    def mark(test: Callable[P, None]) -> Callable[P, None]:
        @functools.wraps(test)
        def pinned(*args: P.args, **kwargs: P.kwargs) -> None:
            try:
                test(*args, **kwargs)
            except (Exception, pytest.fail.Exception) as error:
                raise AssertionError(
                    f"reactivex {version('reactivex')} does not do what {KNOWN} did: "
                    f"{test.__name__.removeprefix('test_').replace('_', ' ')}.\n"
                    f"What stands on it: {decision}\n{type(error).__name__}: {error}"
                ) from error

        return pinned

    return mark


class Door:
    """A place in a callback where a thread waits until the test lets it pass."""

    def __init__(self) -> None:
        self._reached, self._open = threading.Event(), threading.Event()

    def pass_through(self) -> None:
        """Say that somebody is here, and wait for `open`."""
        self._reached.set()
        assert self._open.wait(20), "the test never opened the door"

    def reached(self) -> None:
        """Wait until somebody stands at the door."""
        assert self._reached.wait(20), "nobody came to the door"

    def open(self) -> None:
        """Let everybody pass, from now on."""
        self._open.set()


@contextmanager
def worker_pool(workers: int) -> Iterator[ThreadPoolScheduler]:
    """reactivex's own pool; at the end its threads are gone."""
    pool = ThreadPoolScheduler(workers)
    try:
        yield pool
    finally:
        pool.executor.shutdown(wait=True, cancel_futures=True)


@contextmanager
def event_loop() -> Iterator[EventLoopScheduler]:
    """reactivex's loop thread; at the end it is gone (its own dispose may miss it, see the facts)."""
    loop = EventLoopScheduler()
    try:
        yield loop
    finally:
        thread = loop._thread
        loop.dispose()
        until(lambda: thread is None or ended(loop, thread), 20)  # type: ignore[arg-type]


def ended(loop: EventLoopScheduler, thread: threading.Thread) -> bool:
    """Whether the thread of a disposed loop has ended; it is woken to look again."""
    with loop._condition:
        loop._condition.notify_all()
    return not thread.is_alive()


@contextmanager
def in_thread(call: Callable[..., Any], *args: Any) -> Iterator[threading.Thread]:
    """Run `call` on a thread of its own; joined at the end."""
    thread = threading.Thread(target=call, args=args, daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """Every thread and pool of a test ends with it."""
    before = set(threading.enumerate())
    yield
    until(lambda: set(threading.enumerate()) <= before, 20)


@contextmanager
def script(text: str) -> Iterator[subprocess.Popen[str]]:
    """A process of its own, for what never ends; killed when the test is over."""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", text],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    watch = threading.Timer(30, process.kill)
    watch.start()
    try:
        yield process
    finally:
        watch.cancel()
        watch.join()
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
