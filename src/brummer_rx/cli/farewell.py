"""What the viewer leaves on the normal screen: which processes failed, and where the lines are."""

from __future__ import annotations

import contextlib
import os
import select
from collections.abc import Iterable

from brummer_rx.pipeline.process import ProcessState, ProcessTable
from brummer_rx.sources.names import one_line

__all__ = ["farewell", "leave"]

PIECE = 512
"""Bytes at once: what a pipe that has room takes whole (POSIX)."""
PATIENCE = 0.5
"""Seconds that a terminal that takes nothing is waited for."""
NAMED = 10
"""Failed processes named at most."""


def farewell(table: ProcessTable, run_id: str, lines: int) -> tuple[str, ...]:
    """The lines to print once the terminal is the shell's again; what we stopped ourselves has not failed."""
    failed = [p for p in table.processes if p.state is ProcessState.FAILED]
    said = [f"{one_line(p.name)} failed{_how(p.exit_code)}" for p in failed[:NAMED]]
    if len(failed) > NAMED:
        said.append(f"{len(failed) - NAMED} more failed")
    noun = "line is" if lines == 1 else "lines are"
    said.append(f"{lines:,} {noun} kept in run {run_id} (brummer-rx logs)")
    return tuple(f"brummer-rx: {text}" for text in said)


def _how(code: int | None) -> str:
    return "" if code is None else f" with {code}"


def leave(texts: Iterable[str], fd: int = 2) -> bool:
    """Print lines where a frozen or lost terminal may be: it holds nobody. Whether all were taken."""
    data = "".join(f"{text}\n" for text in texts).encode("utf-8", "backslashreplace")
    with contextlib.suppress(OSError):  # it is gone; what matters stands in the run's own log, too
        own = _without_blocking(fd)
        try:
            data = _written(own, data)
        finally:
            os.close(own)
    return not data


def _without_blocking(fd: int) -> int:
    """An own description of the terminal (the shell's stays as it is); else the same file once more."""
    if not os.isatty(fd):
        return os.dup(fd)
    return os.open(os.ttyname(fd), os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)


def _written(fd: int, data: bytes) -> bytes:
    """What was not taken of `data`; `OSError` when the other side is gone."""
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    while data and poll.poll(PATIENCE * 1000):
        try:
            data = data[os.write(fd, data[:PIECE]) :]
        except BlockingIOError:  # the room was for less than that
            return data
    return data
