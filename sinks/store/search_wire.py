"""What the viewer's process and the search helper say to each other: one JSON object a line. Pure.

A part of an answer fits into `PART_SIZE` bytes, which a pipe takes whole or not at all, so that a helper that is
interrupted never leaves half a line, and the reader has something complete whenever it is woken.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from brummer_rx.pipeline.event import Level
from brummer_rx.pipeline.reader import LineFilter, SearchProgress, SearchQuery

__all__ = [
    "PART_SIZE",
    "combine",
    "decode_part",
    "decode_request",
    "encode_cancel",
    "encode_parts",
    "encode_request",
]

PART_SIZE = 4096
"""Bytes of a line of an answer at most: POSIX's smallest PIPE_BUF is 512, but Linux and macOS write 4096 or more whole."""
_SEQS_A_PART = 200
"""Numbers of up to 19 digits with their commas, beside 96 bytes for the rest."""
_MAX_ERROR = 500
"""Characters; escaped they may take six bytes each."""


def encode_request(token: int, query: SearchQuery) -> bytes:
    """A query as a line."""
    sources = query.where.sources
    return _line(
        {
            "token": token,
            "pattern": query.pattern,
            "regex": query.regex,
            "ignore_case": query.ignore_case,
            "sources": None if sources is None else sorted(sources),
            "min_level": int(query.where.min_level),
            "start": query.start,
            "stop": query.stop,
            "max_hits": query.max_hits,
            "newest_first": query.newest_first,
            "stop_after": query.stop_after,
        }
    )


def encode_cancel(token: int) -> bytes:
    """Forget the search of that token; answered by a part that is done."""
    return _line({"token": token})


def decode_request(line: bytes) -> tuple[int, SearchQuery | None]:
    """The token and the query; None to cancel. Raises `ValueError`, `KeyError` or `TypeError` on what is neither."""
    said = json.loads(line)
    if "pattern" not in said:
        return int(said["token"]), None
    names = said["sources"]
    where = LineFilter(None if names is None else frozenset(names), Level(said["min_level"]))
    return int(said["token"]), SearchQuery(
        said["pattern"],
        said["regex"],
        said["ignore_case"],
        where,
        said["start"],
        said["stop"],
        said["max_hits"],
        said["newest_first"],
        said["stop_after"],
    )


def encode_parts(part: SearchProgress, *, newest_first: bool) -> Iterator[bytes]:
    """A part as lines of at most `PART_SIZE`, in the order of the scan; only the last one is `done`."""
    seqs = part.seqs
    starts: Iterable[int] = range(0, max(1, len(seqs)), _SEQS_A_PART)
    pieces = [seqs[at : at + _SEQS_A_PART] for at in starts]
    if newest_first:
        pieces.reverse()
    for n, piece in enumerate(pieces, 1):
        last = n == len(pieces)
        yield _line(
            {
                "token": part.token,
                "seqs": piece,
                "total": part.total,
                "done": part.done and last,
                "error": part.error[:_MAX_ERROR] if last else "",
            }
        )


def decode_part(line: bytes) -> SearchProgress:
    """A part of an answer. Raises `ValueError`, `KeyError` or `TypeError` when it is none."""
    said = json.loads(line)
    seqs = tuple(said["seqs"])
    return SearchProgress(
        int(said["token"]), seqs, int(said["total"]), bool(said["done"]), str(said["error"])
    )


def combine(parts: Iterable[SearchProgress]) -> list[SearchProgress]:
    """The same answer in fewer parts: neighbours of one token whose seqs go on in either direction become one."""
    found: list[SearchProgress] = []
    group: list[tuple[int, ...]] = []
    low = high = -1
    for part in parts:
        seqs = part.seqs
        last = found[-1] if found else None
        if last is not None and last.token == part.token and not last.done:
            down = not group or not seqs or seqs[-1] < low
            if down or seqs[0] > high:
                group.insert(0, seqs) if down else group.append(seqs)
                low, high = _bounds(seqs, low, high)
                found[-1] = SearchProgress(part.token, (), part.total, part.done, part.error)
                continue
        if last is not None:
            found[-1] = _filled(last, group)
        found.append(part)
        group = [seqs] if seqs else []
        low, high = (seqs[0], seqs[-1]) if seqs else (-1, -1)
    if found:
        found[-1] = _filled(found[-1], group)
    return found


def _bounds(seqs: tuple[int, ...], low: int, high: int) -> tuple[int, int]:
    if not seqs:
        return low, high
    return (seqs[0] if low < 0 else min(low, seqs[0])), max(high, seqs[-1])


def _filled(part: SearchProgress, group: list[tuple[int, ...]]) -> SearchProgress:
    seqs = tuple(seq for piece in group for seq in piece)
    return SearchProgress(part.token, seqs, part.total, part.done, part.error)


def _line(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"
