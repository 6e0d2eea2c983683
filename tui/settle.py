"""Derives what of the log is on the screen (`Window`) after each change: follow, pause, clamp, count.

Work is proportional to what is new: a window that still holds is kept, counts are carried on.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, partial

from brummer_rx.pipeline.event import Level
from brummer_rx.pipeline.reader import LineFilter, LogSnapshot
from brummer_rx.pipeline.runview import Tail
from brummer_rx.tui.ansi import line_rows
from brummer_rx.tui.filter import shows, where
from brummer_rx.tui.layout import Gutter, gutter, layout
from brummer_rx.tui.state import Place, Recent, Snap, State, View, Window
from brummer_rx.tui.walk import Field, before, bounds, fill, fill_up, last_place

__all__ = [
    "WRAP_ROWS",
    "body_height",
    "field_of",
    "gutter_of",
    "known_names",
    "settle",
    "shown_rows",
    "shown_tails",
    "total_lines",
]

WRAP_ROWS = 200
"""Rows that one wrapped line may take; the last one says that there is more."""

RECENT_LINES = 12
"""Lines of the chosen process that Procs shows at most."""


def _rows_of(width: int, raw: bytes) -> int:
    return len(line_rows(raw, width, WRAP_ROWS))


@lru_cache(maxsize=16)
def _counter(width: int) -> partial[int]:
    return partial(_rows_of, width)


def known_names(snap: Snap | None) -> tuple[str, ...]:
    """All processes that may have lines: those of the table, then others that the log knows."""
    if snap is None:
        return ()
    return _names(tuple(p.spec.name for p in snap.table.processes), snap.log.sources)


@lru_cache(maxsize=16)
def _names(table: tuple[str, ...], sources: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*table, *sources)))


def gutter_of(state: State, snap: Snap | None = None) -> Gutter:
    """The columns of the log's rows."""
    names = known_names(snap or state.snap)
    chosen = state.logs.filter.sources
    return gutter(state.width, names if chosen is None else tuple(sorted(chosen)), state.logs.times)


def field_of(state: State, snap: Snap) -> Field:
    """What the view Logs walks through."""
    count = _counter(gutter_of(state, snap).text) if state.logs.wrap else None
    return Field(snap.log, where(state.logs.filter), count)


def body_height(state: State) -> int:
    """Rows between the chrome."""
    return layout(state.height).height


def _wanted_tails(state: State, snap: Snap) -> tuple[Tail, ...]:
    """The unfinished lines that may be shown: those of shown processes, the newest few."""
    logs = state.logs
    if not snap.tails or where(logs.filter).min_level > Level.INFO:
        return ()
    chosen = [t for t in snap.tails if shows(logs.filter, t.source)]
    return tuple(sorted(chosen, key=lambda t: t.time_ns)[-max(1, body_height(state) // 4) :])


def shown_tails(state: State, snap: Snap) -> tuple[Tail, ...]:
    """The unfinished lines below the newest line; while paused only where rows are free."""
    tails = _wanted_tails(state, snap)
    if state.logs.follow:
        return tails
    free = body_height(state) - len(state.logs.window.rows)
    return tails[len(tails) - min(len(tails), free) :]


def shown_rows(state: State, snap: Snap) -> tuple[Place, ...]:
    """The places on the screen: the window, less what unfinished lines take."""
    rows = state.logs.window.rows
    room = body_height(state) - len(shown_tails(state, snap))
    return rows[max(0, len(rows) - room) :] if state.logs.follow else rows


def total_lines(log: LogSnapshot, start: int | None = None, stop: int | None = None) -> int:
    """Lines in [start, stop) without those in gaps."""
    first = log.first_seq if start is None else max(start, log.first_seq)
    end = log.end_seq if stop is None else min(stop, log.end_seq)
    gone = sum(max(0, min(g.last_seq + 1, end) - max(g.first_seq, first)) for g in log.gaps)
    return max(0, end - first - gone)


def _count(field: Field, start: int, stop: int) -> int:
    if start >= stop:
        return 0
    if field.everything:
        return total_lines(field.log, start, stop)
    return field.log.count(field.where, max(start, field.log.first_seq), stop)


def settle(state: State) -> State:
    """The state with its log window made to fit: call after every change."""
    snap = state.snap
    if snap is None:
        return state
    field = field_of(state, snap)
    if state.logs.follow:
        state = _settle_follow(state, field)
    else:
        state = _settle_paused(state, snap, field)
    return _settle_recent(state, snap) if state.view is View.PROCS else state


def _settle_recent(state: State, snap: Snap) -> State:
    """The newest lines of the process chosen in Procs."""
    rows = snap.table.processes
    if not rows:
        return state
    names = [p.name for p in rows]
    name = state.procs.selected if state.procs.selected in names else names[0]
    old, log = state.procs.recent, snap.log
    facts = (log.first_seq, len(log.gaps))
    if old.name == name and old.facts == facts and old.scanned == log.end_seq:
        return state
    same = old.name == name and old.facts == facts and old.scanned < log.end_seq
    known = old.seqs if same else ()
    start = old.scanned if same else log.first_seq
    new: list[int] = []
    if start < log.end_seq:
        only = LineFilter(frozenset((name,)))
        new = log.select(only, start, log.end_seq, RECENT_LINES, newest=True)
    recent = Recent(name, facts, log.end_seq, (*known, *new)[-RECENT_LINES:])
    return replace(state, procs=replace(state.procs, recent=recent))


def _facts(field: Field) -> tuple[object, ...]:
    """What makes carried-on counts wrong when it changes."""
    return (field.where, field.log.first_seq, len(field.log.gaps))


def _matched(old: Window, field: Field, facts: tuple[object, ...]) -> int:
    """Lines that the filter lets through, carried on from the window before where that is right."""
    end = field.log.end_seq
    if field.everything or old.made_for[:3] != facts or old.scanned > end:
        return _count(field, field.log.first_seq, end)
    return old.matched + _count(field, old.scanned, end)


def _settle_follow(state: State, field: Field) -> State:
    logs, height = state.logs, body_height(state)
    old, facts = logs.window, _facts(field)
    made_for = (*facts, height, field.rows_of, True)
    _, end = bounds(field.log)
    if old.made_for == made_for and old.scanned == end:
        return state
    if old.made_for == made_for and not field.everything:
        known = sorted({place.seq for place in old.rows})
        keys: Sequence[int] = [*known, *before(field, end, height, start=old.scanned)]
    else:
        keys = before(field, end, height)
    rows = fill_up(field, keys, height)
    window = Window(made_for, rows, end, _matched(old, field, facts), 0)
    top = rows[0] if rows else Place(field.log.first_seq)
    cursor = rows[-1].seq if rows else field.log.end_seq
    return replace(state, logs=replace(logs, window=window, top=top, cursor=cursor))


def _settle_paused(state: State, snap: Snap, field: Field) -> State:
    logs, height = state.logs, body_height(state)
    old, facts = logs.window, _facts(field)
    made_for = (*facts, height, field.rows_of, False, logs.top)
    _, end = bounds(field.log)
    top = logs.top
    if old.made_for == made_for and old.scanned <= end:
        rows = old.rows
        if len(rows) < height and old.scanned < end:
            rows += fill(field, Place(max(old.scanned, top.seq)), height - len(rows))
    else:
        rows = fill(field, top, height)
        needed = max(1, height - len(_wanted_tails(state, snap)))
        if len(rows) < needed:
            highest = last_place(field, needed)
            if highest is not None and (not rows or highest < rows[0]):
                rows = fill(field, highest, needed)
        top = rows[0] if rows else top
        made_for = (*made_for[:6], top)
    below = _below(old, field, made_for, rows, end)
    window = Window(made_for, rows, end, _matched(old, field, facts), below)
    cursor = _clamp(logs.cursor, sorted({place.seq for place in rows}))
    if (window, top, cursor) == (old, logs.top, logs.cursor):
        return state
    return replace(state, logs=replace(logs, window=window, top=top, cursor=cursor))


def _below(old: Window, field: Field, made_for: tuple[object, ...], rows: tuple[Place, ...], end: int) -> int:
    """Lines after the last row; where only the place changed, just the difference is counted."""
    if not rows:
        return 0
    last = rows[-1].seq
    if field.everything or old.made_for[:3] != made_for[:3] or not old.rows:
        return _count(field, last + 1, end)
    grown = old.below + _count(field, old.scanned, end)
    before_last = old.rows[-1].seq
    if last >= before_last:
        return grown - _count(field, before_last + 1, last + 1)
    return grown + _count(field, last + 1, before_last + 1)


def _clamp(cursor: int, keys: Sequence[int]) -> int:
    """The cursor, or the nearest of the visible items: the one before it, else the first."""
    if not keys:
        return cursor
    return keys[max(0, bisect_right(keys, cursor) - 1)]
