"""The operator: one batch in, one batch out, everything else untouched."""

from __future__ import annotations

import doctest
from collections.abc import Callable
from importlib.metadata import entry_points

import reactivex as rx
from reactivex import Observable
from reactivex.testing import ReactiveTest, TestScheduler

from brummer_rx.operators import levels as module
from brummer_rx.operators.levels import levels
from brummer_rx.pipeline.event import (
    BatchFlag,
    Event,
    Gap,
    GapReason,
    Level,
    LogBatch,
    ProcessEvent,
    ProcessEventKind,
    Stream,
)

OTHERS: tuple[Event, ...] = (
    Gap("web", 1, 2, GapReason.CUT, 0, 0),
    ProcessEvent("web", ProcessEventKind.STARTED, 0, 1),
)


def batch(data: bytes) -> LogBatch:
    return LogBatch("web", Stream.ERR, 7, data.count(b"\n"), 9, data, BatchFlag.MORE)


def run(*events: Event) -> list[Event]:
    out: list[Event] = []
    rx.from_iterable(events).pipe(levels()).subscribe(out.append)
    return out


def test_each_line_gets_its_level_and_nothing_else_changes() -> None:
    given = batch(b"ERROR x\n\x1b[33mwarning:\x1b[0m y\nplain on stderr\n")
    (got,) = run(given)

    assert isinstance(got, LogBatch)
    assert got.levels == bytes([Level.ERROR, Level.WARN, Level.INFO])
    assert given.levels is None
    assert (got.data, got.flags, got.first_line, got.time_ns, got.stream) == (
        given.data, given.flags, given.first_line, given.time_ns, given.stream,
    )  # fmt: skip


def test_other_events_and_batches_with_levels_pass_as_they_are() -> None:
    done = LogBatch("web", Stream.OUT, 0, 1, 0, b"ERROR\n", levels=b"\0")
    out = run(*OTHERS, done)

    assert all(a is b for a, b in zip(out, (*OTHERS, done), strict=True))


def test_times_order_completion_and_errors_pass() -> None:
    on_next, on_completed, on_error = ReactiveTest.on_next, ReactiveTest.on_completed, ReactiveTest.on_error
    for last in (on_completed(300), on_error(300, ValueError("x"))):
        scheduler = TestScheduler()
        source = scheduler.create_hot_observable(
            on_next(210, OTHERS[0]), on_next(220, batch(b"WARN x\n")), last
        )
        result = scheduler.start(lambda: source.pipe(levels()))

        assert [message.time for message in result.messages] == [210, 220, 300]
        assert result.messages[0].value.value is OTHERS[0]
        assert result.messages[1].value.value.levels == bytes([Level.WARN])
        assert result.messages[2].value.kind == last.value.kind


def test_it_is_registered_like_any_extension() -> None:
    (entry,) = entry_points(group="brummer_rx.operators", name="levels")
    loaded: Callable[[], Callable[[Observable[Event]], Observable[Event]]] = entry.load()

    assert loaded is levels


def test_the_example_in_the_docstring() -> None:
    assert doctest.testmod(module).failed == 0
    assert doctest.testmod(module).attempted > 0
