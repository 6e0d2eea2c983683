"""When to paint: keys at once, data so many times a second, nothing when nothing changed.

Owner: the main thread, which passes the time in (monotonic seconds).
"""

from __future__ import annotations

from collections.abc import Mapping

from brummer_rx.pipeline import guards

__all__ = ["Pacer", "frames_per_second"]

KEY_GAP = 0.008
"""Seconds between two frames at least."""
FPS = 30.0
FPS_REMOTE = 12.0


def frames_per_second(wanted: float | None, environ: Mapping[str, str]) -> float:
    """Frames a second for data: what the user wants, else 30, or 12 over SSH."""
    if wanted is not None:
        return min(120.0, max(1.0, wanted))
    return FPS_REMOTE if environ.get("SSH_CONNECTION") else FPS


@guards.owned("main thread", "touch", "painted")
class Pacer:
    """Remembers what has changed since the last frame and when that frame was."""

    def __init__(self, fps: float) -> None:
        self._data_gap = max(KEY_GAP, 1.0 / fps)
        self._last = float("-inf")
        self._urgent = False
        self._data = False

    def touch(self, *, urgent: bool) -> None:
        """Something changed; `urgent` when a person waits for it."""
        if urgent:
            self._urgent = True
        else:
            self._data = True

    def due(self) -> float | None:
        """When the next frame is to be painted (may be past); None when nothing changed."""
        if self._urgent:
            return self._last + KEY_GAP
        return self._last + self._data_gap if self._data else None

    def painted(self, now: float) -> None:
        """A frame was made of everything so far."""
        self._last = now
        self._urgent = self._data = False
