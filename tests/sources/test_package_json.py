"""package.json: scripts and the package manager."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.pipeline.errors import ConfigError
from brummer_rx.sources.package_json import LOCK_FILES, MANAGERS, Scripts, parse_package, read_scripts


def read(folder: Path, package: Any, preferred: str | None = None) -> Scripts:
    (folder / ".git").mkdir(exist_ok=True)
    (folder / "package.json").write_text(package if isinstance(package, str) else json.dumps(package))
    found = read_scripts(folder, preferred)
    assert found is not None
    return found


def test_scripts_in_their_order(tmp_path: Path) -> None:
    found = read(
        tmp_path, "\ufeff" + json.dumps({"scripts": {"web": "vite --port\n 80", "build:prod": "tsc"}})
    )
    web, build = found.specs

    assert (web.name, web.argv, web.command) == ("web", ("npm", "run", "web"), "vite --port  80")
    assert (web.cwd, web.autostart, web.origin) == (str(tmp_path), False, "package.json")
    assert build.argv == ("npm", "run", "build:prod")
    assert (found.manager, found.problems) == ("npm", ())


def test_no_package_json_and_one_without_scripts(tmp_path: Path) -> None:
    assert read_scripts(tmp_path, None) is None
    assert read(tmp_path, {"name": "x"}).specs == ()
    assert read(tmp_path, {"scripts": {}}).specs == ()


def test_names_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    found = read(tmp_path, {"scripts": {"a b": "x", "--version": "x", "": "x", "ok": "x"}})

    assert [s.name for s in found.specs] == ["ok"]
    assert found.problems == (
        'package.json: the script "a b" is left out: the name holds a space',
        'package.json: the script "--version" is left out: the name starts with a dash, like an option',
        'package.json: the script "" is left out: the name is empty',
    )


@pytest.mark.parametrize(("lock", "manager"), LOCK_FILES)
def test_the_lock_file_says_who_runs_them(tmp_path: Path, lock: str, manager: str) -> None:
    (tmp_path / lock).write_text("")

    found = read(tmp_path, {"scripts": {"web": "x"}})

    assert (found.manager, found.reason) == (manager, lock)
    assert found.specs[0].argv == (manager, "run", "web")


@pytest.mark.parametrize("manager", MANAGERS)
def test_the_field_beats_the_lock_file_and_the_setting_beats_both(tmp_path: Path, manager: str) -> None:
    (tmp_path / "yarn.lock").write_text("")
    package = {"packageManager": f"{manager}@9.1.0+sha512.x"}

    assert read(tmp_path, package).manager == manager
    assert read(tmp_path, package, "bun").manager == "bun"
    assert read(tmp_path, {"packageManager": 3}, "bun").manager == "bun"


def test_an_unknown_manager_is_told_and_the_lock_file_counts(tmp_path: Path) -> None:
    (tmp_path / "yarn.lock").write_text("")
    found = read(tmp_path, {"packageManager": "vlt@1"})

    assert found.manager == "yarn"
    assert found.problems == (
        'package.json: packageManager "vlt@1" is none of npm, pnpm, yarn, bun; it is ignored',
    )


def test_the_nearest_lock_file_around_counts_up_to_the_repositorys_top(tmp_path: Path) -> None:
    inner = tmp_path / "repo" / "packages" / "app"
    inner.mkdir(parents=True)
    (inner / "package.json").write_text("{}")
    (tmp_path / "package-lock.json").write_text("")

    def manager() -> str:
        found = read_scripts(inner, None)
        assert found is not None
        return found.manager

    (tmp_path / "yarn.lock").write_text("")
    assert manager() == "yarn"
    (tmp_path / "repo" / "pnpm-lock.yaml").write_text("")
    assert manager() == "pnpm"
    (tmp_path / "repo" / "pnpm-lock.yaml").unlink()
    (tmp_path / "repo" / ".git").mkdir()
    assert manager() == "npm"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{\n  "a": 1,\n  oops\n}', r"^package\.json:3:3: "),
        ("", r"^package\.json:1:1: "),
        ("[1]", r"^package\.json: it holds a list; it must hold an object$"),
        ("null", r"^package\.json: it holds null"),
        ('{"scripts": []}', r"^package\.json: scripts is a list; it must be an object of texts$"),
        ('{"scripts": "x"}', r"^package\.json: scripts is text"),
        ('{"scripts": null}', r"^package\.json: scripts is null"),
        ('{"scripts": {"web": 3}}', r"^package\.json: scripts\.web is a number; it must be text$"),
        ('{"scripts": {"web\\u001b": true}}', r"^package\.json: scripts\.web\\u001b is true or false"),
        ('{"scripts": {"web": {"a": 1}}}', r"^package\.json: scripts\.web is an object"),
        ('{"packageManager": {}}', r"^package\.json: packageManager is an object; it must be text"),
        ("[" * 100_000, r"^package\.json: "),
        ('{"a": ' + "9" * 5000 + "}", r"^package\.json: .*digits"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_broken_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        read(tmp_path, text)
    assert str(caught.value).isprintable()


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_bytes(b'{\n"a": "\xff"}')

    with pytest.raises(ConfigError, match=r"package\.json:2: not UTF-8"):
        read_scripts(tmp_path, None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda v: st.lists(v) | st.dictionaries(st.text(), v),
)


@given(st.text() | JSON.map(json.dumps))
def test_every_text_is_an_object_or_refused(text: str) -> None:
    try:
        assert isinstance(parse_package(text), dict)
    except ConfigError as error:
        assert str(error).startswith("package.json")
