"""The gate between an upstream and the stages it feeds: is there room behind it, and who calls when there is.

An upstream (a stage's drain, the ingest thread) asks `has_room` before each element and `park`s when there is
none. With several downstreams all must have room; it parks on one full stage at a time and asks all again
when it is resumed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from brummer_rx.pipeline import guards

__all__ = ["Gate", "Room"]


class Room(Protocol):
    """A downstream of a gate."""

    def has_room(self, size: int = 0) -> bool:
        """Whether one more element of `size` bytes fits.

        True once the stage has ended: it takes and discards.
        """
        ...

    def park(self, resume: Callable[[], None], size: int = 0) -> bool:
        """Atomically: full -> keep `resume`, call it once (any thread) at the low mark or the end, return
        True.
        """
        ...


@guards.locked("_lock", "_stages")
@guards.calls_out("has_room", "park")
class Gate:
    """What an upstream sees of the stages behind it. Any thread.

    Joining replaces a tuple, asking reads it.
    """

    def __init__(self) -> None:
        self._lock = guards.lock("gate")
        self._stages: tuple[Room, ...] = ()

    @property
    def stages(self) -> tuple[Room, ...]:
        """The stages that have joined and not left."""
        return self._stages

    def join(self, stage: Room) -> None:
        """From now on `stage` must have room, too."""
        with self._lock:
            self._stages = (*self._stages, stage)

    def leave(self, stage: Room) -> None:
        """`stage` has ended (it calls its resumes itself). Nothing happens if it never joined."""
        with self._lock:
            self._stages = tuple(s for s in self._stages if s is not stage)

    def has_room(self, size: int = 0) -> bool:
        """Whether every stage can take one more element of `size` bytes."""
        return all(stage.has_room(size) for stage in self._stages)

    def park(self, resume: Callable[[], None], size: int = 0) -> bool:
        """True: some stage is full and will call `resume` once. False: there is room now."""
        return any(stage.park(resume, size) for stage in self._stages)
