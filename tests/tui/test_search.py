from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.pipeline.event import Level
from brummer_rx.pipeline.reader import LineFilter, SearchProgress
from brummer_rx.tui import search
from brummer_rx.tui.intents import CancelSearch, Search, SearchFailed, SearchFound, SearchStarted
from brummer_rx.tui.state import Found, Mode, initial
from brummer_rx.tui.view import wake_at
from tests.tui.drive import Driver
from tests.tui.fakelog import numbered, snap


def started(pattern: str = "line", token: int = 7) -> Driver:
    """A search that runs, the prompt still open."""
    d = Driver(snap(numbered(100)), height=14)
    d.press("/").type(pattern)
    d.do(SearchStarted(token))
    return d


def part(
    *seqs: int, total: int | None = None, done: bool = False, token: int = 7, error: str = ""
) -> SearchFound:
    return SearchFound(SearchProgress(token, seqs, len(seqs) if total is None else total, done, error))


def test_smart_case() -> None:
    assert search.smart_case("error", False)
    assert not search.smart_case("Error", False)
    assert search.smart_case(r"\S+error\B", True)
    assert not search.smart_case(r"\S", False)


def test_each_change_of_the_prompt_asks_anew() -> None:
    d = Driver(snap(numbered(100)))
    d.press("/").type("Ab").press("backspace", "backspace")
    queries = [e.query for e in d.effects if isinstance(e, Search)]

    assert [(q.pattern, q.ignore_case) for q in queries] == [("A", False), ("Ab", False), ("A", False)]
    assert all((q.start, q.stop, q.regex) == (0, 100, False) for q in queries)
    assert d.effects[-1] == CancelSearch()
    assert d.state.logs.found is None


def test_moving_in_the_prompt_asks_nothing() -> None:
    d = started()
    d.taken()
    d.press("left", "right", "home")

    assert d.taken() == []


def test_hits_come_newest_first_and_the_count_grows() -> None:
    d = started()
    d.do(part(60, 80, 99, total=3))
    assert "hit 3/3…" in d.line("FOLLOW")
    d.do(part(10, 20, total=5, done=True))

    assert "hit 5/5 " in d.line("FOLLOW")
    found = d.state.logs.found
    assert found is not None
    assert [s for p in found.parts for s in p] == [10, 20, 60, 80, 99]


def test_enter_goes_to_the_nearest_hit_at_or_before_the_cursor() -> None:
    d = started()
    d.do(part(60, 80, total=2)).press("enter")
    assert d.state.logs.cursor == 80
    d.press("N")
    assert d.state.logs.cursor == 60
    d.press("N")
    assert d.state.logs.cursor == 60  # older hits may still come
    d.do(part(10, 20, total=4, done=True))
    assert d.state.logs.cursor == 20
    d.press("N")
    assert "hit 1/4" in d.line("PAUSED")
    d.press("N")
    assert d.state.logs.cursor == 80
    assert "from the bottom" in d.line("PAUSED")
    d.press("n")
    assert d.state.logs.cursor == 10
    d.press("n")
    assert d.state.logs.cursor == 20


def test_enter_before_any_hit_is_known_jumps_when_one_comes() -> None:
    d = started()
    d.press("enter")
    assert d.state.logs.follow
    d.do(part(50, total=1))
    assert d.state.logs.cursor == 50
    d.do(part(40, total=2, done=True))
    assert d.state.logs.cursor == 50


def test_only_hits_after_the_cursor() -> None:
    d = Driver(snap(numbered(100)), height=14)
    d.press("g", "/").type("line").do(SearchStarted(7)).press("enter").do(part(30, 40, total=2))
    assert d.state.logs.cursor == 0  # an older one may still come
    d.do(part(done=True, total=2))
    assert d.state.logs.cursor == 30


def test_no_hit_is_said() -> None:
    d = started("nothing")
    d.do(part(done=True)).press("enter")

    assert "no hit for nothing" in d.line("FOLLOW")
    d.press("n")
    assert d.state.logs.follow


def test_the_jump_is_given_up_when_the_search_is_over() -> None:
    d = started("nothing")
    d.press("enter").do(part(done=True))

    assert "no hit for nothing" in d.line("FOLLOW")
    assert d.state.logs.found is not None
    assert d.state.logs.found.jump == 0


def test_answers_of_other_searches_are_dropped() -> None:
    d = started()
    d.do(part(1, 2, 3, token=6))
    assert d.state.logs.found is not None
    assert d.state.logs.found.total == 0
    d.press("esc").do(part(1, 2, 3)).do(SearchStarted(9)).do(SearchFailed("late"))
    assert d.state.logs.found is None


def test_a_search_that_cannot_start_says_why() -> None:
    d = started()
    d.do(SearchFailed("helper lost"))
    assert "! helper lost" in d.line("FOLLOW")
    d.press("enter")
    assert "\n".join(d.screen).count("helper lost") == 1


def test_an_error_in_the_answer_is_shown() -> None:
    d = started()
    d.press("enter").do(part(total=0, done=True, error="too slow"))

    assert "! too slow" in d.line("FOLLOW")


def test_a_bad_regular_expression_is_not_sent() -> None:
    d = Driver(snap(numbered(10)))
    d.press("/", "tab").type("(")

    assert "bad pattern" in d.line("FOLLOW")
    assert d.taken() == [CancelSearch()]
    d.press("tab")
    (effect,) = d.taken()
    assert isinstance(effect, Search)
    assert not effect.query.regex


def test_enter_on_a_bad_regular_expression_keeps_the_prompt_open() -> None:
    d = Driver(snap(numbered(10)))
    d.press("/", "tab").type("(").press("enter")

    assert d.state.mode is Mode.SEARCH
    d.type("a)").press("enter")
    assert d.state.mode is Mode.NORMAL


def test_a_pattern_that_python_warns_about_is_quiet() -> None:
    assert search.wrong_with("[[a]") == ""
    assert search.wrong_with("a{99999999999}") != ""


def test_esc_brings_the_search_before_back() -> None:
    d = started()
    d.do(part(5, total=1, done=True)).press("enter", "/").type("x")
    d.do(SearchStarted(8)).taken()
    d.press("esc")

    found = d.state.logs.found
    assert found is not None
    assert (found.pattern, found.total) == ("line", 1)
    assert d.taken() == [CancelSearch()]
    d.press("/", "esc", "/", "enter")
    assert d.state.logs.found is found
    d.press("esc")
    assert d.state.logs.found is None


def test_esc_asks_the_search_before_again_when_it_was_not_through() -> None:
    d = started()
    d.do(part(90, total=1)).press("enter", "/").type("x").taken()
    d.press("esc")

    (effect,) = d.taken()
    assert isinstance(effect, Search)
    assert effect.query.pattern == "line"


def test_new_lines_are_searched_too_but_not_too_often() -> None:
    d = started()
    d.do(part(5, 99, total=2, done=True)).press("enter").taken()
    d.see(snap(numbered(101), now_ns=d.state.now_ns + 1))
    assert d.taken() == []
    due = wake_at(d.state, d.snap)
    assert due is not None
    d.see(snap(numbered(150), now_ns=due))
    (effect,) = d.taken()
    assert isinstance(effect, Search)
    assert (effect.query.start, effect.query.stop) == (100, 150)
    d.see(snap(numbered(160), now_ns=due + 10**9))
    assert d.taken() == []  # one after the other
    d.do(SearchStarted(8)).do(part(120, total=1, done=True, token=8))
    found = d.state.logs.found
    assert found is not None
    assert (found.total, found.upto) == (3, 150)
    d.see(snap(numbered(160), now_ns=due + 2 * 10**9))
    assert len(d.taken()) == 1


def test_a_filter_searches_again_among_what_is_shown() -> None:
    d = started()
    d.do(part(5, total=1, done=True)).press("enter", "f").taken()
    d.press("2")
    (effect,) = d.taken()

    assert isinstance(effect, Search)
    assert effect.query.where == LineFilter(frozenset({"web", "db"}), Level.TRACE)


def test_without_a_search_n_has_nothing_to_do() -> None:
    d = Driver(snap(numbered(10)))
    d.press("n")

    assert d.state.message is None
    assert search.go(d.state, 1)[1] == "no search: / starts one"
    assert search.again(d.state) == (d.state, ())


@given(st.lists(st.sets(st.integers(0, 60), max_size=8), max_size=12), st.integers(-1, 61))
def test_hits_in_any_parts_behave_as_one_list(sets: list[set[int]], at: int) -> None:
    parts: search.Parts = ()
    for one in sets:
        parts = search.merge(parts, tuple(sorted(one)))
    every = sorted(set().union(*sets))

    assert [s for p in parts for s in p] == every
    found = Found("x", parts=parts, total=len(every))
    assert search.is_hit(found, at) == (at in every)
    assert search.hit_number(found, at) == sum(s <= at for s in every)


def test_parts_stay_few_and_the_oldest_go() -> None:
    parts: search.Parts = ()
    for first in range(0, 20_000, 2):
        parts = search.merge(parts, (first, first + 1))
    assert len(parts) <= 20_000 // search.SMALL_PART + 1

    big = tuple(tuple(range(i * 100_000, (i + 1) * 100_000)) for i in range(4))
    d = started()
    found = d.state.logs.found
    assert found is not None
    for i, one in enumerate(big):
        d.do(part(*one, total=(i + 1) * 100_000))
    found = d.state.logs.found
    assert found is not None
    assert sum(map(len, found.parts)) == 200_000
    assert found.total == 400_000
    assert search.hit_number(found, 399_999) == 400_000


def test_a_search_before_anything_was_seen() -> None:
    state, effects = search.begin(initial(80, 24), "x", False)
    assert len(effects) == 1
    assert search.catch_up(state) == (state, ())
    assert search.catch_up_due(state, 10) is None
