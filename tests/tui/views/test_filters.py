from __future__ import annotations

import pytest

from tests.tui.drive import Driver
from tests.tui.fakelog import FakeLog, info, numbered, snap


def test_the_panel_lies_over_the_log() -> None:
    d = Driver(snap(numbered(30)), width=100)
    d.press("f", "2", "l")

    assert "FILTERS   20 of 30 lines" in d.screen[2]
    assert "line 9 of web" not in d.screen[2]
    assert d.screen[3].endswith("  1 [x] web")
    assert d.screen[4].endswith("▌2 [ ] api")
    assert "level>= all [debug] info" in d.screen[6]


@pytest.mark.parametrize("height", [1, 3, 6, 9, 12])
def test_many_processes_scroll(height: int) -> None:
    rows = [info(f"p{i}") for i in range(30)]
    d = Driver(snap(FakeLog(names=()), *rows), width=30, height=height)
    d.press("f", *["j"] * 25)

    assert height < 9 or "▌  [x] p25" in "\n".join(d.screen)
