"""What every match of a pattern must contain, read from the pattern itself; pure.

A scan looks for these bytes at memory speed and asks the pattern only about lines that have them. Whatever is
not understood here is left out: fewer or shorter needles are slower, never wrong.
"""

from __future__ import annotations

import re
import re._constants as sre  # type: ignore[import-not-found]
import re._parser as sre_parser  # type: ignore[import-not-found]
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import product
from typing import Any, NamedTuple

__all__ = ["Clause", "Required", "case_variants", "required"]

_MAX_ALTERNATIVES = 8
_MAX_VARIANTS = 16
_UNKNOWN = "\ufffd"
"""Invalid bytes read as this, so its own bytes need not be there."""


class Clause(NamedTuple):
    """One of `needles` occurs in the text of every match."""

    needles: tuple[bytes, ...]
    """Lower case where `uncased`."""
    uncased: bool
    """ASCII letters count in either case, all other bytes as they are."""

    @property
    def worth(self) -> int:
        """Bytes of the shortest needle."""
        return min(map(len, self.needles))


class Required(NamedTuple):
    """What is known about a pattern."""

    clause: Clause | None
    """None: a match may look like anything."""
    whole: bool
    """The pattern is nothing but the clause's only needle."""


class _Run(NamedTuple):
    """Characters that stand side by side in every match."""

    text: str
    uncased: bool


def required(pattern: str, flags: int = 0) -> Required:
    """The best clause of a pattern (a Python `re` for str). Raises what `re.compile` raises."""
    tree = sre_parser.parse(pattern, flags)
    uncased = bool(tree.state.flags & re.IGNORECASE)
    items = list(tree)
    clauses = list(_clauses(items, uncased))
    best = max(clauses, key=lambda clause: clause.worth, default=None)
    literal = "".join(chr(value) for op, value in items if op is sre.LITERAL)
    whole = (
        best is not None
        and len(literal) == len(items)
        and len(best.needles) == 1
        and best.needles[0].decode() == (_ascii_lower(literal) if best.uncased else literal)
    )
    return Required(best, whole)


def _clauses(items: Iterable[tuple[Any, Any]], uncased: bool) -> Iterator[Clause]:
    for found in _parts(items, uncased):
        if isinstance(found, Clause):
            yield found
        elif found.text:
            yield from _needles(found)


def _parts(items: Iterable[tuple[Any, Any]], uncased: bool) -> Iterator[_Run | Clause]:
    """The runs of a sequence, and the clauses of its alternations."""
    text = ""
    for item in _inlined(items, uncased):
        if isinstance(item, str):
            text += item
            continue
        yield _Run(text, uncased)
        text = ""
        if item is not None:
            yield from item
    yield _Run(text, uncased)


def _inlined(
    items: Iterable[tuple[Any, Any]], uncased: bool
) -> Iterator[str | Iterator[_Run | Clause] | None]:
    """Characters in a row; None or what else must occur where the row is interrupted."""
    for op, value in items:
        if op is sre.LITERAL:
            yield chr(value)
        elif op is sre.SUBPATTERN:
            _, added, removed, inner = value
            if (added | removed) & re.IGNORECASE:
                yield _parts(inner, bool(added & re.IGNORECASE))
            else:
                yield from _inlined(inner, uncased)
        elif op is sre.ATOMIC_GROUP:
            yield from _inlined(value, uncased)
        elif op in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            yield _parts(value[2], uncased) if value[0] >= 1 else None
        elif op is sre.BRANCH:
            yield _alternatives(value[1], uncased)
        elif op not in (sre.AT, sre.ASSERT, sre.ASSERT_NOT):  # these take no room in the text
            yield None


def _alternatives(branches: Sequence[Any], uncased: bool) -> Iterator[Clause]:
    """The clause that joins the best clauses of all alternatives, if each has one of the same kind."""
    if len(branches) > _MAX_ALTERNATIVES:
        return
    needles: list[bytes] = []
    kinds: set[bool] = set()
    for branch in branches:
        best = max(_clauses(branch, uncased), key=lambda clause: clause.worth, default=None)
        if best is None:
            return
        needles += best.needles
        kinds.add(best.uncased)
    if len(kinds) == 1 and len(needles) <= _MAX_VARIANTS:
        yield Clause(tuple(dict.fromkeys(needles)), kinds.pop())


def _needles(run: _Run) -> Iterator[Clause]:
    """The clauses of a run, cut where the bytes are not certain."""
    if not run.uncased:
        for piece in _split(run.text, _is_uncertain):
            yield Clause((piece.encode(),), False)
        return
    pieces = _split(run.text, lambda char: _is_uncertain(char) or _folds_beyond_ascii(char))
    for piece in pieces:
        yield Clause((_ascii_lower(piece).encode(),), True)
    if all(len(piece) < 2 for piece in pieces):
        yield from _variants(run.text)


def _split(text: str, breaks: Any) -> list[str]:
    pieces = [""]
    for char in text:
        if breaks(char):
            pieces.append("")
        else:
            pieces[-1] += char
    return [piece for piece in pieces if piece]


def _is_uncertain(char: str) -> bool:
    """Whether its presence in the text says nothing about the bytes (or it is never in a text)."""
    return char == _UNKNOWN or "\ud800" <= char <= "\udfff"


def _folds_beyond_ascii(char: str) -> bool:
    """Whether, ignoring case, a non-ASCII character takes part (I, K and S are dealt with elsewhere)."""
    return not char.isascii() and len(case_variants(char)) > 1


def _variants(text: str) -> Iterator[Clause]:
    """All spellings of up to three characters from the first one on that has a case."""
    for part in _split(text, _is_uncertain):
        for length in (3, 2, 1):
            spellings = list(product(*(case_variants(char) for char in part[:length])))
            if len(spellings) <= _MAX_VARIANTS:
                yield Clause(tuple("".join(spelling).encode() for spelling in spellings), False)
                break


def _ascii_lower(text: str) -> str:
    return text.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")


@lru_cache(maxsize=1)
def _by_lower() -> dict[str, tuple[str, ...]]:
    """Characters by their lower-case form, where there are several; made when the first one is asked for."""
    found: dict[str, list[str]] = {}
    for code in range(0x1F000):
        char = chr(code)
        low = _lower(char)
        if low != char:
            found.setdefault(low, [low]).append(char)
    return {low: tuple(chars) for low, chars in found.items()}


def _lower(char: str) -> str:
    """As `re` does it: to one character."""
    return "i" if char == "\u0130" else char.lower()


def case_variants(char: str) -> tuple[str, ...]:
    """All characters that `re.IGNORECASE` takes for this one, itself included."""
    low = _lower(char)
    lows = (low, *(chr(code) for code in _extra_cases().get(ord(low), ())))
    return tuple(dict.fromkeys(other for one in lows for other in _by_lower().get(one, (one,))))


@lru_cache(maxsize=1)
def _extra_cases() -> dict[int, tuple[int, ...]]:
    """Lower-case characters that `re` holds for equal to others."""
    import re._casefix as casefix  # type: ignore[import-not-found]

    return dict(casefix._EXTRA_CASES)
