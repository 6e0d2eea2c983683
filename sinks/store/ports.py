"""What the store needs of its surroundings: two lanes, and its options. Tests give fakes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from brummer_rx.pipeline.errors import BufferOverflow

if TYPE_CHECKING:  # who only reads a run (the search helper, the verb `logs`) starts without it
    from brummer_rx.pipeline.clock import Clock

__all__ = ["ActionLane", "StoreOptions", "post"]

_RETRY = 0.02


class ActionLane(Protocol):
    """A named thread that runs actions in order (`pipeline.threads.Lane`)."""

    def submit(self, action: Callable[[], None]) -> None:
        """Any thread; raises `BufferOverflow` when too many wait, `ThreadError` after its close."""
        ...

    def is_current(self) -> bool:
        """Whether the caller is on this lane."""
        ...


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """Sizes in bytes, times in seconds."""

    max_bytes: int = 4 * 1024**3
    """Of all runs of the project's state folder."""
    max_age: float = 14 * 86400.0
    segment_bytes: int = 16 * 1024**2
    """A segment of at least this size is sealed and a new one begun."""
    segment_frames: int = 32_768
    """The same for its number of frames (a trickle makes many small ones; the seal regroups them)."""
    frame_bytes: int = 256 * 1024
    """Most raw bytes of a frame; only a single longer line makes a larger one."""
    gather_bytes: int = 2 * 1024**2
    """Under flood so much goes into one write."""
    flush_after: float = 0.020
    """Longest time from the append to the write."""
    sync_every: float = 1.0
    keys_in_memory: int = 4_000_000
    """Lines whose key bytes stay in memory."""
    recent_bytes: int = 1024**2
    """Bodies of the newest frames kept in memory, for whoever follows the log."""


def post(lane: ActionLane, clock: Clock, action: Callable[[], None]) -> None:
    """Submit, and try again a little later for as long as the lane is full.

    Raises `ThreadError` when the lane is closed.
    """
    try:
        lane.submit(action)
    except BufferOverflow:
        clock.call_later(_RETRY, lambda: post(lane, clock, action))
