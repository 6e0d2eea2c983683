"""Long lines that are stored in pieces: which seqs belong together, and where their joined text matches.

A piece is the last line of a run with `more`; it goes on in the next line of its source and stream, often in
a later frame with others' lines in between. Only run tables are read, and only from the first piece on. Pure
over a snapshot.
"""

from __future__ import annotations

import codecs
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from brummer_rx.pipeline.reader import Line
from brummer_rx.pipeline.text import strip_escapes, text_of
from brummer_rx.sinks.store.snapshot import StoreSnapshot

__all__ = ["Chain", "chains", "hits_in"]

_WINDOW = 16
"""So many pieces are joined at once (16 MiB); beyond, a match longer than a piece may be missed."""


@dataclass(slots=True)
class Chain:
    """The pieces of one line, ascending; a chain whose end is not stored yet has what is there."""

    seqs: list[int]


def chains(snapshot: StoreSnapshot) -> list[Chain]:
    """All lines of a snapshot that are stored in more than one piece."""
    done: list[Chain] = []
    open_: dict[tuple[int, int], Chain] = {}
    for view in snapshot.segments:
        for frame in range(len(view.frames)):
            row = view.frames[frame]
            if not open_ and not row.has_pieces:
                continue
            seq = row.first_seq
            for run in view.runs(frame):
                _step(open_, done, (run.source, int(run.stream)), seq, seq + run.lines - 1, run.more)
                seq += run.lines
    return [*done, *(chain for chain in open_.values() if len(chain.seqs) > 1)]


def _step(
    open_: dict[tuple[int, int], Chain],
    done: list[Chain],
    key: tuple[int, int],
    first: int,
    last: int,
    more: bool,
) -> None:
    """One run: its first line ends the chain that waits, or goes on with it; its last one may begin one."""
    chain = open_.get(key)
    if chain is not None:
        chain.seqs.append(first)
        if more and first == last:
            return
        done.append(open_.pop(key))
    if more:
        open_[key] = Chain([last])


def hits_in(
    chain: Chain,
    snapshot: StoreSnapshot,
    starts: Callable[[str], Iterable[int]],
    cancelled: Callable[[], bool],
) -> Iterator[int]:
    """The pieces in which a match of the joined text begins (a cut character belongs to the later)."""
    for first in range(0, len(chain.seqs), _WINDOW - 1):
        window = chain.seqs[first : first + _WINDOW]
        if cancelled() or (first and len(window) == 1):
            return
        lines = snapshot.read(window)
        ends = first + _WINDOW >= len(chain.seqs)
        owners = lines if ends else lines[:-1]  # what begins in the last piece is found in the next window
        counted = {line.seq for line in owners}
        yield from (seq for seq in _hits(lines, starts) if seq in counted)
        if ends:
            return


def _hits(lines: list[Line], starts: Callable[[str], Iterable[int]]) -> list[int]:
    if not lines:
        return []
    places = list(starts(text_of(b"".join(line.raw for line in lines))))
    borders = list(_borders([line.raw for line in lines])) if places else []
    return sorted({lines[bisect_right(borders, at) - 1].seq for at in places})


def _borders(pieces: list[bytes]) -> Iterator[int]:
    """Where in the joined text each piece begins."""
    raw = b""
    for piece in pieces:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        yield len(decoder.decode(strip_escapes(raw)))
        raw += piece
