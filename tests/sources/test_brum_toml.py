"""[processes.NAME] of .brum.toml."""

from __future__ import annotations

from pathlib import Path

import pytest

from brummer_rx.pipeline.errors import ConfigError
from brummer_rx.pipeline.process import ProcessSpec
from brummer_rx.pipeline.toml_file import read_toml
from brummer_rx.sources.brum_toml import LATER, read_processes


def read(folder: Path, text: str) -> dict[str, ProcessSpec]:
    (folder / ".brum.toml").write_text(text)
    file = read_toml(folder / ".brum.toml")
    assert file is not None
    return {s.name: s for s in read_processes(file)}


def test_a_text_is_for_the_shell_and_a_list_is_executed(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        """
[processes.web]
command = "npm start | tee log"

[processes."db:main"]
command = ["postgres", "-D", "my data", ""]
[processes.split]
command = "python -c 'print(1)'"
shell = false
[processes.shell]
command = "x"
shell = true
""",
    )

    assert list(found) == ["web", "db:main", "split", "shell"]
    assert found["web"].argv == ("/bin/sh", "-c", "npm start | tee log")
    assert (found["web"].cwd, found["web"].origin) == (str(tmp_path), ".brum.toml:2")
    assert (found["web"].env, found["web"].pty, found["web"].autostart) == ({}, None, True)
    assert found["db:main"].argv == ("postgres", "-D", "my data", "")
    assert found["db:main"].command == "postgres -D 'my data' ''"
    assert found["split"].argv == ("python", "-c", "print(1)")
    assert found["shell"].argv == ("/bin/sh", "-c", "x")


def test_everything_that_may_be_said_of_a_process(tmp_path: Path) -> None:
    (tmp_path / "a.env").write_text("A=1\nB=1\nC=1")
    (tmp_path / "b.env").write_text("B=2\nC=2")
    found = read(
        tmp_path,
        """
[processes.web]
command = "x"
cwd = "sub/dir"
env_file = ["a.env", "b.env"]
env = { C = "3", D = "" }
pty = false
autostart = false
[processes.far]
command = "x"
cwd = "/far"
env_file = "a.env"
pty = true
""",
    )

    web, far = found["web"], found["far"]
    assert web.cwd == str(tmp_path / "sub/dir")
    assert web.env == {"A": "1", "B": "2", "C": "3", "D": ""}
    assert (web.pty, web.autostart) == (False, False)
    assert (far.cwd, far.pty, far.autostart) == ("/far", True, True)
    assert far.env == {"A": "1", "B": "1", "C": "1"}


def test_no_processes_are_no_error(tmp_path: Path) -> None:
    assert read(tmp_path, "fps = 3") == {}
    assert read(tmp_path, "[processes]") == {}


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("comand = 'x'", 3, 'unknown key "comand"; did you mean "command"?'),
        ("command = 'x'\nqqqqqq = 1", 4, 'unknown key "qqqqqq"'),
        ("", 2, "there is no command"),
        ("command = ''", 3, 'command is ""; it must be text or a list of texts'),
        ("command = ' '", 3, "command is"),
        ("command = 3", 3, "command is 3"),
        ("command = []", 3, "command is []"),
        ("command = ['']", 3, 'command is [""]'),
        ("command = ['a', 3]", 3, 'command is ["a", 3]'),
        ('command = "a\\u0000"', 3, "command is"),
        ('command = ["a\\u0000"]', 3, "command is"),
        ("command = ['a']\nshell = true", 4, "shell = true needs the command as one text"),
        ('command = "a \'b"\nshell = false', 3, "command cannot be split into words: No closing quotation"),
        ("command = \"''\"\nshell = false", 3, "command names no program"),
        ("command = 'x'\ncwd = 3", 4, "cwd is 3; it must be a path"),
        ("command = 'x'\ncwd = ''", 4, 'cwd is ""; it must be a path'),
        ("command = 'x'\npty = 'no'", 4, 'pty is "no"; it must be true or false'),
        ("command = 'x'\nautostart = 0", 4, "autostart is 0; it must be true or false"),
        ("command = 'x'\nenv = 3", 4, "env is 3; it must be a table of texts"),
        ("command = 'x'\nenv.PORT = 80", 4, 'env.PORT is not text; write it in quotes, such as "8080"'),
        ("command = 'x'\n[processes.web.env]\nA = '1'\nB = true", 6, "env.B is not text"),
        ("command = 'x'\nenv = {'A=B' = 'x'}", 4, '"A=B" cannot be the name of a variable'),
        ("command = 'x'\nenv = {'' = 'x'}", 4, '"" cannot be the name of a variable'),
        ("command = 'x'\nenv_file = 'none'", 4, 'env_file "none" does not exist'),
        ("command = 'x'\nenv_file = 3", 4, "env_file is 3; it must be a path or a list of paths"),
        ("command = 'x'\nenv_file = ['', 'a']", 4, "env_file is"),
        *((f"command = 'x'\n{key} = 1", 4, f'"{key}" is not supported by this version') for key in LATER),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, f"fps = 3\n[processes.web]\n{text}\n")
    assert str(caught.value).startswith(f"{tmp_path}/.brum.toml:{line}: processes.web: {said}")


@pytest.mark.parametrize("name", ["a b", "", "-x", "a\\u001b"])
def test_names_must_be_printable_words(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r":1: .*the name "):
        read(tmp_path, f'[processes."{name}"]\ncommand = "x"')


def test_a_bad_env_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.env").write_text("A=1\nB")

    with pytest.raises(ConfigError, match=r"^a\.env:2: "):
        read(tmp_path, "[processes.web]\ncommand = 'x'\nenv_file = 'a.env'")


def test_a_home_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r":3: processes.web: cwd"):
        read(tmp_path, "[processes.web]\ncommand = 'x'\ncwd = '~nobody-of-that-name/x'")
