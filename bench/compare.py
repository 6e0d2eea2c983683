"""`make bench-compare`: fails when a median is more than 10 % worse than in the saved run of this machine.

A machine that others use, too, is slower now and then by more than that. So what looks worse is run again,
up to twice, and has failed when it was worse each time; a real regression is.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["LIMIT", "main", "medians", "worse"]

LIMIT = 1.10
"""New median divided by the saved one; more is a regression."""
TRIES = 3


def medians(file: Path) -> dict[str, float]:
    """Median seconds by node id, of a JSON file of pytest-benchmark."""
    found = json.loads(file.read_text())["benchmarks"]
    return {one["fullname"]: one["stats"]["median"] for one in found}


def worse(base: Mapping[str, float], new: Mapping[str, float], limit: float = LIMIT) -> dict[str, float]:
    """By how much (1.25: a quarter) each benchmark is worse, of those that both runs have."""
    ratios = {name: new[name] / base[name] for name in new if name in base}
    return {name: ratio for name, ratio in ratios.items() if ratio > limit}


def measure(what: Sequence[str]) -> dict[str, float]:
    """Run these benchmarks (node ids, or the folder); their medians. Exits when they cannot be run."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder, "answer.json")
        argv = [sys.executable, "-m", "pytest", "--benchmark-only", *what, "-q", f"--benchmark-json={answer}"]
        if code := subprocess.call(argv):
            sys.exit(code)
        return medians(answer)


def main(saved: str) -> int:
    """Measure, compare, say; 0 when nothing is worse."""
    base = medians(Path(saved))
    suspects: dict[str, float] = {}
    for attempt in range(1, TRIES + 1):
        suspects = worse(base, measure(list(suspects) or ["bench"]))
        if not suspects:
            print(f"bench-compare: no median is more than {LIMIT - 1:.0%} worse than in {saved}")
            return 0
        for name, ratio in sorted(suspects.items()):
            print(f"bench-compare: try {attempt}: {name}: {ratio - 1:+.0%}")
    print(f"bench-compare: {len(suspects)} worse in each of {TRIES} tries than in {saved}")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
