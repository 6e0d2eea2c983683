"""A transform that fails costs no line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import reactivex
from reactivex import Observable, Subject
from reactivex import operators as ops
from reactivex.abc import DisposableBase, ObserverBase, SchedulerBase

from brummer_rx.pipeline.errors import OperatorError
from brummer_rx.pipeline.event import Event, LogBatch, Stream
from brummer_rx.pipeline.guarded import MAX_FAILURES, GuardedTransform


def batch(data: bytes) -> LogBatch:
    return LogBatch("web", Stream.OUT, 0, 1, 0, data)


def upper(event: Event) -> Event:
    assert isinstance(event, LogBatch)
    if event.data.startswith(b"bad"):
        raise ValueError("bad")
    return replace(event, data=event.data.upper())


def run(transform: GuardedTransform, *events: Event) -> list[Event | str]:
    source: Subject[Event] = Subject()
    seen: list[Event | str] = []
    transform(source).subscribe(seen.append, lambda e: seen.append(repr(e)), lambda: seen.append("done"))
    for event in events:
        source.on_next(event)
    source.on_completed()
    return seen


def mapped(source: Observable[Event]) -> Observable[Event]:
    return source.pipe(ops.map(upper))


def test_what_cannot_be_transformed_goes_on_as_it_came() -> None:
    told: list[tuple[str, str, bool]] = []
    transform = GuardedTransform("up", mapped, lambda n, e, b: told.append((n, str(e), b)))
    seen = run(transform, batch(b"a\n"), batch(b"bad\n"), batch(b"c\n"))

    assert [e.data if isinstance(e, LogBatch) else e for e in seen] == [b"A\n", b"bad\n", b"C\n", "done"]
    assert (transform.batches, transform.lines, transform.failures) == (3, 3, 1)
    assert told == [("up", "bad", False)]


def test_after_five_failures_in_a_row_it_is_bypassed_and_said() -> None:
    told: list[bool] = []
    transform = GuardedTransform("up", mapped, lambda n, e, b: told.append(b))
    seen = run(transform, *[batch(b"bad\n")] * MAX_FAILURES, batch(b"a\n"))

    assert told == [False] * (MAX_FAILURES - 1) + [True]
    assert isinstance(seen[-2], LogBatch)
    assert seen[-2].data == b"a\n"


def test_a_subscriber_that_raises_inside_the_operator_counts_as_its_failure() -> None:
    def broken(source: Observable[Event]) -> Observable[Event]:
        return source.pipe(ops.do_action(on_next=upper))

    transform = GuardedTransform("x", broken, lambda n, e, b: None)

    assert len(run(transform, batch(b"bad\n"), batch(b"a\n"))) == 3


def test_what_an_operator_holds_back_comes_at_the_end() -> None:
    transform = GuardedTransform("last", lambda s: s.pipe(ops.take_last(1)), lambda n, e, b: None)
    seen = run(transform, batch(b"a\n"), batch(b"b\n"))

    assert [e.data if isinstance(e, LogBatch) else e for e in seen] == [b"b\n", "done"]


def failing_at_the_end(source: Observable[Event]) -> Observable[Event]:
    def subscribe(observer: ObserverBase[Event], scheduler: SchedulerBase | None = None) -> DisposableBase:
        def end() -> None:
            raise RuntimeError("at the end")

        return source.subscribe(observer.on_next, observer.on_error, end)

    return reactivex.create(subscribe)


@pytest.mark.parametrize(
    ("operator", "why"),
    [
        (failing_at_the_end, "at the end"),
        (lambda s: s.pipe(ops.concat(s.pipe(ops.filter(lambda e: False), ops.last()))), "no elements"),
        (lambda s: s.pipe(ops.concat(reactivex.never())), "did not end"),
    ],
)
def test_the_end_gets_through_whatever_the_operator_makes_of_it(
    operator: Callable[[Observable[Event]], Observable[Event]], why: str
) -> None:
    told: list[str] = []
    transform = GuardedTransform("x", operator, lambda n, e, b: told.append(str(e)))

    assert run(transform, batch(b"a\n")) == [batch(b"a\n"), "done"]
    assert transform.failures == 1
    assert why in told[0]


def test_one_that_wants_to_exit_costs_no_line() -> None:
    def leave(event: Event) -> Event:
        raise SystemExit(3)

    told: list[BaseException] = []
    transform = GuardedTransform("x", lambda s: s.pipe(ops.map(leave)), lambda n, e, b: told.append(e))

    assert run(transform, batch(b"a\n"), batch(b"b\n")) == [batch(b"a\n"), batch(b"b\n"), "done"]
    assert [type(error) for error in told] == [SystemExit] * 2


def test_one_that_ends_before_its_input_costs_no_line() -> None:
    told: list[BaseException] = []
    transform = GuardedTransform("x", lambda s: s.pipe(ops.take(1)), lambda n, e, b: told.append(e))

    assert run(transform, *[batch(b"a\n")] * 3) == [*[batch(b"a\n")] * 3, "done"]
    assert all(isinstance(error, OperatorError) for error in told)
    assert transform.failures == 3


def test_what_came_out_between_two_events_goes_before_the_next() -> None:
    between: list[ObserverBase[Event]] = []

    def late(source: Observable[Event]) -> Observable[Event]:
        def subscribe(
            observer: ObserverBase[Event], scheduler: SchedulerBase | None = None
        ) -> DisposableBase:
            between.append(observer)
            return source.subscribe(lambda e: None, observer.on_error, observer.on_completed)

        return reactivex.create(subscribe)

    source: Subject[Event] = Subject()
    seen: list[Event | str] = []
    transform = GuardedTransform("late", late, lambda n, e, b: None)
    transform(source).subscribe(seen.append, lambda e: seen.append(repr(e)), lambda: seen.append("done"))
    for data in (b"a\n", b"b\n", b"c\n"):
        source.on_next(batch(data))
        between[0].on_next(batch(data))
    assert seen == [batch(b"a\n"), batch(b"b\n")]
    source.on_completed()

    assert seen == [batch(b"a\n"), batch(b"b\n"), batch(b"c\n"), "done"]


def test_what_came_out_late_is_not_lost_with_the_next_event_s_failure() -> None:
    out: list[ObserverBase[Event]] = []

    def late(source: Observable[Event]) -> Observable[Event]:
        def subscribe(
            observer: ObserverBase[Event], scheduler: SchedulerBase | None = None
        ) -> DisposableBase:
            out.append(observer)
            return source.subscribe(lambda e: upper(e) and None, observer.on_error, observer.on_completed)

        return reactivex.create(subscribe)

    source: Subject[Event] = Subject()
    seen: list[Event] = []
    GuardedTransform("late", late, lambda n, e, b: None)(source).subscribe(seen.append)
    source.on_next(batch(b"a\n"))
    out[0].on_next(batch(b"late\n"))
    source.on_next(batch(b"bad\n"))

    assert seen == [batch(b"late\n"), batch(b"bad\n")]
