from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brummer_rx.pipeline.event import Level, Stream
from brummer_rx.pipeline.runview import Tail
from brummer_rx.tui.filter import Filter
from brummer_rx.tui.intents import Pick
from brummer_rx.tui.keys import Resize
from brummer_rx.tui.settle import known_names, settle, shown_rows, shown_tails, total_lines
from brummer_rx.tui.state import Place, State, initial
from tests.tui.drive import Driver
from tests.tui.fakelog import T0, FakeLog, info, numbered, snap


def seqs(state: State) -> list[int]:
    return [place.seq for place in state.logs.window.rows]


def test_nothing_was_seen_yet() -> None:
    state = initial(80, 24)

    assert settle(state) is state
    assert known_names(None) == ()


def test_following_shows_the_end_and_counts() -> None:
    d = Driver(snap(numbered(100)), height=14)

    assert seqs(d.state) == list(range(90, 100))
    assert d.state.logs.cursor == 99
    assert d.state.logs.window.matched == 100
    d.see(snap(numbered(103)))
    assert seqs(d.state) == list(range(93, 103))
    assert d.state.logs.window.matched == 103


def test_nothing_new_is_no_new_state() -> None:
    d = Driver(snap(numbered(100)))

    assert settle(d.state) is d.state
    d.press("k")
    assert settle(d.state) is d.state


def test_a_sparse_filter_looks_only_at_what_is_new() -> None:
    log = numbered(3000)
    d = Driver(snap(log))
    d.state = settle(replace(d.state, logs=replace(d.state.logs, filter=Filter(None, Level.FATAL))))
    grown = numbered(3010)
    d.see(snap(grown))

    assert grown.asked.get("scanned", 0) <= 2 * 10
    assert d.state.logs.window.rows == ()


def test_a_paused_window_that_is_not_full_takes_what_comes() -> None:
    d = Driver(snap(numbered(3)), height=14)
    d.press("g")
    assert not d.state.logs.follow
    grown = numbered(6)
    d.see(snap(grown))

    assert seqs(d.state) == [0, 1, 2, 3, 4, 5]
    assert d.state.logs.window.below == 0
    d.see(snap(numbered(50)))
    assert seqs(d.state) == list(range(10))
    assert d.state.logs.window.below == 40


def test_appends_never_move_a_paused_text() -> None:
    d = Driver(snap(numbered(100)), height=14)
    d.press("k")
    before = seqs(d.state)
    for count in (101, 150, 1000):
        d.see(snap(numbered(count)))
        assert seqs(d.state) == before
    assert d.state.logs.window.below == 900


def test_eviction_clamps_the_anchor_and_shows_the_gap() -> None:
    log = numbered(100)
    d = Driver(snap(log), height=14)
    d.press("g")
    d.see(snap(log.without(0, 49)))

    assert seqs(d.state)[:2] == [0, 50]  # the gap's row, then the first line that is still there
    d.press("j")
    assert d.state.logs.cursor == 50


def test_an_anchor_inside_a_new_gap_moves_on() -> None:
    log = numbered(100)
    d = Driver(snap(log), height=14)
    d.do(Pick("line", 45))
    d.see(snap(log.without(20, 60)))

    assert seqs(d.state)[0] == 61
    assert d.state.logs.cursor == 61


def test_a_higher_screen_is_filled_from_above() -> None:
    d = Driver(snap(numbered(100)), height=14)
    d.press("k", "k")
    d.do(Resize(80, 40))

    assert seqs(d.state) == list(range(64, 100))
    assert not d.state.logs.follow


@given(
    st.sampled_from([None, Level.INFO, Level.ERROR]),
    st.sampled_from([None, frozenset(("web",)), frozenset(("api", "db"))]),
    st.lists(st.sampled_from(["k", "j", "pgup", "pgdn", "g", "e", "E", "grow", "n"]), max_size=12),
)
@settings(max_examples=60, deadline=None)
def test_counts_carried_on_equal_counts_made_anew(
    level: Level | None, sources: frozenset[str] | None, steps: list[str]
) -> None:
    count = 60
    d = Driver(snap(numbered(count)), height=14)
    d.state = settle(replace(d.state, logs=replace(d.state.logs, filter=Filter(sources, level))))
    for step in steps:
        if step == "grow":
            count += 13
            d.see(snap(numbered(count)))
        else:
            d.press(step)
        fresh = settle(replace(d.state, logs=replace(d.state.logs, window=type(d.state.logs.window)())))
        assert d.state.logs.window == fresh.logs.window


def test_unfinished_lines_are_shown_only_while_following() -> None:
    tails = tuple(Tail(n, Stream.OUT, T0 + i, b"...") for i, n in enumerate(("web", "api", "db", "x", "y")))
    seen = snap(numbered(100), tails=tails)
    d = Driver(seen, height=16)

    assert [t.source for t in shown_tails(d.state, seen)] == [
        "db",
        "x",
        "y",
    ]  # a quarter of the body, the newest
    assert len(shown_rows(d.state, seen)) == 12 - 3
    d.press("k")
    assert d.state.logs.top == Place(91)  # nothing moves: they stay as long as there is room
    assert len(shown_tails(d.state, seen)) == 3
    d.see(snap(numbered(102), tails=tails))
    assert [t.source for t in shown_tails(d.state, d.snap)] == ["y"]
    d.press("pgup")
    assert shown_tails(d.state, d.snap) == ()


def test_unfinished_lines_obey_the_filter() -> None:
    tail = Tail("web", Stream.OUT, T0, b"...")
    d = Driver(snap(numbered(10), tails=(tail,)))
    logs = d.state.logs

    def shown(chosen: Filter) -> tuple[Tail, ...]:
        return shown_tails(replace(d.state, logs=replace(logs, filter=chosen)), d.snap)

    assert shown(Filter(frozenset({"web"}))) == (tail,)
    assert shown(Filter(frozenset({"api"}))) == ()
    assert shown(Filter(None, Level.WARN)) == ()


def test_lines_in_gaps_are_not_counted() -> None:
    log = numbered(100).without(10, 19).without(95, 99)

    assert total_lines(log) == 85
    assert total_lines(log, 15, 30) == 10


def test_known_names_are_those_of_the_table_then_those_of_the_log() -> None:
    seen = snap(FakeLog(names=("api", "old")), info("web"), info("api"))

    assert known_names(seen) == ("web", "api", "old")


def test_the_last_lines_of_the_chosen_process_are_carried_on() -> None:
    d = Driver(snap(numbered(3000)), height=24)
    d.press("2")
    assert d.state.procs.recent.name == "web"
    first = d.state.procs.recent.seqs
    assert first[-1] == 2997
    grown = numbered(3010)
    d.see(snap(grown))

    assert d.state.procs.recent.seqs[-1] == 3009
    assert grown.asked["scanned"] <= 20
    d.press("j")
    assert d.state.procs.recent.name == "api"
    assert settle(d.state) is d.state


def test_procs_without_processes() -> None:
    d = Driver(replace(snap(), table=snap().table.__class__(1, ())))
    d.press("2", "j", "s", "r", "ctrl-r", "enter")

    assert d.taken() == []
    assert "No processes" in "".join(d.screen)


@pytest.mark.parametrize("wrap", [False, True])
def test_wrapped_lines_count_by_row(wrap: bool) -> None:
    log = FakeLog().plus(*(f"{i} " + "x" * 100 for i in range(20)))
    d = Driver(snap(log), width=80, height=14)
    if wrap:
        d.press("w")

    assert len(d.state.logs.window.rows) == 10
    assert len({p.seq for p in d.state.logs.window.rows}) == (5 if wrap else 10)
