"""Rules of the source tree that no linter knows. Those of concurrency are in tests/rules."""

from __future__ import annotations

import ast
import re
from pathlib import Path

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
