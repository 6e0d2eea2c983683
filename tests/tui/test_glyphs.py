"""Both sets have one column a sign; bars are scaled."""

from __future__ import annotations

import dataclasses

import pytest
from wcwidth import wcwidth

from brummer_rx.tui.glyphs import ASCII, UNICODE, Glyphs, choose, sparkline


@pytest.mark.parametrize("glyphs", [ASCII, UNICODE])
def test_every_sign_is_one_column(glyphs: Glyphs) -> None:
    signs = "".join(dataclasses.astuple(glyphs))

    assert [c for c in signs if wcwidth(c) != 1] == []
    assert all(len(getattr(glyphs, f.name)) == 1 for f in dataclasses.fields(glyphs) if f.name != "bars")
    assert (glyphs is ASCII) == signs.isascii()


@pytest.mark.parametrize(
    ("wanted", "utf8", "term", "ambiguous", "expected"),
    [
        ("auto", True, "xterm-256color", 1, UNICODE),
        ("auto", False, "xterm-256color", 1, ASCII),
        ("auto", True, "linux", 1, ASCII),
        ("auto", True, "xterm", 2, ASCII),
        ("ascii", True, "xterm", 1, ASCII),
        ("unicode", False, "linux", 2, UNICODE),
    ],
)
def test_choice(wanted: str, utf8: bool, term: str, ambiguous: int, expected: Glyphs) -> None:
    assert choose(wanted, utf8=utf8, term=term, ambiguous_width=ambiguous) is expected


def test_bars() -> None:
    assert sparkline((0, 1, 2, 4), 6, ASCII) == "   249"
    assert sparkline((5, 0.001, 0), 3, ASCII) == "91 "
    assert sparkline((1, 2), 1, ASCII) == "9"
    assert sparkline((), 3, ASCII) == "   "
    assert sparkline((1,), 0, ASCII) == ""
