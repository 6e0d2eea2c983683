"""The way out to a file descriptor that is never blocked on: `Outlet`.

What the kernel does not take at once waits here (bounded by whoever asks `has_room` first) until the main
loop says that the descriptor is writable. Everything here belongs to the main thread.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from brummer_rx.pipeline import guards

__all__ = ["Outlet", "Write", "WriterLoop"]

Write = Callable[[int, bytes | memoryview], int]
"""`os.write`, or what tests put in its place."""

_HIGH = 1024 * 1024
_LOW = 128 * 1024
_ONE_WRITE = 1024 * 1024


class WriterLoop(Protocol):
    """The part of the main loop that is needed here."""

    def add_writer(self, fd: int, action: Callable[[], None]) -> None:
        """Call `action` whenever `fd` is writable."""
        ...

    def remove_writer(self, fd: int) -> None:
        """No longer."""
        ...


@guards.owned("main thread", "park", "when_out", "write", "close")
@guards.calls_out("_wake", "_fail", "close")
class Outlet:
    """Bytes to a descriptor, in order, without blocking; a `Room` for a gate. Main thread only.

    The descriptor itself is not closed and its flags are not changed (others share it): a pipe or terminal is
    opened a second time without blocking, a socket is asked with MSG_DONTWAIT, a file is written directly.
    `on_error(error)` is called once when a write fails; everything after that is discarded and counted.
    """

    def __init__(
        self, fd: int, loop: WriterLoop, on_error: Callable[[OSError], None], *, write: Write = os.write
    ) -> None:
        self._loop = loop
        self._on_error = on_error
        self._write, self._wait_fd, self._opened = _way(fd, write)
        self._waiting = False  # the loop will call us
        self._pending: list[bytes] = []
        self._offset = 0  # bytes of the first one that are out
        self._size = 0  # bytes that wait
        self._resumes: list[Callable[[], None]] = []
        self._when_out: list[Callable[[], None]] = []
        self._closed = False
        self.failed: OSError | None = None
        """The error that ended it."""
        self.written = 0
        """Bytes that the kernel took."""
        self.discarded = 0
        """Bytes that came after a failure or were left at the deadline."""

    @property
    def waiting_bytes(self) -> int:
        """Bytes that the kernel has not taken yet."""
        return self._size

    def has_room(self, size: int = 0) -> bool:
        """Whether more may come (`Room`): true while less than 1 MiB waits, and after the end."""
        return self._size < _HIGH or self.failed is not None or self._closed

    def park(self, resume: Callable[[], None], size: int = 0) -> bool:
        """Keep `resume` until there is room again; False when there is room now (`Room`)."""
        if self.has_room(size):
            return False
        self._resumes.append(resume)
        return True

    def when_out(self, action: Callable[[], None]) -> bool:
        """Keep `action` until nothing waits any more (written or given up); False when nothing does now."""
        if not self._size:
            return False
        self._when_out.append(action)
        return True

    def write(self, data: bytes) -> None:
        """Take `data`; what the kernel does not take now follows in order."""
        if not data:
            return
        if self.failed is not None or self._closed:
            self.discarded += len(data)
            return
        self._pending.append(data)
        self._size += len(data)
        if not self._waiting:
            self._pump()

    def close(self, timeout: float = 0.0) -> bool:
        """Write what waits (blocking), then let go. Idempotent.

        Given up when nothing was taken for `timeout` seconds. True: everything is out.
        """
        if not self._closed:
            self._drain(timeout)
            self._closed = True
            self._forget()
            if self._opened is not None:
                os.close(self._opened)
                self._opened = None
            self._wake()
        return self.discarded == 0

    def _drain(self, timeout: float) -> None:
        import time

        written, end = self.written, time.monotonic() + timeout
        while self._size and self.failed is None:
            left = end - time.monotonic()
            if left <= 0 or not select.select([], [self._wait_fd], [], left)[1]:
                return
            self._pump()
            if self.written != written:
                written, end = self.written, time.monotonic() + timeout

    def _pump(self) -> None:
        """Write until the kernel takes no more; the loop's callback, too."""
        try:
            while self._size:
                sent = self._write(self._chunk())
                if sent is None:
                    break
                self._took(sent)
            self._expect(bool(self._size))
        except OSError as error:
            self._fail(error)
            return
        if self._size <= _LOW:
            self._wake()

    def _chunk(self) -> bytes | memoryview:
        """What to write next: many small ones together, a large one from where it stands."""
        first = self._pending[0]
        if len(first) < _ONE_WRITE // 4 and len(self._pending) > 1:
            count, size = 0, 0
            while count < len(self._pending) and size < _ONE_WRITE:
                size += len(self._pending[count])
                count += 1
            self._pending[:count] = [b"".join(self._pending[:count])]
            first = self._pending[0]
        return memoryview(first)[self._offset : self._offset + _ONE_WRITE]

    def _took(self, sent: int) -> None:
        self.written += sent
        self._size -= sent
        self._offset += sent
        if self._offset == len(self._pending[0]):
            del self._pending[0]
            self._offset = 0

    def _expect(self, more: bool) -> None:
        if more and not self._waiting:
            self._loop.add_writer(self._wait_fd, self._pump)
        elif not more and self._waiting:
            self._loop.remove_writer(self._wait_fd)
        self._waiting = more

    def _fail(self, error: OSError) -> None:
        self.failed = error
        self._forget()
        self._wake()
        self._on_error(error)

    def _forget(self) -> None:
        self._expect(False)
        self.discarded += self._size
        self._pending.clear()
        self._offset = self._size = 0

    def _wake(self) -> None:
        resumes, self._resumes = self._resumes, []
        if not self._size:
            resumes += self._when_out
            self._when_out = []
        for resume in resumes:
            resume()


_Way = Callable[[bytes | memoryview], int | None]


def _way(fd: int, write: Write) -> tuple[_Way, int, int | None]:
    """For a descriptor: how to write (bytes taken, or None: not now), what to wait for, what to close."""
    mode = os.fstat(fd).st_mode
    if stat.S_ISREG(mode) or (stat.S_ISCHR(mode) and not os.isatty(fd)):
        return lambda data: _unless_full(write, fd, data), fd, None
    if stat.S_ISSOCK(mode):
        return _by_socket(fd)
    again = _reopen(fd)
    if again is not None:
        return lambda data: _unless_full(write, again, data), again, again
    return lambda data: _in_small_steps(write, fd, data), fd, None


def _by_socket(fd: int) -> tuple[_Way, int, int | None]:
    own = os.dup(fd)

    def send(data: bytes | memoryview) -> int | None:
        view = socket.socket(fileno=own)
        try:
            return _unless_full(lambda _, d: view.send(d, socket.MSG_DONTWAIT), own, data)
        finally:
            view.detach()

    return send, own, own


def _unless_full(write: Write, fd: int, data: bytes | memoryview) -> int | None:
    try:
        return write(fd, data)
    except (BlockingIOError, InterruptedError):
        return None


def _reopen(fd: int) -> int | None:
    """The same pipe or terminal by a description of its own that does not block; None where that fails."""
    flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    for folder in ("/proc/self/fd", "/dev/fd"):
        try:
            again = os.open(Path(folder, str(fd)), flags)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return None  # a pipe without a reader: the first write says so
            continue
        if os.path.sameopenfile(fd, again) and not os.get_blocking(again):
            return again
        os.close(again)
    return None


def _in_small_steps(write: Write, fd: int, data: bytes | memoryview) -> int | None:
    """Where the descriptor may block: only when it is writable, and only what a pipe then surely takes."""
    if not select.select([], [fd], [], 0)[1]:
        return None
    return _unless_full(write, fd, data[: select.PIPE_BUF])
