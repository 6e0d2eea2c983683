"""The books of bounded stages: what came, what went, what was lost and why, exactly, at every instant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from brummer_rx.pipeline import guards

__all__ = ["Ledger", "Ledgers", "Stage", "merge"]


@dataclass(frozen=True, slots=True)
class Ledger:
    """One stage at one moment (all fields were read under the stage's lock)."""

    stage: str
    offered: int = 0
    """Elements whose fate is decided: queued or delivered, dropped, discarded."""
    accepted: int = 0
    delivered: int = 0
    """Handed to the subscriber, the one that it raised on included."""
    dropped: int = 0
    """Lost by the overflow choice (DROP_OLDEST, DROP_NEWEST, LATEST); `on_drop` was told."""
    discarded: int = 0
    """Not delivered because the stage ended, or refused with an exception (BLOCK's timeout)."""
    queued: int = 0
    """The one that is being delivered included."""
    queued_bytes: int = 0
    high_water: int = 0
    """Most elements that waited at once (the one being delivered not included)."""
    high_water_bytes: int = 0
    refused: int = 0
    """`try_emit` said OVERFLOW and left the element with the caller; not part of `offered`."""
    overshoots: int = 0
    """Elements that PARK admitted beyond its bound because their thread may not wait."""
    parks: int = 0
    """Times the drain gave its worker back because what comes after it was full."""
    hops: int = 0
    """Drains that ran."""
    faults: int = 0
    """Exceptions of the subscriber, of the lane or of callbacks."""
    blocked_count: int = 0
    blocked_seconds: float = 0.0
    """Time that producers spent waiting, waits that have ended."""
    last_progress: float = 0.0
    """Monotonic time of the last delivery (of the stage's creation before that)."""
    ended: bool = False

    @property
    def closes(self) -> bool:
        """Whether everything offered is accounted for."""
        return self.offered == self.delivered + self.dropped + self.discarded + self.queued


def merge(a: Ledger, b: Ledger) -> Ledger:
    """The books of two stages of one name as one: counts add up, high waters do not."""
    return Ledger(
        stage=a.stage,
        offered=a.offered + b.offered,
        accepted=a.accepted + b.accepted,
        delivered=a.delivered + b.delivered,
        dropped=a.dropped + b.dropped,
        discarded=a.discarded + b.discarded,
        queued=a.queued + b.queued,
        queued_bytes=a.queued_bytes + b.queued_bytes,
        high_water=max(a.high_water, b.high_water),
        high_water_bytes=max(a.high_water_bytes, b.high_water_bytes),
        refused=a.refused + b.refused,
        overshoots=a.overshoots + b.overshoots,
        parks=a.parks + b.parks,
        hops=a.hops + b.hops,
        faults=a.faults + b.faults,
        blocked_count=a.blocked_count + b.blocked_count,
        blocked_seconds=a.blocked_seconds + b.blocked_seconds,
        last_progress=max(a.last_progress, b.last_progress),
        ended=a.ended and b.ended,
    )


class Stage(Protocol):
    """What keeps a ledger."""

    def ledger(self) -> Ledger:
        """The books as of now."""
        ...


class Ledgers:
    """The books of a run's stages. Stages of one name (one per follower, say) are shown as one.

    An ended stage leaves its last numbers and is forgotten, so that followers who come and go cost no memory.
    Any thread; guarded by its lock, which may be taken while a stage's is held, never the other way round.
    """

    def __init__(self) -> None:
        self._lock = guards.lock("ledgers")
        self._live: dict[int, Stage] = {}  # by id: in the order of joining
        self._past: dict[str, Ledger] = {}

    def add(self, stage: Stage) -> None:
        """Keep the books of `stage` from now on."""
        with self._lock:
            self._live[id(stage)] = stage

    def retire(self, stage: Stage, last: Ledger) -> None:
        """The stage has ended: keep its last numbers only. Nothing happens if it is not kept (any more)."""
        with self._lock:
            if self._live.pop(id(stage), None) is not None:
                self._add_past(last)

    def late(self, stage: str) -> None:
        """An element was offered to a stage that had left its last numbers here: discarded, and counted."""
        with self._lock:
            self._add_past(Ledger(stage, offered=1, discarded=1, ended=True))

    def _add_past(self, last: Ledger) -> None:
        past = self._past.get(last.stage)
        self._past[last.stage] = last if past is None else merge(past, last)

    def live(self) -> tuple[Stage, ...]:
        """The stages that have not ended, in the order of joining."""
        with self._lock:
            return tuple(self._live.values())

    def snapshot(self) -> tuple[Ledger, ...]:
        """One ledger per stage name: those of ended stages first, in the order of their end."""
        with self._lock:
            books, live = dict(self._past), tuple(self._live.values())
        for stage in live:
            now = stage.ledger()
            past = books.get(now.stage)
            books[now.stage] = now if past is None else merge(past, now)
        return tuple(books.values())
