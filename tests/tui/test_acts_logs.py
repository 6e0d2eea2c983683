from __future__ import annotations

from brummer_rx.pipeline.event import Level
from brummer_rx.tui.filter import ALL
from brummer_rx.tui.intents import Copy
from brummer_rx.tui.state import Mode, View
from tests.tui.drive import Driver
from tests.tui.fakelog import FakeLog, info, numbered, snap


def test_the_panel_toggles_processes_by_digit_and_by_row() -> None:
    d = Driver(snap(numbered(30)))
    d.press("f", "2")
    assert d.state.logs.filter.sources == {"web", "db"}
    assert d.state.picked == 1
    d.press("j", "j", "space")
    assert d.state.logs.filter.sources == {"web"}
    d.press("k", "space", "9")
    assert d.state.logs.filter.sources == {"web", "api"}
    d.press("l", "l")
    assert d.state.logs.filter.level is Level.INFO
    d.press("ctrl-f")
    assert d.state.logs.filter == ALL
    d.press("esc")
    assert d.state.mode is Mode.NORMAL


def test_the_panel_shows_one_alone() -> None:
    d = Driver(snap(numbered(30)))
    d.press("f", "down", "enter")

    assert (d.state.mode, d.state.logs.filter.sources) == (Mode.NORMAL, {"api"})
    assert {d.snap.log.lines(p.seq, p.seq + 1)[0].source for p in d.state.logs.window.rows} == {"api"}
    d.press("ctrl-f")
    assert d.state.logs.filter == ALL


def test_a_filter_keeps_the_place_while_paused() -> None:
    d = Driver(snap(numbered(100)), height=14)
    d.press("pgup", "f", "1", "esc")

    assert d.state.logs.cursor in (89, 90)
    assert not d.state.logs.follow


def test_copying_gives_clean_text() -> None:
    log = FakeLog().plus("plain", b"\x1b[31mred\x1b[0m \xff\r", "third")
    d = Driver(snap(log))
    d.press("y", "k", "y", "Y")

    assert d.taken() == [
        Copy("third", "1 line"),
        Copy("red �", "1 line"),
        Copy("plain\nred �\nthird", "3 lines"),
    ]


def test_copying_names_gaps() -> None:
    d = Driver(snap(numbered(9).without(2, 4, source="web")))
    d.press("Y")
    (effect,) = d.taken()

    assert isinstance(effect, Copy)
    assert "3 lines of web missing" in effect.text.splitlines()[2]
    assert effect.what == "7 lines"


def test_nothing_to_copy() -> None:
    d = Driver(snap())
    d.press("y")
    assert d.taken() == []


def test_the_logs_of_a_process_and_back() -> None:
    d = Driver(snap(numbered(30)))
    d.press("f", "1", "esc", "2", "j", "enter")
    assert (d.state.view, d.state.logs.filter.sources) == (View.LOGS, {"api"})
    d.press("2", "j", "enter", "/", "x", "enter", "esc")
    assert d.state.logs.found is None
    d.press("esc")
    assert (d.state.view, d.state.logs.filter.sources) == (View.PROCS, {"api", "db"})
    d.press("esc")
    assert d.state.view is View.LOGS
    assert d.state.logs.opened_from is None
    d.press("esc")
    assert d.state.view is View.LOGS


def test_a_filter_of_ones_own_is_not_taken_back() -> None:
    d = Driver(snap(numbered(30)))
    d.press("2", "enter", "f", "l", "esc", "esc")

    assert d.state.view is View.LOGS
    assert d.state.logs.filter.level is Level.DEBUG


def test_time_and_wrap() -> None:
    d = Driver(snap(numbered(3)))
    assert "12:32:50.191" in d.line("line 2 of db")
    d.press("t")
    assert "12:32" not in d.line("line 2 of db")
    d.press("t", "l", "w")
    assert (d.state.logs.times, d.state.logs.wrap, d.state.logs.col) == (True, True, 0)


def test_the_panel_without_processes() -> None:
    seen = snap(FakeLog(names=()))
    d = Driver(type(seen)(log=seen.log, table=type(seen.table)(1, ())))
    d.press("f", "1", "space", "j", "enter")

    assert d.state.logs.filter == ALL


def test_a_long_list_of_filters_is_walked_in_steps() -> None:
    rows = [info(f"p{n:02}") for n in range(40)]
    d = Driver(snap(FakeLog(names=()), *rows))
    d.press("f", "pgdn", "j")
    assert "▌" in d.line("p11")
    d.press("pgup")
    assert d.state.picked == 1
    d.press("G", "down")
    assert "▌" in d.line("p39")
    d.press("home", "up")
    assert d.state.picked == 0
