"""The bounded stage: the one hop between threads (architecture.md section 4), as an object and as an
operator.

Any number of producers offer, one drain task per stage delivers on a lane, `batch` elements at a time. What
happens to an element that finds no room is the stage's `Overflow`; whatever happens, the ledger closes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from reactivex import Observable, abc

from brummer_rx.pipeline import guards
from brummer_rx.pipeline.drain import Drained, Resume
from brummer_rx.pipeline.errors import BufferOverflow, ThreadError
from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.lane import DrainLane, serving
from brummer_rx.pipeline.ledger import Ledgers
from brummer_rx.pipeline.overflow import Backlog, EmitResult, Overflow, weight_of

__all__ = ["BoundedStage", "EmitResult", "Overflow", "observe_on_bounded", "weight_of"]

T = TypeVar("T")


@guards.calls_out("offer", "try_emit", "complete", "error", "follow")
class BoundedStage(Drained[T]):
    """A bounded queue between producers on any thread and one subscriber on `lane`.

    :param lane: where the subscriber is called
    :param capacity: elements that may wait (LATEST: always 1); the one being delivered does not count
    :param max_bytes: bytes that may wait, as `weigh` says; an empty queue takes an element of any size
    :param batch: elements per drain, then it queues itself again behind the other stages
    :param timeout: seconds that a producer waits for room at most; then `offer` raises `BufferOverflow`
    :param joins: the gate that this stage is a downstream of
    :param feeds: the gate of what comes after; the drain parks there before each element
    :param on_drop: told of each element that the overflow choice dropped, on the producer's thread
    :param on_fault: told once why the stage ended by a fault (subscriber or lane raised), on that thread
    """

    def __init__(
        self,
        lane: DrainLane,
        *,
        name: str,
        capacity: int = 1024,
        max_bytes: int | None = None,
        overflow: Overflow = Overflow.PARK,
        batch: int = 64,
        timeout: float | None = None,
        weigh: Callable[[T], int] = weight_of,
        joins: Gate | None = None,
        feeds: Gate | None = None,
        on_drop: Callable[[T], None] | None = None,
        on_fault: Callable[[BaseException], None] | None = None,
        ledgers: Ledgers | None = None,
    ) -> None:
        books: Backlog[T] = Backlog(name, 1 if overflow is Overflow.LATEST else capacity, max_bytes)
        super().__init__(
            lane, books, batch=batch, joins=joins, feeds=feeds, on_fault=on_fault, ledgers=ledgers
        )
        self.overflow = overflow
        self._timeout = timeout
        self._weigh = weigh
        self._on_drop = on_drop
        if ledgers is not None:
            ledgers.add(self)
        if joins is not None:
            joins.join(self)

    @property
    def bound(self) -> tuple[int, int | None]:
        """Elements and bytes that may wait."""
        return self._books.capacity, self._books.max_bytes

    # --- producers, any thread --------------------------------------------------------------------

    def offer(self, x: T) -> None:
        """Give `x` to the stage. What happens when it is full is the overflow choice.

        Raises `BufferOverflow` when BLOCK or PARK waited for `timeout`, and `ThreadError` when BLOCK would
        wait on a thread that serves a lane.
        """
        size = self._weigh(x)
        with self._lock:
            result, start = self._admit(x, size)
        if start:
            self._submit()
        elif result is EmitResult.OVERFLOW:
            self._offer_full(x, size)

    def try_emit(self, x: T) -> EmitResult:
        """As `offer`, but never waits, raises, or ends the stage: OVERFLOW leaves `x` with the caller.

        (With DROP_NEWEST it was dropped, and `on_drop` told. The other dropping choices make room: OK.)
        """
        size = self._weigh(x)
        victims: list[T] = []
        with self._lock:
            result, start = self._admit(x, size)
            if result is EmitResult.OVERFLOW:
                if self.overflow.holds_back:
                    self._books.refused += 1
                else:
                    result, victims, start = self._squeeze(x, size)
        if start:
            self._submit()
        if self._on_drop is not None:
            for victim in victims:
                self._guard(self._on_drop, victim)
        return result

    def complete(self) -> None:
        """No more elements: the subscriber hears of it behind the backlog. Idempotent."""
        self._end(None)

    def error(self, error: BaseException) -> None:
        """As `complete`, with an error."""
        self._end(error)

    def follow(self, source: Observable[T], scheduler: abc.SchedulerBase | None = None) -> None:
        """Take the elements and the end of `source`, once; its subscription ends with the stage."""
        self._upstream.disposable = source.subscribe(
            self.offer, self.error, self.complete, scheduler=scheduler
        )

    # --- the gate's side --------------------------------------------------------------------------

    def has_room(self, size: int = 0) -> bool:
        """See `gate.Room`. A hint, taken without the lock; `park` asks again under it."""
        return self._books.fits(size) or not self.overflow.holds_back or self._ending or self._closed

    def park(self, resume: Resume, size: int = 0) -> bool:
        """See `gate.Room`."""
        with self._lock:
            if self.has_room(size):
                return False
            self._resumes.append(resume)
            return True

    # --- under the lock; the last value says: the caller has to submit the drain -------------------

    def _admit(self, x: T, size: int) -> tuple[EmitResult, bool]:
        if self._ending or self._closed:
            self._books.discard_incoming()
            if self._retired and self._ledgers is not None:
                self._ledgers.late(self.name)
            return EmitResult.CLOSED, False
        if not self._books.fits(size):
            return EmitResult.OVERFLOW, False
        return self._push(x, size)

    def _push(self, x: T, size: int) -> tuple[EmitResult, bool]:
        self._books.push(x, size)
        return EmitResult.OK, not self._active and self._claim()

    def _squeeze(self, x: T, size: int) -> tuple[EmitResult, list[T], bool]:
        """The dropping choices of a full stage."""
        books = self._books
        if self.overflow is Overflow.DROP_NEWEST:
            books.drop_incoming()
            return EmitResult.OVERFLOW, [x], False
        victims = []
        while not books.fits(size):
            victims.append(books.evict())
        result, start = self._push(x, size)
        return result, victims, start

    # --- a full stage -----------------------------------------------------------------------------

    def _offer_full(self, x: T, size: int) -> None:
        if self.overflow is Overflow.ERROR:
            self._end_by_overflow(x, size)
        elif not self.overflow.holds_back:
            self.try_emit(x)
        elif serving() is None and not self._lane.is_current():
            self._wait_for_room(x, size)
        elif self.overflow is Overflow.BLOCK:
            self._refuse_to_block(x, size)
        else:
            self._overshoot(x, size)

    def _end_by_overflow(self, x: T, size: int) -> None:
        wake: list[Resume] = []
        with self._lock:
            result, start = self._admit(x, size)
            if result is EmitResult.OVERFLOW:
                self._books.discard_incoming()
                self._ending = True
                self._error = BufferOverflow(f"stage {self.name} is full ({self._books.capacity} elements)")
                wake = self._take_resumes()
        if start:
            self._submit()
        if result is EmitResult.OVERFLOW:
            self._call_resumes(wake)
            self._guard(self._upstream.dispose)

    def _refuse_to_block(self, x: T, size: int) -> None:
        with self._lock:
            result, start = self._admit(x, size)
            if result is EmitResult.OVERFLOW:
                self._books.discard_incoming()
        if start:
            self._submit()
        if result is EmitResult.OVERFLOW:
            raise ThreadError(f"stage {self.name} is full and must not block {serving() or self._lane.name}")

    def _overshoot(self, x: T, size: int) -> None:
        with self._lock:
            result, start = self._admit(x, size)
            if result is EmitResult.OVERFLOW:
                self._books.overshoots += 1
                _, start = self._push(x, size)
        if start:
            self._submit()

    def _wait_for_room(self, x: T, size: int) -> None:
        began = time.monotonic()
        end = None if self._timeout is None else began + self._timeout
        bell = threading.Event()
        ring = bell.set
        with self._lock:
            self._books.blocked_count += 1
        while True:
            bell.clear()
            with self._lock:
                result, start = self._admit(x, size)
                if result is not EmitResult.OVERFLOW or (end is not None and time.monotonic() >= end):
                    self._books.blocked_seconds += time.monotonic() - began
                    if result is EmitResult.OVERFLOW:
                        self._books.discard_incoming()
                    break
                self._resumes.append(ring)
            if not bell.wait(None if end is None else max(0.0, end - time.monotonic())):
                with self._lock:
                    self._resumes = [resume for resume in self._resumes if resume is not ring]
        if start:
            self._submit()
        if result is EmitResult.OVERFLOW:
            raise BufferOverflow(f"stage {self.name} had no room for {self._timeout} s")

    def _end(self, error: BaseException | None) -> None:
        with self._lock:
            if self._ending or self._closed:
                return
            self._ending = True
            self._error = error
            wake = self._take_resumes()
            start = self._claim()
        if start:
            self._submit()
        self._call_resumes(wake)


def observe_on_bounded(
    lane: DrainLane,
    *,
    name: str,
    capacity: int = 1024,
    max_bytes: int | None = None,
    overflow: Overflow = Overflow.PARK,
    batch: int = 64,
    timeout: float | None = None,
    weigh: Callable[[T], int] = weight_of,
    joins: Gate | None = None,
    feeds: Gate | None = None,
    on_drop: Callable[[T], None] | None = None,
    on_fault: Callable[[BaseException], None] | None = None,
    ledgers: Ledgers | None = None,
) -> Callable[[Observable[T]], Observable[T]]:
    """The hop to another thread: what `source` emits is delivered on `lane`, bounded, in order.

    Each subscription has a `BoundedStage` of its own (see there for the parameters). Disposing it disposes
    the source's subscription, and so does a fault, or an overflow with ERROR.
    """

    def hop(source: Observable[T]) -> Observable[T]:
        def subscribe(
            observer: abc.ObserverBase[T], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            stage: BoundedStage[T] = BoundedStage(
                lane,
                name=name,
                capacity=capacity,
                max_bytes=max_bytes,
                overflow=overflow,
                batch=batch,
                timeout=timeout,
                weigh=weigh,
                joins=joins,
                feeds=feeds,
                on_drop=on_drop,
                on_fault=on_fault,
                ledgers=ledgers,
            )
            subscription = stage.connect(observer)
            stage.follow(source, scheduler)
            return subscription

        return Observable(subscribe)

    return hop
