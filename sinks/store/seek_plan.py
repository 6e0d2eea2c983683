"""What must stand in a line for a query to match it: literals to search, and a judge for the rest.

A plan never misses a line: it names lines that may match, the judge (`re` on the text of a line) decides.
Where a hit of the literal is a match by itself, the plan says so (`sure`). Pure.

Case is ignored as `re.IGNORECASE` does it: the literal is searched with ASCII folding; the four letters
outside ASCII that also match one (ſ for s, the Kelvin sign for k, ı and İ for i) are searched beside it.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from re import _constants as codes
from re import _parser as parser
from typing import Any

from brummer_rx.pipeline.reader import SearchQuery

__all__ = ["Plan", "make_plan"]

_MOST_NEEDLES = 8
_REPLACEMENT = "\ufffd"
_STRAYS = {
    "s": ("\u017f",),
    "k": ("\u212a",),
    "i": ("\u0130", "\u0131"),
}
"""Letters outside ASCII that match an ASCII letter when case is ignored."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to search: see the fields."""

    needles: tuple[bytes, ...]
    """One of them stands in the text of every line that matches; empty: each line must be judged."""
    fold: bool
    """Whether ASCII letters of the needles count in either case."""
    strays: tuple[bytes, ...]
    """Lines with one of these must be judged too."""
    sure: bool
    """A line (without escapes) that holds a needle matches."""
    judge: Callable[[str], Any]
    """Truthy when the text of a line matches."""
    starts: Callable[[str], Iterable[int]]
    """Where the matches in a text begin, ascending."""


def make_plan(query: SearchQuery) -> Plan:
    """The plan of a query; raises `ValueError` with a readable text for a bad pattern."""
    pattern = query.pattern if query.regex else re.escape(query.pattern)
    try:
        with warnings.catch_warnings():  # a warning about the user's pattern must not reach the screen
            warnings.simplefilter("ignore")
            compiled = re.compile(pattern, re.IGNORECASE if query.ignore_case else 0)
            tree = parser.parse(pattern, compiled.flags)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"bad pattern: {str(error) or type(error).__name__}") from error
    fold = bool(compiled.flags & re.IGNORECASE)
    words = _best(tree, fold) or ()
    needles = tuple(dict.fromkeys(word.encode() for word in words))
    letters = {letter for word in words for letter in word.lower()} if fold else set()
    strays = tuple(stray.encode() for letter, more in _STRAYS.items() if letter in letters for stray in more)
    whole = needles == (query.pattern.encode(errors="replace"),)
    sure = whole and not query.regex and "\r" not in query.pattern and "\n" not in query.pattern
    if query.regex or query.ignore_case:
        return Plan(needles, fold, strays, sure, compiled.search, _starts_of(compiled))
    text = query.pattern
    return Plan(needles, False, (), sure, lambda line: text in line, lambda line: _places(text, line))


def _starts_of(compiled: re.Pattern[str]) -> Callable[[str], Iterable[int]]:
    return lambda text: (found.start() for found in compiled.finditer(text))


def _places(word: str, text: str) -> Iterable[int]:
    at = text.find(word)
    while at >= 0:
        yield at
        at = text.find(word, at + 1)


# --- literals that a pattern cannot do without ----------------------------------------------------


def _best(items: Any, fold: bool) -> tuple[str, ...] | None:
    """The most selective set of words of which one must stand in every match; None when there is none."""
    found: list[tuple[str, ...]] = []
    run = ""
    for code, value in items:
        if code is codes.LITERAL and _searchable(value, fold):
            run += chr(value)
            continue
        if code is codes.AT:  # a place, not a character: what stands around it is still together
            continue
        found.append((run,))
        run = ""
        inner = _inside(code, value, fold)
        if inner:
            found.append(inner)
    found.append((run,))
    found = [words for words in found if all(words)]
    return max(found, key=_worth, default=None)


def _worth(words: tuple[str, ...]) -> tuple[int, int]:
    return min(len(word.encode()) for word in words), -len(words)


def _inside(code: Any, value: Any, fold: bool) -> tuple[str, ...] | None:
    """What a group, a repetition or a choice cannot do without."""
    if code is codes.SUBPATTERN:
        _, added, removed, body = value
        return None if (added | removed) & re.IGNORECASE else _best(body, fold)
    if code is codes.ATOMIC_GROUP:
        return _best(value, fold)
    if code in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
        least, _, body = value
        return _best(body, fold) if least else None
    if code is codes.BRANCH:
        words: list[str] = []
        for branch in value[1]:
            best = _best(branch, fold)
            if best is None:
                return None
            words += best
        return tuple(words) if len(words) <= _MOST_NEEDLES else None
    return None


def _searchable(code: int, fold: bool) -> bool:
    """Whether a character stands in the bytes as it stands in the pattern."""
    if fold:
        return code < 0x80
    return chr(code) != _REPLACEMENT and not 0xD800 <= code <= 0xDFFF
