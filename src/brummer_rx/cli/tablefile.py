"""Keeps the table of processes in the run's folder, for `status` after the end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from loguru import logger

from brummer_rx.pipeline.errors import BufferOverflow
from brummer_rx.pipeline.process import ProcessTable
from brummer_rx.pipeline.status import write_status_file
from brummer_rx.pipeline.threads import Lane

__all__ = ["TableFile"]


class TableFile:
    """Written on `lane`, behind what waits there.

    One save waits at most, and takes the table as it is by then: a disk that is slow fills no queue, and
    whoever asks for a save never waits.
    """

    def __init__(self, folder: Path, lane: Lane, table: Callable[[], ProcessTable]) -> None:
        self._folder = folder
        self._lane = lane
        self._table = table
        self._saved = -1  # version that was written, or refused by the disk: the lane's
        self._waits = False  # set by `save`, taken back by the lane before it takes the table

    def save(self) -> None:
        """Have the present table written, if it is not. One thread."""
        if self._waits or self._table().version == self._saved:
            return
        self._waits = True
        try:
            self._lane.submit(self._write)
        except BufferOverflow:  # the next change, or the end of the run, asks again
            self._waits = False

    def _write(self) -> None:
        self._waits = False
        table = self._table()
        self._saved = table.version
        try:
            write_status_file(self._folder, table)
        except OSError as error:
            logger.warning("the table of processes could not be kept: {}", error)
