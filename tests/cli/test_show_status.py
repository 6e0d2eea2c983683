"""The verb `status`, from a live run's answer and from disk."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from brummer_rx.cli.requests import ShowOptions
from brummer_rx.cli.show_status import show_status
from brummer_rx.pipeline.errors import NotFoundError
from brummer_rx.pipeline.event import Gap, GapReason, Level
from brummer_rx.pipeline.ioloop import IoLoop
from brummer_rx.pipeline.process import ProcessState, ProcessTable
from brummer_rx.pipeline.status import write_status_file
from brummer_rx.sources.control import ControlServer
from tests.cli.storebox import Sheet, StoredRun, place
from tests.sources.fakeview import FakeView, info


def status(tmp_path: Path, **options: Any) -> str:
    with Sheet(tmp_path) as sheet:
        assert show_status(ShowOptions(place(tmp_path), **options), sheet.out) == 0
        return sheet.text


TABLE = ProcessTable(1, (info("web", pid=42), info("build", ProcessState.FAILED, exit_code=3, restarts=2)))


@pytest.fixture
def run(tmp_path: Path) -> StoredRun:
    run = StoredRun(tmp_path / "runs")
    run.add("web", b"a\nb\nc\n", [Level.INFO, Level.ERROR, Level.FATAL])
    run.lose(Gap("web", 2, 9, GapReason.DISK, 0, 0))
    run.flush()
    write_status_file(run.path, TABLE)
    return run


@pytest.mark.parametrize("how", ["end", "die"])
def test_from_disk_without_pids(tmp_path: Path, run: StoredRun, how: str) -> None:
    (run.end if how == "end" else run.die)()

    assert json.loads(status(tmp_path, json=True)) == {
        "run": run.id,
        "state_dir": str(tmp_path / "runs"),
        "processes": [
            {
                "name": "web",
                "state": "exited",
                "ready": False,
                "restarts": 0,
                "command": "run web",
                "lines": 3,
            },
            {
                "name": "build",
                "state": "failed",
                "exit_code": 3,
                "ready": False,
                "restarts": 2,
                "command": "run build",
                "lines": 0,
            },
        ],
        "lines": 3,
        "gaps": 1,
        "errors": 2,
    }
    text = status(tmp_path, sources=("build",)).splitlines()
    assert text[0] == f"run {run.id} {'ended' if how == 'end' else 'died'}: 3 lines, 2 errors, 1 gaps"
    assert [line.split() for line in text[1:]] == [
        ["NAME", "STATE", "PID", "CODE", "RESTARTS", "LINES", "COMMAND"],
        ["build", "failed", "3", "2", "0", "run", "build"],
    ]


def test_a_live_run_that_does_not_answer(
    tmp_path: Path, run: StoredRun, capfd: pytest.CaptureFixture[str]
) -> None:
    found = json.loads(status(tmp_path, json=True))
    run.end()

    assert [row["state"] for row in found["processes"]] == ["running", "failed"]
    assert "does not answer" in capfd.readouterr().err


@pytest.fixture
def answering(run: StoredRun) -> Iterator[FakeView]:
    view = FakeView(*TABLE.processes)
    io = IoLoop()
    io.start()
    server = ControlServer(view, run_folder=run.path, state_dir=run.path.parent)
    io.submit(server.start()).result(10)
    if server.elsewhere:
        run.folder.manifest.note(control=str(server.path))
    yield view
    io.submit(server.close()).result(10)
    assert io.close(5)
    run.end()


def test_a_live_run_answers(tmp_path: Path, answering: FakeView) -> None:
    found = json.loads(status(tmp_path, json=True))

    assert (found["run"], found["pid"], found["lines"]) == (FakeView.run_id, os.getpid(), 12)
    assert found["processes"][0]["pid"] == 42
    text = status(tmp_path)
    assert text.startswith(f"run {FakeView.run_id} live (pid {os.getpid()}): 12 lines, 3 errors, 0 gaps\n")


def test_an_unknown_process(tmp_path: Path, answering: FakeView) -> None:
    with pytest.raises(NotFoundError, match=r"--source x: no such process in run .*; there are: web, build"):
        status(tmp_path, sources=("web", "x"))
