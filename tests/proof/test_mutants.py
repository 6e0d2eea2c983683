"""The runner of mutants judges all other tests; here it is judged, on a toy project and on our texts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.proof.mutants.__main__ import main
from tests.proof.mutants.catalogue import MUTANTS
from tests.proof.mutants.mutant import Edit, Mutant, StaleAnchorError, mutated, swap
from tests.proof.mutants.runner import Outcome, Verdict, check
from tests.proof.mutants.tree import PARTS, PROJECT, Tree

# --- all mutants, without running one --------------------------------------------------------------


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_anchor_matches_once_and_leaves_python(mutant: Mutant) -> None:
    texts = mutated(mutant.edits, lambda file: (PROJECT / file).read_text(encoding="utf-8"))

    assert texts
    assert all(text != (PROJECT / file).read_text(encoding="utf-8") for file, text in texts.items())
    assert mutant.killers, "nobody is asked to notice it"


def test_names_are_given_once_and_lines_fit_the_table() -> None:
    assert [name for name, n in Counter(mutant.name for mutant in MUTANTS).items() if n > 1] == []
    assert [mutant.name for mutant in MUTANTS if len(mutant.what) > 80] == []


def test_there_are_more_than_ten_of_the_stage_and_a_subset_for_every_change() -> None:
    assert sum(mutant.edits[0].file in ("pipeline/stage.py", "pipeline/drain.py") for mutant in MUTANTS) > 10
    assert 20 <= sum(mutant.fast for mutant in MUTANTS) <= 45


def test_all_parts_of_the_project_that_are_copied_exist() -> None:
    assert [part for part in PARTS if not (PROJECT / part).exists()] == []


# --- the texts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "why"),
    [("x = 3", "is there 0 times"), ("x", "is there 2 times"), ("x = 1\n", "is no Python")],
)
def test_an_anchor_that_does_not_fit_is_an_error(old: str, why: str) -> None:
    with pytest.raises(StaleAnchorError, match=why):
        mutated([Edit("a.py", old, "if:\n")], lambda file: "x = 1\ny = x\n")


def test_a_file_that_is_gone_is_an_error() -> None:
    with pytest.raises(StaleAnchorError, match=r"gone\.py: No such file"):
        mutated([Edit("gone.py", "a", "b")], lambda file: Path("/nonexistent", file).read_text())


def test_edits_of_one_file_follow_one_another() -> None:
    edits = [swap("a.py", "\nx = 1\n", "\nx = 2\n"), swap("a.py", "x = 2", "x = 3")]

    assert mutated(edits, lambda file: "x = 1\ny = 0\n") == {"a.py": "x = 3\ny = 0\n"}


# --- the whole runner on a toy --------------------------------------------------------------------

CALC = "def add(a, b):\n    return a + b\n\n\ndef twice(a):\n    return a * 2\n"
TESTS = """
import time
import pytest
from brummer_rx.pipeline.calc import add, twice

@pytest.mark.parametrize("b", [1, 2])
def test_add(b):
    assert add(2, b) == 2 + b

def test_add_nothing():
    assert add(2, 0) == 2

def test_twice_ends():
    until = time.monotonic() + 60
    while twice(1) != 2 and time.monotonic() < until:
        time.sleep(0.01)
    assert twice(1) == 2
"""
WRONG = "def test_wrong_anyway():\n    assert False\n"
T = "tests/test_calc.py::"


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project as small as can be, linked as ours is."""
    root = tmp_path_factory.mktemp("toy")
    for folder in ("pipeline", "src/brummer_rx", "tests"):
        (root / folder).mkdir(parents=True)
    (root / "pipeline" / "__init__.py").touch()
    (root / "pipeline" / "calc.py").write_text(CALC)
    (root / "src" / "brummer_rx" / "__init__.py").touch()
    (root / "src" / "brummer_rx" / "pipeline").symlink_to("../../pipeline")
    (root / "tests" / "test_calc.py").write_text(TESTS)
    (root / "tests" / "test_wrong.py").write_text(WRONG)
    (root / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    return root


def plus(name: str, new: str, *killers: str, hangs: bool = False, old: str = "a + b") -> Mutant:
    edits = (Edit("pipeline/calc.py", old, new),)
    return Mutant(
        name,
        name,
        edits,
        tuple(killer if "::" in killer else T + killer for killer in killers),
        ("L1",),
        hangs=hangs,
        seconds=3,
    )


ALL = (
    plus("killed", "a - b", "test_add"),
    plus("both", "a + b + 1", "test_add", "test_add_nothing"),
    plus("one of two", "a - b", "test_add", "test_add_nothing"),
    plus("survivor", "b + a", "test_add"),
    plus("stale", "0", "test_add", old="a / b"),
    plus("fails anyway", "a - b", "test_add", "tests/test_wrong.py::test_wrong_anyway"),
    plus("no such test", "a - b", "test_gone"),
    plus("hangs", "a * 3", "test_twice_ends", old="a * 2"),
    plus("hangs as it should", "a * 3", "test_twice_ends", old="a * 2", hangs=True),
    plus("no import", "a + b\n\nraise ImportError", "test_add"),
)


@pytest.fixture(scope="module")
def outcomes(toy: Path) -> dict[str, Outcome]:
    return {outcome.mutant.name: outcome for outcome in check(ALL, toy, jobs=2)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "verdict", "by"),
    [
        ("killed", Verdict.KILLED, T + "test_add[1]"),
        ("both", Verdict.KILLED, T + "test_add[1] (+1)"),
        ("one of two", Verdict.SURVIVED, T + "test_add_nothing"),
        ("survivor", Verdict.SURVIVED, T + "test_add"),
        ("stale", Verdict.STALE, "pipeline/calc.py: 'a / b' is there 0 times"),
        ("fails anyway", Verdict.UNPROVEN, "tests/test_wrong.py::test_wrong_anyway"),
        ("no such test", Verdict.UNPROVEN, T + "test_gone"),
        ("hangs", Verdict.HUNG, T + "test_twice_ends"),
        ("hangs as it should", Verdict.KILLED, T + "test_twice_ends"),
        ("no import", Verdict.BROKEN, ""),
    ],
)
def test_what_becomes_of_each(name: str, verdict: Verdict, by: str, outcomes: dict[str, Outcome]) -> None:
    assert outcomes[name].verdict is verdict, outcomes[name]
    assert outcomes[name].by.startswith(by)


@pytest.mark.slow
def test_the_project_itself_is_left_alone(toy: Path, outcomes: dict[str, Outcome]) -> None:
    assert outcomes
    assert (toy / "pipeline" / "calc.py").read_text() == CALC


@pytest.mark.slow
def test_with_its_killer_switched_off_a_mutant_meets_the_rest_of_the_file(toy: Path) -> None:
    (outcome,) = check([plus("lonely", "a if b else a + b", "test_add")], toy, without=["test_add"])

    assert (outcome.verdict, outcome.by) == (Verdict.SURVIVED, "tests/test_calc.py")


def test_a_mutant_is_not_taken_for_the_file_before_it(toy: Path, tmp_path: Path) -> None:
    """An interpreter's cache is valid for a time and a size: both could be the same."""
    tree = Tree(toy, tmp_path)
    calc = tree.root / "pipeline" / "calc.py"
    times = [calc.stat().st_mtime_ns]
    for new in ("a - b", "b - a"):
        with tree.changed([Edit("pipeline/calc.py", "a + b", new)]):
            times.append(calc.stat().st_mtime_ns)
        assert calc.read_text() == CALC

    assert calc.stat().st_mtime_ns == times[0]
    assert len({time // 10**9 for time in times}) == 3


# --- the command line ------------------------------------------------------------------------------


def test_the_list_names_what_each_stands_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list", "--only", "M1"]) == 0

    shown = capsys.readouterr().out.split()
    assert shown[0] == "M1" and {"EB-1", "EB-3", "fast"} <= set(shown)


def test_an_unknown_mutant_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "M1", "M999"]) == 2
    assert "M999" in capsys.readouterr().out
