"""`python -m tests.proof.branches FOLDER...`: the branches that the tests took, per folder, gated at 90 %.

Reads the data that the unit stage left. The plain coverage figure mixes lines and branches; here only
branches count. Exit code 1 when a folder is below the gate, 2 when there is no data for one.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from coverage import Coverage

__all__ = ["GATE", "branches", "main"]

GATE = 90.0
"""Percent."""


def branches(files: Mapping[str, Mapping[str, object]], folder: str) -> tuple[int, int]:
    """(taken, all) of the files below `folder`, from the `files` of coverage's JSON report."""
    taken = known = 0
    for name, file in files.items():
        if name.startswith(f"{folder}/"):
            summary = file["summary"]
            assert isinstance(summary, dict)
            taken += summary["covered_branches"]
            known += summary["num_branches"]
    return taken, known


def main(folders: Sequence[str]) -> int:
    """Print one line per folder; the exit code."""
    coverage = Coverage()
    coverage.load()
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "coverage.json"
        coverage.json_report(outfile=str(report))
        files = json.loads(report.read_text())["files"]
    code = 0
    for folder in folders:
        taken, known = branches(files, folder)
        if not known:
            print(f"{folder}: no branch was measured; run the unit stage first", file=sys.stderr)
            return 2
        percent = 100 * taken / known
        code = max(code, int(percent < GATE))
        print(f"branches of {folder}: {taken} of {known}, {percent:.1f} % (gate {GATE:g} %)")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
