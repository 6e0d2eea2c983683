"""Lines as JSON objects into a file, as `logs --json` prints them (no `seq` where they are not stored)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from brummer_rx.pipeline import guards
from brummer_rx.pipeline.errors import SinkError
from brummer_rx.pipeline.event import BatchFlag, Event, Gap, LogBatch
from brummer_rx.pipeline.gate import Gate
from brummer_rx.sinks.door import SinkContext
from brummer_rx.sinks.jsonrows import gap_row, json_rows
from brummer_rx.sinks.outlet import Outlet, WriterLoop

__all__ = ["JsonLines", "jsonl"]


@guards.owned("main thread", "write", "close")
class JsonLines:
    """Appends one object a line to `path` (a file or a named pipe; a new one gets 0600). Main thread only.

    The same back-pressure as the console's: a reader of a named pipe that stops holds the children back.
    Raises `SinkError` when the file cannot be opened; `on_error` as `Console`.
    """

    def __init__(self, path: Path, loop: WriterLoop, *, on_error: Callable[[OSError], None]) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        try:
            self._fd = os.open(path, flags, 0o600)
        except OSError as error:
            raise SinkError(f"json lines: {path} cannot be opened: {error.strerror}") from error
        self.outlet = Outlet(self._fd, loop, on_error)
        """Counts of bytes, and the error that ended it."""
        self.gate = Gate()
        """What the stage of this sink asks before each element (its `feeds`)."""
        self.gate.join(self.outlet)

    def write(self, event: Event) -> None:
        """Take lines and gaps; other events are not written."""
        if isinstance(event, LogBatch):
            self.outlet.write(_rows(event).encode())
        elif isinstance(event, Gap):
            self.outlet.write(gap_row(event).encode())

    def close(self, timeout: float = 0.0) -> bool:
        """Write what waits for at most `timeout` seconds, close the file. True: all is out. Idempotent."""
        done = self.outlet.close(timeout)
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        return done


def jsonl(context: SinkContext, *, path: object) -> JsonLines:
    """The sink `jsonl` of `.brum.toml`; `path` is relative to the project folder."""
    if not isinstance(path, str) or not path:
        raise ValueError(f"path is {path!r}; it must be the name of a file")
    return JsonLines(context.folder / path, context.loop, on_error=context.on_error)


def _rows(batch: LogBatch) -> str:
    first = batch.first_seq
    return json_rows(
        batch.source,
        batch.stream,
        batch.time_ns,
        None if first is None else range(first, first + batch.lines),
        batch.data,
        batch.levels,
        bool(batch.flags & BatchFlag.MORE),
    )
