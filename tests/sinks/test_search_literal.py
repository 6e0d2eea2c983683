"""What is said to be in every match is in every match."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.sinks.store.search_literal import Clause, case_variants, required


@pytest.mark.parametrize(
    ("pattern", "needles", "uncased", "whole"),
    [
        ("needle", ["needle"], False, True),
        (r"needle-\w+", ["needle-"], False, False),
        (r"^GET /a\.b$", ["GET /a.b"], False, False),
        ("(?i)Time Out", ["time out"], True, True),
        ("error|warn|fatal", ["error", "warn", "fatal"], False, False),
        ("x(error|warn)yy", ["error", "warn"], False, False),
        ("abc|abd", ["ab"], False, False),
        ("(a|)bcd", ["bcd"], False, False),
        ("foo(?=bar)baz", ["foobaz"], False, False),
        ("foo(?!bar)baz", ["foobaz"], False, False),
        (r"(ab)+cde?", ["ab"], False, False),
        ("a{2,3}bc{0,1}", ["a"], False, False),
        ("a*bc", ["bc"], False, False),
        ("(?:ab)*+cde", ["cde"], False, False),
        ("(?>ab)cd", ["abcd"], False, False),
        ("((ab)cd)", ["abcd"], False, False),
        ("x(?i:abc)y", ["abc"], True, False),
        ("(?i:ab)cde", ["cde"], False, False),
        ("(?i)ab(?-i:CDE)", ["CDE"], False, False),
        ("(?x) f o o  # why", ["foo"], False, True),
        ("a\ufffdbcd", ["bcd"], False, False),
        ("ab\udcffcde", ["cde"], False, False),
        ("größe", ["größe"], False, True),
        ("(?i)größe", ["gr"], True, False),
        ("(?i)中文ab", ["中文ab"], True, True),
        ("(?i)éa", ["éa", "éA", "Éa", "ÉA"], False, False),
        ("(a)(?(1)b|c)ddd", ["ddd"], False, False),
        (r"(ab)\1cde", ["cde"], False, False),
    ],
)
def test_the_longest_needles_are_found(pattern: str, needles: list[str], uncased: bool, whole: bool) -> None:
    clause = Clause(tuple(needle.encode() for needle in needles), uncased)

    assert required(pattern) == (clause, whole)


@pytest.mark.parametrize("pattern", ["", ".", "a?", "a*", "[ab]", r"\d", "a|", "(?!a)", "a|.", "\ufffd"])
def test_nothing_is_required_of_these(pattern: str) -> None:
    assert required(pattern) == (None, False)


def test_many_alternatives_are_not_looked_for() -> None:
    assert required("|".join(f"{chr(97 + n)}{n}" for n in range(9))).clause is None
    assert required("|".join(f"{chr(97 + n)}{n}" for n in range(8))).clause is not None


def test_alternatives_of_different_kinds_are_not_joined() -> None:
    assert required("abc|(?i:def)").clause is None


def test_what_is_no_pattern_is_an_error() -> None:
    with pytest.raises(re.error):
        required("(")


@pytest.mark.parametrize("char", "aksiIKéßåΣθ中\u212a\u0130ıſµ1")
def test_case_variants_are_those_of_re(char: str) -> None:
    codes = [code for code in range(0x1F000) if not 0xD800 <= code <= 0xDFFF]
    pattern = re.compile(re.escape(char), re.IGNORECASE)

    assert set(case_variants(char)) == {chr(code) for code in codes if pattern.match(chr(code))}


atoms = st.sampled_from(
    [
        "a",
        "b",
        "ab",
        "k",
        "é",
        ".",
        "[ab]",
        r"\w",
        "(a|b)",
        "(ab|ba)",
        "(?i:ak)",
        "(?-i:k)",
        "(?>ab)",
        "(?=b)",
        "^",
    ]
)
patterns = st.lists(
    st.tuples(atoms, st.sampled_from(["", "", "+", "*", "?", "{2}"])), min_size=1, max_size=5
).map(lambda parts: "".join(a if a == "^" else a + often for a, often in parts))


@given(patterns, st.sampled_from([0, re.IGNORECASE]), st.text("abABkKéÉ\u212a", max_size=10))
def test_every_match_holds_a_needle(pattern: str, flags: int, text: str) -> None:
    clause, whole = required(pattern, flags)
    data = text.encode()
    if clause is None:
        return
    look = data.lower() if clause.uncased else data
    there = any(needle in look for needle in clause.needles)
    folding = clause.uncased and "\u212a" in text and any(b"k" in needle for needle in clause.needles)
    matches = re.search(pattern, text, flags) is not None
    if matches:
        assert there or folding
    if whole and there:
        assert matches
