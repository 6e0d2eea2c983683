"""What a bounded stage does when it is full, and the bounded queue with its books.

No locks, no threads here.
"""

from __future__ import annotations

import time
from collections import deque
from enum import Enum, StrEnum
from typing import Generic, TypeVar

from brummer_rx.pipeline import guards
from brummer_rx.pipeline.errors import ConfigError
from brummer_rx.pipeline.event import LogBatch
from brummer_rx.pipeline.ledger import Ledger

__all__ = ["Backlog", "EmitResult", "Overflow", "weight_of"]

T = TypeVar("T")


class Overflow(StrEnum):
    """What happens to an element that is offered when there is no room."""

    BLOCK = "block"
    """The producer waits (edges only: refused on a thread that serves a lane)."""
    PARK = "park"
    """The upstream asked before and waits without a thread.

    An edge thread that did not ask waits as with BLOCK.
    """
    DROP_OLDEST = "drop_oldest"
    """The oldest that waits is dropped."""
    DROP_NEWEST = "drop_newest"
    """The incoming one is dropped."""
    LATEST = "latest"
    """Capacity 1: the one that waits is replaced."""
    ERROR = "error"
    """The stage ends with `BufferOverflow` after its backlog."""

    @property
    def holds_back(self) -> bool:
        """Whether an upstream has to wait for room (the dropping choices always take)."""
        return self in (Overflow.BLOCK, Overflow.PARK, Overflow.ERROR)


class EmitResult(Enum):
    """What became of an element at once."""

    OK = "ok"
    OVERFLOW = "overflow"
    """Not taken (or, with DROP_NEWEST, dropped)."""
    CLOSED = "closed"
    """The stage has ended or is about to; discarded."""


def weight_of(x: object) -> int:
    """Bytes that an element counts against a stage's byte bound: the data of a `LogBatch`, else 0."""
    return len(x.data) if isinstance(x, LogBatch) else 0


@guards.locked("")
class Backlog(Generic[T]):
    """Elements that wait, at most `capacity` and `max_bytes`, and the books of all that ever came.

    Whoever uses it holds the stage's lock; only `fits` may be asked without it (a hint, to be asked again).
    The element being delivered has left the queue and the bound, but not the books: `settle` books its
    delivery.
    """

    __slots__ = (
        "_low",
        "_low_bytes",
        "_max_bytes",
        "accepted",
        "blocked_count",
        "blocked_seconds",
        "bytes",
        "capacity",
        "delivered",
        "discarded",
        "dropped",
        "faults",
        "flying",
        "flying_bytes",
        "high_water",
        "high_water_bytes",
        "hops",
        "items",
        "last_progress",
        "max_bytes",
        "name",
        "overshoots",
        "parks",
        "refused",
        "unaccepted",
    )

    def __init__(self, name: str, capacity: int, max_bytes: int | None) -> None:
        if capacity < 1 or (max_bytes is not None and max_bytes < 1):
            raise ConfigError(
                f"stage {name}: capacity {capacity} and max_bytes {max_bytes} must be at least 1"
            )
        self.name = name
        self.capacity = capacity
        self.max_bytes = max_bytes
        self.items: deque[tuple[T, int]] = deque()
        self.bytes = 0
        self.flying = 0  # 1 while an element is being delivered
        self.flying_bytes = 0
        self.last_progress = time.monotonic()
        self._max_bytes = float("inf") if max_bytes is None else max_bytes
        # Who waits is told at the low mark, a quarter below the bound, not at each element that leaves.
        self._low = capacity - max(1, capacity // 4)
        self._low_bytes = self._max_bytes if max_bytes is None else max_bytes - max_bytes // 4
        self.accepted = self.delivered = self.dropped = self.discarded = self.unaccepted = self.refused = 0
        self.high_water = self.high_water_bytes = self.overshoots = self.parks = self.hops = self.faults = 0
        self.blocked_count = 0
        self.blocked_seconds = 0.0

    def fits(self, size: int) -> bool:
        """Whether an element of `size` bytes may join; an empty queue takes any size."""
        waiting = len(self.items)
        return not waiting or (waiting < self.capacity and self.bytes + size <= self._max_bytes)

    def is_low(self) -> bool:
        """Whether it is time to call who waits for room."""
        return len(self.items) <= self._low and self.bytes <= self._low_bytes

    def push(self, x: T, size: int) -> None:
        """Queue an element, whether it fits or not."""
        items = self.items
        items.append((x, size))
        self.accepted += 1
        self.bytes += size
        if len(items) > self.high_water:
            self.high_water = len(items)
        if self.bytes > self.high_water_bytes:
            self.high_water_bytes = self.bytes

    def take(self) -> T:
        """The oldest element, now being delivered; the one before must have been settled."""
        x, size = self.items.popleft()
        self.bytes -= size
        self.flying = 1
        self.flying_bytes = size
        return x

    def settle(self) -> None:
        """The element being delivered, if any, has been delivered."""
        if self.flying:
            self.flying = self.flying_bytes = 0
            self.delivered += 1
            self.last_progress = time.monotonic()

    def head_size(self) -> int:
        """Bytes of the oldest element that waits (0 if none); may be asked by the drain without the lock."""
        try:
            return self.items[0][1]
        except IndexError:  # a producer evicted it, or the stage was closed, since the drain looked
            return 0

    def evict(self) -> T:
        """Drop the oldest element that waits."""
        x, size = self.items.popleft()
        self.bytes -= size
        self.dropped += 1
        return x

    def drop_incoming(self) -> None:
        """Book an element that was dropped without being queued."""
        self.unaccepted += 1
        self.dropped += 1

    def discard_incoming(self) -> None:
        """Book an element that came too late or was refused with an exception."""
        self.unaccepted += 1
        self.discarded += 1

    def discard_all(self) -> None:
        """Forget what waits."""
        self.discarded += len(self.items)
        self.items.clear()
        self.bytes = 0

    def ledger(self, *, ended: bool) -> Ledger:
        """The books as a value."""
        return Ledger(
            stage=self.name,
            offered=self.accepted + self.unaccepted,
            accepted=self.accepted,
            delivered=self.delivered,
            dropped=self.dropped,
            discarded=self.discarded,
            queued=len(self.items) + self.flying,
            queued_bytes=self.bytes + self.flying_bytes,
            high_water=self.high_water,
            high_water_bytes=self.high_water_bytes,
            refused=self.refused,
            overshoots=self.overshoots,
            parks=self.parks,
            hops=self.hops,
            faults=self.faults,
            blocked_count=self.blocked_count,
            blocked_seconds=self.blocked_seconds,
            last_progress=self.last_progress,
            ended=ended,
        )
