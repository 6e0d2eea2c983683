"""A child's bytes as runs: what is shown, that nothing dangerous is, and that long lines cost little."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.pipeline.text import text_of
from brummer_rx.tui.ansi import (
    clip,
    fit,
    line_row,
    line_rows,
    mark,
    parse,
    plain_text,
    runs_width,
    wrap,
)
from brummer_rx.tui.frame import Row
from brummer_rx.tui.width import width_of


@pytest.mark.parametrize(
    ("raw", "runs"),
    [
        (b"", ()),
        (b"plain", (("text", "plain"),)),
        (b"\x1b[31mred\x1b[0m x", (("sgr:31", "red"), ("text", " x"))),
        (b"\x1b[1m\x1b[31mboth\x1b[22mred", (("sgr:1;31", "both"), ("sgr:31", "red"))),
        (b"\x1b[1mone\x1b[1m more", (("sgr:1", "one more"),)),
        (b"a\tb", (("text", "a       b"),)),
        (b"a\x1b[1m\tb", (("text", "a"), ("sgr:1", "       b"))),
        ("日\tb".encode(), (("text", "日      b"),)),
        ("é\x01\tb".encode(), (("text", "é␁      b"),)),
        (b"\x01\tb", (("text", "␁       b"),)),
        (b"x\x1b]0;title\x07y\x1b]0;t\x1b\\z", (("text", "xyz"),)),
        (b"x\x1b]0;never ends", (("text", "x"),)),
        (b"x\x1bPdcs\x1b\\y\x1b_apc\x1b\\z", (("text", "xyz"),)),
        (b"\x1b[2J\x1b[10;10Hhome\x1b7\x1b8\x1bc\x1b(B", (("text", "home"),)),
        (b"\x1b[?1049h\x1b[?2004hx", (("text", "x"),)),
        (b"cut\x1b[3", (("text", "cut"),)),
        (b"cut\x1b", (("text", "cut"),)),
        (b"\x00\x07\x7f", (("text", "␀␇␡"),)),
        (b"\x9b31m", (("text", "\ufffd31m"),)),
        ("\x9b31m\x85".encode(), (("text", "\ufffd31m\ufffd"),)),
        (b"bad \xff\xfe utf", (("text", "bad \ufffd\ufffd utf"),)),
        ("\u202eevil\u2066".encode(), (("text", "\ufffdevil\ufffd"),)),
        (b"trailing\r", (("text", "trailing"),)),
        (b"10%\r20%\r30%", (("text", "30%"),)),
        (b"10%\r20%\r\r", (("text", "20%"),)),
        (b"done\r\x1b[K", (("text", "done"),)),
        (b"|\x1b[1G/\x1b[1G-", (("text", "-"),)),
        ("\u2819\x1b[1G\x1b[0K".encode(), ()),
        (b"|\x1b[G\x1b[Kdone\x1b[1G", (("text", "done"),)),
        (b"\r\r", ()),
        (b"\x1b]0;a\rb\x07text", (("text", "text"),)),
        (b"\x1b[38;5;300mx", (("text", "x"),)),
    ],
)
def test_lines(raw: bytes, runs: Row) -> None:
    assert parse(raw) == runs
    assert parse(raw, 1000) == runs


RAW = st.lists(
    st.one_of(
        st.sampled_from(
            [
                b"\x1b[31m", b"\x1b[0m", b"\x1b[2J", b"\x1b]0;t\x07", b"\x1b]never",
                b"\x1b[", b"\x1b", b"\r", b"\t",
                b"\x9b1m",
                "日本".encode(), "e\u0301".encode(), b"text ", b"\x1b[?25l", b"\x1bP1\x1b\\", b"\xff",
                "👩‍👩‍👧".encode(), b"\x00", b"\x07", "\x9b".encode(),
            ]
        ),
        st.binary(max_size=6).map(lambda b: b.replace(b"\n", b"")),
    ),
    max_size=14,
).map(b"".join)  # fmt: skip


@given(RAW)
def test_no_control_character_gets_through(raw: bytes) -> None:
    runs = parse(raw)

    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in plain_text(runs))
    assert all(text for _, text in runs)
    assert all(a[0] != b[0] for a, b in pairwise(runs))


@given(st.text(st.characters(exclude_categories=("Cc", "Cs", "Cf", "Zl", "Zp")), max_size=60))
def test_harmless_text_is_what_search_and_agents_read(text: str) -> None:
    raw = b"\x1b[1m" + text.encode() + b"\x1b[0m\r"

    assert plain_text(parse(raw)) == text_of(raw)


@given(RAW, st.integers(0, 30), st.integers(0, 40))
def test_rows_are_exactly_as_wide_as_asked(raw: bytes, skip: int, width: int) -> None:
    assert runs_width(line_row(raw, width)) == width
    assert runs_width(fit(parse(raw, skip + width), width, skip=skip)) == width
    assert runs_width(fit(clip(parse(raw), skip, width), width)) == width


@given(RAW, st.integers(2, 30))
def test_wrapped_rows_hold_everything_and_fit(raw: bytes, width: int) -> None:
    rows = wrap(parse(raw), width)

    assert rows
    assert all(runs_width(row) <= width for row in rows)
    assert "".join(plain_text(row) for row in rows) == plain_text(parse(raw))
    assert line_rows(raw, width, 3) == rows[:3]


def test_half_of_a_wide_character_is_a_space() -> None:
    runs = parse("日本語".encode())

    assert plain_text(clip(runs, 1, 4)) == " 本 "
    assert wrap(runs, 3) == ((("text", "日"),), (("text", "本"),), (("text", "語"),))
    assert wrap(runs, 1) == ((("text", " "),),) * 3
    assert wrap((), 10) == ((),)
    assert plain_text(wrap(parse("ae\u0301b".encode()), 2)[0]) == "ae\u0301"


def test_padding_has_its_own_style() -> None:
    assert fit((("err", "x"),), 3, pad="err") == (("err", "x  "),)
    assert fit((("err", "x"),), 3) == (("err", "x"), ("text", "  "))
    assert fit((("err", "abc"),), 2) == (("err", "ab"),)
    assert fit((), 0) == ()


def test_marks_lie_over_runs() -> None:
    runs = (("text", "hello "), ("sgr:31", "world"))

    assert mark(runs, (), "hit") == runs
    assert mark(runs, [(4, 8)], "hit") == (
        ("text", "hell"),
        ("hit", "o "),
        ("sgr:31+hit", "wo"),
        ("sgr:31", "rld"),
    )
    assert mark(runs, [(0, 1), (10, 11)], "hit") == (
        ("hit", "h"),
        ("text", "ello "),
        ("sgr:31", "worl"),
        ("sgr:31+hit", "d"),
    )


@given(
    st.lists(st.text("ab日", min_size=1, max_size=5), max_size=5), st.lists(st.integers(0, 30), max_size=8)
)
def test_marks_change_no_text(texts: list[str], edges: list[int]) -> None:
    runs = tuple((f"sgr:{31 + i}", text) for i, text in enumerate(texts))
    points = sorted(set(edges))
    spans = list(zip(points[::2], points[1::2], strict=False))
    marked = mark(runs, spans, "hit")
    hit = [
        c
        for style, text in marked
        for c in ([True] * len(text) if style.endswith("hit") else [False] * len(text))
    ]

    assert plain_text(marked) == plain_text(runs)
    assert hit == [any(a <= i < b for a, b in spans) for i in range(len(plain_text(runs)))]
    assert all(text for _, text in marked)


MIB = 1 << 20
LONG = {
    "plain": b"x" * MIB,
    "coloured": b"\x1b[31mabcdefghij\x1b[0m " * (MIB // 20),
    "wide": "日本語 é ".encode() * (MIB // 13),
    "carriage returns": b"\r\x1b[K" * (MIB // 4),
    "colours only": b"\x1b[31m" * (MIB // 5),
    "openings only": b"\x1b]" * (MIB // 2),
    "controls": b"\t\x01" * (MIB // 2),
    "progress": b"\r 12.3 % done" * (MIB // 13),
}


@pytest.mark.parametrize("kind", LONG)
def test_a_line_of_one_mebibyte_costs_what_is_seen_of_it(kind: str) -> None:
    raw = LONG[kind]
    start = time.process_time()
    row = line_row(raw, 120)
    rows = line_rows(raw, 100, 40)
    again = line_row(raw, 120)

    assert time.process_time() - start < 0.5
    assert runs_width(row) == 120
    assert again == row
    assert all(runs_width(r) <= 100 for r in rows)


@pytest.mark.parametrize("kind", ["plain", "coloured", "wide"])
def test_far_to_the_right_of_a_long_line_the_same_is_seen(kind: str) -> None:
    raw = LONG[kind][: 200_000 - 200_000 % 60]
    far = fit(parse(raw, 50_080), 80, skip=50_000)

    assert plain_text(far) == plain_text(fit(clip(parse(raw), 50_000, 80), 80))


def test_colour_is_kept_up_to_a_limit_and_text_beyond_it() -> None:
    raw = b"\x1b[31mx" * 5000
    runs = parse(raw, 6000)

    assert width_of(plain_text(runs)) == 5000
    assert [style for style, _ in runs] == ["sgr:31", "text"]


def test_rows_of_many_long_lines_are_not_kept_for_ever() -> None:
    from brummer_rx.tui import ansi

    for i in range(300):
        line_row(b"\x1b[1m%d" % i + b"y" * 17_000, 20)

    assert len(ansi._long_rows) <= 256
