"""Rules of the source tree that no linter knows."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("pipeline", "operators", "sources", "sinks", "tui")


def modules() -> list[Path]:
    """Every source file once (the five links in src/brummer_rx are not followed)."""
    found = [p for f in FOLDERS for p in (ROOT / f).rglob("*.py")]
    package = ROOT / "src" / "brummer_rx"
    found += list(package.glob("*.py"))
    found += list((package / "cli").rglob("*.py"))
    return sorted(found)


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def calls(path: Path) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every call in a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield node.lineno, ast.unparse(node.func)


THREADS = re.compile(
    r"(^|\.)(Thread|Timer|ThreadPoolExecutor|ProcessPoolExecutor|create_task|ensure_future|to_thread|run_in_executor"
    r"|start_new_thread|NewThreadScheduler|TimeoutScheduler|EventLoopScheduler)$"
)
HOPS = re.compile(r"(^|\.)(observe_on|subscribe_on)$")
UNBOUNDED = re.compile(r"(^|\.)(SimpleQueue|ReplaySubject)$|(^|\.)Queue$")


def find(paths: list[Path], rule: re.Pattern[str]) -> list[str]:
    return [f"{relative(p)}:{line} {name}" for p in paths for line, name in calls(p) if rule.search(name)]


def test_only_the_pipeline_creates_threads_tasks_and_executors() -> None:
    outside = [p for p in modules() if not relative(p).startswith("pipeline/")]

    assert find(outside, THREADS) == []


def test_no_raw_hop_between_threads() -> None:
    assert find(modules(), HOPS) == []


def test_no_unbounded_queue() -> None:
    assert find(modules(), UNBOUNDED) == []


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("import threading\nthreading.Thread(target=print)", THREADS),
        ("loop.create_task(x())", THREADS),
        ("a.pipe(ops.observe_on(pool))", HOPS),
        ("queue.SimpleQueue()", UNBOUNDED),
        ("asyncio.Queue()", UNBOUNDED),
    ],
)
def test_each_rule_flags_its_sample(code: str, rule: re.Pattern[str], tmp_path: Path) -> None:
    sample = tmp_path / "sample.py"
    sample.write_text(code)

    assert any(rule.search(name) for _, name in calls(sample))


def test_no_exception_is_swallowed() -> None:
    silent = [
        f"{relative(p)}:{node.lineno}"
        for p in modules()
        for node in ast.walk(ast.parse(p.read_text()))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in ("Exception", "BaseException"))
        and all(isinstance(s, ast.Pass) for s in node.body)
    ]

    assert silent == []


def test_no_file_grows_beyond_400_lines() -> None:
    assert [f"{relative(p)}: {n}" for p in modules() if (n := len(p.read_text().splitlines())) > 400] == []


def test_every_module_and_public_name_says_what_it_is() -> None:
    missing = []
    for path in modules():
        tree = ast.parse(path.read_text())
        if not ast.get_docstring(tree):
            missing.append(relative(path))
        missing += [
            f"{relative(path)}:{node.lineno} {node.name}"
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            and not node.name.startswith("_")
            and not ast.get_docstring(node)
        ]

    assert missing == []


def test_no_todo_is_left() -> None:
    words = re.compile(r"\b(TODO|FIXME|XXX)\b")

    assert [relative(p) for p in modules() if words.search(p.read_text())] == []


def test_every_module_has_a_test_of_its_name() -> None:
    tests = {p.name for p in (ROOT / "tests").rglob("test_*.py")}
    untested = [
        relative(p)
        for p in modules()
        if p.name != "__init__.py" and f"test_{p.stem.removeprefix('__').removesuffix('__')}.py" not in tests
    ]

    assert untested == []
