"""The runner's ear inside pytest: loaded into each trial, writes down what tests did and what was imported.

Stands alone (it is copied next to the tree under trial), so it imports nothing of the project.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import hypothesis
import pytest

_ROOT = Path(os.environ["MUTANT_TREE"]).resolve()
_lines: list[dict[str, object]] = []
_failed: set[str] = set()

# A failure is enough, its smallest example is not asked for. One mutant's examples must not help the next.
hypothesis.settings.register_profile(
    "mutants", phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate), database=None
)
hypothesis.settings.load_profile("mutants")


def _whole(test: str) -> str:
    """A test without its parameters."""
    return test.partition("[")[0]


def pytest_runtest_setup(item: pytest.Item) -> None:
    if _whole(item.nodeid) in _failed:
        pytest.skip("it has failed already, with other parameters")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.failed:
        _failed.add(_whole(report.nodeid))
    if report.when == "call" or report.outcome != "passed":
        text = report.longreprtext
        _lines.append(
            {
                "test": report.nodeid,
                "outcome": report.outcome,
                "seconds": report.duration,
                "hung": "Timeout (>" in text and "pytest-timeout" in text,
                "why": _why(text),
            }
        )


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        _lines.append({"problem": f"{report.nodeid} cannot be collected: {_why(report.longreprtext)}"})


def pytest_sessionfinish() -> None:
    foreign = sorted(
        name
        for name, module in tuple(sys.modules.items())
        if name.partition(".")[0] in ("brummer_rx", "tests")
        and (file := getattr(module, "__file__", None))
        and not Path(file).resolve().is_relative_to(_ROOT)
    )
    if foreign:
        _lines.append({"problem": f"imported from another tree: {', '.join(foreign[:3])}"})
    _lines.append({"end": True})
    Path(os.environ["MUTANT_REPORT"]).write_text("".join(json.dumps(line) + "\n" for line in _lines))


def _why(text: str) -> str:
    told = [line for line in text.splitlines() if line.startswith("E ")]
    return (told[0][1:] if told else text.strip().rpartition("\n")[2]).strip()[:200]
