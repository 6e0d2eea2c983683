"""The plan of a query: what is looked for, when a needle settles it, and what a user is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.pipeline.reader import SearchQuery
from brummer_rx.sinks.store.search_plan import Needle, plan_for


def test_a_plain_literal_settles_it() -> None:
    plan = plan_for(SearchQuery("a.b"))

    assert plan.needles == (Needle(b"a.b", False, True),)
    assert plan.exact
    assert plan.search("xa.b")
    assert not plan.search("axb")


def test_a_pattern_that_is_a_literal_settles_it_too() -> None:
    assert plan_for(SearchQuery("needle", regex=True)).needles == (Needle(b"needle", False, True),)
    assert plan_for(SearchQuery("needle.", regex=True)).needles == (Needle(b"needle", False, False),)


@pytest.mark.parametrize("pattern", ["a\r", "\ra"])
def test_a_cr_may_not_be_part_of_the_text_so_the_line_is_asked(pattern: str) -> None:
    assert plan_for(SearchQuery(pattern)).needles == (Needle(pattern.encode(), False, False),)


def test_letters_with_foreign_forms_are_known() -> None:
    assert plan_for(SearchQuery("yarn", ignore_case=True)).folds == ()
    assert plan_for(SearchQuery("KISS", ignore_case=True)).folds == tuple(
        char.encode() for char in ("\u212a", "\u0130", "\u0131", "\u017f")
    )
    assert plan_for(SearchQuery("kiss")).folds == ()
    assert not plan_for(SearchQuery("KISS", ignore_case=True)).exact
    assert plan_for(SearchQuery("YARN", ignore_case=True)).exact


@pytest.mark.parametrize("regex", [False, True])
@pytest.mark.parametrize("pattern", ["a\nb", "\x1bA"])
def test_what_no_text_has_is_impossible(pattern: str, regex: bool) -> None:
    assert plan_for(SearchQuery(pattern, regex=regex)).impossible


def test_alternatives_that_no_text_has_are_left_out() -> None:
    assert plan_for(SearchQuery("a\nb|cd", regex=True)).needles == (Needle(b"cd", False, False),)


def test_the_empty_pattern_asks_every_line() -> None:
    assert plan_for(SearchQuery("")).needles is None


@pytest.mark.parametrize("pattern", ["(", "(?<=a*)b", "(" * 5000, "(?P<1>a)", "a" + "{9999999999}", "(?L)a"])
def test_a_bad_pattern_is_a_value_error_with_a_text(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"^bad pattern: \S"):
        plan_for(SearchQuery(pattern, regex=True))


def test_warnings_about_a_pattern_reach_nobody() -> None:
    assert plan_for(SearchQuery("[[a]", regex=True)).search("[")


@given(st.text("abc", min_size=1, max_size=9), st.lists(st.integers(1, 8), max_size=3), st.booleans())
def test_a_torn_needle_is_met_by_one_of_its_steps(needle: str, cuts: list[int], ignore_case: bool) -> None:
    """However it is torn by escape sequences: some line step finds it, no stem ends the look too early."""
    plan = plan_for(SearchQuery(needle.upper() if ignore_case else needle, ignore_case=ignore_case))
    raw = needle.encode()
    for cut in sorted({cut for cut in cuts if cut < len(raw)}, reverse=True):
        raw = raw[:cut] + b"\x1b[1m" + raw[cut:]
    (steps,) = plan.torn
    found = False
    for data, of_lines in steps:
        there = data in raw
        if not there and not of_lines:
            break
        found |= there and of_lines

    assert found
