from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.tui.ansi import runs_width
from brummer_rx.tui.glyphs import ASCII, UNICODE
from brummer_rx.tui.views.parts import (
    bar,
    clock,
    duration,
    key_label,
    pad_rows,
    printable,
    size,
    times,
    with_bold,
)

SECOND = 1_000_000_000
RUNS = st.lists(
    st.tuples(st.just("text"), st.text(st.characters(categories=("L", "N")), max_size=9)), max_size=4
)


@given(RUNS, RUNS, st.integers(0, 40))
def test_a_bar_fills_its_row(left: list[tuple[str, str]], right: list[tuple[str, str]], width: int) -> None:
    assert runs_width(bar(left, right, width)) == width


def test_the_right_side_goes_first() -> None:
    assert bar([("t", "left")], [("t", "right")], 8) == (("t", "left"), ("text", "    "))
    assert bar([("text", "a")], [("t", "right")], 7)[-1] == ("t", "right")


def test_rows_are_cut_or_filled() -> None:
    assert pad_rows([(("t", "a"),)] * 3, 1, 2) == ((("t", "a"),),) * 2
    assert pad_rows([], 2, 1) == ((("text", "  "),),)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("ctrl-f", "^F"),
        ("esc", "Esc"),
        ("pgup", "PgUp"),
        ("enter", "⏎"),
        ("up", "↑"),
        ("f2", "F2"),
        ("/", "/"),
        ("G", "G"),
    ],
)
def test_labels_of_keys(name: str, label: str) -> None:
    assert key_label(name, UNICODE) == label
    assert key_label(name, ASCII).isascii()


def test_times_of_day() -> None:
    noon = 12 * 3600 * SECOND + 7_000_000

    assert clock(noon, 0, 12) == "12:00:00.007"
    assert clock(noon, 3600, 8) == "13:00:00"
    assert clock(noon, -13 * 3600, 12) == "23:00:00.007"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0s"), (12, "12s"), (724, "12m04"), (3 * 3600 + 7 * 60, "3h07"), (51 * 3600, "2d03h")],
)
def test_durations(seconds: int, text: str) -> None:
    assert duration(seconds * SECOND) == text


def test_sizes_and_rates() -> None:
    assert [size(n) for n in (0, 900 * 1024, 312 << 20, 1300 << 20)] == ["0K", "900K", "312M", "1.3G"]
    assert [times(r) for r in (0, 0.25, 1, 812.4, 9_999, 41_300)] == ["0", "0.2", "1", "812", "9999", "41k"]


def test_keys_in_brackets() -> None:
    assert with_bold("[q] quit [Esc]") == (("key", "[q]"), ("text", " quit "), ("key", "[Esc]"))


def test_text_from_outside_is_harmless() -> None:
    assert printable("web") == "web"
    assert printable("a\x1b[2Jb\n") == "a [2Jb "


def test_an_arrow_is_never_taken_for_ctrl() -> None:
    assert [key_label(k, ASCII) for k in ("up", "down", "enter")] == ["Up", "Down", "Enter"]
    assert [key_label(k, UNICODE) for k in ("up", "down", "enter")] == ["↑", "↓", "⏎"]


def test_millions_of_lines_a_second() -> None:
    assert [times(r) for r in (999_400, 999_600, 1_245_000)] == ["999k", "1.0M", "1.2M"]
