"""The text of a line: what is left when escapes, a trailing CR and broken UTF-8 are dealt with."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.pipeline.text import ESC, strip_escapes, text_bytes, text_of


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"plain", "plain"),
        (b"\x1b[31mred\x1b[0m", "red"),
        (b"\x1b[38;2;1;2;3mrgb\x1b[m", "rgb"),
        (b"\x1b]0;a title\x07x", "x"),
        (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        (b"\x1bPdevice control\x1b\\y", "y"),
        (b"\x1b(Bcharset", "charset"),
        (b"\x1b7saved\x1b8", "saved"),
        (b"\x1b[?25lhidden", "hidden"),
        (b"50 %\r100 %", "50 %\r100 %"),
        (b"windows\r", "windows"),
        (b"\x1b[32mdone\r\x1b[0m", "done"),
        (b"caf\xc3\xa9 \xff", "café \ufffd"),
        (b"nul\0", "nul\0"),
        (b"ends in\x1b", "ends in"),
        (b"cut \x1b[38;5", "cut "),
    ],
)
def test_text_of(raw: bytes, text: str) -> None:
    assert text_of(raw) == text


def test_a_sequence_that_never_ends_ends_with_its_line() -> None:
    assert strip_escapes(b"a\x1b]0;never\nb\n") == b"a\nb\n"
    assert strip_escapes(b"a\x1b[\nb\n") == b"a\nb\n"
    assert strip_escapes(b"a\x1b\nb\n") == b"a\nb\n"


@given(st.lists(st.sampled_from([b"\x1b", b"[", b"]", b"31m", b"\x07", b"\\", b"\n", b"x", b"P", b";"])))
def test_lines_stay_lines_and_no_escape_is_left(parts: list[bytes]) -> None:
    data = b"".join(parts)
    stripped = strip_escapes(data)

    assert ESC not in stripped
    assert stripped.count(b"\n") == data.count(b"\n")
    assert stripped.split(b"\n") == [strip_escapes(line) for line in data.split(b"\n")]


@given(st.binary().filter(lambda raw: ESC not in raw))
def test_without_escapes_only_a_trailing_cr_goes(raw: bytes) -> None:
    assert text_bytes(raw) == raw.rstrip(b"\r")


@pytest.mark.parametrize("unit", [b"\x1b", b"\x1b[", b"\x1b]", b"\x1b[1;", b"\x1b]0;\x1b"])
def test_a_megabyte_of_hostile_bytes_is_linear(unit: bytes) -> None:
    data = unit * (1_000_000 // len(unit))
    began = time.process_time()
    strip_escapes(data)

    assert time.process_time() - began < 5
