from __future__ import annotations

import pytest

from brummer_rx.pipeline.process import ProcessState
from tests.tui.drive import Driver
from tests.tui.fakelog import FakeLog, info, snap


def asked(width: int, *rows: object, height: int = 24) -> list[str]:
    d = Driver(snap(FakeLog(), *rows), width=width, height=height)  # type: ignore[arg-type]
    d.press("q")
    return d.screen[-2:]


def test_it_names_what_would_be_stopped() -> None:
    text = asked(100)[-1]

    assert text == " Quit?  3 processes run: web, api, db.   [q] stop all and quit   [Esc] stay"


def test_on_a_narrow_screen_it_takes_two_rows() -> None:
    assert asked(60) == [" Quit?  3 processes run: web, api, db.", "   [q] stop all and quit   [Esc] stay"]


def test_one_and_none_and_many() -> None:
    done = info("x", ProcessState.EXITED, incarnation=1, exit_code=0)
    assert " 1 process runs: web." in asked(100, info("web"), done)[-1]
    assert "No process runs.   [q] quit   [Esc] stay" in asked(100, done)[-1]
    assert "p7 and 12 more." in asked(100, *(info(f"p{i}") for i in range(20)))[0]


@pytest.mark.parametrize(("width", "height"), [(20, 4), (20, 1), (8, 2), (1, 1)])
def test_tiny_screens(width: int, height: int) -> None:
    assert (width < 20) or "[q] quit" in asked(width, height=height)[-1]
