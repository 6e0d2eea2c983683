from __future__ import annotations

import pytest

from brummer_rx.pipeline.event import Level, Stream
from brummer_rx.pipeline.process import ProcessState
from brummer_rx.pipeline.reader import Line, SearchProgress
from brummer_rx.pipeline.runview import Tail
from brummer_rx.tui.frame import Row
from brummer_rx.tui.intents import SearchFound, SearchStarted
from tests.tui.drive import Driver
from tests.tui.fakelog import T0, FakeLog, info, numbered, snap


def row(d: Driver, part: str) -> Row:
    return next(r for r in d.frame.rows if part in "".join(text for _, text in r))


def test_a_line_has_time_name_level_and_text() -> None:
    d = Driver(snap(numbered(6)), width=100)

    assert d.line("line 4 of api") == " 12:32:50.193 api I line 4 of api"
    assert d.line("line 5 of db") == "▌12:32:50.194 db  E line 5 of db"
    assert ("err", "E") in row(d, "line 5 of db")
    assert ("source1", "api") in row(d, "line 4 of api")


@pytest.mark.parametrize("level", Level)
def test_each_level_has_its_letter(level: Level) -> None:
    d = Driver(snap(FakeLog().plus("text", level=level)))

    assert f"web {level.name[0]} text" in d.line("text")


def test_local_time() -> None:
    d = Driver(snap(numbered(3)), utc_offset_s=2 * 3600)

    assert d.line("line 0").startswith(" 14:32:50.189")


def test_the_childs_colours_stay_and_its_other_escapes_go() -> None:
    d = Driver(snap(FakeLog().plus(b"\x1b[2J\x1b]0;evil\x07\x1b[31mred\x1b[0m plain\x1b[")))

    assert ("sgr:31", "red") in row(d, "red plain")


def test_a_long_line_is_cut_with_a_sign_and_scrolls() -> None:
    d = Driver(snap(FakeLog().plus("0123456789" * 20)), width=80)
    text = d.line("0123")
    assert text.endswith("…")
    d.press("l")
    assert d.line("0123") == text
    d.press("$")
    assert not d.line("456789").endswith("…")
    d.press("w")
    assert len([r for r in d.screen if "0123456789" in r]) == 4


def test_a_line_of_a_mebibyte_costs_what_is_seen() -> None:
    d = Driver(snap(FakeLog().plus(b"x" * (1 << 20), "after")), width=80)
    assert d.line("xxx").endswith("…")
    d.press("w", "k")
    assert len([r for r in d.screen if "xxx" in r]) == 20
    d.press(*["pgdn"] * 10)
    assert d.line("▸").endswith("▸")  # only so many rows of one line; the sign says that there is more


def test_pieces_are_marked() -> None:
    log = FakeLog()
    piece = Line(0, T0, "web", Stream.OUT, Level.INFO, b"first piece", more=True, newline=False)
    log = FakeLog((piece,), 0, 1)
    d = Driver(snap(log))

    assert d.line("first piece").endswith("first piece▸")
    d.press("w")
    assert d.line("first piece").endswith("▸")


def test_gaps_are_rows() -> None:
    d = Driver(snap(numbered(9).without(2, 4, source="api")))

    assert "── 3 lines of api missing (removed: the log had reached its size limit) ──" in d.line("missing")
    d.press("f", "2")
    assert "missing" not in "\n".join(d.screen)


def test_unfinished_lines_stand_below() -> None:
    tail = Tail("api", Stream.TTY, T0, b"\x1b[32mInstalling\x1b[0m 4/9")
    d = Driver(snap(numbered(50), tails=(tail,)))
    below = d.screen[-3]

    assert below.startswith(" 12:32:50.189 api · Installing 4/9▏")
    d.press("pgup")
    assert "Installing" not in "\n".join(d.screen)


def test_a_long_unfinished_line_shows_its_end() -> None:
    d = Driver(snap(numbered(50), tails=(Tail("api", Stream.TTY, T0, b"." * 300 + b"END"),)))

    assert "END▏" in d.screen[-3]


def marks(d: Driver) -> list[str]:
    return [text for r in d.frame.rows[2:-2] for style, text in r if "hit" in style]


def test_hits_are_marked_while_typing() -> None:
    d = Driver(snap(FakeLog().plus("Users and users", "nothing", b"a \x1b[31mus\x1b[0mers")))
    d.press("/").type("users")
    assert marks(d) == ["Users", "users", "us", "ers"]
    d.press("ctrl-u").type("Users")
    assert marks(d) == ["Users"]
    d.press("esc")
    assert marks(d) == []


def test_a_regular_expression_is_marked_only_where_the_search_found_it() -> None:
    d = Driver(snap(FakeLog().plus("aaaa!", "b", "aaa")))
    d.press("/", "tab").type("a+").do(SearchStarted(1))
    assert marks(d) == []
    d.do(SearchFound(SearchProgress(1, (2,), 1, False)))
    assert marks(d) == ["aaa"]
    d.press("enter", "w")
    assert marks(d) == ["aaa"]


def test_an_empty_match_marks_nothing() -> None:
    d = Driver(snap(FakeLog().plus("b")))
    d.press("/", "tab").type("a*").do(SearchStarted(1)).do(SearchFound(SearchProgress(1, (0,), 1, True)))

    assert marks(d) == []


def test_marks_in_wrapped_lines_go_over_the_border() -> None:
    d = Driver(snap(FakeLog().plus("x" * 58 + "needle" + "y" * 90)), width=80)
    d.press("w", "/").type("needle")

    assert "".join(marks(d)) == "needle"
    assert len(marks(d)) == 2


def test_what_to_do_when_there_is_nothing_to_see() -> None:
    assert "No lines yet." in "\n".join(Driver(snap()).screen)
    scripts = Driver(snap(FakeLog(), info("dev", ProcessState.EXITED), info("lint", ProcessState.EXITED)))
    assert "Nothing was started yet." in "\n".join(scripts.screen)
    d = Driver(snap(FakeLog().plus("quiet")))
    d.press("f", "l", "l", "l", "esc")
    assert "No line passes the filter." in "\n".join(d.screen)


def test_the_scroll_bar_tells_where_in_the_log_this_is() -> None:
    d = Driver(snap(numbered(1000)), height=24)

    def thumb() -> list[int]:
        return [y for y, r in enumerate(d.screen) if r.endswith("█")]

    assert thumb() == [21]
    d.press("g")
    assert thumb() == [2]
    d.press(*["pgdn"] * 26)
    assert 10 <= thumb()[0] <= 12
    assert Driver(snap(numbered(5))).line("line 4").endswith("api")


def test_rows_scroll_by_their_ids() -> None:
    d = Driver(snap(numbered(50)))
    before = d.frame.scroll
    d.see(snap(numbered(52)))
    after = d.frame.scroll

    assert before is not None
    assert after is not None
    assert (before.top, before.bottom) == (2, 22)
    assert before.ids[2:] == after.ids[:-2]
    d.press("f")
    assert d.frame.scroll is None


def test_names_that_are_long_or_hostile() -> None:
    rows = (info("a-very-long-name-indeed"), info("x\x1b[2J"), info("日本語"))
    log = FakeLog(names=tuple(r.name for r in rows))
    for r in rows:
        log = log.plus("text of it", source=r.name)
    d = Driver(snap(log, *rows), width=100)

    assert "a-very-lo… I text" in d.line("a-very")
    assert "x [2J" in "\n".join(d.screen)
    assert "日本語" in "\n".join(d.screen)
    d = Driver(snap(log, *rows), width=20)
    assert "a I text of it" in d.line("a I")


def test_a_line_that_the_store_lost_meanwhile() -> None:
    d = Driver(snap(numbered(9)))
    d.snap = snap(numbered(4))

    assert "this line is gone" in "\n".join(d.screen)
