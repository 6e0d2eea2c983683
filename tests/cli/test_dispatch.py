"""Each verb reaches its function with judged options."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from brummer_rx.cli.dispatch import dispatch
from brummer_rx.cli.requests import StartOptions
from brummer_rx.pipeline.errors import NotFoundError, UsageError
from tests.cli.storebox import Sheet, StoredRun


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.chdir(tmp_path)
    return {"HOME": str(tmp_path), "BRUMMER_STATE_DIR": str(tmp_path / "runs")}


def test_what_needs_no_run(environ: dict[str, str], tmp_path: Path) -> None:
    with Sheet(tmp_path) as sheet:
        assert dispatch(["--help"], environ, sheet.out) == 0
        assert sheet.take().startswith("usage: brummer-rx [run]")
        assert dispatch(["stop", "--help"], environ, sheet.out) == 0
        assert sheet.take().startswith("usage: brummer-rx stop NAME")
        assert dispatch(["--version"], environ, sheet.out) == 0
        assert sheet.take() == "brummer-rx 0.1.0\n"
        assert dispatch(["--settings"], environ, sheet.out) == 0
        assert "state_dir" in sheet.take()


def test_reading_verbs(environ: dict[str, str], tmp_path: Path) -> None:
    run = StoredRun(tmp_path / "runs")
    run.add("web", b"hello\n")
    run.end()
    with Sheet(tmp_path) as sheet:
        assert dispatch(["logs", "--json"], environ, sheet.out) == 0
        assert json.loads(sheet.take())["text"] == "hello"
        assert dispatch(["runs", "--json"], environ, sheet.out) == 0
        assert json.loads(sheet.take())["run"] == run.id
        assert dispatch(["status", "--json"], environ, sheet.out) == 0
        assert json.loads(sheet.take())["lines"] == 1
        for verb in (["stop", "web"], ["wait", "web", "--for", "exit"]):
            with pytest.raises(NotFoundError, match="nothing runs"):
                dispatch(verb, environ, sheet.out)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[StartOptions]:
    seen: list[StartOptions] = []

    def start(options: StartOptions) -> int:
        seen.append(options)
        return 7

    fake = ModuleType("brummer_rx.cli.start")
    fake.start = start  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "brummer_rx.cli.start", fake)
    return seen


def test_the_start_form(environ: dict[str, str], tmp_path: Path, started: list[StartOptions]) -> None:
    with Sheet(tmp_path) as sheet:
        assert dispatch(["web", "--plain"], environ, sheet.out) == 7
        assert dispatch(["run", "logs"], environ, sheet.out) == 7

    assert [(o.words, o.names_only, o.plain) for o in started] == [
        (("web",), False, True),
        (("logs",), True, False),
    ]


def test_a_bare_start_is_looked_up_in_the_project(
    environ: dict[str, str], tmp_path: Path, started: list[StartOptions]
) -> None:
    with Sheet(tmp_path) as sheet:
        with pytest.raises(UsageError, match="no script `start` was found"):
            dispatch(["start"], environ, sheet.out)
        (tmp_path / "package.json").write_text('{"scripts": {"start": "node ."}}')
        assert dispatch(["start"], environ, sheet.out) == 7

    assert [(o.words, o.names_only) for o in started] == [(("start",), True)]
