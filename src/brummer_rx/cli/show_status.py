"""The verb `status`: what a live run answers, or what the last one left on disk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brummer_rx.cli.choose_run import run_of
from brummer_rx.cli.client import Client, NoAnswer, socket_of
from brummer_rx.cli.output import Output, complain, json_line
from brummer_rx.cli.requests import ShowOptions
from brummer_rx.cli.table import table
from brummer_rx.pipeline.errors import NotFoundError
from brummer_rx.pipeline.status import status_object, stored_rows
from brummer_rx.sinks.store.reader import open_run
from brummer_rx.sinks.store.runs import RunInfo

__all__ = ["show_status", "stored_status"]


def show_status(options: ShowOptions, out: Output) -> int:
    """Print it; the exit code. Raises `NotFoundError` for an unknown run or process."""
    run = run_of(options.place.state_dir, options.run)
    found = _live(run) if run.state == "live" else None
    if found is None:
        found = stored_status(run)
    if options.sources is not None:
        found["processes"] = _named(options.sources, found["processes"], run)
    out.say(json_line(found) if options.json else _for_people(found, run))
    return 0


def _live(run: RunInfo) -> dict[str, Any] | None:
    try:
        return Client(socket_of(run.path)).status()
    except NoAnswer as error:
        complain(f"{error}; this is what it has written so far")
        return None


def stored_status(run: RunInfo) -> dict[str, Any]:
    """The object of `status`, from the run's folder: no pids."""
    with open_run(run.path) as reader:
        snapshot = reader.snapshot()
        rows = stored_rows(run.path, snapshot.source_counts(), ended=run.state != "live")
        return status_object(run.id, run.path.parent, rows, snapshot)


def _named(names: tuple[str, ...], rows: list[Mapping[str, Any]], run: RunInfo) -> list[Mapping[str, Any]]:
    known = [str(row["name"]) for row in rows]
    for name in names:
        if name not in known:
            raise NotFoundError(
                f"--source {name}: no such process in run {run.id}; there are: {', '.join(known)}"
            )
    return [row for row in rows if row["name"] in names]


def _for_people(found: Mapping[str, Any], run: RunInfo) -> str:
    alive = f"live (pid {found['pid']})" if "pid" in found else str(run.state)
    sums = f"{found['lines']:,} lines, {found['errors']:,} errors, {found['gaps']:,} gaps"
    head = ("NAME", "STATE", "PID", "CODE", "RESTARTS", "LINES", "COMMAND")
    rows = [
        (
            row["name"],
            row["state"],
            str(row.get("pid", "")),
            str(row.get("exit_code", "")),
            str(row.get("restarts", "")),
            f"{row.get('lines', 0):,}",
            row.get("command", ""),
        )
        for row in found["processes"]
    ]
    return f"run {found['run']} {alive}: {sums}\n" + table(head, rows, right=frozenset({2, 3, 4, 5}))
