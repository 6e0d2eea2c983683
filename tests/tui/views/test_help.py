from __future__ import annotations

import pytest

from tests.tui.drive import Driver
from tests.tui.fakelog import numbered, snap


def test_it_lists_keys_and_titles_of_the_view_below() -> None:
    d = Driver(snap(numbered(30)), height=50)
    d.press("?")

    assert "HELP · Logs" in d.line("HELP")
    assert d.line("next, previous line of level error").split()[:2] == ["e", "E"]
    assert "restart" not in "\n".join(d.screen)
    d.press("esc", "2", "?")
    assert "HELP · Procs" in d.line("HELP")
    assert "restart all" in "\n".join(d.screen)


def test_typing_filters_and_the_cursor_shows_where() -> None:
    d = Driver(snap(numbered(30)))
    d.press("?").type("copy").press("left")

    assert [r for r in d.screen[3:-2] if r] == [
        "▌y                         copy the line under the cursor",
        " Y                         copy all lines shown",
    ]
    cursor = d.frame.cursor
    assert cursor is not None
    assert d.screen[cursor[1]][cursor[0]] == "y"


@pytest.mark.parametrize("height", [1, 4, 8, 12])
def test_the_chosen_entry_stays_on_the_screen(height: int) -> None:
    d = Driver(snap(numbered(30)), height=height)
    d.press("?", "pgdn", "pgdn", "pgdn")

    assert d.state.picked > 10
    assert height < 5 or "▌" in "\n".join(d.screen)
