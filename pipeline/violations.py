"""What the run-time guards found: counted, kept, said once a place; and whether they are on at all.

Off unless `BRUMMER_GUARDS=1` stands in the environment when this module is imported, or `guards.switch` says
so later. On, a violation is counted and logged (once a place); with `PROOF_GUARDS=FILE` in the environment,
too, as in the test suite, it is appended to FILE and raised where it happened.

No locks here: the guards are called under locks, and may not add any. Dictionaries and deques take one step.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from brummer_rx.pipeline.errors import ThreadError

__all__ = [
    "Mode",
    "Violation",
    "counts",
    "expected",
    "mode",
    "note",
    "place",
    "reports",
    "set_mode",
    "take_violations",
    "violated",
]

MOST = 1000
"""Violations and reports that are kept; all of them are counted."""
_FILE = "PROOF_GUARDS"
_ON = frozenset({"1", "true", "yes", "on"})
_HERE = frozenset({"violations.py", "lockgraph.py", "guards.py", "loopwatch.py"})


class Mode(Enum):
    """What the guards do."""

    OFF = "off"
    COUNT = "count"
    """Count and log."""
    RAISE = "raise"
    """That, and raise."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule of the thread table that was broken once."""

    kind: str
    """The error's name."""
    text: str
    place: str
    """`file:line function` of the product code that did it."""
    thread: str


def _first_mode() -> Mode:
    if os.environ.get("BRUMMER_GUARDS", "").strip().lower() not in _ON:
        return Mode.OFF
    return Mode.RAISE if os.environ.get(_FILE) else Mode.COUNT


class _Books:
    """All of it, for every thread."""

    def __init__(self) -> None:
        self.mode = _first_mode()
        self.kept: deque[Violation] = deque(maxlen=MOST)
        self.reports: deque[str] = deque(maxlen=MOST)
        self.counts: dict[tuple[str, str], int] = {}


_books = _Books()


def mode() -> Mode:
    """What they do now."""
    return _books.mode


def set_mode(new: Mode) -> None:
    """For `guards.switch`."""
    _books.mode = new


def violated(error: ThreadError, *, raises: bool = True) -> None:
    """Somebody broke a rule: count it, say it the first time, and raise it where that is asked for."""
    where = place()
    kind = type(error).__name__
    found = Violation(kind, str(error), where, threading.current_thread().name)
    seen = _books.counts.get((kind, where), 0)
    _books.counts[kind, where] = seen + 1
    _books.kept.append(found)
    if not seen:
        from loguru import logger  # verbs that start at once import this module

        logger.error("guard: {}: {} at {} on {}", kind, found.text, where, found.thread)
        _write(found)
    if raises and _books.mode is Mode.RAISE:
        raise error


def note(text: str) -> None:
    """Something worth a look that breaks no rule (a stall, a busy loop): kept and logged."""
    from loguru import logger

    _books.reports.append(text)
    logger.error("{}", text)


def counts() -> dict[tuple[str, str], int]:
    """How often, by kind and place."""
    return dict(_books.counts)


def reports() -> tuple[str, ...]:
    """What `note` was told."""
    return tuple(_books.reports)


def take_violations() -> tuple[Violation, ...]:
    """Those since the last call."""
    taken = []
    while _books.kept:
        taken.append(_books.kept.popleft())
    return tuple(taken)


class expected:
    """For tests that plant violations: inside they are collected here instead, and not written to the file.

    `found` is filled when the block ends.
    """

    def __init__(self) -> None:
        self.found: list[Violation] = []

    def __enter__(self) -> list[Violation]:
        self._outer, _books.kept = _books.kept, deque(maxlen=MOST)
        self._counts, _books.counts = _books.counts, {}
        self._file = os.environ.pop(_FILE, None)
        return self.found

    def __exit__(self, *_: object) -> None:
        self.found += _books.kept
        _books.kept, _books.counts = self._outer, self._counts
        if self._file is not None:
            os.environ[_FILE] = self._file


def place() -> str:
    """`file:line function` of the nearest caller outside of the guards."""
    frame = sys._getframe(1)
    while frame.f_back is not None and Path(frame.f_code.co_filename).name in _HERE:
        frame = frame.f_back
    code = frame.f_code
    return f"{'/'.join(Path(code.co_filename).parts[-2:])}:{frame.f_lineno} {code.co_qualname}"


def _write(found: Violation) -> None:
    path = os.environ.get(_FILE)
    if not path:
        return
    line = f"{found.kind}: {found.text} at {found.place} on {found.thread}\n"
    try:
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        note(f"guard: {path} cannot be written: {error}")
        return
    try:
        os.write(fd, line.encode("utf-8", "replace"))
    finally:
        os.close(fd)
