"""Whoever reads what a run writes (stdout, a named pipe): waited for at its end, but not for ever.

Main thread only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from brummer_rx.pipeline import guards
from brummer_rx.pipeline.mainloop import MainLoop
from brummer_rx.sinks.outlet import Outlet

__all__ = ["STUCK_AFTER", "Readers"]

STUCK_AFTER = 1.0
"""After a stop: a reader that took nothing for so many seconds is let go, the store goes on."""


@guards.owned("main thread")
class Readers:
    """The outlets of a run's sinks, by the sink's name.

    :param hurried: whether nobody is waited for any more: then a slow reader is let go, too
    :param let_go: told (name, bytes that were not written); that outlet is no longer waited for
    """

    def __init__(
        self,
        loop: MainLoop,
        outlets: Mapping[str, Outlet],
        *,
        hurried: Callable[[], bool],
        let_go: Callable[[str, int], None],
    ) -> None:
        self._loop = loop
        self._hurried = hurried
        self._let_go = let_go
        self._outlets = dict(outlets)
        self._written: dict[str, int] = {}
        self._watching = False

    def add(self, name: str, outlet: Outlet) -> None:
        """From now on the run waits for what waits in `outlet`."""
        self._outlets[name] = outlet

    def __contains__(self, name: str) -> bool:
        """Whether it is waited for: it was added and not let go."""
        return name in self._outlets

    @property
    def written(self) -> int:
        """Bytes that all of them took: while that grows, something moves."""
        return sum(outlet.written for outlet in self._outlets.values())

    def when_out(self, action: Callable[[], None]) -> bool:
        """Keep `action` until one that still has something is through; False when all are out."""
        return any(outlet.when_out(action) for outlet in self._outlets.values())

    def watch(self) -> None:
        """The run is to end: let go of readers that take nothing. The second time nothing happens."""
        if not self._watching:
            self._watching = True
            self._look()

    def _look(self) -> None:
        for name, outlet in tuple(self._outlets.items()):
            idle = outlet.written == self._written.get(name) or self._hurried()
            self._written[name] = outlet.written
            if idle and outlet.waiting_bytes > 0:
                del self._outlets[name]
                self._let_go(name, outlet.waiting_bytes)
        if self._outlets:
            self._loop.call_later(STUCK_AFTER, self._look)
