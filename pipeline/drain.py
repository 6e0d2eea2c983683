"""The consuming half of a bounded stage: the drain, its terminal signals, faults and end.

The lock guards every counter and flag and is never held while anything of others is called (subscriber,
resumes, lanes, callbacks). The emptiness test and "no drain is active" are one critical section, and so are
"enqueued" and "a drain is active": else a wake-up is lost, or two drains overlap.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Generic, ParamSpec, TypeVar

from loguru import logger
from reactivex import Observable, abc
from reactivex.disposable import Disposable, SingleAssignmentDisposable

from brummer_rx.pipeline import guards
from brummer_rx.pipeline.errors import ConfigError, OperatorError
from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.lane import DrainLane
from brummer_rx.pipeline.ledger import Ledger, Ledgers
from brummer_rx.pipeline.overflow import Backlog

__all__ = ["DrainTask", "Drained", "Resume"]

T = TypeVar("T")
P = ParamSpec("P")
Resume = Callable[[], None]


class _Rest(Enum):
    """Why a drain stops."""

    AGAIN = "the batch is used up: queue behind the other stages"
    IDLE = "nothing to do"
    END = "deliver the terminal signal"
    GONE = "the stage was closed meanwhile"


class DrainTask:
    """What a lane runs for a stage; tells the stage, too, when the lane ends without running it."""

    __slots__ = ("_abandon", "_drain")

    def __init__(self, drain: Callable[[], None], abandon: Callable[[BaseException], None]) -> None:
        self._drain = drain
        self._abandon = abandon

    def __call__(self) -> None:
        self._drain()

    def abandon(self, reason: BaseException) -> None:
        """See `lane.Abandonable`."""
        self._abandon(reason)


@guards.locked(
    "_lock", "_active", "_ending", "_error", "_closed", "_retired", "_resumes", "_observer", "_parked"
)
@guards.calls_out("_submit", "_drain", "_call_resumes", "_guard", "dispose")
class Drained(Generic[T]):
    """A backlog that is delivered to one subscriber on a lane. `BoundedStage` adds the producers' half."""

    def __init__(
        self,
        lane: DrainLane,
        books: Backlog[T],
        *,
        batch: int,
        joins: Gate | None,
        feeds: Gate | None,
        on_fault: Callable[[BaseException], None] | None,
        ledgers: Ledgers | None,
    ) -> None:
        if batch < 1:
            raise ConfigError(f"stage {books.name}: batch {batch} must be at least 1")
        self.name = books.name
        self._lane = lane
        self._batch = batch
        self._joins = joins
        self._feeds = feeds
        self._on_fault = on_fault
        self._ledgers = ledgers
        self._upstream = SingleAssignmentDisposable()
        self._task = DrainTask(self._drain, self._abandoned)
        self.output: Observable[T] = Observable(self.connect)
        """What the lane delivers; one subscriber. Elements offered before it comes wait in the queue."""
        self._lock = guards.lock("stage")
        # All below is guarded by the lock.
        self._books = books
        self._active = False  # a drain is queued, runs, or is parked with a resume registered
        self._ending = False  # a terminal signal waits behind the backlog; nothing is taken any more
        self._error: BaseException | None = None  # the terminal signal is this error, or completion
        self._closed = False  # nothing is delivered any more
        self._retired = False  # the last numbers were left with the ledgers
        self._parked = 0  # 1 while the drain waits for a resume (a resume may be counted before its park)
        self._resumes: list[Resume] = []  # who waits for room: parked upstreams and blocked producers
        self._observer: abc.ObserverBase[T] | None = None
        guards.under(books, self._lock)

    def ledger(self) -> Ledger:
        """The books as of now; they close at every instant."""
        with self._lock:
            return self._books.ledger(ended=self._closed)

    def held_back_by(self) -> tuple[str, ...]:
        """Why nothing is delivered now, lawfully: who has no room, or that there is no subscriber yet.

        Of a drain that is parked although there is room, "nobody"; of one that should run, nothing.
        """
        with self._lock:
            parked, unheard = self._parked > 0, self._observer is None
        if unheard:
            return ("no subscriber yet",)
        if not parked or self._feeds is None:
            return ()
        size = self._books.head_size()
        full = [room for room in self._feeds.stages if not room.has_room(size)]
        return tuple(str(getattr(room, "name", type(room).__name__)) for room in full) or ("nobody",)

    def dispose(self) -> None:
        """End now: the backlog is discarded (counted), who waits is woken, no signal follows.

        Any thread, idempotent, never blocks; only an element that is being delivered may still finish.
        """
        with self._lock:
            if self._closed:
                return
            wake = self._close()
        self._call_resumes(wake)
        self._release()

    def connect(
        self, observer: abc.ObserverBase[T], _: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        """Make `observer` the one subscriber; disposing what is returned disposes the stage."""
        with self._lock:
            if self._observer is not None:
                raise OperatorError(f"stage {self.name} has its one subscriber already")
            self._observer = guards.outside(observer, self.name)
            start = (len(self._books.items) > 0 or self._ending) and self._claim()
        if start:
            self._submit()
        return Disposable(self.dispose)

    # --- under the lock ---------------------------------------------------------------------------

    def _claim(self) -> bool:
        """Make the caller the one who submits the drain, if none is active."""
        if self._active or self._closed or self._observer is None:
            return False
        self._active = True
        return True

    def _close(self) -> list[Resume]:
        self._closed = True
        self._books.discard_all()
        return self._take_resumes()

    def _take_resumes(self) -> list[Resume]:
        wake, self._resumes = self._resumes, []
        return wake

    def _rest(self) -> _Rest:
        if self._closed:
            self._active = False
            return _Rest.GONE
        if len(self._books.items):
            return _Rest.AGAIN
        self._active = False
        if not self._ending:
            return _Rest.IDLE
        self._closed = True
        return _Rest.END

    # --- the drain --------------------------------------------------------------------------------

    def _submit(self) -> None:
        try:
            self._lane.submit_drain(self._task)
        except Exception as error:  # noqa: BLE001 - the lane is gone: the stage ends and says so
            self._fault(error)

    def _drain(self) -> None:
        """Deliver up to `batch` elements; on the lane, at most one at a time."""
        books, feeds, lock, observer = self._books, self._feeds, self._lock, self._observer
        if observer is None:
            raise OperatorError(f"stage {self.name} drains without a subscriber")
        left = self._batch
        with lock:
            books.hops += 1
        while True:
            asked = feeds is None or self._ask(feeds)
            if asked is None:
                return
            wake = None
            with lock:
                books.settle()
                if left and len(books.items) and not self._closed:
                    if not asked:
                        continue
                    x = books.take()
                    if self._resumes and books.is_low():
                        wake = self._take_resumes()
                else:
                    rest = self._rest()
                    break
            left -= 1
            if wake is not None:
                self._call_resumes(wake)
            try:
                observer.on_next(x)
            except BaseException as error:
                self._fault(error)
                if isinstance(error, Exception):
                    return
                raise
        self._stop_draining(rest, observer)

    def _stop_draining(self, rest: _Rest, observer: abc.ObserverBase[T]) -> None:
        if rest is _Rest.AGAIN:
            self._submit()
        elif rest is _Rest.END:
            self._guard(_signal_end, observer, self._error)
            self._release()
        elif rest is _Rest.GONE:
            self._release()

    def _ask(self, feeds: Gate) -> bool | None:
        """Whether the next element may pass: None: no, the drain is parked and its worker goes.

        False: there was no element to ask for. One that came since has to be asked for first.
        """
        if not len(self._books.items):
            return False
        size = self._books.head_size()
        if feeds.has_room(size):
            return True
        with self._lock:
            self._books.settle()
            if self._closed:
                return False
        if not feeds.park(self._resume, size):
            return True
        # From here on another thread may run the drain; only the counter is touched.
        with self._lock:
            self._books.parks += 1
            self._parked += 1
        return None

    def _resume(self) -> None:
        with self._lock:
            self._parked -= 1
            if self._closed:
                self._active = False
                return
        self._submit()

    # --- ends -------------------------------------------------------------------------------------

    def _abandoned(self, reason: BaseException) -> None:
        """The lane ends without running the drain: a fault, unless the stage had ended before."""
        with self._lock:
            ended = self._closed
            if ended:
                self._active = False
        if ended:
            self._release()
        else:
            self._fault(reason)

    def _fault(self, error: BaseException) -> None:
        """The subscriber raised, or the lane does not run the drain: close, and tell everybody once."""
        with self._lock:
            self._books.faults += 1
            self._books.settle()
            first = not self._closed
            self._active = False
            wake = self._close()
            observer = self._observer
        logger.opt(exception=error).error("stage {} ended by a fault", self.name)
        self._call_resumes(wake)
        self._guard(self._upstream.dispose)
        if first and observer is not None:
            self._guard(_signal_end, observer, error)
        if self._on_fault is not None:
            self._guard(self._on_fault, error)
        self._release()

    def _release(self) -> None:
        """Leave gate and ledgers, let go of the upstream; idempotent.

        The ledgers get the last numbers when nothing is being delivered any more (else the drain comes here
        again).
        """
        self._guard(self._upstream.dispose)
        if self._joins is not None:
            self._joins.leave(self)  # type: ignore[arg-type]  # who passes a gate has the producers' half
        with self._lock:
            if self._retired or self._books.flying:
                return
            self._retired = True
            if self._ledgers is not None:
                # Under the lock, else an element that comes too late meanwhile is counted by both.
                self._ledgers.retire(self, self._books.ledger(ended=True))

    # --- calling others, never under the lock -----------------------------------------------------

    def _call_resumes(self, wake: list[Resume]) -> None:
        for resume in wake:
            self._guard(resume)

    def _guard(self, call: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        # reactivex's Subject, too, may raise in dispose when its completion races with us.
        try:
            call(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - a bad callback must not break the stage; it is counted
            with self._lock:
                self._books.faults += 1
            logger.opt(exception=error).error("a callback of stage {} raised", self.name)


def _signal_end(observer: abc.ObserverBase[T], error: BaseException | None) -> None:
    if error is None:
        observer.on_completed()
    else:
        observer.on_error(error)  # type: ignore[arg-type]  # a subscriber's KeyboardInterrupt, too
