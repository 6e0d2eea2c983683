"""Text on its way to people: whole-batch steps equal the rule of one line, nothing hostile gets through."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.pipeline.event import BatchFlag, Gap, GapReason, LogBatch, Stream
from brummer_rx.pipeline.text import text_of
from brummer_rx.sinks.clocktext import local_clock
from brummer_rx.sinks.plaintext import TextForm, clean, gap_text, safe_cut, visible

NOW = 1_764_028_741_042_000_000
CLOCK = local_clock(NOW).encode()

# Bytes that matter, often, so that the interesting cases meet.
PARTS = st.sampled_from(
    [
        *(b"a", b"bc", b"\r", b"\t", b"\0", b"\x07", b"\x08", b"\x7f", b"\x0e", b"m", b"[", b";", b"\\"),
        *(b"\x1b", b"\x1b[", b"\x1b[31m", b"\x1b[0;1m", b"\x1b[2J", b"\x1b[1;1H", b"\x1bP", b"\x1b(B"),
        *(b"\x1b]0;title\x07", b"\x1b]8;;u\x1b\\", b"\x1b]never"),
        *("ä€😀".encode(), b"\xc2", b"\xc2\x9b31m", b"\xe2\x82", b"\xff", b"\x9b"),
    ]
)
LINE = st.lists(PARTS, max_size=12).map(b"".join)
LINES = st.lists(LINE | st.binary(max_size=20).map(lambda b: b.replace(b"\n", b"")), min_size=1, max_size=6)
SGR = re.compile(r"\x1b\[[0-9;:]*m")
ACTING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def pictured(text: str) -> str:
    """A line's text with what would act shown, one character at a time."""
    shown = []
    for char in text:
        code = ord(char)
        if code == 127:
            char = "\u2421"
        elif code < 32 and char != "\t":
            char = chr(0x2400 + code)
        elif 0x80 <= code < 0xA0:
            char = "\ufffd"
        shown.append(char)
    return "".join(shown)


@given(LINES)
def test_clean_is_the_text_of_each_line(lines: list[bytes]) -> None:
    assert clean(b"\n".join(lines)).decode().split("\n") == [text_of(line) for line in lines]


@given(LINES)
def test_visible_without_colour_is_the_text_with_pictures(lines: list[bytes]) -> None:
    shown = visible(b"\n".join(lines), colour=False).decode()

    assert shown.split("\n") == [pictured(text_of(line)) for line in lines]
    assert not ACTING.search(shown)


@given(LINES)
def test_colours_add_colours_and_nothing_else(lines: list[bytes]) -> None:
    shown = visible(b"\n".join(lines), colour=True).decode("utf-8")

    for line, plain in zip(
        shown.split("\n"), visible(b"\n".join(lines), colour=False).split(b"\n"), strict=True
    ):
        without = SGR.sub("", line)
        assert not ACTING.search(without)
        if "\ufffd" not in without:  # a colour inside a character leaves none of it
            assert without == plain.decode()
        assert ("\x1b" in line) == line.endswith("\x1b[0m")


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"plain", b"plain"),
        (b"\x1b[31mred", b"\x1b[31mred\x1b[0m"),
        (b"\x1b[31mred\x1b[0m x\nnext", b"\x1b[31mred\x1b[0m x\x1b[0m\nnext"),
        (b"\x1b[2J\x1b[Hgone", b"gone"),
        (b"\x1b]0;evil\x07ok", b"ok"),
        (b"\x1b]0;never ends", b""),
        (b"10%\r20%\r\x1b[0m", "10%␍20%\x1b[0m\x1b[0m".encode()),
        (b"bell\x07 nul\0 del\x7f", "bell␇ nul␀ del␡".encode()),
        (b"\xc2\x9b2J", "\ufffd2J".encode()),
        (b"\x9b2J", "\ufffd2J".encode()),
        (b"tab\tstays\r", b"tab\tstays"),
        (b"\x1b\x1b[31m\x1b[?25lx", b"\x1b[31mx\x1b[0m"),
    ],
)
def test_visible_with_colour(raw: bytes, shown: bytes) -> None:
    assert visible(raw, colour=True) == shown


@pytest.mark.parametrize("byte", [b"\r", b"\x1b", b"\x1b]", b"\xff", b"\x1b[31m"])
def test_a_megabyte_of_anything_is_linear(byte: bytes) -> None:
    data = byte * (1_000_000 // len(byte)) + b"x"

    assert clean(data).decode() == text_of(data)
    visible(data, colour=True)


@given(st.lists(PARTS, max_size=12).map(b"".join))
def test_a_piece_is_cut_near_its_end_and_between_characters(piece: bytes) -> None:
    cut = safe_cut(piece)

    assert 0 <= cut <= len(piece)
    assert len(piece) - cut <= 64
    assert not piece[:cut].endswith(b"\r") or cut == len(piece)


@pytest.mark.parametrize(
    ("piece", "cut"),
    [
        (b"", 0),
        (b"abc", 3),
        (b"ab\r", 2),
        (b"\r", 0),
        (b"\r" * 65, 65),
        ("ä".encode()[:1], 0),
        (b"x" + "€".encode()[:2], 1),
        (b"x" + "😀".encode()[:3], 1),
        (b"x" + "😀".encode(), 5),
        (b"x\xff\xff", 3),
        (b"x\x80\x80\x80\x80", 5),
        (b"ok\x1b", 2),
        (b"ok\x1b[3", 2),
        (b"ok\x1b[31m", 7),
        (b"ok\x1b]0;titl", 2),
        (b"\x1b]0;" + b"t" * 80, 84),
    ],
)
def test_where_a_piece_is_cut(piece: bytes, cut: int) -> None:
    assert safe_cut(piece) == cut


def batch(data: bytes, source: str = "web", more: bool = False, stream: Stream = Stream.OUT) -> LogBatch:
    flags = BatchFlag.MORE if more else BatchFlag.NONE
    return LogBatch(source, stream, 0, data.count(b"\n"), NOW, data, flags)


@given(LINES, st.booleans())
def test_a_batch_reads_as_its_lines_one_by_one(lines: list[bytes], terminal: bool) -> None:
    whole = TextForm(["web"], terminal=terminal).batch(batch(b"\n".join(lines) + b"\n"))
    form = TextForm(["web"], terminal=terminal)

    assert whole == b"".join([form.batch(batch(line + b"\n")) for line in lines])
    assert whole.count(b"\n") == len(lines)
    assert all(row.startswith(CLOCK + b" web | ") for row in whole.split(b"\n")[:-1])


def test_names_are_padded_and_learned() -> None:
    form = TextForm(["a", "long-name"])

    assert form.batch(batch(b"x\n", "a")) == CLOCK + b" a         | x\n"
    assert form.batch(batch(b"x\n", "longer-still")) == CLOCK + b" longer-still | x\n"
    assert form.batch(batch(b"x\ny\n", "a")) == (CLOCK + b" a            | ").join([b"", b"x\n", b"y\n"])


def test_names_have_colours_in_their_order_and_cannot_act() -> None:
    names = [f"n{i}" for i in range(12)]
    form = TextForm(names, colour=True)
    found = [re.search(rb"\x1b\[(\d+)m", form.batch(batch(b"x\n", n))) for n in names]
    colours = [m[1] for m in found if m]

    assert len(set(colours)) >= 8
    assert colours[0] == colours[10]
    hostile = TextForm(["a\x1b[2J\nb\x07"], colour=False, terminal=True)
    assert hostile.batch(batch(b"x\n", "a\x1b[2J\nb\x07")) == CLOCK + " a b␇ | x\n".encode()
    assert TextForm(["\udc80"]).batch(batch(b"x\n", "\udc80")) == CLOCK + b" ? | x\n"


def test_pieces_of_a_line_read_as_one_line() -> None:
    form = TextForm(["web"])
    euro = "€".encode()

    out = form.batch(batch(b"first\nlong " + euro[:2] + b"\n", more=True))
    out += form.batch(batch(euro[2:] + b" \r\n", more=True))
    out += form.batch(batch(b"\x1b[1m end\r\nlast\n"))

    assert out == b"".join([CLOCK + b" web | first\n", CLOCK + b" web | long ", euro + b" ", b"\r end\n"]) + (
        CLOCK + b" web | last\n"
    )


def test_pieces_with_something_in_between_are_marked() -> None:
    form = TextForm(["api", "web"])

    out = form.batch(batch(b"one \n", more=True))
    out += form.batch(batch(b"other\n", "api"))
    out += form.batch(batch(b"two \n", more=True))
    out += form.batch(batch(b"three\n"))
    out += form.batch(batch(b"four\n"))

    rows = out.decode().replace(CLOCK.decode() + " ", "").splitlines()
    assert rows == ["web | one …", "api | other", "web | …two three", "web | four"]


def test_streams_of_one_source_are_apart() -> None:
    form = TextForm(["web"])

    out = form.batch(batch(b"one\n", more=True)) + form.batch(batch(b"two\n", stream=Stream.ERR))

    assert out == CLOCK + " web | one…\n".encode() + CLOCK + b" web | two\n"


@pytest.mark.parametrize(
    ("last", "end"),
    [
        (b"x", b"\n"),
        (b"x\r", b"\n"),
        (b"x\xe2\x82", "\ufffd\n".encode()),
        (b"x\x1b[3", b"\n"),
        (b"\xe2", "\ufffd\n".encode()),
    ],
)
def test_finish_ends_an_open_line_with_all_that_was_held_back(last: bytes, end: bytes) -> None:
    form = TextForm(["web"])
    form.batch(batch(last + b"\n", more=True))

    assert form.finish() == end
    assert form.finish() == b""


def test_finish_gives_back_what_others_came_between() -> None:
    form = TextForm(["web"])
    form.batch(batch(b"x\xe2\x82\n", more=True))
    form.batch(batch(b"y\n", "api"))

    assert form.finish() == "…\ufffd\n".encode()


def test_gaps_stand_on_their_own_line() -> None:
    form = TextForm(["web"])
    form.batch(batch(b"x\n", more=True))

    assert (
        form.gap(Gap("web", 1, 5, GapReason.DISK, 3, 3))
        == "…\n-- 1 line of web missing (disk), seq 3 to 3 --\n".encode()
    )
    assert gap_text(Gap("", 7, 5, GapReason.AGE, 0, 6)) == "-- 7 lines missing (age), seq 0 to 6 --"


def test_a_gap_of_unknown_length_shows_no_numbers() -> None:
    assert (
        gap_text(Gap("web", 0, 0, GapReason.CUT, -1, -1))
        == "-- the end of the output of web is missing (cut) --"
    )
    assert "(cut, 17 bytes were there)" in gap_text(Gap("", 0, 17, GapReason.CUT, 5, 4))
