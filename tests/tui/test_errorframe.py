"""The screen after a failure of the viewer itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.tui.errorframe import Failure, error_frame
from brummer_rx.tui.frame import Frame, blank_row, check, plain


def failure(text: str = "boom") -> Failure:
    try:
        raise ValueError(text)
    except ValueError as error:
        return Failure.of(error)


def test_it_says_what_happened_and_what_can_be_done() -> None:
    last = Frame(60, 20, tuple((("err", f"{y:<60}"),) for y in range(20)))
    frame = error_frame(last, failure(), 60, 20)
    text = plain(frame)

    assert check(frame) == []
    assert text[0].strip() == "0"
    assert frame.rows[0] == (("dim", f"{0:<60}"),)
    assert any("The viewer failed: ValueError: boom" in row for row in text)
    assert any("raise ValueError(text)" in row for row in text)
    assert "r retry" in text[-1] and "q stop all and quit" in text[-1]


@given(st.integers(1, 100), st.integers(1, 40), st.text(max_size=100), st.booleans())
def test_it_fits_any_screen(width: int, height: int, text: str, known: bool) -> None:
    last = Frame(width, height, (blank_row(width),) * height) if known else None
    frame = error_frame(last, failure(text), width, height)

    assert check(frame) == []


@pytest.mark.parametrize("height", [1, 2, 3])
def test_the_keys_stay_when_there_is_little_room(height: int) -> None:
    rows = plain(error_frame(None, failure(), 70, height))

    assert "retry" in rows[-1]


def test_a_frame_of_another_size_is_not_shown() -> None:
    last = Frame(5, 1, (blank_row(5, "err"),))

    assert plain(error_frame(last, failure(), 60, 10))[0].strip() != "x"
    assert error_frame(last, failure(), 60, 10).width == 60


def test_hostile_messages_are_harmless() -> None:
    bad = failure("\x1b]0;t\x07\x9b")

    assert "\x1b" not in bad.title + "".join(bad.trace)
    assert "\x9b" not in bad.title
