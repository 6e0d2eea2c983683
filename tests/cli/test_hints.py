from __future__ import annotations

import pytest

from brummer_rx.cli.hints import word_hint


@pytest.mark.parametrize(("word", "verb"), [("log", "logs"), ("statsu", "status"), ("restrat", "restart")])
def test_a_mistyped_verb_is_recognised(word: str, verb: str) -> None:
    assert word_hint(word, ["web", "db"]).endswith(f"known names: db, web; the verb is `brummer-rx {verb}`")


@pytest.mark.parametrize("word", ["help", "version", "settings"])
def test_an_option_without_its_dashes_is_recognised(word: str) -> None:
    assert word_hint(word, []).endswith(f"did you mean --{word}?")


def test_a_name_that_is_nearer_wins() -> None:
    hint = word_hint("lgs-api", ["logs-api", "web"])

    assert 'did you mean "logs-api"?' in hint
    assert "the verb" not in hint


@pytest.mark.parametrize("word", ["", "npm run logs", "web", "ls"])
def test_nothing_is_said_of_what_was_no_name(word: str) -> None:
    assert word_hint(word, ["web"]) == ""
