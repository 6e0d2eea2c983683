"""`status` as an object, and the file that outlives the run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from brummer_rx.pipeline.process import ProcessState, ProcessTable
from brummer_rx.pipeline.status import (
    STATUS_FILE,
    process_row,
    read_status_file,
    status_object,
    stored_rows,
    write_status_file,
)
from tests.sources.fakeview import Counts, info


def test_absent_is_absent() -> None:
    row = process_row(info("web", ProcessState.STARTING))

    assert row == {"name": "web", "state": "starting", "ready": False, "restarts": 0, "command": "run web"}
    assert process_row(info("web", ProcessState.READY), 0)["ready"]
    assert "pid" not in status_object("r", Path("/s"), [], Counts())
    assert None not in status_object("r", Path("/s"), [row], Counts()).values()


def test_the_file_has_no_pids_and_is_replaced_as_a_whole(tmp_path: Path) -> None:
    write_status_file(tmp_path, ProcessTable(1, (info("web", pid=42),)))
    write_status_file(tmp_path, ProcessTable(2, (info("web", ProcessState.FAILED, exit_code=3),)))

    assert [p.name for p in tmp_path.iterdir()] == [STATUS_FILE]
    assert (tmp_path / STATUS_FILE).stat().st_mode & 0o777 == 0o600
    assert read_status_file(tmp_path) == [
        {
            "name": "web",
            "state": "failed",
            "exit_code": 3,
            "ready": False,
            "restarts": 0,
            "command": "run web",
        }
    ]


def test_a_running_process_is_written_without_its_pid(tmp_path: Path) -> None:
    write_status_file(tmp_path, ProcessTable(1, (info("web", pid=42),)))

    assert "42" not in (tmp_path / STATUS_FILE).read_text()


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"[]",
        b"{",
        b"\xff",
        b'{"processes": 3}',
        b'{"processes": [1, {}, {"name": 2}]}',
        b"[" * 99_999,
    ],
)
def test_a_damaged_file_reads_as_empty(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / STATUS_FILE).write_bytes(content)

    assert read_status_file(tmp_path) == []


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        write_status_file(tmp_path / "missing", ProcessTable(1, ()))


def test_rows_of_a_run_that_died(tmp_path: Path) -> None:
    write_status_file(tmp_path, ProcessTable(1, (info("web", ProcessState.READY, pid=4), info("api"))))

    rows = stored_rows(tmp_path, {"web": 5, "lost": 7})

    assert [(r["name"], r["state"], r.get("ready"), r["lines"]) for r in rows] == [
        ("web", "exited", False, 5),
        ("api", "exited", False, 0),
        ("lost", "exited", None, 7),
    ]
    assert not any("exit_code" in r or "pid" in r for r in rows)
    alive = stored_rows(tmp_path, {"web": 5}, ended=False)
    assert [(r["state"], r["ready"]) for r in alive] == [("ready", True), ("running", False)]


def test_pids_and_nulls_of_foreign_files_are_left_out(tmp_path: Path) -> None:
    rows = [{"name": "web", "state": "failed", "pid": 4, "exit_code": None}]
    (tmp_path / STATUS_FILE).write_text(json.dumps({"processes": rows}))

    assert stored_rows(tmp_path, {}) == [{"name": "web", "state": "failed", "lines": 0}]
