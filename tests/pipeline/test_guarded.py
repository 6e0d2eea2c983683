"""A transform that fails costs no line."""

from __future__ import annotations

from dataclasses import replace

from reactivex import Observable, Subject
from reactivex import operators as ops

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
