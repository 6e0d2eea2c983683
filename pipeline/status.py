"""`status` as an object (architecture.md section 10), and the file in the run's folder that outlives the run.

Absent is absent, never null. Objects are dicts because they are on their way to JSON; their keys are fixed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from brummer_rx.pipeline.event import Level
from brummer_rx.pipeline.process import OVER, ProcessInfo, ProcessState, ProcessTable
from brummer_rx.pipeline.reader import LogSnapshot
from brummer_rx.pipeline.runview import RunView

__all__ = [
    "STATUS_FILE",
    "live_status",
    "process_row",
    "read_status_file",
    "status_object",
    "stored_rows",
    "write_status_file",
]

STATUS_FILE = "processes.json"


def process_row(info: ProcessInfo, lines: int | None = None) -> dict[str, Any]:
    """One element of `processes`; `lines` are those that are stored."""
    row: dict[str, Any] = {"name": info.name, "state": str(info.state)}
    if info.pid is not None:
        row["pid"] = info.pid
    if info.exit_code is not None:
        row["exit_code"] = info.exit_code
    row["ready"] = info.state is ProcessState.READY
    row["restarts"] = info.restarts
    row["command"] = info.spec.command
    if lines is not None:
        row["lines"] = lines
    return row


def status_object(
    run: str,
    state_dir: Path,
    rows: Sequence[Mapping[str, Any]],
    snapshot: LogSnapshot,
    pid: int | None = None,
) -> dict[str, Any]:
    """The answer to `status`; `errors` counts stored lines of level error and above, `pid` is the tool's."""
    levels = snapshot.level_counts()
    found: dict[str, Any] = {"run": run, "state_dir": str(state_dir)}
    if pid is not None:
        found["pid"] = pid
    found["processes"] = [dict(row) for row in rows]
    found["lines"] = sum(levels.values())
    found["gaps"] = len(snapshot.gaps)
    found["errors"] = levels.get(Level.ERROR, 0) + levels.get(Level.FATAL, 0)
    return found


def live_status(view: RunView, state_dir: Path) -> dict[str, Any]:
    """The status of a run of this process, from snapshots; any thread."""
    snapshot = view.reader.snapshot()
    lines = snapshot.source_counts()
    rows = [process_row(info, lines.get(info.name, 0)) for info in view.processes().processes]
    return status_object(view.run_id, state_dir, rows, snapshot, os.getpid())


def write_status_file(folder: Path, table: ProcessTable) -> None:
    """Keep what is known of the processes in the run's folder, replaced as a whole; raises `OSError`.

    Pids are left out: whoever reads it later must not take them for living ones.
    """
    rows = [process_row(info) for info in table.processes]
    for row in rows:
        row.pop("pid", None)
    path = folder / STATUS_FILE
    new = path.with_suffix(".new")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(fd, "wb") as file:
        file.write(json.dumps({"processes": rows}).encode() + b"\n")
    new.replace(path)


def read_status_file(folder: Path) -> list[dict[str, Any]]:
    """The rows that were written last; empty when there are none or they cannot be read."""
    try:
        loaded = json.loads((folder / STATUS_FILE).read_bytes())
    except (OSError, ValueError, RecursionError):
        return []
    rows = loaded.get("processes") if isinstance(loaded, dict) else None
    if not isinstance(rows, list):
        return []
    return [row for row in rows if isinstance(row, dict) and isinstance(row.get("name"), str)]


def stored_rows(folder: Path, lines: Mapping[str, int], *, ended: bool = True) -> list[dict[str, Any]]:
    """The processes of a run from its folder, with their stored lines; sources that no row names come last.

    `ended`: a process that still ran when the run ended (died) has exited with a code that nobody knows.
    """
    rows = read_status_file(folder)
    known = {row["name"] for row in rows}
    rows += [{"name": name, "state": str(ProcessState.EXITED)} for name in lines if name not in known]
    return [_settled(row, lines.get(row["name"], 0), ended) for row in rows]


def _settled(row: Mapping[str, Any], lines: int, ended: bool) -> dict[str, Any]:
    kept = {key: value for key, value in row.items() if key != "pid" and value is not None}
    if not ended:
        return {**kept, "lines": lines}
    if kept.get("state") not in OVER:
        kept["state"] = str(ProcessState.EXITED)
    if "ready" in kept:
        kept["ready"] = False
    return {**kept, "lines": lines}
