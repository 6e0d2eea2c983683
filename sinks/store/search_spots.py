"""From places in bytes to lines: which lines of a frame have a needle.

Pure; nothing is done per line while hits are rare.
"""

from __future__ import annotations

from itertools import accumulate

from brummer_rx.pipeline.fastbytes import TOOLS
from brummer_rx.sinks.store.search_plan import Needle

__all__ = ["SOMEWHERE", "Spots", "merge", "spots_of", "texts_of"]

_NEWLINE = b"\n"
_FEW = 16
"""So many hits of a frame are looked for one by one, more while they are on average `_APART` bytes apart."""
_APART = 512
_FEW_UNCASED = 6
"""Ignoring case each search costs more: with more hits the rest of the frame is made lower case."""
_DENSE = 2
"""With a hit in more than one of so many lines every line is looked at, else the pieces between hits."""
SOMEWHERE = -1
"""Position of a line that was found without one."""

_find, _count, _find_uncased, _lower = TOOLS.find, TOOLS.count, TOOLS.find_uncased, TOOLS.lower

Spots = dict[int, int]
"""Line number within a frame -> position of a byte of that line in the data, or `SOMEWHERE`; ascending."""


def spots_of(
    data: bytes | memoryview, needle: Needle, start: int, end: int, hit: int, *, limit: int | None = None
) -> Spots:
    """The lines of [start, end) with the needle, given its first place; each line ends in a newline.

    The needle holds no newline. With `limit` the answer may stop at the first line beyond so many, and every
    line has a position.
    """
    find = _find_uncased if needle.uncased else _find
    what, length = needle.data, len(needle.data)
    line = _count(data, _NEWLINE, start, hit)
    spots = {line: hit}
    while _goes_on(needle, len(spots), hit - start, limit):
        after = _find(data, _NEWLINE, hit + length, end) + 1
        if not after or (hit := find(data, what, after, end)) < 0:
            return spots
        line += 1 + _count(data, _NEWLINE, after, hit)
        spots[line] = hit
    after = _find(data, _NEWLINE, hit + length, end) + 1
    if not after or (limit is not None and len(spots) > limit):
        return spots
    if needle.uncased:
        lower = _lower(data[after:end])
        if (hit := _find(lower, what, 0, None)) >= 0:
            left = None if limit is None else limit - len(spots)
            rest = spots_of(lower, Needle(what, False, False), 0, len(lower), hit, limit=left)
            spots |= {line + 1 + n: at if at == SOMEWHERE else after + at for n, at in rest.items()}
    elif len(spots) * _DENSE > line:
        texts = enumerate(bytes(data[after:end]).split(_NEWLINE), line + 1)
        spots.update(dict.fromkeys([number for number, text in texts if what in text], SOMEWHERE))
    else:
        spots |= _between(bytes(data[after:end]), what, line + 1, after)
    return spots


def _goes_on(needle: Needle, hits: int, size: int, limit: int | None) -> bool:
    """Whether to look for the next hit alone: `hits` were found in `size` bytes."""
    if limit is not None and hits > limit:
        return False
    if needle.uncased:
        return hits < _FEW_UNCASED
    return limit is not None or hits < _FEW or size > hits * _APART


def _between(rest: bytes, what: bytes, line: int, at: int) -> Spots:
    """The same for many hits: `rest` begins with line number `line` at position `at`."""
    parts = rest.split(what)[:-1]
    numbers = accumulate([part.count(_NEWLINE) for part in parts])
    ends = accumulate([len(part) + len(what) for part in parts])
    spots: Spots = {}
    for number, end in zip(numbers, ends, strict=True):
        spots.setdefault(line + number, at + end - len(what))
    return spots


def merge(into: dict[int, Spots], number: int, spots: Spots) -> None:
    """Add spots of frame `number` to those that are known."""
    known = into.get(number)
    into[number] = dict(sorted((known | spots).items())) if known else spots


def texts_of(plain: bytes) -> list[str]:
    """The texts of lines that have no escape sequences (any more)."""
    texts = plain.decode("utf-8", "replace").split("\n")
    return [text.rstrip("\r") for text in texts] if b"\r" in plain else texts
