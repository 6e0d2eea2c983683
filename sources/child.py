"""A child that runs: its identity, our ends of its pipes, and the one place where it is reaped.

A process id is only ours while the child is not reaped. So reaping and signalling take the same lock: while
it is held and the child is not reaped, its pid and the id of its group cannot belong to anybody else.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import psutil

from brummer_rx.pipeline import guards
from brummer_rx.pipeline.event import Stream

__all__ = ["UNKNOWN_EXIT", "Child", "ChildHandle"]

UNKNOWN_EXIT = 255
"""Exit code of a child that somebody else reaped (SIGCHLD ignored): unknown, and no success."""


@guards.locked("_lock", "_exit_code", "_stdin", "_pidfd", "_strays")
class ChildHandle:
    """What changes in a child's life. Any thread; a lock of its own, never held while waiting."""

    def __init__(self, pid: int, *, stdin: int = -1) -> None:
        self._pid = pid
        self._lock = guards.lock("child")
        self._exit_code: int | None = None
        self._stdin = stdin
        self._pidfd = _open_pidfd(pid)
        self.process = _process(pid)
        """Its identity (pid and start time); None when it could not be had."""
        self._strays: frozenset[psutil.Process] = frozenset()

    @property
    def pidfd(self) -> int:
        """Readable when the child has exited; -1 where there are none. Its user is the ingest thread."""
        return self._pidfd

    @property
    def exit_code(self) -> int | None:
        """The code, or 128 + n for signal n; None until the child was reaped."""
        return self._exit_code

    def reap(self) -> int | None:
        """The exit code if the child has exited, without waiting; None while it runs."""
        with self._lock:
            if self._exit_code is None:
                self._exit_code = _reap(self._pid)
            return self._exit_code

    def signal_group(self, signum: int) -> bool | None:
        """Signal the child's group. None: the child is reaped, its ids are not ours any more."""
        with self._lock:
            if self._exit_code is not None:
                return None
            try:
                os.killpg(self._pid, signum)
            except (ProcessLookupError, PermissionError):
                return False
            return True

    def remember(self, strays: Iterable[psutil.Process]) -> frozenset[psutil.Process]:
        """Add descendants that left the group to those seen before; returns all of them."""
        with self._lock:
            self._strays |= frozenset(strays)
            return self._strays

    def close_stdin(self) -> None:
        """Let go of the silent pipe on the child's stdin; idempotent."""
        with self._lock:
            fd, self._stdin = self._stdin, -1
        if fd >= 0:
            os.close(fd)

    def close_pidfd(self) -> None:
        """Idempotent."""
        with self._lock:
            fd, self._pidfd = self._pidfd, -1
        if fd >= 0:
            os.close(fd)


@dataclass(frozen=True, slots=True, eq=False)
class Child:
    """One incarnation of a process. Whoever it is handed to (`Ingest.add`) reads, reaps and closes."""

    source: str
    incarnation: int
    pid: int
    """Also the id of its group and of its session."""
    fds: Mapping[Stream, int]
    """Our ends, not blocking, not inherited by others: OUT and ERR on pipes, TTY on a terminal."""
    run_id: str
    handle: ChildHandle = field(repr=False)

    def close(self) -> None:
        """Close all our ends: for a child that was never handed on."""
        close_all(self.fds.values())
        self.handle.close_stdin()
        self.handle.close_pidfd()


def close_all(fds: Iterable[int]) -> None:
    """Close each."""
    for fd in fds:
        os.close(fd)


def _open_pidfd(pid: int) -> int:
    if not hasattr(os, "pidfd_open"):
        return -1
    try:
        return os.pidfd_open(pid)
    except OSError:  # an old kernel, or no descriptor left: the exit is polled for
        return -1


def _process(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except psutil.Error:
        return None


def _reap(pid: int) -> int | None:
    try:
        done, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return UNKNOWN_EXIT
    if not done:
        return None
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code
