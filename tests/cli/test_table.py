"""Columns."""

from __future__ import annotations

from brummer_rx.cli.table import table


def test_columns_line_up() -> None:
    text = table(("NAME", "N", "WHAT"), [("a", "10", "x y"), ("longer", "5", "")], right=frozenset({1}))

    assert text.splitlines() == ["NAME     N  WHAT", "a       10  x y", "longer   5"]


def test_nothing_acts_on_the_terminal() -> None:
    assert table(("N",), [("a\x1b[2Jb\nc\x07",)]).splitlines()[1] == "ab␊c␇"


def test_wide_names_line_up_too() -> None:
    lines = table(("NAME", "N"), [("日本語", "1"), ("web-api", "22")], right=frozenset({1})).splitlines()

    assert lines == ["NAME      N", "日本語    1", "web-api  22"]
