"""What the ingest thread emits, in order, as far as there is room behind the gate.

Owned by the ingest thread; only the gate's call-back comes from others, and it only calls `wake`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from loguru import logger
from reactivex import Observable, Subject
from reactivex import operators as ops

from brummer_rx.pipeline import guards
from brummer_rx.pipeline.event import Gap, LogBatch, ProcessEvent
from brummer_rx.pipeline.gate import Gate

__all__ = ["Outbox"]

Item = LogBatch | Gap | ProcessEvent


@guards.owned("ingest thread", "put", "flush", "unpark", "tell", "complete")
@guards.calls_out("_call", "has_room")
class Outbox:
    """The three streams of ingest and what waits for room.

    While something waits nothing is read, so it holds no more than what one read (and the silence of many
    streams) brought. `wake` is called once, on any thread, when there is room again; answer it with `unpark`.
    """

    def __init__(self, gate: Gate, wake: Callable[[], None]) -> None:
        self._gate = gate
        self._wake = wake
        self._batches: Subject[LogBatch] = Subject()
        self._events: Subject[ProcessEvent] = Subject()
        self._gaps: Subject[Gap] = Subject()
        self.batches: Observable[LogBatch] = self._batches.pipe(ops.as_observable())
        self.events: Observable[ProcessEvent] = self._events.pipe(ops.as_observable())
        self.gaps: Observable[Gap] = self._gaps.pipe(ops.as_observable())
        self._items: deque[Item] = deque()
        self.parked = False
        """Some stage behind the gate is full and will call."""
        self.parks = 0
        """How often that happened."""
        self.faults = 0
        """What subscribers raised."""

    def __len__(self) -> int:
        return len(self._items)

    def has_room(self, size: int) -> bool:
        """Whether an element of `size` bytes may be emitted now; if not, the gate will call."""
        if self.parked:
            return False
        if self._gate.has_room(size) or not self._gate.park(self._wake, size):
            return True
        self.parked = True
        self.parks += 1
        return False

    def unpark(self) -> None:
        """The gate called: go on with what waits (and park again if that does not fit)."""
        self.parked = False
        self.flush()

    def put(self, item: Item) -> None:
        """Emit `item` behind what waits, at the next `flush`."""
        self._items.append(item)

    def flush(self, *, force: bool = False) -> None:
        """Emit what waits as far as there is room; with `force` beyond that."""
        items = self._items
        while len(items):
            item = items[0]
            if isinstance(item, LogBatch):
                if not force and not self.has_room(len(item.data)):
                    return
                items.popleft()
                self._call(self._batches.on_next, item)
            else:
                items.popleft()
                self._call(self._gaps.on_next if isinstance(item, Gap) else self._events.on_next, item)

    def tell(self, event: ProcessEvent) -> None:
        """Emit `event` at once, before what waits."""
        self._call(self._events.on_next, event)

    def complete(self) -> None:
        """The end of all three streams; what waits is emitted before."""
        self.flush(force=True)
        for subject in (self._batches, self._events, self._gaps):
            self._call(subject.on_completed)

    def _call(self, function: Callable[..., None], *arguments: Any) -> None:
        try:
            function(*arguments)
        except Exception as error:  # noqa: BLE001 - a subscriber's mistake must not stop all reading
            self.faults += 1
            logger.opt(exception=error).error("a subscriber of ingest raised")
