"""docs/concurrency.md: its tables are of today, and every line names something that holds it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from docs.concurrency_tables import DOES, PAGE, Observed, locks, observe, owned, renewed
from tests.proof.mutants.catalogue import MUTANTS
from tests.rules.rules import RULES

ROOT = Path(__file__).resolve().parents[2]
TEXT = PAGE.read_text(encoding="utf-8")
HOLDER = re.compile(r"`(test_[\w.]+\*?|rule:\w+|mutant:\w+)`")


@pytest.fixture(scope="module")
def seen() -> Observed:
    return observe()


def names() -> set[str]:
    """Every test function and test file."""
    found = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        found.add(path.name)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    return found


def own_lines() -> list[str]:
    """Bullets and rows of tables that were written by hand."""
    by_hand = re.sub(r"<!-- made by .*?<!-- end of \w+ -->", "", TEXT, flags=re.S)
    by_hand = by_hand.partition("## Mutation testing")[0]
    rows = [line for line in by_hand.splitlines() if line.startswith(("- ", "| "))]
    return [row for row in rows if not re.match(r"\| (law|property) \||\|-", row)]


def test_the_tables_are_of_today(seen: Observed) -> None:
    assert renewed(TEXT, seen) == TEXT, "run .venv/bin/python -m docs.concurrency_tables"


def test_the_threads_are_those_of_the_map(seen: Observed) -> None:
    assert set(seen.threads) == set(DOES)


def test_the_order_of_locks_is_the_documented_one(seen: Observed) -> None:
    known = {lock.name for lock in locks()}
    assert {name for edge in seen.edges for name in edge} <= known
    assert not [(held, taken) for held, taken in seen.edges if (taken, held) in seen.edges]


def test_every_line_names_what_holds_it() -> None:
    assert len(own_lines()) > 60
    assert [line for line in own_lines() if not HOLDER.search(line)] == []


def test_what_is_named_exists() -> None:
    tests, mutants = names(), {mutant.name for mutant in MUTANTS}
    missing = []
    for holder in HOLDER.findall(TEXT.partition("## Threads")[2]):
        kind, _, name = holder.rpartition(":")
        if kind == "rule":
            there = name in {rule.name for rule in RULES}
        elif kind == "mutant":
            there = name in mutants
        elif holder.endswith("*"):
            there = any(test.startswith(holder[:-1]) for test in tests)
        else:
            there = holder in tests
        if not there:
            missing.append(holder)
    assert missing == []


def test_the_code_s_tables_are_not_empty() -> None:
    assert len(locks()) > 10
    assert len(owned()) > 20
