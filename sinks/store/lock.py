"""The lock on a run's folder.

Its writer holds it for as long as it lives, the system gives it back whatever happens.

Who merely asks takes it shared and for an instant, so that askers do not take one another for a writer.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

__all__ = ["FolderLock", "is_live", "try_lock"]


class FolderLock:
    """The exclusive lock, held until `release`."""

    __slots__ = ("_fd",)

    def __init__(self, path: Path, *, wait: bool) -> None:
        """Take it; raises `BlockingIOError` when somebody has it and `wait` is False."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError:
            os.close(fd)
            raise
        self._fd = fd

    def release(self) -> None:
        """Give it back. Twice is fine."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def try_lock(path: Path) -> FolderLock | None:
    """The lock, or None when somebody has it, or when the folder is gone or cannot be opened."""
    try:
        return FolderLock(path, wait=False)
    except OSError:
        return None


def is_live(path: Path) -> bool:
    """Whether a writer holds the lock of the run in this folder."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False
