"""What a run asks of the system for its own process before it starts: memory, files, its terminal's size."""

from __future__ import annotations

import os
import resource

from brummer_rx.pipeline import guards
from brummer_rx.pipeline.violations import Mode

__all__ = ["prepare", "terminal_size"]

LARGE_BLOCK = 16 * 1024 * 1024
FILES, FILES_EACH = 128, 4
"""Descriptors of ours, and of each child (two pipes, its stdin, its pidfd)."""


def prepare(processes: int, *, guarded: bool = False) -> None:
    """Make room for so many children; with `guarded`, watch ourselves from here on."""
    if guarded and not guards.on():
        guards.switch(Mode.COUNT)
    _keep_large_blocks()
    _allow_files(FILES + FILES_EACH * processes)


def _keep_large_blocks() -> None:
    """Let the C library keep the memory of large blocks.

    glibc gives each block over 128 KiB back to the system, page by page, until one larger was freed once;
    with batches of that size this costs more than reading them (measured: 25 % of a run's CPU).
    """
    bytes(LARGE_BLOCK)


def _allow_files(most: int) -> None:
    """Raise the soft limit of open files (256 on some systems) when it is below; children inherit it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = most if hard == resource.RLIM_INFINITY else min(most, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def terminal_size(fd: int = 1) -> tuple[int, int]:
    """Columns and rows of our terminal, or 80 x 24."""
    try:
        columns, rows = os.get_terminal_size(fd)
    except OSError:
        return 80, 24
    return max(1, columns), max(1, rows)
