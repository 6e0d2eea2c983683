"""Whole lines in bulk: the laws of the cutter."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.pipeline.event import BatchFlag
from brummer_rx.pipeline.text import text_of
from brummer_rx.sources.lines import PIECE, Cut, Cutter, safe_end

MORE, UNTERMINATED, NONE = BatchFlag.MORE, BatchFlag.UNTERMINATED, BatchFlag.NONE
TRICKY = st.lists(
    st.sampled_from(
        [
            b"\n",
            b"\r\n",
            b"\r",
            b"\0",
            b"\xff",
            "é€😀".encode(),
            b"\x1b[31m",
            b"\x1b]0;t\x07",
            b"\x1b",
            b"a",
            b"bc" * 9,
        ]
    )
).map(b"".join)


def joined(cuts: list[Cut]) -> bytes:
    return b"".join(c.data[:-1] if c.flags else c.data for c in cuts)


def lines_of(cuts: list[Cut]) -> list[bytes]:
    """What a reader sees: pieces put together."""
    lines: list[bytes] = []
    going_on = False
    for cut in cuts:
        for line in cut.data[:-1].split(b"\n"):
            if going_on:
                lines[-1] += line
            else:
                lines.append(line)
            going_on = False
        going_on = cut.flags is MORE
    assert not going_on, "a line was left open"
    return lines


def expected(data: bytes) -> list[bytes]:
    lines = data.split(b"\n")
    return lines if lines[-1] else lines[:-1]


@st.composite
def chunked(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    data = draw(st.one_of(TRICKY, st.binary(max_size=200)))
    cuts = sorted(draw(st.sets(st.integers(0, len(data)), max_size=30)) | {0, len(data)})
    return data, [data[a:b] for a, b in pairwise(cuts)]


@given(chunked(), st.sampled_from([64, 100, PIECE]))
def test_any_chunking_gives_the_same_lines(case: tuple[bytes, list[bytes]], piece: int) -> None:
    data, chunks = case
    cutter = Cutter(piece)

    cuts = [cut for chunk in chunks for cut in cutter.feed(chunk)] + cutter.end()

    assert joined(cuts) == data
    assert lines_of(cuts) == expected(data)
    assert all(c.lines == c.data.count(b"\n") > 0 for c in cuts)
    assert all(c.lines == 1 for c in cuts if c.flags)


@given(chunked(), st.data())
def test_silences_change_no_byte_and_no_line(case: tuple[bytes, list[bytes]], more: st.DataObject) -> None:
    data, chunks = case
    cutter = Cutter(64)
    cuts = []
    for chunk in chunks:
        cuts += cutter.feed(chunk)
        for _ in range(more.draw(st.integers(0, 2))):
            cuts += cutter.silence()
    cuts += cutter.end()

    assert joined(cuts) == data
    # A line whose pieces were given out, and that ended without another byte, was closed, not begun anew.
    assert lines_of(cuts) == expected(data)


@given(chunked())
def test_what_is_unfinished_is_the_rest_behind_the_last_newline(case: tuple[bytes, list[bytes]]) -> None:
    data, chunks = case
    cutter = Cutter()
    for chunk in chunks:
        cutter.feed(chunk)

    assert cutter.tail() == data.rpartition(b"\n")[2]
    assert cutter.unfinished == len(cutter.tail())


def test_a_chunk_of_whole_lines_is_not_copied() -> None:
    chunk = b"one\ntwo\n"

    (cut,) = Cutter().feed(chunk)

    assert cut.data is chunk
    assert cut == Cut(chunk, 2, NONE)


def test_a_ten_mebibyte_line_comes_in_pieces_that_are_one_line() -> None:
    line = bytes(range(32, 127)) * (10 * PIECE // 95)
    data = b"before\n" + line + b"\nafter\n"
    cutter = Cutter()

    cuts = [c for at in range(0, len(data), 65536) for c in cutter.feed(data[at : at + 65536])] + cutter.end()

    assert lines_of(cuts) == [b"before", line, b"after"]
    pieces = [c for c in cuts if c.flags is MORE]
    assert len(pieces) == 9
    assert all(len(c.data) == PIECE + 1 for c in pieces)
    assert max(len(c.data) for c in cuts) <= 2 * PIECE


def test_no_stored_line_is_longer_than_a_piece_wherever_its_end_comes() -> None:
    cutter = Cutter(100)

    cuts = cutter.feed(b"a" * 90) + cutter.feed(b"b" * 50 + b"\nc\n")

    assert [(c.data, c.flags) for c in cuts] == [
        (b"a" * 90 + b"b" * 10 + b"\n", MORE),
        (b"b" * 40 + b"\nc\n", NONE),
    ]


def test_a_line_of_exactly_a_piece_is_whole() -> None:
    cutter = Cutter(100)

    assert cutter.feed(b"x" * 100) == []
    assert cutter.feed(b"\n") == [Cut(b"x" * 100 + b"\n", 1, NONE)]


def test_a_chunk_longer_than_a_piece_with_a_long_rest() -> None:
    cutter = Cutter(100)

    cuts = cutter.feed(b"a\n" + b"x" * 250)

    assert [len(c.data) for c in cuts] == [2, 101, 101]
    assert cutter.unfinished == 50


def test_the_newline_alone_after_a_silence_ends_the_line_and_begins_none() -> None:
    cutter = Cutter()

    cuts = (
        cutter.feed(b"prompt> ")
        + cutter.silence()
        + cutter.feed(b"\n")
        + cutter.feed(b"next\n")
        + cutter.end()
    )

    assert cuts[:2] == [Cut(b"prompt> \n", 1, MORE), Cut(b"\n", 1, NONE)]
    assert lines_of(cuts) == [b"prompt> ", b"next"]


def test_the_end_after_a_piece_closes_the_line_with_an_empty_piece() -> None:
    cutter = Cutter()
    cutter.feed(b"prompt> ")
    cutter.silence()

    assert cutter.end() == [Cut(b"\n", 1, UNTERMINATED)]
    assert cutter.end() == []


def test_an_unterminated_last_line_is_marked() -> None:
    cutter = Cutter()

    assert cutter.feed(b"a\nlast") + cutter.end() == [Cut(b"a\n", 1, NONE), Cut(b"last\n", 1, UNTERMINATED)]
    assert cutter.unfinished == 0


def test_nothing_comes_of_nothing() -> None:
    cutter = Cutter()

    assert cutter.silence() == cutter.feed(b"") == cutter.end() == []


@pytest.mark.parametrize(
    ("data", "end"),
    [
        (b"plain", 5),
        ("aé".encode(), 3),
        ("aé".encode()[:-1], 1),
        ("a€".encode()[:-1], 1),
        ("a€".encode()[:-2], 1),
        ("a😀".encode()[:-1], 1),
        ("a😀".encode()[:-3], 1),
        ("a😀".encode(), 5),
        (b"a\xff", 2),
        (b"a\xc0", 2),
        (b"a\x80\x80\x80\x80", 5),
        (b"a\xe2\x82\xac\x80", 5),
        (b"\xe2\x82", 2),  # holding back would leave nothing
        (b"a\x1b", 1),
        (b"a\x1b[", 1),
        (b"a\x1b[38;5", 1),
        (b"a\x1b[38;5m", 8),
        (b"a\x1b(", 1),
        (b"a\x1b(B", 4),
        (b"a\x1b]0;title", 1),
        (b"a\x1b]0;title\x07", 11),
        (b"a\x1b]0;title\x1b", 1),
        (b"a\x1b]0;title\x1b\\", 12),
        (b"a\x1b[1mb\x1b[", 6),
        (b"a\x1bM", 3),
        (b"a" * 10 + b"\x1b]0;" + b"t" * 100, 114),  # never ends: split it
        (b"\x1b[3", 3),
    ],
)
def test_where_a_piece_may_end(data: bytes, end: int) -> None:
    assert safe_end(data, len(data)) == end


@given(
    st.text(alphabet=st.characters(blacklist_characters="\n\r\x1b", codec="utf-8"), min_size=80),
    st.integers(70, 79),
)
def test_pieces_of_valid_text_are_valid_text(text: str, piece: int) -> None:
    cutter = Cutter(piece)

    cuts = cutter.feed(text.encode()) + cutter.end()

    assert "".join(c.data[:-1].decode() for c in cuts) == text


def test_colours_are_not_split_between_pieces() -> None:
    coloured = b"\x1b[38;5;196mred\x1b[0m" * 100
    cutter = Cutter(128)

    cuts = cutter.feed(coloured) + cutter.end()

    assert all(set(text_of(c.data[:-1])) <= set("red") for c in cuts)
    assert "".join(text_of(c.data[:-1]) for c in cuts) == "red" * 100


def test_half_a_character_waits_for_a_second_silence() -> None:
    cutter = Cutter()
    cutter.feed(b"caf\xc3")

    assert cutter.silence() == [Cut(b"caf\n", 1, MORE)]
    assert cutter.tail() == b"\xc3"
    assert cutter.silence() == [Cut(b"\xc3\n", 1, MORE)]
    assert cutter.silence() == []


def test_half_a_character_that_is_completed_in_between_is_whole() -> None:
    cutter = Cutter()
    cutter.feed(b"\xc3")

    assert cutter.silence() == []
    assert cutter.feed(b"\xa9\n") == [Cut("é\n".encode(), 1, NONE)]
