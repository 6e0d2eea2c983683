"""Styles become SGR for each depth; a child's colours are brought to one canonical form."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.tui.theme import MONO, ROLES, TRUE_COLOR, Theme, depth_of, normal_sgr, source_style

COLORS = re.compile(r"(?:^|;)(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;|$)")


@pytest.mark.parametrize(
    ("before", "params", "after"),
    [
        ("", "1;31", "1;31"),
        ("1;31", "39", "1"),
        ("1;31", "22", "31"),
        ("1;31", "0", ""),
        ("1;31", "", ""),
        ("31", "1", "1;31"),
        ("31", "32", "32"),
        ("31", "44", "31;44"),
        ("31;44", "49", "31"),
        ("", "38;5;200", "38;5;200"),
        ("", "38;2;1;2;3;4", "4;38;2;1;2;3"),
        ("", "38:2::1:2:3", "38;2;1;2;3"),
        ("", "38:2:1:2:3", "38;2;1;2;3"),
        ("", "38:5:9", "38;5;9"),
        ("", "4:3", "4"),
        ("4", "4:0", ""),
        ("", "58:5:9", ""),
        ("", "58;5;9;1", "1"),
        ("", "1;38;5;300;3", "1"),
        ("", "38", ""),
        ("", "5;6;8", ""),
        ("", "53", "53"),
        ("9", "29", ""),
        ("", "1;x;31", "1;31"),
        ("", "99999;1", "1"),
    ],
)
def test_state_after_parameters(before: str, params: str, after: str) -> None:
    assert normal_sgr(before, params) == after


@given(st.text("0123456789;:", max_size=30), st.text("0123456789;:", max_size=30))
def test_the_canonical_form_is_stable(first: str, second: str) -> None:
    state = normal_sgr(normal_sgr("", first), second)

    assert normal_sgr("", state) == state or state == ""
    assert normal_sgr(state, "0") == ""
    assert re.fullmatch(r"[\d;]*", state)


@pytest.mark.parametrize("depth", [MONO, 16, 256, TRUE_COLOR])
def test_every_role_is_a_sequence(depth: int) -> None:
    theme = Theme(depth)

    assert theme.sequence("text") == "\x1b[0m"
    for role in ROLES:
        assert re.fullmatch(r"\x1b\[0(;\d+)*m", theme.sequence(role))


def test_mono_keeps_bold_and_reverse_but_no_colour() -> None:
    theme = Theme(MONO)
    sgr = [theme.sgr(style) for style in [*ROLES, "sgr:1;31", "sgr:7;38;2;1;2;3", "sel+sgr:4;42"]]

    assert [s for s in sgr if COLORS.search(s)] == []
    assert theme.sgr("sel") == "7"
    assert theme.sgr("sgr:1;31") == "1"


@pytest.mark.parametrize(
    ("style", "sixteen", "many", "true"),
    [
        ("sgr:38;2;255;10;20", "91", "38;5;196", "38;2;255;10;20"),
        ("sgr:48;2;128;128;128", "100", "48;5;244", "48;2;128;128;128"),
        ("sgr:38;5;12;48;5;3", "94;43", "38;5;12;48;5;3", "38;5;12;48;5;3"),
        ("sgr:38;5;196", "91", "38;5;196", "38;5;196"),
        ("sgr:38;5;255", "37", "38;5;255", "38;5;255"),
        ("sgr:97;101", "97;101", "97;101", "97;101"),
    ],
)
def test_depths(style: str, sixteen: str, many: str, true: str) -> None:
    assert [Theme(d).sgr(style) for d in (16, 256, TRUE_COLOR)] == [sixteen, many, true]


def test_joined_styles_and_unknown_ones() -> None:
    theme = Theme(16)

    assert theme.sequence("sel+err") == "\x1b[0;7;1;31m"
    assert theme.sequence("nonsense") == "\x1b[0m"
    assert theme.sequence("sgr:evil\x1b[2J") == "\x1b[0m"


def test_many_styles_do_not_grow_without_bound() -> None:
    theme = Theme(256)
    for i in range(5000):
        theme.sequence(f"sgr:38;2;{i % 256};{i // 256};0")

    assert len(theme._known) <= 2048


@pytest.mark.parametrize(
    ("colors", "wanted", "no_color", "depth"),
    [
        (1 << 24, "auto", False, TRUE_COLOR),
        (256, "auto", False, 256),
        (8, "auto", False, 16),
        (2, "auto", False, MONO),
        (256, "auto", True, MONO),
        (0, "256", True, 256),
        (256, "mono", False, MONO),
    ],
)
def test_depth(colors: int, wanted: str, no_color: bool, depth: int) -> None:
    assert depth_of(colors, wanted=wanted, no_color=no_color) == depth


def test_sources_have_colours_in_turn() -> None:
    assert [source_style(i) for i in (0, 7, 8)] == ["source0", "source7", "source0"]
