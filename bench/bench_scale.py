"""(f) Memory and cost per line of a whole run at 10^5, 10^6 and 10^7 lines; each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.harness import write_lines

SIZES = (100_000, 1_000_000, 10_000_000)
MAX_RSS_MB = 200


@pytest.mark.parametrize("lines", SIZES)
def test_scale(lines: int, benchmark: Any, tmp_path: Path) -> None:
    """One writer; RSS at the end and CPU per line stand in the extra info."""
    source = tmp_path / "lines.txt"
    write_lines(source, lines)
    answers: list[dict[str, float]] = []

    def run() -> None:
        argv = [sys.executable, "-m", "bench.one_run", str(source), str(tmp_path / f"state{len(answers)}")]
        answers.append(json.loads(subprocess.run(argv, check=True, capture_output=True).stdout))

    benchmark.pedantic(run, rounds=1 if lines > 5_000_000 else 3)
    last = answers[-1]
    benchmark.extra_info |= {**last, "lines": lines}
    assert last["stored"] == lines
    assert last["rss_mb"] <= MAX_RSS_MB
