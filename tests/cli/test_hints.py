from __future__ import annotations

import pytest

from brummer_rx.cli.hints import Hints, word_hint
from brummer_rx.pipeline.process import ProcessInfo, ProcessSpec, ProcessState, ProcessTable


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


def test_an_unknown_command_is_explained_once() -> None:
    def ended(name: str, word: str, code: int, origin: str = "command line") -> ProcessInfo:
        spec = ProcessSpec(name, ("/bin/sh", "-c", word), word, ".", origin=origin)
        return ProcessInfo(spec, ProcessState.EXITED, exit_code=code)

    table = ProcessTable(
        1,
        (
            ended("wbe", "wbe", 127),
            ended("false", "false", 1),
            ended("api", "nope", 127, "Procfile"),
            ended("./x y", "./x y", 127),
        ),
    )
    told: list[tuple[str, bool]] = []
    hints = Hints(["web"], lambda text, bad: told.append((text, bad)))

    hints.look(table)
    hints.look(table)

    assert told == [(word_hint("wbe", ["web"]), True)]
