"""The stream of `--plain`: lines as text on stdout, never blocking the main thread.

Back-pressure: `gate` is the gate that the console's stage feeds. While a slow reader has not taken what was
written, the gate has no room, the stage fills, the fan before it parks, and the children wait in their own
write. Everything here belongs to the main thread (the stage's lane is the main loop).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from brummer_rx.pipeline import guards
from brummer_rx.pipeline.event import Event, Gap, LogBatch
from brummer_rx.pipeline.gate import Gate
from brummer_rx.sinks.door import SinkContext
from brummer_rx.sinks.outlet import Outlet, Write, WriterLoop
from brummer_rx.sinks.plaintext import TextForm

__all__ = ["Console", "console"]


@guards.owned("main thread", "write", "close")
class Console:
    """Writes batches as `HH:MM:SS.mmm NAME | text`. Main thread only.

    `names`: the sources known at the start, in the order of their colours. `color`: "auto" (colours on a
    terminal), "always" or "never". `on_error(error)` is called once when stdout fails (EPIPE: the reader went
    away); from then on everything is discarded and counted, so that nothing waits for it.
    """

    def __init__(
        self,
        loop: WriterLoop,
        *,
        names: Iterable[str] = (),
        color: str = "auto",
        fd: int = 1,
        on_error: Callable[[OSError], None],
        write: Write = os.write,
    ) -> None:
        terminal = os.isatty(fd)
        colour = color == "always" or (color == "auto" and terminal)
        self._form = TextForm(names, colour=colour, terminal=terminal)
        self.outlet = Outlet(fd, loop, on_error, write=write)
        """Counts of bytes, and the error that ended it."""
        self.gate = Gate()
        """What the console's stage asks before each element (its `feeds`)."""
        self.gate.join(self.outlet)

    def write(self, event: Event) -> None:
        """Take lines and gaps; other events are not shown here."""
        if isinstance(event, LogBatch):
            self.outlet.write(self._form.batch(event))
        elif isinstance(event, Gap):
            self.outlet.write(self._form.gap(event))

    def close(self, timeout: float = 0.0) -> bool:
        """End an open line and write what waits, see `Outlet.close`. True: all is out. Idempotent."""
        self.outlet.write(self._form.finish())
        return self.outlet.close(timeout)


def console(context: SinkContext, *, color: str = "auto") -> Console:
    """The sink `console`: chosen by `--plain`, not by a file."""
    return Console(context.loop, names=context.names, color=color, on_error=context.on_error)
