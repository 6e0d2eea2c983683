from __future__ import annotations

import pytest

from brummer_rx.pipeline.event import Level
from brummer_rx.tui import moves
from brummer_rx.tui.keys import Key, Resize, Wheel
from brummer_rx.tui.reduce import reduce
from brummer_rx.tui.state import Place, initial
from tests.tui.drive import Driver
from tests.tui.fakelog import FakeLog, numbered, snap


def rows(d: Driver) -> list[int]:
    return [place.seq for place in d.state.logs.window.rows]


@pytest.fixture
def d() -> Driver:
    """100 lines, ten rows of body, following."""
    return Driver(snap(numbered(100)), height=14)


def test_scrolling_up_pauses_and_the_bottom_follows_again(d: Driver) -> None:
    d.press("k")
    assert (d.state.logs.follow, d.state.logs.cursor, rows(d)[0]) == (False, 98, 90)
    d.press("j")
    assert d.state.logs.follow
    d.press("pgup")
    assert not d.state.logs.follow
    d.press("pgdn")
    assert d.state.logs.follow
    d.do(Wheel(-2, 1, 5))
    assert (d.state.logs.follow, rows(d)[0]) == (False, 84)
    d.do(Wheel(5, 1, 5))
    assert d.state.logs.follow


def test_the_cursor_drags_the_text_along_at_the_edges(d: Driver) -> None:
    d.press(*["k"] * 12)
    assert (d.state.logs.cursor, rows(d)) == (87, list(range(87, 97)))
    d.press(*["j"] * 11)
    assert (d.state.logs.cursor, rows(d)) == (98, list(range(89, 99)))
    d.press("j")
    assert d.state.logs.follow


def test_pages_keep_the_cursors_row(d: Driver) -> None:
    d.press("k", "k", "k", "pgup")
    assert (rows(d)[0], d.state.logs.cursor) == (81, 87)
    d.press("ctrl-u")
    assert (rows(d)[0], d.state.logs.cursor) == (77, 83)
    d.press("ctrl-d")
    assert (rows(d)[0], d.state.logs.cursor) == (81, 87)


def test_both_ends(d: Driver) -> None:
    d.press("g")
    assert (d.state.logs.follow, d.state.logs.cursor, rows(d)[0]) == (False, 0, 0)
    d.press("k", "pgup", "ctrl-u")
    assert d.state.logs.cursor == 0
    d.press("G")
    assert d.state.logs.follow
    d.press("home", "end")
    assert d.state.logs.follow


def test_page_up_to_the_top_of_a_short_log() -> None:
    d = Driver(snap(numbered(4)), height=14)
    d.do(Wheel(-1, 0, 0))
    assert d.state.logs.follow  # nothing to scroll
    d.press("pgup")
    assert (d.state.logs.follow, d.state.logs.cursor) == (False, 0)


def test_error_lines_go_round(d: Driver) -> None:
    d.press("E")
    assert (d.state.logs.cursor, d.state.message) == (96, None)
    d.press("E")
    assert d.state.logs.cursor == 89
    d.press("e", "e")
    assert d.state.logs.cursor == 5  # errors are 5, 12, ..., 96
    assert d.state.message is not None
    assert d.state.message.text == "went on from the top"
    d.press("E")
    assert d.state.logs.cursor == 96
    assert "from the bottom" in d.line("PAUSED")


def test_no_error_line() -> None:
    d = Driver(snap(FakeLog().plus("a", "b", level=Level.WARN)))
    d.press("e")

    assert "no line of level error" in d.line("FOLLOW")


def test_a_far_line_comes_to_a_third_of_the_screen(d: Driver) -> None:
    d.state = moves.to_line(d.state, 40)
    d.see(d.snap)

    assert rows(d)[0] == 37
    assert d.state.logs.cursor == 40


def test_columns(d: Driver) -> None:
    d.press("l", "l", "h")
    assert d.state.logs.col == 10
    d.press("h", "h", "h")
    assert d.state.logs.col == 0
    d.press("$")
    assert d.state.logs.col == 0  # everything fits
    d.see(snap(numbered(99).plus("x" * 200 + "END")))
    d.press("$")
    assert "END" in "".join(d.screen)
    d.press("0")
    assert d.state.logs.col == 0
    d.press("w", "l", "$")
    assert d.state.logs.col == 0


def test_wrapped_lines_scroll_by_row() -> None:
    d = Driver(snap(FakeLog().plus(*(f"{i} " + "x" * 150 for i in range(20)))), height=14)
    d.press("w")
    assert d.state.logs.window.rows[0] == Place(16, 2)
    d.do(Wheel(-1, 0, 0))
    assert d.state.logs.window.rows[0] == Place(15, 2)
    d.press("k", "k", "k", "k")
    assert d.state.logs.window.rows[0] == Place(14, 0)
    assert d.state.logs.cursor == 14
    d.press("j", "j", "j", "j", "j", "j")
    assert d.state.logs.follow


def test_a_line_higher_than_the_screen_shows_its_start() -> None:
    log = FakeLog().plus("a", "b", "y" * 4000, "c", "d")
    d = Driver(snap(log), height=14)
    d.press("w", "k", "k")

    assert d.state.logs.cursor == 2
    assert d.state.logs.window.rows[0] == Place(2, 0)
    d.press("k")
    assert d.state.logs.cursor == 1


@pytest.mark.parametrize("name", ["k", "j", "pgup", "pgdn", "g", "G", "e", "E", "l", "$", "y", "Y", "n", "w"])
def test_moving_before_anything_was_seen(name: str) -> None:
    state, _ = reduce(initial(80, 24), Key(name))

    assert state.logs.cursor == 0


def test_moving_through_an_empty_log() -> None:
    d = Driver(snap())
    d.press("k", "j", "pgup", "pgdn", "g", "e", "$", "l").do(Wheel(-1, 0, 0))

    assert d.state.logs.follow


def test_a_filter_taken_off_leaves_the_cursors_line_where_it_is(d: Driver) -> None:
    """Errors only, one of them chosen, filter off: what happened around it."""
    d.press("f", "l", "l", "l", "l", "esc", "k", "k")
    cursor = d.state.logs.cursor
    row = rows(d).index(cursor)
    assert row > 0

    d.press("ctrl-f")

    assert d.state.logs.cursor == cursor
    assert rows(d)[row] == cursor
    assert rows(d)[row - 1] == cursor - 1


def test_a_line_that_is_filtered_out_gives_the_cursor_to_the_one_before(d: Driver) -> None:
    d.press(*["k"] * 50)
    assert d.state.logs.cursor == 49
    d.press("f", "l", "l", "l", "l", "esc")
    assert d.state.logs.cursor == 47
    d.press("ctrl-f", *["g"])
    d.press("f", "l", "l", "l", "l", "esc")
    assert d.state.logs.cursor == 5


def test_a_filter_that_hides_everything_moves_nothing() -> None:
    d = Driver(snap(FakeLog().plus(*["text"] * 50)), height=14)
    d.press(*["k"] * 20).press("f", "l", "l", "l", "l", "ctrl-f", "esc")

    assert d.state.logs.cursor in rows(d)


@pytest.mark.parametrize("change", ["w", "narrow", "low"])
def test_the_cursors_line_stays_in_sight_when_lines_get_other_heights(change: str) -> None:
    d = Driver(snap(FakeLog().plus(*["x" * 3_000 if i % 4 else "short" for i in range(60)])), height=14)
    d.press("k", "k")
    if change != "w":
        d.press("w")
    cursor = d.state.logs.cursor
    if change == "w":
        d.press("w")
    else:
        d.do(Resize(30, 14) if change == "narrow" else Resize(80, 9))

    assert d.state.logs.cursor == cursor
    assert cursor in rows(d)
    d.press("w")
    assert d.state.logs.cursor == cursor
    assert cursor in rows(d)


def test_the_end_of_the_text_is_that_of_the_cursors_line() -> None:
    d = Driver(snap(FakeLog().plus("x" * 5_000, "y" * 150 + "END")))
    d.press("$")

    assert "END" in d.line("END")
    d.press("k", "$")
    assert d.state.logs.col > 4_000
