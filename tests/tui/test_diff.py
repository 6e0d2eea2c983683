"""A chain of diffs shows the same as painting everything, and as the frame itself: pyte is the oracle."""

from __future__ import annotations

import random

import pytest

from brummer_rx.tui.ansi import fit, parse
from brummer_rx.tui.diff import Patch, Shift, Span, diff, is_tricky
from brummer_rx.tui.encode import paint
from brummer_rx.tui.frame import Frame, Row, Scroll, check
from brummer_rx.tui.theme import TRUE_COLOR, Theme
from tests.tui.tty_screen import Emulator, expected

WORDS = [
    "GET /api/users",
    "日本語",
    "e\u0301te\u0301",
    "naïve",
    "한국",
    "│",
    "●",
    "x",
    "  ",
    "error:",
    "\U0001f600",
]
STYLES = [
    "text",
    "dim",
    "err",
    "sel",
    "hit",
    "sgr:31",
    "sgr:1;38;5;200;48;5;17",
    "sel+sgr:38;2;1;200;3",
    "source3",
]


def random_row(rng: random.Random, width: int) -> Row:
    if rng.random() < 0.3:
        parts = [rng.choice(WORDS).encode() for _ in range(rng.randrange(6))]
        escapes = [
            b"\x1b[31m",
            b"\x1b[0m",
            b"\x1b[2J",
            b"\x1b]0;t\x07",
            b"\t",
            b"\x9b",
            b"\x1b[7m",
            b"\x1b[5;5H",
        ]
        raw = b"".join(p + rng.choice(escapes) for p in parts)
        return fit(parse(raw), width, skip=rng.choice([0, 0, 1, 3]))
    runs = [(rng.choice(STYLES), rng.choice(WORDS)) for _ in range(rng.randrange(7))]
    return fit([run for run in runs if run[1]], width, pad=rng.choice(["text", "bar"]))


def next_frame(rng: random.Random, old: Frame | None) -> Frame:
    if old is None or rng.random() < 0.05:
        width, height = rng.choice([(40, 12), (60, 20), (7, 3)])
        rows = [random_row(rng, width) for _ in range(height)]
        ids = list(range(height - 2))
    else:
        width, height = old.width, old.height
        rows = list(old.rows)
        assert old.scroll is not None
        ids = [int(str(i)) for i in old.scroll.ids]
        for _ in range(rng.choice([0, 1, 2, height])):
            rows[rng.randrange(height)] = random_row(rng, width)
        by = rng.choice([0, 0, 1, 1, -1, 2, -3, height, 5])
        if by:
            body = rows[1:-1]
            fresh = [random_row(rng, width) for _ in range(abs(by))]
            body = (body + fresh)[by:][: len(body)] if by > 0 else (fresh + body)[: len(body)]
            rows[1:-1] = body
            ids = [i + by for i in ids]
    cursor = rng.choice([None, None, (rng.randrange(width), rng.randrange(height))])
    return Frame(
        width, height, tuple(rows), cursor, Scroll(1, height - 1, tuple(ids)), rng.choice(["", "one", "two"])
    )


@pytest.mark.parametrize("seed", range(12))
def test_a_chain_of_diffs_is_a_full_repaint_is_the_frame(seed: int) -> None:
    rng = random.Random(seed)
    theme = Theme(TRUE_COLOR)
    shown: Frame | None = None
    chain = Emulator(1, 1)
    for _ in range(25):
        frame = next_frame(rng, shown)
        assert check(frame) == []
        if shown is None or (shown.width, shown.height) != (frame.width, frame.height):
            chain = Emulator(frame.width, frame.height)
            shown = None
        chain.feed(paint(shown, frame, theme, sync=rng.random() < 0.5))
        full = Emulator(frame.width, frame.height)
        full.feed(paint(None, frame, theme, sync=False))
        assert chain.text() == expected(frame)
        assert chain.cells() == full.cells()
        if frame.cursor is not None:
            assert (chain.screen.cursor.x, chain.screen.cursor.y) == frame.cursor
        assert chain.screen.cursor.hidden == (frame.cursor is None)
        shown = frame


def row(*runs: tuple[str, str]) -> Row:
    return runs


def frame(*rows: Row, **more: object) -> Frame:
    return Frame(sum(len(t) for _, t in rows[0]), len(rows), rows, **more)  # type: ignore[arg-type]


def test_the_same_frame_costs_nothing() -> None:
    one = frame(row(("text", "abc")), cursor=(1, 0), title="t")
    other = frame(row(("text", "abc")), cursor=(1, 0), title="t")

    assert diff(one, one).empty
    assert diff(one, other) == Patch()
    assert paint(one, other, Theme(16), sync=True) == b""


def test_only_the_runs_that_differ_are_written() -> None:
    old = frame(row(("text", "ab"), ("err", "cd"), ("text", "ef")))
    new = frame(row(("text", "ab"), ("ok", "cd"), ("text", "ef")))

    assert diff(old, new).spans == (Span(0, 2, (("ok", "cd"),)),)


def test_equal_runs_at_both_ends_may_not_overlap() -> None:
    old = frame(row(("text", "a"), ("text", "a"), ("err", "x ")))
    new = frame(row(("text", "a"), ("err", "x "), ("ok", "y")))

    assert diff(old, new).spans == (Span(0, 1, (("err", "x "), ("ok", "y"))),)


def test_rows_whose_width_terminals_dispute_are_written_whole() -> None:
    old = frame(row(("text", "ab"), ("err", "cd")))
    new = Frame(4, 1, ((("text", "ab"), ("err", "❤\ufe0f")),))

    assert (
        is_tricky("❤\ufe0f")
        and is_tricky("\U0001f1e9\U0001f1ea")
        and not is_tricky("日本")
        and not is_tricky("a")
    )
    assert diff(old, new).spans == (Span(0, 0, new.rows[0], erase=True),)
    assert diff(new, old).spans == (Span(0, 0, old.rows[0], erase=True),)


def numbered(first: int, height: int, **more: object) -> Frame:
    rows = tuple(row(("text", f"{i:6d}")) for i in range(first, first + height))
    return frame(*rows, scroll=Scroll(0, height, tuple(range(first, first + height))), **more)


def test_a_moved_list_is_scrolled_and_only_new_rows_are_written() -> None:
    down = diff(numbered(0, 10), numbered(2, 10))
    up = diff(numbered(2, 10), numbered(0, 10))

    assert down.shift == Shift(0, 10, 2)
    assert [span.y for span in down.spans] == [8, 9]
    assert up.shift == Shift(0, 10, -2)
    assert [span.y for span in up.spans] == [0, 1]


def test_no_scrolling_where_it_saves_nothing() -> None:
    assert diff(numbered(0, 10), numbered(50, 10)).shift is None
    assert diff(numbered(0, 10), numbered(9, 10)).shift is None
    other_window = Frame(6, 10, numbered(1, 10).rows, scroll=Scroll(1, 10, tuple(range(9))))
    assert diff(numbered(0, 10), other_window).shift is None
    blank = tuple(row(("text", "      ")) for _ in range(4))
    assert diff(
        frame(*blank, scroll=Scroll(0, 4, (1, 2, 3, 4))), frame(*blank, scroll=Scroll(0, 4, (2, 3, 4, 5)))
    ) == (Patch())


def test_the_cursor_is_hidden_while_painting_and_shown_again() -> None:
    old = frame(row(("text", "ab")), cursor=(0, 0))
    moved = frame(row(("text", "ab")), cursor=(1, 0))
    gone = frame(row(("text", "ab")))
    painted = frame(row(("text", "xb")), cursor=(0, 0))

    assert diff(old, moved) == Patch(hide_cursor=True, cursor=(1, 0))
    assert diff(old, gone) == Patch(hide_cursor=True)
    assert diff(gone, old) == Patch(cursor=(0, 0))
    assert (diff(old, painted).hide_cursor, diff(old, painted).cursor) == (True, (0, 0))


def test_another_size_paints_everything() -> None:
    patch = diff(numbered(0, 3, title="t"), numbered(0, 4, title="t"))

    assert patch.clear
    assert len(patch.spans) == 4
    assert patch.title is None
    assert diff(None, numbered(0, 3, title="t")).title == "t"
