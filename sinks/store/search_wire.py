"""What the viewer's process and the search helper say to each other: one JSON object a line. Pure.

Lines of an answer are short, so that the reader has something complete whenever it is woken.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from brummer_rx.pipeline.event import Level
from brummer_rx.pipeline.reader import LineFilter, SearchProgress, SearchQuery

__all__ = [
    "combine",
    "decode_part",
    "decode_request",
    "encode_cancel",
    "encode_parts",
    "encode_request",
]

_SEQS_A_PART = 400
"""About 4 KiB."""
_MAX_ERROR = 500
"""Characters."""


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
    """The token and the query; None to cancel. Raises `ValueError`, `KeyError` or `TypeError` otherwise."""
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
    """A part as short lines, in the order of the scan; only the last one is `done`."""
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
    """The same answer in fewer parts: neighbours of one token that do not overlap become one."""
    found: list[SearchProgress] = []
    for part in parts:
        last = found[-1] if found else None
        seqs = None
        if last is not None and last.token == part.token and not last.done:
            seqs = _joined(last.seqs, part.seqs)
        if seqs is None:
            found.append(part)
        else:
            found[-1] = SearchProgress(part.token, seqs, part.total, part.done, part.error)
    return found


def _joined(known: tuple[int, ...], new: tuple[int, ...]) -> tuple[int, ...] | None:
    """Both, ascending; None when they overlap."""
    if not known or not new or known[-1] < new[0]:
        return known + new
    return new + known if new[-1] < known[0] else None


def _line(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"
