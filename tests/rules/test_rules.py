"""The rules hold for the whole tree, and each one sees what its sample shows: no more, no less."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rules.__main__ import main
from tests.rules.rules import RULES, Breach, May, Rule, breaches, check, stale
from tests.rules.tree import FOLDERS, PURE_ROOTS, ROOT, is_product, is_pure, is_test, python_files, relative

SAMPLES = Path(__file__).parent / "samples"
BY_NAME = {rule.name: rule for rule in RULES}


def marked(sample: Path) -> list[int]:
    """The lines that a sample wants to be flagged, once per mark."""
    return [
        number
        for number, line in enumerate(sample.read_text().splitlines(), 1)
        for _ in range(line.partition('"""')[0].count("# flag"))
    ]


@pytest.fixture(scope="module")
def all_breaches() -> list[Breach]:
    """Of the whole tree; each file is parsed once."""
    return breaches(python_files())


@pytest.mark.parametrize("rule", RULES, ids=BY_NAME)
def test_the_tree_keeps_the_rule(rule: Rule, all_breaches: list[Breach]) -> None:
    assert [str(breach) for breach in all_breaches if breach.rule == rule.name] == []


@pytest.mark.parametrize("rule", RULES, ids=BY_NAME)
def test_the_rule_flags_its_sample_at_the_marked_lines(rule: Rule) -> None:
    sample = SAMPLES / f"{rule.name}.py"
    found = sorted(finding.line for finding in rule.find(ast.parse(sample.read_text())))

    assert marked(sample), "a sample without a breach proves nothing"
    assert found == marked(sample)


def test_each_sample_belongs_to_a_rule() -> None:
    assert {path.stem for path in SAMPLES.glob("*.py")} == set(BY_NAME)


@pytest.mark.parametrize("rule", RULES, ids=BY_NAME)
def test_no_exception_is_older_than_its_reason(rule: Rule) -> None:
    assert stale(rule, ROOT) == []
    assert all(len(may.reason) > 10 for may in rule.may.values())


def test_one_place_more_than_the_exception_allows_is_a_breach() -> None:
    tree = ast.parse("from collections import deque\nclass A:\n    x = deque()\n    y = deque()\n")
    rule = Rule("r", "why", BY_NAME["unbounded_deques"].find, may={"pipeline/a.py": May("one is fine", 1)})

    assert [breach.line for breach in check(rule, "pipeline/a.py", tree)] == [3, 4]
    assert "only 1 may: one is fine" in str(check(rule, "pipeline/a.py", tree)[0])
    assert check(rule, "tests/a.py", tree) == []


def test_an_exception_without_need_is_stale(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    rule = Rule(
        "r", "why", BY_NAME["bare_locks"].find, may={"a.py": May("none left"), "b.py": May("gone", 1)}
    )

    assert stale(rule, tmp_path) == ["r: a.py may None, has 0", "r: b.py does not exist"]


def test_every_shipped_module_is_looked_at() -> None:
    looked_at = {relative(path) for path in python_files()}
    links = [
        path for path in (ROOT / "src" / "brummer_rx").iterdir() if path.is_dir() and path.name[0] != "_"
    ]
    shipped = {relative(module) for folder in links for module in folder.resolve().rglob("*.py")} | {
        relative(module) for module in (ROOT / "src" / "brummer_rx").glob("*.py")
    }

    assert shipped - looked_at == set()
    assert all(is_product(name) for name in shipped)
    assert not is_test("tests/rules/samples/threads.py") and is_test("tests/rules/test_rules.py")


def test_what_the_reducers_import_is_held_to_be_pure_as_well() -> None:
    assert all(is_pure(name) for name in PURE_ROOTS)
    assert all(is_pure(name) for name in ("tui/state.py", "pipeline/process.py", "tui/width.py"))
    assert not is_pure("pipeline/stage.py")


def test_the_command_line_takes_paths(capsys: pytest.CaptureFixture[str]) -> None:
    sample = SAMPLES / "threads.py"
    assert main([str(sample), str(ROOT / "tui" / "reduce.py")]) == 0, "samples are no product"
    assert capsys.readouterr() == ("", f"2 files, {len(RULES)} rules, 0 breaches\n")


def test_the_command_line_names_file_line_rule_and_why(tmp_path: Path) -> None:
    """In a copy of the tree, as the integrator calls it."""
    for folder in ("tests/rules", *FOLDERS, "bench"):
        (tmp_path / folder).mkdir(parents=True)
    for module in (ROOT / "tests" / "rules").glob("*.py"):
        (tmp_path / "tests" / "rules" / module.name).write_text(module.read_text())
    for name in PURE_ROOTS:
        (tmp_path / name).write_text("")
    (tmp_path / "tui" / "bad.py").write_text("import threading\n\nthreading.Thread(target=print)\n")
    done = subprocess.run(
        [sys.executable, "-m", "tests.rules"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )

    assert done.returncode == 1
    assert done.stdout.startswith("tui/bad.py:3 threads: threading.Thread: only pipeline/ creates threads")
    assert len(done.stdout.splitlines()) == 1
