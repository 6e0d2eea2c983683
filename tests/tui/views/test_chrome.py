from __future__ import annotations

import pytest

from brummer_rx.pipeline.process import ProcessState
from brummer_rx.pipeline.runview import Notice
from brummer_rx.tui.glyphs import ASCII
from brummer_rx.tui.intents import Invoke, Said
from tests.tui.drive import Driver
from tests.tui.fakelog import T0, FakeLog, info, numbered, snap

NOW = T0 + 10_000_000_000


def test_the_header_tells_tabs_rate_and_counts() -> None:
    rows = (
        info("a"),
        info("b", ProcessState.READY),
        info("c", ProcessState.STARTING),
        info("d", ProcessState.FAILED, incarnation=1, exit_code=1),
        info("e", ProcessState.EXITED, incarnation=1, exit_code=0),
    )
    d = Driver(snap(numbered(5), *rows, rates={"a": (1.0, 800.0), "b": (12.0,)}), width=100)

    assert d.screen[0].startswith(" brummer [1 Logs] 2 Procs ")
    assert d.screen[0].endswith("▁█ 812/s  ●2 ◌1 ✗1")
    d.press("2")
    assert " 1 Logs [2 Procs]" in d.screen[0]


@pytest.mark.parametrize("width", [80, 40, 30, 22, 12, 3, 1])
def test_a_narrow_header_gives_up_what_matters_least(width: int) -> None:
    d = Driver(snap(numbered(5), rates={"web": (5.0,) * 9}), width=width)
    row = d.screen[0]

    assert ("brummer" in row) == (width >= 50)
    assert ("5/s" in row) == (width >= 30)
    assert ("●3" in row) == (width >= 22)


def test_the_newest_of_message_and_notice_is_shown_for_its_time() -> None:
    def seen(after: float, *notices: Notice) -> object:
        return snap(numbered(5), now_ns=NOW + int(after * 1e9), notices=notices)

    d = Driver(snap(numbered(5), now_ns=NOW))
    d.do(Said("mine"))
    assert "mine" in d.line("FOLLOW")
    d.see(seen(1, Notice(NOW + 10**9, "worker exited 1")))  # type: ignore[arg-type]
    assert "worker exited 1" in d.line("FOLLOW")
    d.see(seen(6.5, Notice(NOW + 10**9, "worker exited 1")))  # type: ignore[arg-type]
    assert "worker" not in d.line("FOLLOW")
    d.see(seen(6.5, Notice(NOW + 10**9, "disk full\x1b[2J", bad=True)))  # type: ignore[arg-type]
    assert "! disk full [2J" in d.line("FOLLOW")


def test_the_status_line_tells_where_we_are() -> None:
    d = Driver(snap(numbered(2000)), width=120, height=14)
    assert d.screen[-2].split("   ") == [" FOLLOW", "line 1,999", "nowrap", "col 0"]
    d.press("g", "l")
    assert d.screen[-2].split("   ") == [
        " PAUSED",
        "line 0",
        "1,990 new below (G follows)",
        "nowrap",
        "col 10",
        "0%",
    ]
    d.press("w")
    assert "   wrap   " in d.screen[-2]


def test_the_chips_tell_what_is_filtered_and_searched() -> None:
    d = Driver(snap(numbered(30)), width=100)
    assert d.screen[1] == " all processes, all levels" + "30 lines".rjust(73)
    d.press("f", "2", "l", "esc", "/").type("Line")
    assert d.screen[1].startswith(' web,db  level>=debug   "Line"')
    assert d.screen[1].endswith("20 of 30 lines")
    d.press("tab")
    assert "/Line/" in d.screen[1]
    assert d.frame.hit_at(3, 1) == Invoke("filter")


def test_the_prompt_shows_its_cursor_and_scrolls() -> None:
    d = Driver(snap(numbered(30)), width=40)
    d.press("/").type("abc").press("left")
    assert d.screen[-1].startswith(" search: abc")
    assert d.frame.cursor == (11, 23)
    d.type("x" * 60)
    assert d.frame.cursor == (39, 23)
    d.press("tab")
    assert d.screen[-1].startswith(" regex: xxx")
    d.press("home")
    assert d.frame.cursor == (8, 23)


def test_the_ascii_set_needs_no_unicode() -> None:
    rows = (info("web"), info("x", ProcessState.FAILED, incarnation=1, exit_code=1))
    for keys in ((), ("k",), ("2",), ("?",), ("q",), ("f",), ("/",)):
        d = Driver(snap(numbered(90), *rows, rates={"web": (1.0, 9.0)}), width=100, glyphs=ASCII)
        d.press(*keys)
        assert "".join(d.screen).isascii()


def test_the_footer_is_clickable() -> None:
    d = Driver(snap(numbered(30)), width=100)
    x = d.screen[-1].index("f filter")

    assert d.frame.hit_at(x, 23) == Invoke("filter")
    assert d.frame.hit_at(d.screen[-1].index("? help"), 23) == Invoke("help")


@pytest.mark.parametrize("width", range(1, 30))
def test_a_narrow_footer_shows_whole_hints_or_bare_keys(width: int) -> None:
    d = Driver(snap(numbered(30)), width=width)
    words = [w.strip() for w in d.screen[-1].split("  ")]

    assert all(w in ("", "/", "/ search", "f filter", "? help", "f", "e", "y", "w", "q") for w in words)


def test_the_last_hints_of_a_footer_go_without_words_so_that_their_keys_stay() -> None:
    d = Driver(snap(numbered(30)), width=52)

    assert d.screen[-1].split("  ")[:6] == [" / search", "f filter", "e next error", "y", "w", "q"]
    d.press("2")
    assert "q" in d.screen[-1].split()


def test_low_facts_of_the_status_line_go_whole() -> None:
    d = Driver(snap(numbered(300)), width=67)
    d.do(Said("x" * 40))

    assert d.screen[-2] == f" FOLLOW   {'x' * 40}   line 299"


def test_the_logs_say_when_all_have_ended() -> None:
    done = info("a", ProcessState.EXITED, incarnation=1, exit_code=0)
    d = Driver(snap(numbered(3), done))
    assert "all have ended" in d.screen[-2]
    d.see(snap(numbered(3), done, info("b")))
    assert "all have ended" not in d.screen[-2]
    d.see(snap(numbered(3), info("lint", ProcessState.EXITED)))
    assert "all have ended" not in d.screen[-2]


def test_all_ended_and_nothing_started() -> None:
    done = info("a", ProcessState.EXITED, incarnation=1, exit_code=0)
    d = Driver(snap(FakeLog(), done, info("lint", ProcessState.EXITED)), width=100)
    d.press("2")

    assert "0 of 1 running" in d.screen[1]
    assert "1 not started" in d.screen[1]
    assert "all have ended" in d.screen[1]


def test_the_end_names_what_it_still_waits_for() -> None:
    many = [info(f"p{n}") for n in range(5)]
    d = Driver(snap(numbered(3), *many), width=100).press("q", "q")
    assert "stopping 5 … (^C kills)" in d.screen[-2]
    d.see(snap(numbered(3), *many[:2]))
    assert "stopping p0, p1 … (^C kills)" in d.screen[-2]
    d.see(snap(numbered(3), info("p0", ProcessState.EXITED, incarnation=1, exit_code=143)))
    assert " stopping …   " in d.screen[-2]
