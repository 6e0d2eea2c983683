"""Long and unfinished lines, stored in pieces: which pieces belong together, and which of them are hits.

The pattern is asked of the joined text; a piece is a hit when a match begins in it. What a window or a gap
cuts off does not belong to the line; of a very long line parts of `JOIN_BYTES` are joined.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from brummer_rx.pipeline.event import Gap
from brummer_rx.pipeline.text import ESC, strip_escapes
from brummer_rx.sinks.store.block import source_name
from brummer_rx.sinks.store.format import RUN_SIZE, FrameFlag, Run, decode_runs
from brummer_rx.sinks.store.index import FrameRow
from brummer_rx.sinks.store.keymask import Rule, mask
from brummer_rx.sinks.store.search_plan import Plan
from brummer_rx.sinks.store.segment import SegmentView
from brummer_rx.sinks.store.snapshot import StoreSnapshot

__all__ = ["JOIN_BYTES", "Chains", "piece_hits"]

JOIN_BYTES = 32 * 1024**2
"""Bytes of a line that are looked at as one text; a longer one is cut there, for the memory's sake."""


class _Piece(NamedTuple):
    seq: int
    view: SegmentView
    frame: int


class Chains:
    """The lines in pieces of one window of a snapshot; answers are worked out when asked for, once each."""

    def __init__(
        self, snapshot: StoreSnapshot, plan: Plan, rule: Rule, start: int, stop: int, beat: Callable[[], bool]
    ) -> None:
        self._plan = plan
        self._rule = rule
        self._beat = beat
        self._chains = _Finder(snapshot, rule, start, stop).chains()
        of = sorted((piece.seq, n) for n, chain in enumerate(self._chains) for piece in chain)
        self.seqs = [seq for seq, _ in of]
        """Seqs of all pieces, ascending."""
        self._chain_of = [n for _, n in of]
        self._hits: dict[int, list[int]] = {}

    def hits(self, start: int, stop: int) -> list[int]:
        """Hits among the pieces of [start, stop), ascending."""
        low, high = bisect_left(self.seqs, start), bisect_left(self.seqs, stop)
        found = []
        for n in dict.fromkeys(self._chain_of[low:high]):
            if n not in self._hits:
                self._beat()
                self._hits[n] = list(self._in_chain(self._chains[n]))
            found += [seq for seq in self._hits[n] if start <= seq < stop]
        return sorted(found)

    def _in_chain(self, chain: list[_Piece]) -> Iterator[int]:
        for group in _readable(chain):
            for at in piece_hits([raw for _, raw in group], self._plan):
                piece = group[at][0]
                if self._rule.everything or self._passes(piece):
                    yield piece.seq

    def _passes(self, piece: _Piece) -> bool:
        row = piece.view.frames[piece.frame]
        at = row.key_at + piece.seq - row.first_seq
        return mask(piece.view, self._rule, at, at + 1) == b"\1"


def _readable(chain: list[_Piece]) -> Iterator[list[tuple[_Piece, bytes]]]:
    """Neighbouring pieces with their bytes; cut where one cannot be read, and at `JOIN_BYTES`."""
    group: list[tuple[_Piece, bytes]] = []
    size = 0
    for piece in chain:
        block = piece.view.block(piece.frame)
        raw = None if block is None else block.lines[piece.seq - block.first_seq]
        if group and (raw is None or size + len(raw) > JOIN_BYTES):
            yield group
            group, size = [], 0
        if raw is not None:
            group.append((piece, raw))
            size += len(raw)
    if group:
        yield group


def piece_hits(raws: Sequence[bytes], plan: Plan) -> Iterator[int]:
    """Indexes of the pieces in which a match of the joined text begins, ascending."""
    decoder = getincrementaldecoder("utf-8")("replace")
    texts: list[str] = []
    starts: list[int] = []
    length = 0
    for part in _stripped(raws):
        # A character that the border cuts belongs to the piece in which it begins.
        starts.append(length + bool(decoder.getstate()[0]))
        texts.append(decoder.decode(part))
        length += len(texts[-1])
    text = ("".join(texts) + decoder.decode(b"", final=True)).rstrip("\r")
    piece = -1
    while piece + 1 < len(starts):
        match = plan.search(text, starts[piece + 1])
        if match is None:
            return
        piece = max(piece + 1, bisect_right(starts, match.start()) - 1)
        yield piece


def _stripped(raws: Sequence[bytes]) -> list[bytes]:
    """The pieces without escape sequences; one that crosses a border is gone on both sides of it."""
    plain = []
    open_sequence = b""
    for raw in raws:
        data = open_sequence + raw
        open_sequence = b""
        last = data.rfind(ESC)
        if last >= 0 and not strip_escapes(data[last:]):
            data, open_sequence = data[:last], data[last:]
        plain.append(strip_escapes(data))
    return plain


class _Finder:
    """Walks over run tables; only from frames with pieces on, and only as long as a line is unfinished."""

    def __init__(self, snapshot: StoreSnapshot, rule: Rule, start: int, stop: int) -> None:
        self._snapshot = snapshot
        self._wanted = rule.wanted
        self._start, self._stop = start, stop
        self._open: dict[tuple[int, int], list[_Piece]] = {}
        self._found: list[list[_Piece]] = []
        self._gaps: list[Gap] = []

    def chains(self) -> list[list[_Piece]]:
        for view in self._snapshot.segments:
            if view.end_seq <= self._start:
                continue
            if view.first_seq >= self._stop:
                break
            flagged = view.frames.flagged(FrameFlag.HAS_PIECES)
            if flagged or self._goes_on_in(view):
                self._walk(view, flagged)
        self._found += self._open.values()
        return [chain for chain in self._found if len(chain) > 1]

    def _goes_on_in(self, view: SegmentView) -> bool:
        waiting = {source for source, _ in self._open}
        return bool(waiting) and any(pair >> 3 in waiting for pair in view.counts)

    def _walk(self, view: SegmentView, flagged: list[int]) -> None:
        try:
            with view.mapped() as mapped, memoryview(mapped) as data:
                number = 0
                while number < len(view.frames):
                    if not self._open:  # nothing to be continued: on to the next frame that begins something
                        at = bisect_left(flagged, number)
                        if at == len(flagged):
                            return
                        number = flagged[at]
                    row = view.frames[number]
                    if row.first_seq >= self._stop:
                        return
                    if row.end_seq > self._start:
                        self._frame(view, number, row.first_seq, _runs(data, row))
                    number += 1
        except OSError:
            return  # evicted meanwhile: its lines are no longer there

    def _frame(self, view: SegmentView, number: int, seq: int, runs: list[Run]) -> None:
        for run in runs:
            first, seq = seq, seq + run.lines
            if self._wanted is None or run.source in self._wanted:
                self._run(view, number, first, run)

    def _run(self, view: SegmentView, number: int, first: int, run: Run) -> None:
        key = (run.source, int(run.stream))
        last = first + run.lines - 1
        begun = self._open.get(key)
        if begun is not None and first < self._stop:
            if self._interrupted(begun[-1].seq, first, run.source):
                self._found.append(self._open.pop(key))
                begun = None
            else:
                begun.append(_Piece(first, view, number))
                if run.lines > 1 or not run.more:
                    self._found.append(self._open.pop(key))
        if run.more and self._start <= last < self._stop and (begun is None or run.lines > 1):
            self._open[key] = [_Piece(last, view, number)]

    def _interrupted(self, before: int, seq: int, source: int) -> bool:
        """Whether lines that may belong in between are missing."""
        if not self._gaps:
            self._gaps = sorted(self._snapshot.gaps, key=_first_seq)
        name = source_name(source, self._snapshot.sources)
        low = bisect_right(self._gaps, before, key=_first_seq)
        high = bisect_right(self._gaps, seq, key=_first_seq)
        return any(not gap.source or gap.source == name for gap in self._gaps[low:high])


def _first_seq(gap: Gap) -> int:
    return gap.first_seq


def _runs(data: memoryview, row: FrameRow) -> list[Run]:
    table = data[row.runs_offset : row.runs_offset + row.runs * RUN_SIZE]
    if len(table) != row.runs * RUN_SIZE:
        return []
    runs = decode_runs(bytes(table), row.time_ns)
    return runs if sum(run.lines for run in runs) == row.lines else []
