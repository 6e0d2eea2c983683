"""The viewer's timers by name: setting one again replaces it. Owner: the main thread."""

from __future__ import annotations

from collections.abc import Callable

from brummer_rx.pipeline import guards
from brummer_rx.pipeline.clock import TimerHandle
from brummer_rx.tui.uiloop import TimerLoop

__all__ = ["Alarms"]


@guards.owned("main thread", "set", "close")
class Alarms:
    """A few timers on the main loop, each with a name."""

    def __init__(self, loop: TimerLoop) -> None:
        self._loop = loop
        self._set: dict[str, TimerHandle] = {}
        self._closed = False

    def set(self, name: str, delay: float | None, action: Callable[[], None]) -> None:
        """Run `action` in `delay` seconds, instead of what was set before; None only takes that back."""
        handle = self._set.pop(name, None)
        if handle is not None:
            handle.cancel()
        if delay is not None and not self._closed:
            self._set[name] = self._loop.call_later(delay, lambda: self._ring(name, action))

    def waits(self, name: str) -> bool:
        """Whether this one is set."""
        return name in self._set

    def close(self) -> None:
        """Take all back; none can be set any more."""
        self._closed = True
        for handle in self._set.values():
            handle.cancel()
        self._set.clear()

    def _ring(self, name: str, action: Callable[[], None]) -> None:
        self._set.pop(name, None)
        action()
