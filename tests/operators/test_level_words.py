"""The tables behind the level rules agree with each other."""

from __future__ import annotations

from brummer_rx.operators.level_rules import level_of
from brummer_rx.operators.level_words import BRACKETED, LEADS, LOWER_GUARD, NEEDLES, TOKEN, WORDS
from brummer_rx.pipeline.event import Level


def test_every_word_means_a_level() -> None:
    assert set(WORDS.values()) == {int(level) for level in Level}
    assert all(word == word.lower() for word in WORDS)


def test_what_the_first_bytes_settle_is_what_the_rules_say() -> None:
    for lead, level in LEADS.items():
        for rest in (b"", b"x", b" boom", b"error: x", b'{"level":"debug"}'):
            assert level_of(lead + rest) == level, lead


def test_every_token_is_a_known_word() -> None:
    for word in WORDS:
        found = TOKEN.match(word.upper() + b":")
        if found is not None:
            assert found[0].lower() in WORDS
        bracketed = TOKEN.match(b"[" + word + b"]")
        if bracketed is not None:
            assert bracketed[0].strip(b"[]") in WORDS


def test_no_needle_holds_another_one() -> None:
    """It would be searched in vain."""
    assert [a for a in NEEDLES for b in NEEDLES if a != b and b in a] == []


def test_a_gate_is_in_the_data_wherever_its_needles_can_lead_to_a_level() -> None:
    samples = {
        b"[": b"[E 15:04:05 web:1] x",
        b'"': b'{"level":"trace"}',
        b"]": b"E1123 15:04:05.721 12 file.cc:12] x",
        b"<": b"<3>x",
        b"*": b"make: *** [x] Error 2",
    }

    assert samples.keys() == BRACKETED.keys()
    for gate, sample in samples.items():
        assert gate in sample
        assert level_of(sample) != Level.INFO
        assert any(needle in b"\n" + sample for needle in BRACKETED[gate])


def test_the_guard_lets_every_head_mark_through() -> None:
    for mark in (
        b"error: x",
        b"err: x",
        b"Warning: x",
        b"fatal: x",
        b"panic: x",
        b"KeyError",
        b"note: x",
        b"*** x",
    ):
        assert LOWER_GUARD.search(mark)
    assert LOWER_GUARD.search(b"GET /errors/page 200 errors=0") is None
