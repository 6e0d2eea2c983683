"""What a bounded stage has to do, as a model that shares no code with it: plain, sequential, on one thread.

`StageModel` is told what the test does to the real stage and says what must have come of it. It counts by
itself; the stage's own numbers are what it judges.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from brummer_rx.pipeline.stage import EmitResult, Overflow

__all__ = ["Element", "StageModel", "Waiter"]


@dataclass(frozen=True, slots=True)
class Element:
    """One element: its number (in the order of offering), its weight, what its delivery sets off."""

    number: int
    size: int = 0
    acts: tuple[str, ...] = ()


@dataclass(slots=True)
class Waiter:
    """Who parked at the stage; `offers`: the element that it offers as soon as it is resumed."""

    offers: Element | None = None
    raises: bool = False
    resumed: int = 0


@dataclass
class StageModel:
    """One stage. `waits`, `full` and `refuses` look at the doubles around it."""

    overflow: Overflow
    capacity: int
    max_bytes: float
    batch: int
    full: Callable[[int], bool]
    """Whether a gate behind the stage has no room for an element of this size."""
    refuses: Callable[[], bool]
    """Whether the lane takes no drain."""
    drop_raises: Callable[[Element], bool]
    end_raises: bool = False
    act: Callable[[str], None] = field(default=lambda _: None)
    """Plays what an element sets off, in the model."""

    queue: deque[Element] = field(default_factory=deque)
    heard: list[object] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)
    waiters: list[Waiter] = field(default_factory=list)
    resumed: list[Waiter] = field(default_factory=list)
    connected: bool = False
    drain: str | None = None
    """None, "queued", "parked" or "running"."""
    ending: object = None
    over: bool = False
    flying: Element | None = None
    accepted: int = 0
    delivered: int = 0
    discarded: int = 0
    refused: int = 0
    faults: int = 0
    told: int = 0
    overshoots: int = 0
    blocked: int = 0
    parks: int = 0
    hops: int = 0
    high_water: int = 0
    high_bytes: int = 0

    @property
    def bytes(self) -> int:
        return sum(x.size for x in self.queue)

    @property
    def holds_back(self) -> bool:
        return self.overflow in (Overflow.BLOCK, Overflow.PARK, Overflow.ERROR)

    @property
    def work(self) -> bool:
        """Whether somebody has to come and do something."""
        return self.connected and not self.over and (len(self.queue) > 0 or self.ending is not None)

    def fits(self, size: int) -> bool:
        if not self.queue:
            return True
        return len(self.queue) + 1 <= self.capacity and self.bytes + size <= self.max_bytes

    # --- producers --------------------------------------------------------------------------------

    def try_emit(self, x: Element) -> EmitResult:
        """What the call must return."""
        if self.over or self.ending is not None:
            self.discarded += 1
            return EmitResult.CLOSED
        if self.fits(x.size):
            self.push(x)
            return EmitResult.OK
        if self.holds_back:
            self.refused += 1
            return EmitResult.OVERFLOW
        return self.squeeze(x)

    def offer(self, x: Element, *, may_wait: bool) -> str | None:
        """What the call must raise; who may wait waits no time at all."""
        if self.over or self.ending is not None:
            self.discarded += 1
        elif self.fits(x.size):
            self.push(x)
        elif not self.holds_back:
            self.squeeze(x)
        elif self.overflow is Overflow.ERROR:
            self.discarded += 1
            self.ending = "BufferOverflow"
            self.wake()
        elif may_wait:
            self.blocked += 1
            self.discarded += 1
            return "BufferOverflow"
        elif self.overflow is Overflow.BLOCK:
            self.discarded += 1
            return "ThreadError"
        else:
            self.overshoots += 1
            self.push(x)
        return None

    def push(self, x: Element) -> None:
        self.queue.append(x)
        self.accepted += 1
        self.high_water = max(self.high_water, len(self.queue))
        self.high_bytes = max(self.high_bytes, self.bytes)
        self.need_drain()

    def squeeze(self, x: Element) -> EmitResult:
        victims = [x] if self.overflow is Overflow.DROP_NEWEST else []
        if not victims:
            while not self.fits(x.size):
                victims.append(self.queue.popleft())
            self.push(x)
        for victim in victims:
            self.dropped.append(victim.number)
            self.faults += self.drop_raises(victim)
        return EmitResult.OVERFLOW if victims == [x] else EmitResult.OK

    def finish(self, how: str) -> None:
        if self.over or self.ending is not None:
            return
        self.ending = how
        self.need_drain()
        self.wake()

    def park(self, waiter: Waiter, size: int) -> bool:
        """What the call must return."""
        if self.over or self.ending is not None or not self.holds_back or self.fits(size):
            return False
        self.waiters.append(waiter)
        return True

    # --- the drain --------------------------------------------------------------------------------

    def connect(self) -> None:
        self.connected = True
        if self.work:
            self.need_drain()

    def need_drain(self) -> None:
        if self.drain is None and self.connected and not self.over:
            self.submit()

    def submit(self) -> None:
        if self.refuses():
            self.fault("ThreadError")
        else:
            self.drain = "queued"

    def run(self) -> None:
        """The lane runs a drain of the stage."""
        self.drain = "running"
        self.hops += 1
        left = self.batch
        while not self.over:
            if self.queue and self.full(self.queue[0].size):
                self.parks += 1
                self.drain = "parked"
                return
            if not self.queue or not left:
                break
            left -= 1
            if self.deliver(self.queue.popleft()):
                return
        self.drain = None
        if self.work and self.queue:
            self.submit()
        elif self.work:
            self.over = True
            self.hear(self.ending)

    def deliver(self, x: Element) -> bool:
        """Whether it raised."""
        self.flying = x
        quarter = max(1, self.capacity // 4)
        low_bytes = self.max_bytes if self.max_bytes == float("inf") else self.max_bytes - self.max_bytes // 4
        if len(self.queue) <= self.capacity - quarter and self.bytes <= low_bytes:
            self.wake()
        self.heard.append(x.number)
        for act in x.acts:
            if act == "raise":
                self.landed()
                self.fault("Boom")
                return True
            self.act(act)
        self.landed()
        return False

    def landed(self) -> None:
        self.flying = None
        self.delivered += 1

    def resume(self) -> None:
        """What the stage parked at has room again."""
        if self.over:
            self.drain = None
        else:
            self.submit()

    # --- ends -------------------------------------------------------------------------------------

    def dispose(self) -> None:
        if not self.over:
            self.close()

    def fault(self, error: str) -> None:
        self.faults += 1
        self.told += 1
        self.drain = None
        first = not self.over
        self.close()
        if first and self.connected:
            self.hear(error)

    def close(self) -> None:
        self.over = True
        self.discarded += len(self.queue)
        self.queue.clear()
        self.wake()

    def hear(self, signal: object) -> None:
        self.heard.append(signal)
        self.faults += self.end_raises

    def wake(self) -> None:
        waiters, self.waiters = self.waiters, []
        for waiter in waiters:
            self.resumed.append(waiter)
            if waiter.offers is not None:
                self.try_emit(waiter.offers)
            self.faults += waiter.raises
