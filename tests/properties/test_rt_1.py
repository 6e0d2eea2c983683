"""RT-1 to RT-4: the suite about itself. Each promise has a test of its name and a defect it must find."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.proof.branches import GATE
from tests.proof.mutants.catalogue import MUTANTS
from tests.proof.seed import SEED, SWITCH_INTERVALS, rng, switch_interval
from tests.rules.rules import RULES

ROOT = Path(__file__).resolve().parents[2]
LAWS = tuple(f"L{n}" for n in range(1, 21))
PROMISES = (
    *(f"EB-{n}" for n in range(1, 13)),
    *(f"LS-{n}" for n in range(1, 7)),
    *(f"TUI-{n}" for n in range(1, 6)),
    "PM-3",
)
ABOUT_THE_SUITE = tuple(f"RT-{n}" for n in range(1, 5))
NO_MUTANT: dict[str, str] = {}
"""Laws that no mutant stands for, and why."""


def pattern(name: str) -> re.Pattern[str]:
    """Tests of that name: `test_eb_01_…` for EB-1, `test_l02_l12_…` for L2 and for L12."""
    letters, number = name.rstrip("0123456789").rstrip("-").lower(), re.findall(r"\d+", name)[0]
    if letters == "l":
        return re.compile(rf"test_(?:l\d+_)*l0?{number}_")
    return re.compile(rf"test_{letters}_0?{number}_")


def all_tests(folder: Path) -> Iterator[tuple[str, str]]:
    """(file, name) of every test function below a folder."""
    for path in sorted(folder.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield path.relative_to(ROOT).as_posix(), node.name


TESTS = tuple(all_tests(ROOT / "tests"))


@pytest.mark.parametrize("name", (*LAWS, *PROMISES, *ABOUT_THE_SUITE))
def test_rt_1_each_promise_has_a_test_of_its_name(name: str) -> None:
    assert [test for _, test in TESTS if pattern(name).match(test)]


@pytest.mark.parametrize("name", (*LAWS, *PROMISES))
def test_rt_1_each_promise_has_a_mutant_that_a_test_of_its_name_must_kill(name: str) -> None:
    if name in NO_MUTANT:
        assert len(NO_MUTANT[name]) > 10
        return
    told = [
        mutant.name
        for mutant in MUTANTS
        if name in mutant.stands_for
        and any(pattern(name).match(killer.rpartition("::")[2]) for killer in mutant.killers)
    ]

    assert told, f"no mutant shows that the tests of {name} can fail"


def test_rt_1_mutants_stand_for_what_there_is_and_are_killed_by_tests_that_exist() -> None:
    known = {f"{file}::{test}" for file, test in TESTS} | {file for file, _ in TESTS}

    assert {name for mutant in MUTANTS for name in mutant.stands_for} <= {*LAWS, *PROMISES}
    assert {killer.partition("[")[0] for mutant in MUTANTS for killer in mutant.killers} - known == set()


def test_rt_1_the_ancestors_defects_are_all_there() -> None:
    asked = {*(f"M{n}" for n in range(1, 12)), "M14", "M23", "M25", "M26"}

    assert asked <= {mutant.name for mutant in MUTANTS}


def test_rt_2_no_test_sleeps_and_then_asserts() -> None:
    """The rule runs over the tests in `make test`; that it flags its sample is its own test."""
    (rule,) = [rule for rule in RULES if rule.name == "sleeps_then_assert"]

    assert rule.find(ast.parse("import time\ndef test_it(x):\n    time.sleep(1)\n    assert x.done\n"))


def test_rt_3_one_seed_rules_the_run_and_the_processes_it_starts() -> None:
    asked = "from tests.proof.seed import SEED, switch_interval; print(SEED, switch_interval())"
    said = subprocess.run(
        [sys.executable, "-c", asked], cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=30
    )

    assert said.stdout.split() == [str(SEED), str(switch_interval())]
    assert rng("x").random() == rng("x").random() != rng("y").random()


def test_rt_3_seeds_bring_every_switch_interval() -> None:
    assert SWITCH_INTERVALS == (0.005, 0.0001, 0.000001)
    assert sys.getswitchinterval() == pytest.approx(switch_interval())


def test_rt_4_branches_of_the_concurrent_parts_are_gated() -> None:
    gated = re.findall(r"tests\.proof\.branches (.+)", (ROOT / "Makefile").read_text())

    assert GATE >= 80
    assert len(gated) == 1 and {"pipeline", "operators", "sinks/store"} <= set(gated[0].split())
