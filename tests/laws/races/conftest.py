"""These tests run only under the explorer's own command; without it they are skipped, loudly."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
COMMAND = ".venv/bin/frontrun .venv/bin/python -m pytest tests/laws/races --no-cov"
REASON = f"schedules are explored only under frontrun's command: {COMMAND}"


def under_the_explorer() -> bool:
    return os.environ.get("FRONTRUN_ACTIVE") == "1"


# What a conftest above has imported got the interpreter's locks, which no explorer sees: the tests of this
# folder import it anew, when the explorer's locks are in place.
if under_the_explorer():
    for name in [name for name in sys.modules if name.partition(".")[0] in ("reactivex", "brummer_rx")]:
        del sys.modules[name]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not under_the_explorer():
        for item in items:
            if HERE in item.path.parents:
                item.add_marker(pytest.mark.skip(reason=REASON))


@pytest.fixture(autouse=True)
def _switching() -> None:
    """In place of that of all laws: here the explorer says who runs."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    explorer = sys.modules.get("tests.laws.races.explorer")
    runs = explorer.RUNS if explorer is not None else []
    if not runs:
        return
    terminalreporter.section("schedules explored")
    for run in runs:
        terminalreporter.write_line(
            f"{run.test:<78} {run.strategy:<6} {run.explored:>5} schedules {run.seconds:>6.2f} s"
        )
    total, seconds = sum(run.explored for run in runs), sum(run.seconds for run in runs)
    terminalreporter.write_line(f"{'all':<78} {'':<6} {total:>5} schedules {seconds:>6.2f} s")
