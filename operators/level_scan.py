"""The levels of a whole chunk of lines at once; the answer is `level_of` of each line, many times faster.

No line is looked at that holds none of the `NEEDLES`: the rules cannot give it a level other than INFO. They
are searched over the whole chunk, and only lines with a hit are judged, those that begin with a plain level
word by that word alone. Pure; safe on any thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

from brummer_rx.operators.level_rules import level_code
from brummer_rx.operators.level_words import BRACKETED, LEADS, LINE_STARTS, NEEDLES
from brummer_rx.pipeline.event import Level
from brummer_rx.pipeline.fastbytes import TOOLS, ByteTools
from brummer_rx.pipeline.text import strip_escapes

__all__ = ["classify"]

Find = Callable[[bytes, bytes, int, int | None], int]

_INFO = int(Level.INFO)
_NEWLINE = 10
_ENDS = frozenset(b" \t\r\n\v\f:[]\"',;})|")


def classify(data: bytes, lines: int, tools: ByteTools = TOOLS) -> bytes:
    """One `Level` for each of the `lines` lines of `data` (each ends in a newline; the last may lack it)."""
    data = strip_escapes(data)
    levels = bytearray(_infos(lines))
    if data and lines:
        _judge(data, levels, _hits(data, tools), tools)
    return bytes(levels)


@cache
def _infos(lines: int) -> bytes:
    return bytes([_INFO]) * lines


def _hits(data: bytes, tools: ByteTools) -> list[int]:
    """Places to look at, ascending; the first line is always one (the needles of line starts miss it)."""
    find = tools.find
    hits = [0]
    add = hits.append
    for needle in NEEDLES:
        at = find(data, needle, 0, None)
        while at >= 0:
            add(at)
            at = find(data, needle, at + 3, None)
    hits += _errors(data, find)
    for needle in _more_needles(data):
        hits += _places(data, needle, find)
    if b'"' in data:
        hits += _numbers(data, find)
    hits.sort()
    return hits


def _more_needles(data: bytes) -> Iterator[bytes]:
    yield from LINE_STARTS
    for key, needles in BRACKETED.items():
        if key in data:
            yield from needles


def _places(data: bytes, needle: bytes, find: Find) -> Iterator[int]:
    """Where a needle stands; for one of line starts, the place behind its newline."""
    shift = 1 if needle.startswith(b"\n") else 0
    at = find(data, needle, 0, None)
    while at >= 0:
        yield at + shift
        at = find(data, needle, at + 2, None)


def _errors(data: bytes, find: Find) -> Iterator[int]:
    """Where `error` or `Error` ends in a way that may be a mark; `errors`, `error=`, `error.tsx` do not."""
    size = len(data)
    at = find(data, b"rror", 0, None)
    while at >= 0:
        after = at + 4
        if after >= size or data[after] in _ENDS:
            yield at
        at = find(data, b"rror", after, None)


def _numbers(data: bytes, find: Find) -> Iterator[int]:
    """Where a level is given as a number other than pino's 30; words are found as words."""
    at = find(data, b'evel":', 0, None)
    while at >= 0:
        value = data[at + 6 : at + 10].lstrip()[:2]
        if value[:1].isdigit() and value != b"30":
            yield at
        at = find(data, b'evel":', at + 6, None)


def _judge(data: bytes, levels: bytearray, hits: list[int], tools: ByteTools) -> None:
    find, rfind, count = tools.find, tools.rfind, tools.count
    lead_of = LEADS.get
    row = start = 0
    end = -1  # nothing before it is looked at again
    for hit in hits:
        if hit < end:
            continue
        begin = hit if data[hit - 1] == _NEWLINE else rfind(data, b"\n", start, hit) + 1 or start
        row += count(data, b"\n", start, begin)
        start = begin
        code = lead_of(data[begin : begin + 6])
        if code is None:
            code = lead_of(data[begin : begin + 5])
        if code is None:
            end = find(data, b"\n", hit, None)
            if end < 0:
                end = len(data)
            code = level_code(data[begin:end])
        else:
            end = begin + 6  # a later hit in this line leads to the same answer
        if code != _INFO:
            levels[row] = code
