"""A transform on the main path must not cost a line: what it cannot process goes on as it came.

::

    events   --a--b--c--d-->
             transform (raises at b)
    result   --A--b--C--D-->     failures: 1

After `MAX_FAILURES` in a row the transform is bypassed (architecture.md section 7).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import reactivex
from loguru import logger
from reactivex import Observable, Subject
from reactivex.abc import DisposableBase, ObserverBase, SchedulerBase

from brummer_rx.pipeline import guards
from brummer_rx.pipeline.errors import OperatorError
from brummer_rx.pipeline.event import Event, LogBatch

__all__ = ["MAX_FAILURES", "GuardedTransform", "Operator"]

Operator = Callable[[Observable[Event]], Observable[Event]]
"""What extensions write: an ordinary reactivex operator on events."""

MAX_FAILURES = 5
"""Failures in a row after which a transform is bypassed."""


Failed = Callable[[str, BaseException, bool], None]


@guards.owned("stage before it", "_apply", "_complete", serial=True)
@dataclass(slots=True)
class GuardedTransform:
    """One transform with its counters. State is owned by the segment that runs it (one thread at a time).

    It must answer an event before it returns: what it emits later, on a thread of its own, goes out with the
    next event, and what it still holds after its source has ended is lost (told as a failure).
    """

    name: str
    operator: Operator
    on_failure: Failed
    """Told (name, error, whether it is bypassed from now on)."""
    batches: int = 0
    lines: int = 0
    failures: int = 0
    in_a_row: int = 0
    bypassed: bool = False

    def __call__(self, source: Observable[Event]) -> Observable[Event]:
        """The guarded operator; subscribe it once."""

        def subscribe(
            observer: ObserverBase[Event], scheduler: SchedulerBase | None = None
        ) -> DisposableBase:
            attempt = _Attempt(self.operator)

            def on_next(event: Event) -> None:
                for out in self._apply(attempt, event):
                    observer.on_next(out)

            def on_completed() -> None:
                for out in self._complete(attempt):
                    observer.on_next(out)
                observer.on_completed()

            return source.subscribe(on_next, observer.on_error, on_completed, scheduler=scheduler)

        return reactivex.create(subscribe)

    def _apply(self, attempt: _Attempt, event: Event) -> list[Event]:
        if self.bypassed:
            return [event]
        self.batches += 1
        self.lines += event.lines if isinstance(event, LogBatch) else 0
        out = attempt.take()
        try:
            attempt.feed(event)
        except BaseException as error:  # noqa: BLE001 - foreign code, it may even exit: the event goes on
            self._failed(error)
            attempt.take()  # half of an answer
            out.append(event)
        else:
            self.in_a_row = 0
            out += attempt.take()
        return out

    def _complete(self, attempt: _Attempt) -> list[Event]:
        try:
            attempt.complete()
        except BaseException as error:  # noqa: BLE001 - as above: the end must get through
            self._failed(error)
        return attempt.take()

    def _failed(self, error: BaseException) -> None:
        self.failures += 1
        self.in_a_row += 1
        self.bypassed = self.in_a_row >= MAX_FAILURES
        logger.opt(exception=error).warning("operator {} failed", self.name)
        self.on_failure(self.name, error, self.bypassed)


class _Attempt:
    """The operator behind a Subject of its own, so that its failure ends it and not the stream."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator
        self._error: Exception | None = None
        self._ended = False
        self._out: deque[Event] = deque()
        self._subject: Subject[Event] | None = None

    def feed(self, event: Event) -> None:
        """Let the operator see one event; raises what it raised, and starts afresh next time."""
        if self._subject is None:
            self._subject = self._connect()
        try:
            self._subject.on_next(event)
            if self._error is not None:
                raise self._error
            if self._ended:
                raise OperatorError("it ended before its input did")
        except BaseException:
            self._subject = None
            raise

    def take(self) -> list[Event]:
        """What came out of it since the last time."""
        out = []
        while self._out:
            out.append(self._out.popleft())
        return out

    def complete(self) -> None:
        """Let it hear of the end; raises what it raised, or `OperatorError` when it does not end."""
        subject, self._subject = self._subject, None
        if subject is None:
            return
        subject.on_completed()
        if self._error is not None:
            raise self._error
        if not self._ended:
            raise OperatorError("it did not end with its input; what it still holds is lost")

    def _connect(self) -> Subject[Event]:
        self._error, self._ended = None, False
        subject: Subject[Event] = Subject()
        subject.pipe(self._operator).subscribe(self._out.append, self._take_error, self._end)
        return subject

    def _take_error(self, error: Exception) -> None:
        self._error = error

    def _end(self) -> None:
        self._ended = True
