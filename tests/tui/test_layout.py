from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.tui.layout import gutter, layout, procs_split


@pytest.mark.parametrize("height", range(1, 60))
def test_every_row_belongs_to_one_part(height: int) -> None:
    parts = layout(height)
    chrome = [row for row in (parts.header, parts.chips, parts.status, parts.footer) if row >= 0]
    body = list(range(parts.top, parts.top + parts.height))

    assert sorted(chrome + body) == list(range(height))
    assert parts.height >= 1


@given(st.integers(1, 300), st.lists(st.text(max_size=12), max_size=5), st.booleans())
def test_the_columns_fill_the_row(width: int, names: list[str], times: bool) -> None:
    space = gutter(width, names, times)

    assert space.columns + space.text + space.bar == width
    assert space.text >= 1
    assert space.columns >= 0


def test_room_is_given_up_step_by_step() -> None:
    names = ["worker", "web"]

    assert (gutter(120, names, True).time, gutter(120, names, True).name) == (12, 6)
    assert gutter(120, names, False).time == 0
    assert gutter(70, names, True).time == 8
    assert gutter(60, names, True).time == 0
    assert gutter(20, names, True).name == 1
    assert gutter(5, names, True).name == 0
    assert gutter(1, names, True).columns == 0


@pytest.mark.parametrize("height", range(1, 60))
def test_the_table_comes_before_the_pane(height: int) -> None:
    table, pane = procs_split(height)

    assert table + pane == height
    assert table >= 1
    assert pane == 0 or pane >= 3
