"""The pages agree with the tool: links lead somewhere, commands are understood, examples are right."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from brummer_rx.cli.words import sort_out
from brummer_rx.pipeline.settings import load
from brummer_rx.sources.detect import discover
from brummer_rx.tui.commands import TABLE
from tests.docs.pages import PAGES, ROOT, blocks, links

README = ROOT / "README.md"


def commands(page: Path) -> list[str]:
    """Each command line of the tool in the page's blocks, without what comes after a pipe."""
    lines = [line for block in blocks(page, "") for line in block.splitlines()]
    return [line for line in lines if line.startswith("brummer-rx")]


def words(line: str) -> list[str]:
    found = shlex.split(line, comments=True)[1:]
    return found[: found.index("|")] if "|" in found else found


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    assert [link for link in links(page) if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_what_a_page_names_is_there(page: Path) -> None:
    """Paths of the repository in backquotes: `docs/x.md`, `pipeline/lane.py`."""
    text = page.read_text(encoding="utf-8")
    folders = "pipeline|operators|sources|sinks|tui|docs|bench|tests|examples"
    named = re.findall(rf"`((?:{folders})/[\w./-]*)`", text)

    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("line", commands(README))
def test_the_commands_of_the_readme_are_understood(line: str) -> None:
    sort_out(words(line), lambda parsed, name: False)


def test_the_readme_begins_with_what_it_is_and_the_two_commands() -> None:
    text = README.read_text(encoding="utf-8")
    places = [
        text.index(part) for part in ("keeps every line", "make demo", "make test", "docs/viewer.svg", "##")
    ]

    assert places == sorted(places)
    assert len(text[: places[3]].splitlines()) < 12


def test_the_settings_of_the_readme_are_right(tmp_path: Path) -> None:
    (tmp_path / ".brum.toml").write_text(blocks(README, "toml")[0])
    (tmp_path / ".env").write_text("")
    settings = load(tmp_path, {}, {"HOME": str(tmp_path)})

    assert settings.grace == 5
    assert [(s.name, s.autostart) for s in discover(tmp_path, settings).specs] == [
        ("web", True),
        ("jobs", False),
    ]


def test_the_keys_of_the_readme_exist() -> None:
    rows = re.findall(r"^\| (`.*?) \|", README.read_text(encoding="utf-8"), re.MULTILINE)
    shown = {key for row in rows for key in re.findall(r"`([^` ])`", row)}
    known = {key for entry in TABLE for key in entry.keys}

    assert shown
    assert shown <= known
