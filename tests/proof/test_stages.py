from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.proof.branches import branches
from tests.proof.seed import SEED, rng
from tests.proof.stages import Outcome, main, table

MAKE = (sys.executable, "-c", "import sys; print('ran', sys.argv[1]); sys.exit(sys.argv[1] == 'bad')")


def test_all_stages_run_and_one_failure_fails_the_whole(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["one", "bad", "two"], MAKE) == 1

    shown = capfd.readouterr().out
    assert [line for line in shown.splitlines() if line.startswith("ran")] == [
        "ran one",
        "ran bad",
        "ran two",
    ]
    assert shown.rstrip().endswith("stages: 2 passed, 1 failed")
    assert f"seed {SEED}" in shown


def test_good_stages_pass(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["one", "two"], MAKE) == 0


def test_the_table_names_each_stage_with_its_time() -> None:
    shown = table([Outcome("lint", 0, 1.25), Outcome("unit", 2, 100.0)]).splitlines()

    assert shown[0].split() == ["lint", "ok", "1.2", "s"]
    assert shown[1].split() == ["unit", "FAILED", "(2)", "100.0", "s"]
    assert shown[2].split() == ["whole", "101.2", "s"]


def test_branches_are_counted_per_folder() -> None:
    def file(taken: int, known: int) -> dict[str, object]:
        return {"summary": {"covered_branches": taken, "num_branches": known}}

    files = {"pipeline/a.py": file(1, 2), "pipeline/b/c.py": file(3, 4), "pipelines/x.py": file(0, 9)}

    assert branches(files, "pipeline") == (4, 6)
    assert branches(files, "sinks/store") == (0, 0)


def test_the_seed_gives_each_name_its_own_numbers() -> None:
    assert rng("a").random() == rng("a").random()
    assert rng("a").random() != rng("b").random()


def test_a_seed_that_is_no_number_is_named(tmp_path: Path) -> None:
    import os
    import subprocess

    environ = os.environ | {"PROOF_SEED": "x1"}
    command = [sys.executable, "-c", "import tests.proof.seed"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)

    assert done.returncode == 1
    assert "PROOF_SEED is 'x1'; it must be a whole number" in done.stderr
