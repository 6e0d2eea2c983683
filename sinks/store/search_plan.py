"""How a query is answered: which bytes to look for, and what to ask of a line that has them. Pure.

The truth is Python's `re` on the text of a line (`pipeline/text.py`); the needles only spare it most lines.
google-re2 is not used: its classes, `$` and case folding differ from `re`, so it would find other lines.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from brummer_rx.pipeline.reader import SearchQuery
from brummer_rx.pipeline.text import ESC
from brummer_rx.sinks.store.search_literal import case_variants, required

__all__ = ["Needle", "Plan", "Step", "plan_for"]

_STEM = 4
"""Bytes of a needle's beginning that are looked for before longer ones."""


@dataclass(frozen=True, slots=True)
class Needle:
    """Bytes to look for in the lines as they were written."""

    data: bytes
    """Lower case when `uncased`."""
    uncased: bool
    """ASCII letters match in either case."""
    exact: bool
    """A line that has it is a hit; else the pattern is asked."""


class Step(NamedTuple):
    """A look into a frame with escape sequences, made lower case where the plan is `uncased`."""

    data: bytes
    of_lines: bool
    """True: lines that have it are to be asked. False: where it is missing the later steps are in vain."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A query, prepared."""

    search: Callable[..., re.Match[str] | None]
    """`re.Pattern.search`: the truth about a text."""
    needles: tuple[Needle, ...] | None
    """A line without any is no hit (for lines with escape sequences see `torn`). None: ask every line."""
    folds: tuple[bytes, ...] = ()
    """Non-ASCII characters that `re` takes for letters of the needles: lines with one are asked too."""
    torn: tuple[tuple[Step, ...], ...] = ()
    """For each needle: how to find lines that have it, perhaps torn apart by escape sequences."""
    uncased: bool = False
    """Whether the needles are."""
    impossible: bool = False
    """No line can be a hit."""

    @property
    def exact(self) -> bool:
        """Whether a needle settles it, and nothing else has to be looked for."""
        return not self.folds and all(needle.exact for needle in self.needles or ())


def plan_for(query: SearchQuery) -> Plan:
    """The plan of a query. Raises `ValueError` with a text for the user when the pattern is none."""
    pattern = query.pattern if query.regex else re.escape(query.pattern)
    flags = re.IGNORECASE if query.ignore_case else 0
    try:
        with warnings.catch_warnings():  # about the user's pattern; there is nobody to read it
            warnings.simplefilter("ignore")
            search = re.compile(pattern, flags).search
            found = required(pattern, flags)
    except (re.error, OverflowError, RecursionError, MemoryError, ValueError) as error:
        raise ValueError(f"bad pattern: {str(error) or type(error).__name__}") from error
    if found.clause is None:
        return Plan(search, None)
    uncased = found.clause.uncased
    needles = [needle for needle in found.clause.needles if b"\n" not in needle and ESC not in needle]
    if not needles:
        return Plan(search, (), impossible=True)  # no text has either
    # A CR may be there and yet not be part of the text (at the end of a line).
    exact = found.whole and b"\r" not in needles[0]
    folds = tuple(
        {
            variant.encode(): None
            for needle in needles
            for char in needle.decode()
            if uncased and char.isascii()
            for variant in case_variants(char)
            if not variant.isascii()
        }
    )
    return Plan(
        search,
        tuple(Needle(needle, uncased, exact) for needle in needles),
        folds,
        tuple(tuple(_torn(needle)) for needle in needles),
        uncased,
    )


def _torn(needle: bytes) -> Iterator[Step]:
    """A torn needle has one of its beginnings right before an escape sequence; long beginnings are rare."""
    for end in range(1, len(needle)):
        if end == _STEM:
            yield Step(needle[:end], of_lines=False)
        yield Step(needle[:end] + ESC, of_lines=True)
    yield Step(needle, of_lines=True)
