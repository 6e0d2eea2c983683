"""Names of processes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.sources.names import (
    NAME_LIMIT,
    command_name,
    free_name,
    known_text,
    name_hint,
    name_problem,
    one_line,
    unknown_name_hint,
)


@pytest.mark.parametrize("name", ["web", "build:prod", "a.b-c_d", "größe", "x" * NAME_LIMIT, "@scope/pkg"])
def test_right_names(name: str) -> None:
    assert name_problem(name) is None


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "empty"),
        ("a b", "space"),
        ("a\tb", "space"),
        ("a\u00a0b", "space"),
        ("a\x1bb", "printed"),
        ("a\u202eb", "printed"),
        ("-rf", "dash"),
        ("x" * (NAME_LIMIT + 1), "longer"),
    ],
)
def test_wrong_names(name: str, problem: str) -> None:
    assert problem in str(name_problem(name))


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("python3 -c 'print(1)'", "python3"),
        ("./run.sh", "run.sh"),
        ("/usr/bin/node server.js", "node"),
        ("'/opt/my app/bin/tool' x", "tool"),
        ("PORT=80 HOST=a npm start", "npm"),
        ("FOO=1", "command"),
        ("(cd web; ls)", "cd"),
        ("echo 'open", "echo"),
        ("bin/", "bin"),
        ("/", "command"),
        ("$(x)", "x"),
        ("-x", "x"),
        ("\n\techo a\necho b", "echo"),
        ("\x1b[31mred", "31mred"),
        ("y" * 500, "y" * 60),
    ],
)
def test_commands_are_named_by_their_first_word(command: str, name: str) -> None:
    assert command_name(command) == name


@given(st.text(), st.sets(st.text(max_size=3)))
def test_every_command_gets_a_right_and_free_name(command: str, taken: set[str]) -> None:
    name = command_name(command)

    assert name_problem(name) is None
    assert free_name(name, taken) not in taken


def test_repeats_are_numbered() -> None:
    assert free_name("a", ()) == "a"
    assert free_name("a", {"a"}) == "a-2"
    assert free_name("a", {"a", "a-2", "a-3"}) == "a-4"


def test_commands_are_shown_in_one_line() -> None:
    assert one_line(" a\n\tb \x1b[1m\x07 ") == "a  b \\x1b[1m\\x07"
    assert one_line("größe") == "größe"


@given(st.text())
def test_whatever_is_shown_is_printable(command: str) -> None:
    assert one_line(command).isprintable()


def test_known_names_are_listed() -> None:
    assert known_text([]) == "none"
    assert known_text(["web", "db"]) == "db, web"
    assert known_text(f"{n:02}" for n in range(25)).endswith("18, 19 and 5 more")


def test_a_hint_for_a_word_that_nobody_knows() -> None:
    hint = unknown_name_hint("wbe", ["web", "db"])

    assert hint == '"wbe" is no command and no known name; did you mean "web"?; known names: db, web'
    assert unknown_name_hint("qqqqqqq", []) == '"qqqqqqq" is no command and no known name; known names: none'


@pytest.mark.parametrize("word", ["", "web", "sh", "npm run x", "a/b", "a|b", "X=1", "a;b"])
def test_no_hint_where_no_name_was_meant(word: str) -> None:
    assert unknown_name_hint(word, ["web"]) == ""


def test_the_nearest_name_is_told() -> None:
    assert "did you mean" not in name_hint("qqq", ["web"])
    assert 'did you mean "web"' in name_hint("WEB", ["web"])
