"""The files that rules look at, and what a pure module pulls in."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import cache
from pathlib import Path

__all__ = ["FOLDERS", "PURE_ROOTS", "ROOT", "is_product", "is_pure", "is_test", "python_files", "relative"]

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("pipeline", "operators", "sources", "sinks", "tui", "src/brummer_rx/cli")
PACKAGE = "src/brummer_rx"
SAMPLES = "tests/rules/samples/"
PURE_ROOTS = ("tui/reduce.py", "tui/view.py", "pipeline/decider.py")
"""What decides and what draws: these and whatever of ours they import has to be free of effects."""
NOT_FOLLOWED = frozenset(["pipeline/guards.py"])
"""Imports of pure modules that are looked through: the guards' decorators mark who owns what, and do nothing
of their own while they are off."""


def relative(path: Path) -> str:
    """The name of a file as rules write it."""
    path = path.resolve()
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.as_posix()


def is_product(name: str) -> bool:
    """Whether the file is shipped."""
    return name.startswith(tuple(f"{folder}/" for folder in FOLDERS)) or (
        name.startswith(f"{PACKAGE}/") and name.count("/") == PACKAGE.count("/") + 1
    )


def is_test(name: str) -> bool:
    """Whether the file belongs to the tests (the rules' samples are meant to be wrong)."""
    return name.startswith(("tests/", "bench/")) and not name.startswith(SAMPLES)


def is_pure(name: str) -> bool:
    """Whether the file is one of the pure roots, or imported by one."""
    return name in _closure()


def python_files(where: Sequence[Path] = ()) -> list[Path]:
    """Every file below `where` (by default the product, the tests and the benchmarks), once."""
    places = where or [ROOT / f for f in (*FOLDERS, "tests", "bench")]
    found = {p for place in places for p in (place.rglob("*.py") if place.is_dir() else [place])}
    if not where:
        found |= set((ROOT / PACKAGE).glob("*.py"))
    samples = ROOT / SAMPLES
    named = {p.resolve() for p in where}
    return sorted(
        p
        for p in {path.resolve() for path in found}
        if p in named or not (p.is_relative_to(samples) or "__pycache__" in p.parts)
    )


@cache
def _closure() -> frozenset[str]:
    seen: set[str] = set()
    waiting = [ROOT / name for name in PURE_ROOTS]
    while waiting:
        path = waiting.pop()
        name = relative(path)
        if name in seen or name in NOT_FOLLOWED:
            continue
        seen.add(name)
        for module in _imports(ast.parse(path.read_bytes(), name)):
            target = _file_of(module)
            if target is not None:
                waiting.append(target)
    return frozenset(seen)


def _imports(tree: ast.Module) -> list[str]:
    skipped = {
        id(n)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for n in ast.walk(node)
    }
    found: list[str] = []
    for node in ast.walk(tree):
        if id(node) not in skipped and isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif id(node) not in skipped and isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
    return [name for name in found if name.startswith("brummer_rx.")]


def _file_of(module: str) -> Path | None:
    parts = module.split(".")[1:]
    for base in (ROOT, ROOT / PACKAGE):
        path = base.joinpath(*parts).with_suffix(".py")
        if path.is_file():
            return path
    return None
