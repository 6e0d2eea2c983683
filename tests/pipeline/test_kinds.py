"""Kinds of values: what passes, what does not, and what is said then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.pipeline.kinds import (
    Kind,
    WrongValue,
    choice,
    flag,
    integer,
    nearest,
    number,
    path,
    shown,
    size,
    size_text,
    table,
    text,
)

BASE = Path("/base")


def read(kind: Kind, raw: Any, *, is_text: bool = False) -> Any:
    return kind.read(raw, is_text=is_text, base=BASE)


@pytest.mark.parametrize(
    ("written", "count"),
    [
        ("0", 0),
        ("4096", 4096),
        ("4096 B", 4096),
        ("4GiB", 4 << 30),
        ("4gib", 4 << 30),
        ("4 GiB", 4 << 30),
        ("512MB", 512_000_000),
        ("1.5kB", 1500),
        ("64k", 65536),
        ("64K", 65536),
        ("1M", 1 << 20),
        ("2Ti", 2 << 40),
        (" 7 ", 7),
    ],
)
def test_sizes_are_read(written: str, count: int) -> None:
    assert read(size(0), written) == count
    assert read(size(0), written, is_text=True) == count


@pytest.mark.parametrize(
    "written",
    [
        "",
        "GiB",
        "-1",
        "1.5",
        "1.5B",
        "4 GiBs",
        "4PB",
        "1e9",
        "٤",
        "4G\0",
        "9" * 50,
        "9TiB9",
        None,
        1.0,
        True,
        [1],
    ],
)
def test_what_is_no_size_is_refused(written: Any) -> None:
    with pytest.raises(WrongValue, match=r"a size from 0 to .*4GiB"):
        read(size(0), written, is_text=True)


def test_a_size_has_limits() -> None:
    with pytest.raises(WrongValue, match="from 1MiB to"):
        read(size(1 << 20), 4)
    with pytest.raises(WrongValue):
        read(size(0), "999999999TiB")


@given(st.integers(0, 1 << 60))
def test_a_written_size_reads_back(count: int) -> None:
    assert read(size(0), size_text(count)) == count


@pytest.mark.parametrize("word", ["1", "true", "YES", "on", " True "])
def test_true_in_the_environment(word: str) -> None:
    assert read(flag(), word, is_text=True) is True


@pytest.mark.parametrize("word", ["0", "false", "No", "off"])
def test_false_in_the_environment(word: str) -> None:
    assert read(flag(), word, is_text=True) is False


@pytest.mark.parametrize(
    ("raw", "is_text"), [("true", False), ("maybe", True), (1, False), (1, True), ("", True), (None, False)]
)
def test_what_is_no_flag_is_refused(raw: Any, is_text: bool) -> None:
    with pytest.raises(WrongValue, match="true or false"):
        read(flag(), raw, is_text=is_text)


@pytest.mark.parametrize(
    ("raw", "is_text"),
    [
        ("8", False),
        (True, False),
        (1.0, False),
        ("eight", True),
        ("0x8", True),
        ("1_0", True),
        (-1, False),
        (11, False),
        ("11", True),
        ("9" * 50, True),
    ],
)
def test_what_is_no_whole_number_is_refused(raw: Any, is_text: bool) -> None:
    with pytest.raises(WrongValue, match="a whole number from 0 to 10"):
        read(integer(0, 10), raw, is_text=is_text)


def test_whole_numbers_at_the_limits() -> None:
    assert read(integer(0, 10), 0) == 0
    assert read(integer(0, 10), " 10 ", is_text=True) == 10


@pytest.mark.parametrize(
    ("raw", "is_text"),
    [
        ("8", False),
        (True, False),
        (float("nan"), False),
        (float("inf"), False),
        ("nan", True),
        ("1e3", True),
        (-0.1, False),
        (10.1, False),
        (10**310, False),
    ],
)
def test_what_is_no_number_is_refused(raw: Any, is_text: bool) -> None:
    with pytest.raises(WrongValue, match="a number of seconds from 0 to 10"):
        read(number(0, 10, "seconds"), raw, is_text=is_text)


def test_numbers_become_floats() -> None:
    made = read(number(0, 10, "seconds"), 3)

    assert made == 3.0
    assert isinstance(made, float)
    assert read(number(0, 10, "seconds"), "2.5", is_text=True) == 2.5


def test_choices_are_exact() -> None:
    assert read(choice("a", "b"), "b") == "b"
    assert read(choice("a", default_none=True), "") is None
    for wrong in ("B", "", None, 1, ["a"]):
        with pytest.raises(WrongValue, match='one of "a", "b"'):
            read(choice("a", "b"), wrong)


def test_paths_start_at_their_base() -> None:
    assert read(path(), "x/y") == Path("/base/x/y")
    assert read(path(), "/x") == Path("/x")
    assert read(path(), Path("x")) == Path("/base/x")
    assert read(path(), "~") == Path.home()
    for wrong in ("", "a\0b", 3, None, "~nobody-of-that-name/x"):
        with pytest.raises(WrongValue, match="a path"):
            read(path(), wrong)


def test_text_has_no_nul() -> None:
    assert read(text(), "x") == "x"
    for wrong in ("a\0", 3, None):
        with pytest.raises(WrongValue):
            read(text(), wrong)


def test_a_table_knows_its_keys() -> None:
    kind = table({"enabled": (bool,), "count": (int,), "ratio": (int, float)})

    assert read(kind, {"enabled": True, "count": 3, "ratio": 0.5}) == {
        "enabled": True,
        "count": 3,
        "ratio": 0.5,
    }
    for wrong, said in (
        ("x", "a table"),
        ({"enable": True}, 'without "enable" .did you mean "enabled"'),
        ({"zzzzzz": True}, 'without "zzzzzz"$'),
        ({"count": "3"}, '"count" is a whole number, not "3"'),
        ({"count": True}, '"count" is a whole number, not true'),
        ({"ratio": "x"}, "a whole number or a number"),
    ):
        with pytest.raises(WrongValue, match=said):
            read(kind, wrong)


def test_values_are_shown_in_one_printable_line() -> None:
    assert shown(None) == "unset"
    assert shown(True) == "true"
    assert shown("a\x1b]0;x\x07\u202e\n") == '"a\\u001b]0;x\\u0007\\u202e\\n"'
    assert shown(Path("/x")) == '"/x"'
    assert shown("é") == '"é"'
    assert len(shown("x" * 1000)) == 80
    assert shown(1 << 100_000) == "a number of thousands of digits"


@given(st.text() | st.integers() | st.lists(st.text()))
def test_whatever_is_shown_is_printable(value: Any) -> None:
    assert shown(value).isprintable()


def test_the_nearest_word() -> None:
    assert nearest("prot", ("port", "grace")) == "port"
    assert nearest("PORT", ("port", "grace")) == "port"
    assert nearest("web", ("Web",)) == "Web"
    assert nearest("zzz", ("port", "grace")) is None
    assert nearest("p" * 5000, ("port",)) is None
    assert nearest("x", ()) is None
