"""The operator: text without escapes, line for line."""

from __future__ import annotations

import doctest
from importlib.metadata import entry_points

import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.operators import strip_ansi as module
from brummer_rx.operators.strip_ansi import strip_ansi
from brummer_rx.pipeline.event import Event, Gap, GapReason, LogBatch, Stream
from brummer_rx.pipeline.text import strip_escapes

pieces = st.sampled_from(
    [
        b"a",
        b"\n",
        b"\r",
        b"\x1b",
        b"[31m",
        b"[",
        b"]0;t",
        b"\x07",
        b"\x1b\\",
        b"m",
        b"P",
        b"\xff",
        b";",
        b"\x1b[0m",
    ]
)


def run(*events: Event) -> list[Event]:
    out: list[Event] = []
    rx.from_iterable(events).pipe(strip_ansi()).subscribe(out.append)
    return out


def batch(data: bytes) -> LogBatch:
    return LogBatch("web", Stream.TTY, 3, data.count(b"\n"), 9, data, levels=b"\2" * data.count(b"\n"))


def test_colours_and_titles_go() -> None:
    before = batch(b"\x1b[1;31mred\x1b[0m\r\n\x1b]0;title\x07text\n")
    (after,) = run(before)

    assert isinstance(after, LogBatch)
    assert after.data == b"red\r\ntext\n"
    assert (after.lines, after.levels, after.first_line) == (before.lines, before.levels, before.first_line)


def test_what_has_none_passes_as_it_is() -> None:
    events: tuple[Event, ...] = (batch(b"plain\n"), Gap("web", 1, 2, GapReason.CUT, 0, 0))

    assert all(a is b for a, b in zip(run(*events), events, strict=True))


@given(st.lists(pieces, max_size=30).map(b"".join).map(lambda data: data + b"\n"))
def test_lines_stay_lines(data: bytes) -> None:
    """No escape reaches into the next line: stripping the batch is stripping each line."""
    (after,) = run(batch(data))

    assert isinstance(after, LogBatch)
    assert after.data.split(b"\n") == [strip_escapes(line) for line in data.split(b"\n")]


def test_it_is_registered_like_any_extension() -> None:
    (entry,) = entry_points(group="brummer_rx.operators", name="strip_ansi")

    assert entry.load() is strip_ansi


def test_the_example_in_the_docstring() -> None:
    assert doctest.testmod(module).failed == 0
    assert doctest.testmod(module).attempted > 0
