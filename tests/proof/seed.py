"""The seed of a test run: every random choice of the harness comes from it, so what failed can be replayed.

`PROOF_SEED=N make proof` repeats run N; without it each run draws a new one, and prints it first.
"""

from __future__ import annotations

import os
import random
import secrets
import sys

__all__ = ["SEED", "SWITCH_INTERVALS", "rng", "switch_interval"]

SWITCH_INTERVALS = (0.005, 0.0001, 0.000001)
"""Seconds between the interpreter's offers to change threads: its default, often, as often as it can."""


def _seed() -> int:
    said = os.environ.get("PROOF_SEED", "")
    if not said:
        return secrets.randbelow(1_000_000)
    try:
        return int(said)
    except ValueError:
        sys.exit(f"PROOF_SEED is {said!r}; it must be a whole number")


SEED = _seed()
# Processes that a test starts, and workers of the test runner, belong to the same run.
os.environ["PROOF_SEED"] = str(SEED)


def rng(name: str) -> random.Random:
    """The random numbers of the test or thread `name`; the same for the same seed and name."""
    return random.Random(f"{SEED}/{name}")


def switch_interval() -> float:
    """The switch interval of this run."""
    return SWITCH_INTERVALS[SEED % len(SWITCH_INTERVALS)]
