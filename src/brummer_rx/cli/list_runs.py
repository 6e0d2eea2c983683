"""The verb `runs`: the stored runs of a folder, newest first."""

from __future__ import annotations

import time
from typing import Any

from brummer_rx.cli.output import Output, json_line
from brummer_rx.cli.requests import ShowOptions
from brummer_rx.cli.table import table
from brummer_rx.cli.times import duration_text, local_text, size_text
from brummer_rx.sinks.clocktext import utc_text
from brummer_rx.sinks.store.runs import RunInfo, find_run, list_runs

__all__ = ["run_object", "show_runs"]


def show_runs(options: ShowOptions, out: Output) -> int:
    """Print them; the exit code. No run is no error; an unknown `--run` is (`NotFoundError`)."""
    state_dir = options.place.state_dir
    runs = list_runs(state_dir) if options.run is None else [find_run(state_dir, options.run)]
    if options.sources is not None:
        runs = [run for run in runs if set(options.sources) & set(run.sources)]
    if options.json:
        out.write("".join([json_line(run_object(run)) + "\n" for run in runs]).encode())
    elif runs:
        out.say(_for_people(runs, time.time_ns()))
    else:
        out.say(f"no runs in {state_dir}")
    return 0


def run_object(run: RunInfo) -> dict[str, Any]:
    """As `runs --json` prints it; a run that is live or died has no `ended`."""
    found: dict[str, Any] = {"run": run.id, "state": str(run.state), "started": utc_text(run.started_ns)}
    if run.ended_ns is not None:
        found["ended"] = utc_text(run.ended_ns)
    found |= {"sources": list(run.sources), "lines": run.lines, "bytes": run.bytes, "gaps": run.gaps}
    return found


def _for_people(runs: list[RunInfo], now_ns: int) -> str:
    rows = []
    for run in runs:
        end = run.ended_ns if run.ended_ns is not None else now_ns if run.state == "live" else None
        lasted = "?" if end is None else duration_text((end - run.started_ns) / 1e9)
        numbers = (f"{run.lines:,}", size_text(run.bytes), str(run.gaps))
        rows.append(
            (run.id, str(run.state), local_text(run.started_ns), lasted, *numbers, " ".join(run.sources))
        )
    head = ("RUN", "STATE", "STARTED", "LASTED", "LINES", "SIZE", "GAPS", "SOURCES")
    return table(head, rows, right=frozenset({3, 4, 5, 6}))
