"""Which word is what: a first word that is a verb is the verb, and the ways round it."""

from __future__ import annotations

import pytest

from brummer_rx.cli.options import RESERVED
from brummer_rx.cli.parser import Parsed
from brummer_rx.cli.words import Asked, sort_out
from brummer_rx.pipeline.errors import UsageError


def ask(*args: str, scripts: tuple[str, ...] = ()) -> Asked:
    return sort_out(args, lambda parsed, name: name in scripts)


@pytest.mark.parametrize(
    ("args", "verb", "words", "names_only"),
    [
        ((), "", (), False),
        (("web",), "", ("web",), False),
        (("web", "logs"), "", ("web", "logs"), False),
        (("npm run dev", "--plain"), "", ("npm run dev",), False),
        (("logs",), "logs", (), False),
        (("-d", "logs", "status"), "status", (), False),
        (("--dir=logs", "status"), "status", (), False),
        (("--state-dir", "x", "logs", "--tail", "3"), "logs", (), False),
        (("--json", "runs"), "runs", (), False),
        (("-d", "run", "run", "logs"), "", ("logs",), True),
        (("run", "logs", "status"), "", ("logs", "status"), True),
        (("run", "run"), "", ("run",), True),
        (("run",), "", (), True),
        (("run", "errors"), "", ("errors",), True),
        (("--", "logs"), "", ("logs",), True),
        (("--plain", "--", "logs", "-x"), "", ("logs", "-x"), True),
        (("stop", "web"), "stop", ("web",), False),
        (("start", "web"), "start", ("web",), False),
        (("wait", "web", "--for", "exit"), "wait", ("web",), False),
        (("stop", "--", "--odd"), "stop", ("--odd",), False),
        (("LOGS",), "", ("LOGS",), False),
        (("log",), "", ("log",), False),
    ],
)
def test_table(args: tuple[str, ...], verb: str, words: tuple[str, ...], names_only: bool) -> None:
    asked = ask(*args)

    assert (asked.verb.name, asked.parsed.words, asked.names_only) == (verb, words, names_only)


def test_a_bare_start_is_the_script_where_there_is_one() -> None:
    asked = ask("start", "--plain", scripts=("start",))

    assert (asked.verb.name, asked.parsed.words, asked.names_only) == ("", ("start",), True)
    assert asked.parsed.has("plain")


def test_a_bare_start_without_a_script_is_the_verb_without_its_name() -> None:
    with pytest.raises(UsageError, match=r"start needs the NAME of a process.*no script `start` was found"):
        ask("start")


def test_start_with_a_name_is_the_verb_even_with_a_script() -> None:
    assert ask("start", "web", scripts=("start",)).verb.name == "start"
    assert ask("start", "--json", "web", scripts=("start",)).verb.name == "start"


def test_the_script_is_looked_for_where_dir_says() -> None:
    seen: list[str | None] = []

    def has_script(parsed: Parsed, name: str) -> bool:
        seen.append(parsed.text("dir"))
        return True

    sort_out(["-d", "x", "start"], has_script)

    assert seen == ["x"]


def test_only_a_bare_start_asks_for_scripts() -> None:
    def never(parsed: Parsed, name: str) -> bool:
        raise AssertionError(name)

    for args in (["web"], ["logs"], ["run", "start"], ["--", "start"], ["start", "--help"], ["start", "web"]):
        sort_out(args, never)


@pytest.mark.parametrize("word", RESERVED)
def test_words_of_later_versions_are_kept(word: str) -> None:
    with pytest.raises(UsageError, match=f"^{word}: this version has no such verb yet .*run {word}"):
        ask(word)


def test_help_works_everywhere() -> None:
    assert ask("logs", "--help").parsed.has("help")
    assert ask("--help", "logs").verb.name == "logs"
    assert ask("stop", "-h").parsed.has("help")
    assert ask("start", "--help", scripts=("start",)).verb.name == "start"
    assert ask("errors", "--help").verb.name == ""


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("logs", "web"), r"logs: 'web' is one word too many; did you mean -s web\?"),
        (("stop",), "stop needs the NAME of a process: brummer-rx stop NAME"),
        (("stop", "a", "b"), "stop: 'b' is one word too many: brummer-rx stop NAME"),
        (("restart", "a", "b c", "d"), "restart: 'b c d' is one word too many"),
    ],
)
def test_count_of_words(args: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ask(*args)
