"""The file of our own messages in the run's folder: bounded, and never in anybody's way.

What the file refuses (a full disk, a folder that was removed) is counted and forgotten: there is nowhere to
say it, and stderr may be the viewer's screen, or a pipe that nobody reads.
"""

from __future__ import annotations

import os
from pathlib import Path

from brummer_rx.pipeline import guards

__all__ = ["LOG_BYTES", "ToolLog"]

LOG_BYTES = 4 * 1024 * 1024
"""Our own messages of one run: two files of this size at most."""

MODE = 0o600


@guards.owned("logger", "__call__", "close", serial=True)
class ToolLog:
    """A loguru sink. Called by any thread, one at a time (loguru's lock); `close` when it was removed there.

    `most`: bytes of the file; then it becomes `NAME.1` (replacing the one before) and a new one begins.
    """

    def __init__(self, path: Path, most: int = LOG_BYTES) -> None:
        self._path = path
        self._most = most
        self._fd = -1
        self._size = 0
        self.lost = 0
        """Messages that the file did not take."""

    def __call__(self, message: str) -> None:
        """Keep a message."""
        data = message.encode("utf-8", "backslashreplace")
        try:
            if self._fd >= 0 and self._size + len(data) > self._most:
                self._turn()
            if self._fd < 0:
                self._open()
            self._size += os.write(self._fd, data)
        except OSError:
            self.lost += 1

    def close(self) -> None:
        """Idempotent."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _open(self) -> None:
        self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, MODE)
        self._size = os.fstat(self._fd).st_size

    def _turn(self) -> None:
        self.close()
        self._path.replace(self._path.with_name(self._path.name + ".1"))
