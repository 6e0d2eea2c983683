"""docs/settings.md: the table is the one of the code, the examples are right."""

from __future__ import annotations

from pathlib import Path

import pytest

from brummer_rx.pipeline.setting_keys import KEYS
from brummer_rx.pipeline.settings import load
from brummer_rx.sources.brum_toml import KEYS as PROCESS_KEYS
from brummer_rx.sources.detect import discover
from docs.settings_table import MEANINGS, PAGE, main, renewed, table
from tests.docs.pages import blocks

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_page_is_of_today() -> None:
    assert renewed(TEXT) == TEXT, "run .venv/bin/python docs/settings_table.py"


def test_every_key_has_its_row_and_its_meaning() -> None:
    assert set(MEANINGS) == set(KEYS)
    assert [row.split("`")[1] for row in table().splitlines()[2:]] == list(KEYS)


def test_what_stands_around_the_table_stays() -> None:
    head, tail = TEXT.split(table())

    assert renewed(TEXT.replace(table(), "old")) == head + table() + tail


def test_main_writes_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "settings.md"
    page.write_text(TEXT.replace(table(), "old"), encoding="utf-8")
    monkeypatch.setattr("docs.settings_table.PAGE", page)

    main()

    assert page.read_text(encoding="utf-8") == TEXT


def test_the_example_is_a_right_file(tmp_path: Path) -> None:
    (tmp_path / ".brum.toml").write_text(blocks(PAGE, "toml")[0])
    for name in (".env", ".env.local"):
        (tmp_path / name).write_text("")
    found = discover(tmp_path, load(tmp_path, {}, {"HOME": str(tmp_path)}))

    assert found.names == ("web", "worker")
    assert found.problems == ()


def test_every_key_of_a_process_is_told() -> None:
    assert [key for key in PROCESS_KEYS if f"`{key}`" not in TEXT] == []
