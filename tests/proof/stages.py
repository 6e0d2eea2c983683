"""`python -m tests.proof.stages lint types unit`: the stages of `make test`, one after the other.

Each is a target of the Makefile. All are run, also after one that failed, so that one run tells everything;
the table at the end says how each one ended and how long it took. Exit code 1 when any failed.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.proof.seed import SEED, switch_interval

__all__ = ["Outcome", "main", "run_stages", "table"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a stage ended."""

    stage: str
    code: int
    seconds: float


def run_stages(stages: Sequence[str], make: Sequence[str]) -> list[Outcome]:
    """Run each stage by `make`; what they print goes where ours goes."""
    outcomes = []
    for stage in stages:
        print(f"== {stage}", flush=True)
        began = time.monotonic()
        code = subprocess.run([*make, stage], check=False).returncode
        outcomes.append(Outcome(stage, code, time.monotonic() - began))
    return outcomes


def table(outcomes: Sequence[Outcome]) -> str:
    """The stages with their times, the seed, and the plain closing line."""
    failed = sum(outcome.code != 0 for outcome in outcomes)
    rows = []
    for outcome in outcomes:
        ended = "ok" if outcome.code == 0 else f"FAILED ({outcome.code})"
        rows.append(f"{outcome.stage:<12} {ended:<12} {outcome.seconds:7.1f} s")
    whole = sum(outcome.seconds for outcome in outcomes)
    seed = f"seed {SEED}, switch interval {switch_interval():g} s (PROOF_SEED={SEED} repeats it)"
    rows += [f"{'whole':<12} {'':<12} {whole:7.1f} s", seed]
    return "\n".join([*rows, f"stages: {len(outcomes) - failed} passed, {failed} failed"])


def main(stages: Sequence[str], make: Sequence[str] = ("make", "-s", "--no-print-directory")) -> int:
    """Run and report; the exit code."""
    print(f"seed {SEED}", flush=True)
    outcomes = run_stages(stages, make)
    print(table(outcomes), flush=True)
    return int(any(outcome.code for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
