"""A private copy of the project in which a mutant may live: the only place where anything is changed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.proof.mutants.mutant import Edit, mutated

__all__ = ["PARTS", "PROJECT", "Tree"]

PROJECT = Path(__file__).resolve().parents[3]
PARTS = (
    "pipeline",
    "operators",
    "sources",
    "sinks",
    "tui",
    "src",
    "tests",
    "docs",
    "examples",
    "bench",
    "pyproject.toml",
)
_WITNESS = Path(__file__).with_name("witness.py")
_FIRST_TIME = 2_000_000_000
"""Modification times of mutated files begin here. Each is used once: an interpreter's cache of a file is
valid for one time and size, and a mutant may be as long as what it replaces."""


class Tree:
    """One copy, used by one trial at a time."""

    def __init__(self, project: Path, folder: Path) -> None:
        self.root = folder / "tree"
        self.ear = folder / "ear"
        self.scratch = folder / "tmp"
        self.root.mkdir(parents=True)
        self.ear.mkdir()
        self.scratch.mkdir()
        self._next_time = _FIRST_TIME
        for part in PARTS:
            _copy(project / part, self.root / part)
        shutil.copy(_WITNESS, self.ear / "mutant_witness.py")

    def read(self, file: str) -> str:
        """A file's text."""
        return (self.root / file).read_text(encoding="utf-8")

    @contextmanager
    def changed(self, edits: Iterable[Edit]) -> Iterator[None]:
        """While inside, the tree is the mutant's. `StaleAnchorError` when an anchor does not match once."""
        texts = mutated(edits, self.read)
        before = {file: (self.read(file), (self.root / file).stat().st_mtime_ns) for file in texts}
        try:
            for file, text in texts.items():
                self._next_time += 1
                self._write(file, text, self._next_time * 10**9)
            yield
        finally:
            for file, (text, time_ns) in before.items():
                self._write(file, text, time_ns)

    def _write(self, file: str, text: str, time_ns: int) -> None:
        path = self.root / file
        path.write_text(text, encoding="utf-8")
        os.utime(path, ns=(time_ns, time_ns))


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        # Links stay links: the five in src/brummer_rx are relative, and so lead into the copy.
        shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    elif source.exists():
        shutil.copy2(source, target)
