"""A seeded defect: what it changes, which tests must notice, which promises it stands for. Values only."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

__all__ = ["Edit", "Mutant", "StaleAnchorError", "is_race", "mutated", "swap"]


class StaleAnchorError(Exception):
    """The text that a mutant wants to replace is not in its file exactly once."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One replacement; `old` stands in the file exactly once."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """A defect that somebody could write."""

    name: str
    what: str
    """What goes wrong, in one line."""
    edits: tuple[Edit, ...]
    killers: tuple[str, ...]
    """Tests that must notice, every one of them; the most telling one first."""
    stands_for: tuple[str, ...]
    """Properties and laws whose teeth it shows."""
    fast: bool = False
    """Part of the subset that runs with every change."""
    hangs: bool = False
    """Its symptom is that a test does not end; only then does the time limit count as noticing."""
    seconds: float = 30.0
    """The time limit of each test (longer where it needs longer on a sound tree)."""


def swap(file: str, old: str, new: str) -> Edit:
    """`Edit` of texts that were written as indented blocks: a leading newline is taken off."""
    return Edit(file, old.removeprefix("\n").rstrip(" "), new.removeprefix("\n").rstrip(" "))


def is_race(killer: str) -> bool:
    """Whether a test explores schedules, and so has to run under frontrun's command line."""
    return killer.startswith("tests/laws/races/")


def mutated(edits: Iterable[Edit], read: Callable[[str], str]) -> Mapping[str, str]:
    """The new text of every file that is touched. `StaleAnchorError` when an anchor does not match once."""
    texts: dict[str, str] = {}
    for edit in edits:
        text = texts[edit.file] if edit.file in texts else _read(read, edit.file)
        found = text.count(edit.old)
        if found != 1:
            raise StaleAnchorError(
                f"{edit.file}: {edit.old.strip().splitlines()[0]!r} is there {found} times"
            )
        texts[edit.file] = text.replace(edit.old, edit.new)
    for file, text in texts.items():
        try:
            ast.parse(text)
        except SyntaxError as error:
            raise StaleAnchorError(f"{file}: what the mutant makes of it is no Python: {error}") from error
    return texts


def _read(read: Callable[[str], str], file: str) -> str:
    try:
        return read(file)
    except OSError as error:
        raise StaleAnchorError(f"{file}: {error.strerror or error}") from error
