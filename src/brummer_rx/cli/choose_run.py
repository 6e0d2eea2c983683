"""Which run a verb talks about: the newest live one, else the last; `--run` names another."""

from __future__ import annotations

from pathlib import Path

from brummer_rx.pipeline.errors import NotFoundError
from brummer_rx.sinks.store.runs import RunInfo, find_run, list_runs

__all__ = ["live_run", "run_of"]


def run_of(state_dir: Path, wanted: str | None) -> RunInfo:
    """The run to read; raises `NotFoundError`. `last` is the newest by start, live ones included."""
    if wanted is not None:
        return find_run(state_dir, wanted)
    runs = list_runs(state_dir)
    if not runs:
        raise NotFoundError(f"no run was stored for this folder yet ({state_dir})")
    return next((run for run in runs if run.state == "live"), runs[0])


def live_run(state_dir: Path, wanted: str | None) -> RunInfo:
    """The run to steer; raises `NotFoundError` when it does not run."""
    if wanted is not None:
        run = find_run(state_dir, wanted)
        if run.state != "live":
            raise NotFoundError(f"run {run.id} does not run any more: it {run.state}")
        return run
    live = [run for run in list_runs(state_dir) if run.state == "live"]
    if not live:
        raise NotFoundError("nothing runs in this folder (brummer-rx starts it; -d DIR names another folder)")
    return live[0]
