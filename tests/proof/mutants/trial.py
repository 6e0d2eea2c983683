"""Tests run in a tree by an interpreter of their own: what each said, and whether that can be trusted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.proof.mutants.mutant import is_race
from tests.proof.mutants.tree import Tree
from tests.proof.seed import SEED

__all__ = ["Heard", "Trial", "run"]

_GRACE = 15.0
"""Seconds beyond a test's limit after which the interpreter that runs it is killed (its start included)."""


# Only what the tests need is loaded: the start of pytest is most of a trial.
_PLUGINS = (
    "-p",
    "no:cacheprovider",
    "-p",
    "pytest_timeout",
    "-p",
    "_hypothesis_pytestplugin",
    "-p",
    "mutant_witness",
)
_OPTIONS = "-q --strict-markers --import-mode=importlib"


@dataclass(frozen=True, slots=True)
class Heard:
    """What one test (one set of its parameters) did."""

    test: str
    outcome: str
    seconds: float
    hung: bool
    why: str


@dataclass(frozen=True, slots=True)
class Trial:
    """What all of them did."""

    heard: tuple[Heard, ...] = ()
    problems: tuple[str, ...] = ()
    """Why this trial proves nothing: a test that cannot be imported, modules of another tree, a crash."""
    seconds: float = 0.0
    killed_at_limit: bool = False
    """The interpreter itself did not end in time."""

    def of(self, test: str) -> tuple[Heard, ...]:
        """What the test `test` said, for each set of its parameters."""
        return tuple(h for h in self.heard if h.test == test or h.test.startswith((f"{test}[", f"{test}::")))


def run(tree: Tree, tests: Sequence[str], *, limit: float, without: Sequence[str] = ()) -> Trial:
    """Run tests of one kind (explorers of schedules, or others), each with at most `limit` seconds."""
    report = tree.scratch / "report.jsonl"
    report.unlink(missing_ok=True)
    command = _command(tree, tests, limit, without)
    env = _environment(tree, report)
    began = time.monotonic()
    process = subprocess.Popen(
        command,
        cwd=tree.root,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    late = False
    try:
        said, _ = process.communicate(timeout=limit * len(tests) + _GRACE)
    except subprocess.TimeoutExpired:
        late = True
        os.killpg(process.pid, signal.SIGKILL)
        said, _ = process.communicate()
    finally:
        _sweep(env["MUTANT_TRIAL"])
    return _trial(report, said, late, time.monotonic() - began, process.returncode)


def _command(tree: Tree, tests: Sequence[str], limit: float, without: Sequence[str]) -> list[str]:
    command = [sys.executable, "-m", "pytest", *_PLUGINS, "-o", f"addopts={_OPTIONS}"]
    command += [f"--rootdir={tree.root}", f"--timeout={limit:g}", f"--hypothesis-seed={SEED}"]
    command += [f"--deselect={test}" for test in without]
    command += tests
    if is_race(tests[0]):
        command.insert(0, str(Path(sys.executable).with_name("frontrun")))
        command += ["-p", "frontrun.pytest_plugin"]
    return command


def _environment(tree: Tree, report: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTEST"))}
    return inherited | {
        # Before everything else, the installed project included.
        "PYTHONPATH": os.pathsep.join((str(tree.root / "src"), str(tree.ear))),
        "MUTANT_TREE": str(tree.root),
        "MUTANT_REPORT": str(report),
        "MUTANT_TRIAL": f"{os.getpid()}-{tree.root}-{time.monotonic_ns()}",
        "PROOF_SEED": str(SEED),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "TMPDIR": str(tree.scratch),
    }


def _trial(report: Path, said: str, late: bool, seconds: float, code: int) -> Trial:
    lines = [json.loads(line) for line in report.read_text().splitlines()] if report.exists() else []
    heard = tuple(Heard(**line) for line in lines if "test" in line)
    problems = [line["problem"] for line in lines if "problem" in line]
    if not lines and not late:
        last = said.strip().rpartition("\n")[2][:200]
        problems.append(f"pytest ended with {code} and no report: {last}")
    elif not heard and not late and not problems:
        problems.append("no test ran")
    return Trial(heard, tuple(problems), seconds, late)


def _sweep(mark: str) -> None:
    """End what a trial left behind: children lead sessions of their own, and a mutant may forget them."""
    for process in psutil.process_iter():
        try:
            if process.environ().get("MUTANT_TRIAL") == mark:
                process.kill()
        except psutil.Error:
            continue
