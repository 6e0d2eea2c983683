"""Searching a run's log: hits of a query in the text of its lines, part by part. Pure over a snapshot.

Segments are mapped one after the other and searched for the plan's literals as they lie on disk, headers
and all; a hit counts when it lies among a frame's lines. Only lines with a hit are judged, where the literal
alone does not settle it. In lines with escapes a literal stands either whole, or cut by an escape: with ESC
behind one of its beginnings. Both are searched, and the line is judged without its escapes.

Frames are taken in slices that grow from one frame to a segment: the first hits come soon, a rare literal is
searched at full speed, and `cancelled` is asked between slices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from brummer_rx.pipeline.fastbytes import TOOLS
from brummer_rx.pipeline.reader import SearchProgress, SearchQuery
from brummer_rx.pipeline.text import strip_escapes, text_of
from brummer_rx.sinks.store.format import HEADER_SIZE, body_is_whole, decode_header
from brummer_rx.sinks.store.keymask import Rule, compile_rule, frame_mask, matching
from brummer_rx.sinks.store.seek_joined import chains, hits_in
from brummer_rx.sinks.store.seek_plan import Plan, make_plan
from brummer_rx.sinks.store.segment import FrameRow, SegmentView
from brummer_rx.sinks.store.snapshot import StoreSnapshot

__all__ = ["scan"]

_FIRST_SLICE = 1
"""Frames in the first slice; each further slice of a search is twice as long."""
_LAST_SLICE = 64
_ESC = 27


@dataclass(slots=True)
class _Search:
    """One search under way; owned by the generator that runs it."""

    query: SearchQuery
    plan: Plan
    rule: Rule
    cancelled: Callable[[], bool]
    stop: int
    """Seqs end here."""
    pieces: frozenset[int]
    """Lines that are parts of longer ones: judged together, not one by one."""
    joined: tuple[int, ...]
    """Hits among them, ascending."""
    total: int = 0
    slice: int = _FIRST_SLICE


def scan(
    snapshot: StoreSnapshot, query: SearchQuery, cancelled: Callable[[], bool]
) -> Iterator[SearchProgress]:
    """The hits in `snapshot`, newest segment first unless asked otherwise; the last part has `done`.

    A bad pattern is told in `error`; when `cancelled` says so the answer ends without a part that has `done`.
    """
    try:
        plan = make_plan(query)
    except ValueError as error:
        yield SearchProgress(0, (), 0, True, str(error))
        return
    stop = snapshot.end_seq if query.stop is None else query.stop
    lines = chains(snapshot)
    pieces = frozenset(seq for chain in lines for seq in chain.seqs)
    joined = sorted({seq for chain in lines for seq in hits_in(chain, snapshot, plan.starts, cancelled)})
    search = _Search(
        query, plan, compile_rule(query.where, snapshot.sources), cancelled, stop, pieces, tuple(joined)
    )
    most = query.stop_after
    for found in _parts(search, snapshot):
        if cancelled():
            return
        if most is not None and search.total + len(found) > most:
            left = most - search.total
            found = found[len(found) - left :] if query.newest_first else found[:left]
        room = max(0, query.max_hits - search.total)
        search.total += len(found)
        kept = found[max(0, len(found) - room) :] if query.newest_first else found[:room]
        if found:
            yield SearchProgress(0, tuple(kept), search.total, False)
        if most is not None and search.total >= most:
            break
    if not cancelled():
        yield SearchProgress(0, (), search.total, True)


def _parts(search: _Search, snapshot: StoreSnapshot) -> Iterator[list[int]]:
    """The hits of slice after slice, also empty ones; each ascending."""
    segments = snapshot.segments
    query = search.query
    for view in reversed(segments) if query.newest_first else segments:
        if view.end_seq <= query.start or view.first_seq >= search.stop or not matching(view, search.rule):
            continue
        first, last = view.frame_at_seq(query.start), len(view.frames)
        if search.stop < view.end_seq:
            last = min(last, view.frame_at_seq(search.stop - 1) + 1)
        while first < last:
            length = min(search.slice, last - first)
            begin = last - length if query.newest_first else first
            if search.cancelled():
                return
            yield _slice(search, view, begin, begin + length)
            search.slice = min(search.slice * 2, _LAST_SLICE)
            if query.newest_first:
                last = begin
            else:
                first = begin + length


def _slice(search: _Search, view: SegmentView, first: int, last: int) -> list[int]:
    """The hits in frames [first, last) of a segment."""
    rows = view.frames[first:last]
    found: list[int] = []
    try:
        with view.mapped() as mapping, memoryview(mapping) as data:
            for row, frame, lines in _lines(search, view, data, rows, first):
                if lines and _is_whole(data, row):
                    found += _admitted(search, view, row, frame, lines)
    except OSError:  # evicted meanwhile: its lines are gone, a gap tells so
        return []
    if search.joined and rows:
        low, high = rows[0].first_seq, rows[-1].end_seq
        joined = [seq for seq in search.joined if low <= seq < high]
        found = sorted([*found, *_admitted_seqs(search, view, joined)])
    return found


def _lines(
    search: _Search, view: SegmentView, data: memoryview, rows: list[FrameRow], first: int
) -> Iterator[tuple[FrameRow, int, list[int]]]:
    """(frame, its index, numbers of its lines that match), frame by frame where there is something."""
    plan = search.plan
    rows = [row for row in rows if row.end_offset <= len(data)]
    if not rows:
        return
    if not plan.needles:
        for index, row in enumerate(rows):
            if search.cancelled():
                return
            yield row, first + index, _judge_all(search, view, data, row, first + index)
        return
    escapes = any(row.has_escape for row in rows)
    if len(plan.needles) == 1 and not plan.strays and not escapes:
        hits = _one_a_line(data, plan.needles[0], rows, fold=plan.fold)
    else:
        hits = iter(_candidates(plan, data, rows, escapes))
    yield from _by_frame(search, data, rows, first, hits)


def _one_a_line(data: memoryview, needle: bytes, rows: list[FrameRow], *, fold: bool) -> Iterator[int]:
    """Places of the needle among the lines of the frames, the first of each line."""
    find = TOOLS.find_uncased if fold else TOOLS.find
    newline = TOOLS.find
    following = iter(rows)
    low = high = 0
    stop = rows[-1].end_offset
    at = find(data, needle, rows[0].raw_offset, stop)
    while at >= 0:
        while at >= high:
            row = next(following)
            low, high = row.raw_offset, row.end_offset
        if at < low:  # in a header, a run table or among key bytes
            at = find(data, needle, low, stop)
            continue
        yield at
        at = find(data, needle, newline(data, b"\n", at, high), stop)


def _candidates(plan: Plan, data: memoryview, rows: list[FrameRow], escapes: bool) -> list[int]:
    """Places in lines that may match, ascending."""
    hits: list[int] = []
    for needle in plan.needles:
        hits += _one_a_line(data, needle, rows, fold=plan.fold)
        if escapes:
            hits += _cut(data, needle, rows[0].raw_offset, rows[-1].end_offset, fold=plan.fold)
    for stray in plan.strays:
        hits += _one_a_line(data, stray, rows, fold=False)
    hits.sort()
    return hits


def _cut(data: memoryview, needle: bytes, start: int, stop: int, *, fold: bool) -> Iterator[int]:
    """Places where a beginning of the needle ends in ESC, at the ESC."""
    low = needle.lower() if fold else needle
    ends = set(low[:-1]) | (set(low[:-1].upper()) if fold else set())
    for end in sorted(ends):
        at = TOOLS.find(data, bytes((end, _ESC)), start, stop)
        while at >= 0:
            before = bytes(data[max(0, at - len(low) + 2) : at + 1])
            if fold:
                before = before.lower()
            if any(before.endswith(low[:length]) for length in range(1, len(low))):
                yield at + 1
            at = TOOLS.find(data, bytes((end, _ESC)), at + 1, stop)


def _by_frame(
    search: _Search, data: memoryview, rows: list[FrameRow], first: int, hits: Iterator[int]
) -> Iterator[tuple[FrameRow, int, list[int]]]:
    """Places to frames and numbers of lines; where the literal does not settle it the line is judged."""
    judged = not search.plan.sure or bool(search.plan.strays)
    spans: list[int] = []  # the hits of one frame
    index = 0
    row = rows[0]
    low, high = row.raw_offset, row.end_offset
    for hit in hits:
        if hit >= high:
            yield row, first + index, _numbers(search.plan, data, row, spans, judged)
            if search.cancelled():
                return
            while hit >= rows[index].end_offset:
                index += 1
            row, spans = rows[index], []
            low, high = row.raw_offset, row.end_offset
        if hit >= low:  # else in a header, a run table or among key bytes
            spans.append(hit)
    yield row, first + index, _numbers(search.plan, data, row, spans, judged)


def _numbers(plan: Plan, data: memoryview, row: FrameRow, hits: list[int], judged: bool) -> list[int]:
    """The numbers of the lines of a frame in which the hits lie (ascending) and that match."""
    if not hits:
        return []
    find, rfind, count = TOOLS.find, TOOLS.rfind, TOOLS.count
    number, counted = 0, row.raw_offset
    lines: list[int] = []
    if not judged and not row.has_escape:  # one hit a line, and each of them matches
        for hit in hits:
            number += count(data, b"\n", counted, hit)
            counted = hit
            lines.append(number)
        return lines
    end = -1
    for hit in hits:
        if hit < end:
            continue
        begin = rfind(data, b"\n", counted, hit) + 1 or counted
        number += count(data, b"\n", counted, begin)
        counted = begin
        end = find(data, b"\n", hit, row.end_offset)
        if plan.judge(text_of(bytes(data[begin:end]))):
            lines.append(number)
    return lines


def _judge_all(search: _Search, view: SegmentView, data: memoryview, row: FrameRow, frame: int) -> list[int]:
    """Every line of a frame that the filter admits, by the judge alone."""
    marks = None if search.rule.everything else frame_mask(view, frame, search.rule)
    if marks is not None and 1 not in marks:
        return []
    raw = bytes(data[row.raw_offset : row.end_offset])
    text = (strip_escapes(raw) if row.has_escape else raw).decode("utf-8", "replace")
    lines = text.split("\n")
    if "\r" in text:
        lines = [line.rstrip("\r") for line in lines]
    del lines[row.lines :]
    judge = search.plan.judge
    if marks is None:
        return [n for n, line in enumerate(lines) if judge(line)]
    return [n for n, line in enumerate(lines) if marks[n] and judge(line)]


def _is_whole(data: memoryview, row: FrameRow) -> bool:
    """Whether the frame is what was written; a damaged one has no hits."""
    header = decode_header(data, row.offset)
    if header is None or header.first_seq != row.first_seq:
        return False
    with data[row.offset + HEADER_SIZE : row.end_offset] as body:
        return body_is_whole(header, body)


def _admitted(search: _Search, view: SegmentView, row: FrameRow, frame: int, lines: list[int]) -> list[int]:
    """Seqs of lines of a frame that filter and window admit and that are no pieces."""
    if not search.rule.everything:
        marks = frame_mask(view, frame, search.rule)
        lines = [n for n in lines if marks[n]]
    low, high, pieces = search.query.start - row.first_seq, search.stop - row.first_seq, search.pieces
    if low > 0 or high < row.lines:
        lines = [n for n in lines if low <= n < high]
    if pieces:
        return [row.first_seq + n for n in lines if row.first_seq + n not in pieces]
    return [row.first_seq + n for n in lines]


def _admitted_seqs(search: _Search, view: SegmentView, seqs: list[int]) -> list[int]:
    found: list[int] = []
    for seq in seqs:
        frame = view.frame_at_seq(seq)
        row = view.frames[frame]
        marks = frame_mask(view, frame, search.rule)
        if marks[seq - row.first_seq] and search.query.start <= seq < search.stop:
            found.append(seq)
    return found
