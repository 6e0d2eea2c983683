"""Which literals a pattern cannot do without; that none is missed is tested against `re` in test_seek."""

from __future__ import annotations

import re

import pytest

from brummer_rx.pipeline.reader import SearchQuery
from brummer_rx.sinks.store.seek_plan import make_plan


@pytest.mark.parametrize(
    ("pattern", "needles"),
    [
        ("timeout", ("timeout",)),
        ("^ERROR .*timeout$", ("timeout",)),
        ("took [0-9]+ ms, budget", (" ms, budget",)),
        ("(?:retry)+ab", ("retry",)),
        ("(retry)?ab", ("ab",)),
        ("timeout|refused", ("timeout", "refused")),
        ("(?>abc)d", ("abc",)),
        ("a|b|c|d|e|f|g|h|ii", ()),
        ("ab|x*", ()),
        ("x*", ()),
        ("", ()),
        ("(?i:abc)de", ("de",)),
        ("a(?=bcd)", ("a",)),
        ("(?!abcd)e", ("e",)),
        ("é+", ("é",)),
        ("\ufffdab", ("ab",)),
        (r"\d\w", ()),
    ],
)
def test_the_best_literals_of_a_pattern(pattern: str, needles: tuple[str, ...]) -> None:
    plan = make_plan(SearchQuery(pattern, regex=True))

    assert plan.needles == tuple(needle.encode() for needle in needles)
    assert not plan.sure


def test_a_literal_settles_what_it_can_settle() -> None:
    assert make_plan(SearchQuery("a.b")).needles == (b"a.b",)
    assert make_plan(SearchQuery("a.b")).sure
    assert not make_plan(SearchQuery("a\r")).sure
    assert not make_plan(SearchQuery("a\nb")).sure
    assert not make_plan(SearchQuery("a\ufffd")).sure
    assert not make_plan(SearchQuery("aé", ignore_case=True)).sure


def test_letters_outside_ascii_that_match_ascii_ones_are_all_known() -> None:
    for code in range(0x80, 0x110000):
        letter = chr(code)
        if 0xD800 <= code <= 0xDFFF or not re.fullmatch("[a-z]", letter, re.IGNORECASE):
            continue
        (plain,) = (c for c in "abcdefghijklmnopqrstuvwxyz" if re.fullmatch(c, letter, re.IGNORECASE))
        assert letter.encode() in make_plan(SearchQuery(plain, ignore_case=True)).strays


def test_a_bad_pattern() -> None:
    with pytest.raises(ValueError, match="bad pattern: missing"):
        make_plan(SearchQuery("(", regex=True))
