"""The verb `runs`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from brummer_rx.cli.list_runs import show_runs
from brummer_rx.cli.requests import ShowOptions
from brummer_rx.pipeline.errors import NotFoundError
from tests.cli.storebox import Sheet, StoredRun, place


def show(tmp_path: Path, **options: object) -> str:
    with Sheet(tmp_path) as sheet:
        assert show_runs(ShowOptions(place(tmp_path), **options), sheet.out) == 0  # type: ignore[arg-type]
        return sheet.text


def test_no_runs(tmp_path: Path) -> None:
    assert show(tmp_path) == f"no runs in {tmp_path / 'runs'}\n"
    assert show(tmp_path, json=True) == ""


def test_newest_first_with_the_keys_of_the_design(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    ended, died, live = (StoredRun(runs) for _ in range(3))
    ended.add("web", b"a\nb\n")
    ended.end()
    died.add("api", b"c\n")
    died.die()
    try:
        rows = [json.loads(line) for line in show(tmp_path, json=True).splitlines()]
        table = show(tmp_path).splitlines()
        (only,) = show(tmp_path, json=True, sources=("api", "zzz")).splitlines()
        (named,) = show(tmp_path, json=True, run=ended.id).splitlines()
    finally:
        live.end()

    assert [(row["run"], row["state"]) for row in rows] == [
        (live.id, "live"),
        (died.id, "died"),
        (ended.id, "ended"),
    ]
    assert list(rows[2]) == ["run", "state", "started", "ended", "sources", "lines", "bytes", "gaps"]
    assert "ended" not in rows[0] and "ended" not in rows[1]
    assert (rows[2]["sources"], rows[2]["lines"], rows[2]["gaps"]) == (["web"], 2, 0)
    assert rows[2]["started"].endswith("Z")
    assert json.loads(only)["run"] == died.id
    assert json.loads(named)["run"] == ended.id
    assert [line.split()[0] for line in table] == ["RUN", live.id, died.id, ended.id]
    assert table[2].split()[4] == "?"  # nobody knows how long it lived


def test_an_unknown_run(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        show(tmp_path, run="nope")
