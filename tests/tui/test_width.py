"""The fast path of widths agrees with wcwidth."""

from __future__ import annotations

import sys

from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcswidth, wcwidth

from brummer_rx.tui.width import is_narrow, width_of


def test_every_character_of_the_fast_path_is_one_column() -> None:
    narrow = [chr(c) for c in range(0x20, sys.maxunicode + 1) if not 0x7F <= c < 0xA0 and is_narrow(chr(c))]

    assert len(narrow) > 500
    assert [c for c in narrow if wcwidth(c) != 1] == []


@given(st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=40))
def test_widths_are_those_of_wcwidth(text: str) -> None:
    assert width_of(text) == wcswidth(text)


def test_long_text_is_measured_too() -> None:
    assert width_of("日" * 2000) == 4000
    assert width_of("é" * 2000) == 2000
    assert width_of("\x07é") == 2
