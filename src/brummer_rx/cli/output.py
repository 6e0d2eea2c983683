"""What verbs print: bytes to stdout, all of them or an error."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Mapping

__all__ = ["Output", "complain", "hold_standard_files", "json_line"]


def hold_standard_files() -> None:
    """Fill the places of standard descriptors that our caller closed (`>&-`).

    Else the next file of ours would get its number, and our messages would be written into a log. What takes
    the place reads as empty and cannot be written: who writes to a closed stdout is still told so.
    """
    for fd in (0, 1, 2):  # in this order: the lowest free number is the one that is taken
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)


class Output:
    """Writes to a descriptor until the kernel took everything; waits for a slow reader.

    Raises `BrokenPipeError` when the reader is gone. Never uses `sys.stdout`, so that nothing is left in a
    buffer that the interpreter would flush (and complain about) at its end.
    """

    def __init__(self, fd: int = 1) -> None:
        self.fd = fd

    def write(self, data: bytes) -> None:
        """All of `data`."""
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self.fd, view) :]
            except BlockingIOError:  # somebody made the shared description non-blocking
                select.select([], [self.fd], [])

    def say(self, text: str) -> None:
        """One line (or several) of text."""
        self.write((text + "\n").encode("utf-8", "replace"))

    def pause(self, seconds: float) -> None:
        """Wait; raises `BrokenPipeError` as soon as the reader goes away."""
        poll = select.poll()
        poll.register(self.fd, 0)
        for _, events in poll.poll(seconds * 1000):
            if events & (select.POLLERR | select.POLLHUP | select.POLLNVAL):
                raise BrokenPipeError


def json_line(what: Mapping[str, object]) -> str:
    """One object as `--json` prints it (without the newline)."""
    import json  # costs start time, and help needs none

    return json.dumps(what, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace").decode()


def complain(text: str) -> None:
    """One line of our own on stderr; nobody may read it, which is no error."""
    line = f"brummer-rx: {text}\n".encode("utf-8", "backslashreplace")
    try:
        os.write(sys.stderr.fileno() if sys.stderr is not None else 2, line)
    except (OSError, ValueError):
        return
