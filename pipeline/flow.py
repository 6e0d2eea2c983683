"""The way of the lines: ingest -> stage "lines" -> transforms -> one stage per sink.

::

    batches ─▶ [lines] ─▶ transforms ─┬▶ [store]    what stands in brackets is a bounded stage that PARKs:
              (pool)                  └▶ [console]  when a sink is full, "lines" gives its worker back

The ingest thread asks `LineFlow.entrance` before each read; so a sink that stops holds the children in their
own `write`, nothing is buffered without a bound, and nothing is lost. All stages before the store hold 2 MiB
together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from loguru import logger
from reactivex import Observable, Subject
from reactivex.abc import DisposableBase

from brummer_rx.pipeline import guards
from brummer_rx.pipeline.event import Event
from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.guarded import GuardedTransform
from brummer_rx.pipeline.lane import DrainLane
from brummer_rx.pipeline.ledger import Ledgers
from brummer_rx.pipeline.stage import Overflow, observe_on_bounded

__all__ = ["STAGE_BYTES", "LineFlow", "SinkSpec"]

STAGE_BYTES = 1024 * 1024
"""Byte bound of each stage on the main path. The design allows 8 MiB before the store, but what waits there
is what a kill -9 costs: at full rate so little is on disk 100 ms after it was read. More was no faster."""


@dataclass(frozen=True, slots=True)
class SinkSpec:
    """Where lines end: a consumer and the lane that it lives on."""

    name: str
    lane: DrainLane
    consume: Callable[[Event], None]
    feeds: Gate | None = None
    """A gate of the sink's own, asked before each element (a console that waits for its reader)."""
    batch: int = 64


@guards.calls_out("_ended", "detach")
class LineFlow:
    """One run's main path. Built and connected on one thread; `detach` from any.

    `on_end(name, error)` is called once per sink, on the sink's lane: error is None when it saw everything.
    """

    def __init__(
        self, lane: DrainLane, ledgers: Ledgers, on_end: Callable[[str, Exception | None], None]
    ) -> None:
        self.entrance = Gate()
        """What the ingest thread asks before each read."""
        self._lane = lane
        self._ledgers = ledgers
        self._on_end = on_end
        self._fan = Gate()
        self._lock = guards.lock("line flow")
        self._open: dict[str, DisposableBase] = {}  # sinks that have not ended; under the lock

    def connect(
        self,
        batches: Observable[Event],
        transforms: Sequence[GuardedTransform],
        sinks: Sequence[SinkSpec],
    ) -> None:
        """Wire everything, last station first, so that no element meets an open end. Once."""
        hub: Subject[Event] = Subject()  # one producer: the drain of "lines"
        for sink in sinks:
            self._attach(hub, sink)
        flow = batches.pipe(
            observe_on_bounded(
                self._lane,
                name="lines",
                max_bytes=STAGE_BYTES,
                overflow=Overflow.PARK,
                batch=16,
                joins=self.entrance,
                feeds=self._fan,
                ledgers=self._ledgers,
            )
        )
        for transform in transforms:
            flow = flow.pipe(transform)
        flow.subscribe(hub)

    def detach(self, name: str) -> bool:
        """Let a sink go: what waits in its stage is discarded and counted, the others go on.

        Whether it was open.
        """
        with self._lock:
            subscription = self._open.pop(name, None)
        if subscription is None:
            return False
        subscription.dispose()
        return True

    @property
    def open_sinks(self) -> tuple[str, ...]:
        """Sinks that have neither ended nor been detached."""
        with self._lock:
            return tuple(self._open)

    def _attach(self, hub: Subject[Event], sink: SinkSpec) -> None:
        stage: Callable[[Observable[Event]], Observable[Event]] = observe_on_bounded(
            sink.lane,
            name=sink.name,
            max_bytes=STAGE_BYTES,
            overflow=Overflow.PARK,
            batch=sink.batch,
            joins=self._fan,
            feeds=sink.feeds,
            ledgers=self._ledgers,
        )
        subscription = hub.pipe(stage).subscribe(
            sink.consume,
            lambda error: self._ended(sink.name, error),
            lambda: self._ended(sink.name, None),
        )
        with self._lock:
            self._open[sink.name] = subscription

    def _ended(self, name: str, error: Exception | None) -> None:
        with self._lock:
            self._open.pop(name, None)
        if error is not None:
            logger.opt(exception=error).error("sink {} failed", name)
        self._on_end(name, error)
