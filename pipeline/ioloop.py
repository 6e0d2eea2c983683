"""The thread "io": one asyncio loop for everything that talks over sockets.

Asyncio is imported when it starts.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from loguru import logger

from brummer_rx.pipeline import guards, loopwatch
from brummer_rx.pipeline.errors import BufferOverflow, ThreadError
from brummer_rx.pipeline.lane import abandon_drain, serve
from brummer_rx.pipeline.threads import start_thread

if TYPE_CHECKING:
    import asyncio

__all__ = ["IoLoop"]

T = TypeVar("T")


@guards.locked("_lock", "_loop", "_thread", "_closed", "_deadline", "_faults")
@guards.calls_out("submit", "call", "submit_drain", "close", "_guarded", "_report")
class IoLoop:
    """One asyncio loop on a thread of its own; also a lane for drains.

    Its methods may be called by any thread.
    """

    name = "io"

    def __init__(
        self,
        *,
        capacity: int = 1024,
        on_error: Callable[[BaseException], None] | None = None,
        prepare: Callable[[], None] | None = None,
    ) -> None:
        """`prepare` is called on the thread before the loop runs: imports that would hold the loop up."""
        self._capacity = capacity
        self._prepare = prepare
        self._on_error = on_error
        self._lock = guards.lock("io loop")
        # Guarded by the lock:
        self._loop: asyncio.AbstractEventLoop | None = None  # None before start and after the end
        self._thread: threading.Thread | None = None
        self._running: set[Future[Any]] = set()
        self._drains: dict[int, Callable[[], None]] = {}
        self._closed = False
        self._deadline = 0.0
        self._faults = 0
        # Not guarded, appending is one step: what asyncio told when the loop had ended.
        self._late: deque[str] = deque(maxlen=1024)

    @property
    def faults(self) -> int:
        """Coroutines, calls and drains that ended by an exception."""
        with self._lock:
            return self._faults + len(self._late)

    @property
    def pending(self) -> int:
        """Submitted coroutines that have not ended."""
        with self._lock:
            return len(self._running)

    def start(self) -> None:
        """Start the thread and wait until the loop runs. Once."""
        with self._lock:
            if self._closed or self._thread is not None:
                raise ThreadError("the io loop can be started once")
            ready = threading.Event()
            self._thread = start_thread("io", lambda: self._run(ready))
        ready.wait()

    def submit(self, coro: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine on the loop. Its exception is counted and logged, and in the future as well.

        `BufferOverflow` when `capacity` coroutines have not ended, `ThreadError` when the loop does not run;
        the coroutine is closed then.
        """
        import asyncio

        try:
            with self._lock:
                loop = self._running_loop()
                if len(self._running) >= self._capacity:
                    raise BufferOverflow(f"{self._capacity} coroutines run on the io loop")
                future = asyncio.run_coroutine_threadsafe(coro, loop)
                self._running.add(future)
        except BaseException:
            coro.close()
            raise
        future.add_done_callback(self._ended)
        return future

    def call(self, fn: Callable[[], None]) -> None:
        """Call `fn` on the loop soon; what it raises is counted and logged.

        `ThreadError` when it does not run.
        """
        with self._lock:
            self._running_loop().call_soon_threadsafe(self._guarded, fn)

    def submit_drain(self, drain: Callable[[], None]) -> None:
        """Run a stage's drain on the loop; a small `batch` keeps the loop responsive."""
        with self._lock:
            loop = self._running_loop()
            self._drains[id(drain)] = drain
            loop.call_soon_threadsafe(self._run_drain, drain)

    def is_current(self) -> bool:
        """Whether this is the io thread."""
        return threading.current_thread() is self._thread

    def close(self, timeout: float) -> bool:
        """Cancel what runs, end the loop, join. True: the thread ended within `timeout` seconds.

        Idempotent.
        """
        if self.is_current():
            raise ThreadError("the io loop cannot wait for its own end")
        with self._lock:
            first = not self._closed
            self._closed = True
            loop, thread = self._loop, self._thread
            if first and loop is not None:
                self._deadline = time.monotonic() + timeout
                loop.call_soon_threadsafe(loop.stop)
        if thread is not None:
            thread.join(timeout)
        return thread is None or not thread.is_alive()

    def _running_loop(self) -> asyncio.AbstractEventLoop:  # under the lock
        if self._closed or self._loop is None:
            raise ThreadError("the io loop does not run")
        return self._loop

    def _ended(self, future: Future[Any]) -> None:
        with self._lock:
            self._running.discard(future)
        if not future.cancelled() and (error := future.exception()) is not None:
            self._report(error, "a coroutine on the io loop raised")

    def _guarded(self, fn: Callable[[], None]) -> None:
        try:
            fn()
        except Exception as error:  # noqa: BLE001 - one bad call must not end the loop of all others
            self._report(error, "a call on the io loop raised")

    def _run_drain(self, drain: Callable[[], None]) -> None:
        with self._lock:
            self._drains.pop(id(drain), None)
        self._guarded(drain)

    def _report(self, error: BaseException | None, message: str) -> None:
        with self._lock:
            self._faults += 1
        logger.opt(exception=error).error(message)
        if self._on_error is not None and error is not None:
            self._on_error(error)

    def _hear(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Asyncio's exception handler. The garbage collector, too, calls it, when it finds an exception that
        nobody looked at: on any thread, with any lock held. So it takes none, and only hands over.
        """
        message = f"io: {context.get('message')}"
        try:
            loop.call_soon_threadsafe(self._report, context.get("exception"), message)
        except RuntimeError:  # the loop is closed
            self._late.append(message)

    def _run(self, ready: threading.Event) -> None:
        import asyncio

        try:
            loop = loopwatch.new_loop(self.name)
            loop.set_exception_handler(self._hear)
            with self._lock:
                self._loop = loop
        finally:
            ready.set()
        asyncio.set_event_loop(loop)
        try:
            if self._prepare is not None:
                self._guarded(self._prepare)
            with serve("io"):
                loop.run_forever()
                loop.run_until_complete(self._cancel_all())
                loop.run_until_complete(loop.shutdown_asyncgens())
                loop.run_until_complete(asyncio.sleep(0))  # what was handed over meanwhile
        finally:
            self._abandon()
            asyncio.set_event_loop(None)
            loop.close()

    async def _cancel_all(self) -> None:
        import asyncio

        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        if tasks:
            _, stuck = await asyncio.wait(tasks, timeout=max(0.0, self._deadline - time.monotonic()) / 2)
            for task in stuck:
                logger.warning("a task on the io loop does not end when cancelled: {}", task.get_name())

    def _abandon(self) -> None:
        with self._lock:
            self._loop = None
            futures, drains = list(self._running), list(self._drains.values())
            self._drains.clear()
        for future in futures:
            future.cancel()
        for drain in drains:
            abandon_drain(drain, ThreadError("the io loop ended before this could run"))
