"""The way to the screen: what the terminal does not take now waits here, and no new frame is made meanwhile.

Owner: the main thread. The file descriptor is non-blocking; nothing here waits.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from brummer_rx.pipeline import guards
from brummer_rx.tui.uiloop import WriterLoop

__all__ = ["TtyOut"]


@guards.owned("main thread", "write", "forget")
class TtyOut:
    """Ordered, never blocking writes of whole strings."""

    def __init__(
        self, fd: int, loop: WriterLoop, *, on_drained: Callable[[], None], on_lost: Callable[[], None]
    ) -> None:
        """`on_drained` is called when waiting bytes are gone, `on_lost` once, when the terminal is."""
        self._fd = fd
        self._loop = loop
        self._on_drained = on_drained
        self._on_lost = on_lost
        self._waiting = b""
        self._lost = False
        self.written = 0
        """Bytes that the terminal took."""

    @property
    def pending(self) -> bool:
        """Whether the terminal has yet to take bytes: make no frame now."""
        return bool(self._waiting)

    @property
    def lost(self) -> bool:
        """Whether the terminal is gone."""
        return self._lost

    def write(self, data: bytes) -> None:
        """Write now or, in order, as soon as possible; nothing happens when the terminal is gone."""
        if self._lost or not data:
            return
        if self._waiting:
            self._waiting += data
            return
        self._waiting = self._push(data)
        if self._waiting:
            self._loop.add_writer(self._fd, self._drain)

    def forget(self) -> bytes:
        """Stop writing; returns what was not taken (the terminal may be in the middle of a sequence)."""
        rest, self._waiting = self._waiting, b""
        if rest:
            self._loop.remove_writer(self._fd)
        return rest

    def _push(self, data: bytes) -> bytes:
        while data:
            try:
                count = os.write(self._fd, data)
            except BlockingIOError:
                return data
            except OSError:  # hung up: there is nobody to show anything to
                self._lost = True
                self._on_lost()
                return b""
            self.written += count
            data = data[count:]
        return b""

    def _drain(self) -> None:
        self._waiting = self._push(self._waiting)
        if not self._waiting:
            self._loop.remove_writer(self._fd)
            if not self._lost:
                self._on_drained()
