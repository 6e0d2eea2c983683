"""A transform on the main path must not cost a line: what it cannot process goes on as it came.

::

    events   --a--b--c--d-->
             transform (raises at b)
    result   --A--b--C--D-->     failures: 1

After `MAX_FAILURES` in a row the transform is bypassed (architecture.md section 7).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import reactivex
from loguru import logger
from reactivex import Observable, Subject
from reactivex.abc import DisposableBase, ObserverBase, SchedulerBase

from brummer_rx.pipeline.event import Event, LogBatch

__all__ = ["MAX_FAILURES", "GuardedTransform", "Operator"]

Operator = Callable[[Observable[Event]], Observable[Event]]
"""What extensions write: an ordinary reactivex operator on events."""

MAX_FAILURES = 5
"""Failures in a row after which a transform is bypassed."""


@dataclass(slots=True)
class GuardedTransform:
    """One transform with its counters. State is owned by the segment that runs it (one thread at a time)."""

    name: str
    operator: Operator
    on_failure: Callable[[str, Exception, bool], None]
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
                for out in attempt.complete():
                    observer.on_next(out)
                observer.on_completed()

            return source.subscribe(on_next, observer.on_error, on_completed, scheduler=scheduler)

        return reactivex.create(subscribe)

    def _apply(self, attempt: _Attempt, event: Event) -> list[Event]:
        if self.bypassed:
            return [event]
        self.batches += 1
        self.lines += event.lines if isinstance(event, LogBatch) else 0
        try:
            out = attempt.feed(event)
        except Exception as error:  # noqa: BLE001 - foreign code: counted, told, and the event goes on
            self.failures += 1
            self.in_a_row += 1
            self.bypassed = self.in_a_row >= MAX_FAILURES
            logger.opt(exception=error).warning("operator {} failed", self.name)
            self.on_failure(self.name, error, self.bypassed)
            return [event]
        self.in_a_row = 0
        return out


class _Attempt:
    """The operator behind a Subject of its own, so that its failure ends it and not the stream."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator
        self._error: Exception | None = None
        self._out: list[Event] = []
        self._subject: Subject[Event] | None = None

    def feed(self, event: Event) -> list[Event]:
        """What the operator makes of one event; raises what it raised, and starts afresh next time."""
        if self._subject is None:
            self._subject = self._connect()
        self._out, self._error = [], None
        try:
            self._subject.on_next(event)
        except Exception:
            self._subject = None
            raise
        error = self._take_error()
        if error is not None:
            self._subject = None
            raise error
        return self._out

    def complete(self) -> list[Event]:
        """What the operator still holds at the end."""
        self._out = []
        if self._subject is not None:
            self._subject.on_completed()
        return self._out

    def _connect(self) -> Subject[Event]:
        subject: Subject[Event] = Subject()
        subject.pipe(self._operator).subscribe(self._keep, self._failed)
        return subject

    def _take_error(self) -> Exception | None:
        return self._error

    def _keep(self, event: Event) -> None:
        self._out.append(event)

    def _failed(self, error: Exception) -> None:
        self._error = error
