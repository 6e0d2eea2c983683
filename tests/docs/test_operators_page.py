"""docs/operators.md: its examples run, as they stand there."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import reactivex as rx

from brummer_rx.pipeline.event import Event, LogBatch, ProcessEvent, ProcessEventKind, Stream
from tests.docs.pages import ROOT, blocks

PAGE = ROOT / "docs" / "operators.md"
ALONE, EXAMPLE = blocks(PAGE, "python")
REGISTERED, SWITCHED_ON = blocks(PAGE, "toml")


def run(code: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(code, str(PAGE), "exec"), names)
    return names


def installed(folder: Path) -> None:
    """What an installer leaves of the example's package."""
    (folder / "hide_tokens.py").write_text(EXAMPLE)
    info = folder / "hide_tokens-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hide-tokens\nVersion: 1.0\n")
    points = tomllib.loads(REGISTERED)["project"]["entry-points"]
    text = "".join(
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in entries.items())
        for group, entries in points.items()
    )
    (info / "entry_points.txt").write_text(text)


def tool(folder: Path, environ: Mapping[str, str], *words: str) -> str:
    command = [sys.executable, "-m", "brummer_rx", "-d", str(folder), *words]
    return subprocess.run(command, env=environ, check=True, capture_output=True, text=True, timeout=60).stdout


def test_the_built_in_ones_work_alone(capsys: pytest.CaptureFixture[str]) -> None:
    run(ALONE)

    assert f"# {capsys.readouterr().out.strip()}" == ALONE.strip().splitlines()[-1]


def test_the_example_changes_lines_and_nothing_else() -> None:
    batch = LogBatch("web", Stream.OUT, 7, 2, 1, b"GET /?token=abc&x=1\nno secret\n")
    started = ProcessEvent("web", ProcessEventKind.STARTED, 1, 1)
    seen: list[Event] = []
    rx.of(batch, started).pipe(run(EXAMPLE)["hide_tokens"]()).subscribe(seen.append)

    changed, same = seen
    assert isinstance(changed, LogBatch)
    assert (changed.data, changed.lines, changed.first_line) == (b"GET /?token=***&x=1\nno secret\n", 2, 7)
    assert same is started


def test_the_example_registered_and_switched_on_is_in_the_way_to_the_store(tmp_path: Path) -> None:
    installed(tmp_path)
    project = tmp_path / "project"
    project.mkdir()
    (project / ".brum.toml").write_text(SWITCHED_ON)
    environ = {**os.environ, "PYTHONPATH": str(tmp_path), "BRUMMER_STATE_DIR": str(tmp_path / "state")}

    shown = tool(project, environ, "--plain", "echo 'GET /?api_key=abc&x=1'")
    stored = tool(project, environ, "logs", "--raw")

    assert shown.endswith("| GET /?api_key=***&x=1\n")
    assert stored == "GET /?api_key=***&x=1\n"


def test_a_wrong_option_is_told_with_its_place(tmp_path: Path) -> None:
    installed(tmp_path)
    (tmp_path / ".brum.toml").write_text(SWITCHED_ON + "nmae = 1\n")
    environ = {**os.environ, "PYTHONPATH": str(tmp_path), "BRUMMER_STATE_DIR": str(tmp_path / "state")}

    with pytest.raises(subprocess.CalledProcessError) as caught:
        tool(tmp_path, environ, "--plain", "true")

    assert caught.value.returncode == 2
    assert ".brum.toml:1: operators.hide_tokens" in caught.value.stderr
