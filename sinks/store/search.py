"""Searching a run's log: hits of a pattern in the text of its lines, part by part, in the process that asks.

The answer is that of Python's `re` (of `in`, for a literal) on the text of each line. The text of a line that
was stored in pieces is joined; its hits are the pieces in which a match begins. Filters look at each piece by
itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from brummer_rx.pipeline.reader import SearchProgress, SearchQuery
from brummer_rx.sinks.store.keymask import Rule, compile_rule, matching
from brummer_rx.sinks.store.search_chains import Chains
from brummer_rx.sinks.store.search_frames import CancelledError, FrameSearch
from brummer_rx.sinks.store.search_plan import Plan, plan_for
from brummer_rx.sinks.store.segment import Damage, SegmentView
from brummer_rx.sinks.store.snapshot import StoreSnapshot

__all__ = ["scan"]

_SHORT = 0.004
"""Seconds: while a slice takes less the next one is twice as large."""
_LONG = 0.025
"""A slice that takes more is followed by one of half its size."""


def scan(
    snapshot: StoreSnapshot, query: SearchQuery, cancelled: Callable[[], bool]
) -> Iterator[SearchProgress]:
    """The hits in `snapshot`, newest lines first unless asked otherwise; token 0, the last part has `done`.

    A bad pattern is told in `error`. `cancelled` is asked between slices (of some ms) and before the pattern
    is asked about lines of a frame; when it says so the answer ends without a part that is done. Segments
    that were evicted since are left out, damaged frames too (they become gaps of the snapshot). Files are
    mapped only while they are scanned; whoever drops the iterator early closes it.
    """
    try:
        plan = plan_for(query)
    except ValueError as error:
        yield SearchProgress(0, (), 0, True, str(error))
        return
    counter = _Counter(query)
    try:
        for seqs in _hits(snapshot, query, plan, cancelled):
            yield counter.part(seqs)
            if counter.enough:
                break
    except CancelledError:
        return
    yield SearchProgress(0, (), counter.total, True)


@dataclass(slots=True)
class _Counter:
    """What was found so far, within the bounds of the query."""

    query: SearchQuery
    total: int = 0

    @property
    def enough(self) -> bool:
        """Whether the query asks for no more."""
        return self.query.stop_after is not None and self.total >= self.query.stop_after

    def part(self, seqs: list[int]) -> SearchProgress:
        """The part that tells of these hits."""
        query = self.query
        if query.stop_after is not None:
            seqs = _nearest(seqs, query.stop_after - self.total, query.newest_first)
        told = _nearest(seqs, query.max_hits - self.total, query.newest_first)
        self.total += len(seqs)
        return SearchProgress(0, tuple(told), self.total, False)


def _nearest(seqs: list[int], room: int, newest: bool) -> list[int]:
    """The `room` newest or oldest of ascending seqs."""
    if len(seqs) <= room:
        return seqs
    return seqs[len(seqs) - max(0, room) :] if newest else seqs[: max(0, room)]


def _hits(
    snapshot: StoreSnapshot, query: SearchQuery, plan: Plan, cancelled: Callable[[], bool]
) -> Iterator[list[int]]:
    """Hits slice by slice, also empty ones; ascending within a slice. Raises `CancelledError`."""
    stop = snapshot.end_seq if query.stop is None else min(query.stop, snapshot.end_seq)
    rule = compile_rule(query.where, snapshot.sources)

    def beat() -> bool:
        if cancelled():
            raise CancelledError
        return False

    if plan.impossible or query.start >= stop or (query.stop_after is not None and query.stop_after <= 0):
        return
    chains = Chains(snapshot, plan, rule, query.start, stop, beat)
    segments = snapshot.segments
    for view in reversed(segments) if query.newest_first else segments:
        if view.end_seq <= query.start or view.first_seq >= stop or not matching(view, rule):
            continue
        beat()
        yield from _in_segment(view, query, plan, rule, stop, chains, snapshot.damage, beat)


def _in_segment(
    view: SegmentView,
    query: SearchQuery,
    plan: Plan,
    rule: Rule,
    stop: int,
    chains: Chains,
    damage: Damage,
    beat: Callable[[], bool],
) -> Iterator[list[int]]:
    first, last = view.frame_at_seq(query.start), min(view.frame_at_seq(stop - 1) + 1, len(view.frames))
    try:
        with view.mapped() as mapped, memoryview(mapped) as data:
            search = FrameSearch(view, data, plan, rule, (query.start, stop), chains.seqs, damage, beat)
            for begin, end in _slices(first, last, query.newest_first):
                beat()
                found = search.hits(begin, end)
                if chains.seqs:
                    low, high = view.frames[begin].first_seq, view.frames[end - 1].end_seq
                    pieces = chains.hits(low, high)
                    found = sorted(found + pieces) if pieces else found
                yield found
    except OSError:
        return  # evicted since the snapshot was taken: its lines are no longer there


def _slices(first: int, last: int, newest: bool) -> Iterator[tuple[int, int]]:
    """Frames [first, last) in slices of some ms; the first ones are small, for a quick first answer."""
    size = 1
    while first < last:
        begun = time.perf_counter()
        if newest:
            yield max(first, last - size), last
            last -= size
        else:
            yield first, min(last, first + size)
            first += size
        took = time.perf_counter() - begun
        if took < _SHORT:
            size *= 2
        elif took > _LONG:
            size = max(1, size // 2)
