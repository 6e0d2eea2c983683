"""The end of a run has a deadline: when nothing moves any more, it is let go. Main thread only."""

from __future__ import annotations

import time
from collections.abc import Callable

from brummer_rx.pipeline import guards
from brummer_rx.pipeline.mainloop import MainLoop

__all__ = ["EndWatch"]

LOOK_EVERY = 0.5
"""Seconds between two looks."""


@guards.owned("main thread", "start")
class EndWatch:
    """Looks, from `start` on, whether a run that is to end still moves.

    :param position: changes for as long as something moves
    :param patience: how many seconds nothing may move; asked at each look
    :param on_stuck: called once, when nothing has moved for longer than that
    """

    def __init__(
        self,
        loop: MainLoop,
        *,
        position: Callable[[], object],
        patience: Callable[[], float],
        on_stuck: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._position = position
        self._patience = patience
        self._on_stuck = on_stuck
        self._started = False
        self._last: object = None
        self._since = 0.0

    def start(self) -> None:
        """Begin to look; the second time nothing happens."""
        if not self._started:
            self._started = True
            self._look()

    def _look(self) -> None:
        now, position = time.monotonic(), self._position()
        if position != self._last:
            self._last, self._since = position, now
        if now - self._since > self._patience():
            self._on_stuck()
        else:
            self._loop.call_later(LOOK_EVERY, self._look)
