"""Moving through the log: pure steps of the view Logs. The reducer settles the window after each of them."""

from __future__ import annotations

from dataclasses import replace

from brummer_rx.pipeline.event import Level
from brummer_rx.pipeline.reader import LineFilter
from brummer_rx.tui.ansi import parse, runs_width
from brummer_rx.tui.filter import where
from brummer_rx.tui.settle import body_height, field_of, gutter_of, shown_rows
from brummer_rx.tui.state import Logs, Place, State
from brummer_rx.tui.walk import after, before, bounds, down, fill, heights, up

__all__ = [
    "columns_by",
    "cursor_by",
    "follow",
    "hold_cursor",
    "next_error",
    "page_by",
    "pause",
    "scroll_by",
    "to_column",
    "to_end_of_text",
    "to_first",
    "to_line",
]

FARTHEST_COLUMN = 1 << 20
"""No column beyond this one: a line is stored in pieces of at most 1 MiB."""


def _with(state: State, logs: Logs) -> State:
    return replace(state, logs=logs)


def follow(state: State) -> State:
    """Show the newest lines, and go on doing so."""
    return _with(state, replace(state.logs, follow=True))


def pause(state: State) -> State:
    """Stop following; what is on the screen stays where it is."""
    if not state.logs.follow or state.snap is None:
        return state
    rows = shown_rows(state, state.snap)
    if not rows:
        return state
    return _with(state, replace(state.logs, follow=False, top=rows[0], cursor=rows[-1].seq))


def to_line(state: State, seq: int, *, near: bool = False) -> State:
    """Put the cursor on that line; scroll as little as needed when it is `near` (less than a screen away).

    Any other line that is not on the screen comes to a third of it.
    """
    snap = state.snap
    if snap is None:
        return state
    state = pause(state)
    field, height, top = field_of(state, snap), body_height(state), state.logs.top
    rows = fill(field, top, height)
    first = Place(seq)
    last = Place(seq, min(heights(field, [seq])[0], height) - 1)
    if not rows or not (near or rows[0].seq - height <= seq <= rows[-1].seq + height):
        top = up(field, first, height // 3)
    elif first < rows[0]:
        top = first
    elif last > rows[-1]:
        top = up(field, last, height - 1)
    return _with(state, replace(state.logs, follow=False, top=top, cursor=seq))


def hold_cursor(before_it: State, state: State) -> State:
    """After another filter, width or the like: the cursor's line stays in sight.

    Under another filter it keeps its row of the screen; where it is filtered out, the nearest line before
    it takes its place (else the first one). In all other cases the text scrolls as little as it must.
    """
    old, logs, snap = before_it.logs, state.logs, state.snap
    if snap is None or logs.follow or old.follow or (old.top, old.cursor) != (logs.top, logs.cursor):
        return state
    if old.filter == logs.filter:
        same = (old.wrap, old.times, before_it.width, before_it.height)
        kept = (logs.wrap, logs.times, state.width, state.height)
        return state if same == kept else to_line(state, logs.cursor, near=True)
    field = field_of(state, snap)
    keys = before(field, logs.cursor + 1, 1) or after(field, logs.cursor, 1)
    if not keys:
        return state
    row = next((y for y, place in enumerate(old.window.rows) if place.seq == old.cursor), 0)
    return _with(state, replace(logs, top=up(field, Place(keys[0]), row), cursor=keys[0]))


def cursor_by(state: State, lines: int) -> State:
    """The cursor some lines up or down; past the last line means following again."""
    snap = state.snap
    if snap is None or (lines > 0 and state.logs.follow):
        return state
    field, cursor = field_of(state, snap), state.logs.cursor
    if lines < 0:
        keys = before(field, cursor, -lines)
        return to_line(state, keys[0], near=True) if keys else pause(state)
    keys = after(field, cursor + 1, lines + 1)
    return to_line(state, keys[lines - 1], near=True) if len(keys) > lines else follow(state)


def scroll_by(state: State, rows: int) -> State:
    """The text some rows up or down under the cursor; reaching the bottom means following again."""
    snap = state.snap
    if snap is None or (rows > 0 and state.logs.follow):
        return state
    field = field_of(state, snap)
    shown = shown_rows(state, snap)
    if not shown:
        return state
    if rows < 0:
        top = up(field, shown[0], -rows)
        if top == shown[0]:
            return state
        return _with(state, replace(pause(state).logs, top=top))
    top = down(field, shown[0], rows)
    if len(fill(field, top, body_height(state) + 1)) <= body_height(state):
        return follow(state)
    return _with(state, replace(state.logs, top=top))


def page_by(state: State, rows: int) -> State:
    """Scroll; the cursor keeps its row of the screen. Where nothing can scroll it goes to the first line."""
    snap = state.snap
    if snap is None:
        return state
    shown = shown_rows(state, snap)
    moved = scroll_by(state, rows)
    if moved.logs.follow or not shown:
        return moved if rows > 0 or not shown else to_first(moved)
    if moved.logs.top == state.logs.top and rows < 0:
        return to_first(moved)
    index = next((i for i, p in enumerate(shown) if p.seq == state.logs.cursor), 0)
    places = fill(field_of(moved, snap), moved.logs.top, body_height(state))
    cursor = places[min(index, len(places) - 1)].seq if places else moved.logs.cursor
    return _with(moved, replace(moved.logs, cursor=cursor))


def to_first(state: State) -> State:
    """The oldest line there is."""
    if state.snap is None:
        return state
    keys = after(field_of(state, state.snap), bounds(state.snap.log)[0], 1)
    return to_line(state, keys[0]) if keys else state


def next_error(state: State, direction: int) -> tuple[State, str]:
    """The next error line down (1) or up (-1), going round at the ends; and what to say about it."""
    snap = state.snap
    if snap is None:
        return state, ""
    chosen = where(state.logs.filter)
    wanted = LineFilter(chosen.sources, max(chosen.min_level, Level.ERROR))
    log, cursor = snap.log, state.logs.cursor
    if direction > 0:
        ranges = ((cursor + 1, log.end_seq), (log.first_seq, cursor + 1))
    else:
        ranges = ((log.first_seq, cursor), (cursor, log.end_seq))
    for index, (start, stop) in enumerate(ranges):
        found = log.select(wanted, start, stop, 1, newest=direction < 0) if start < stop else []
        if found:
            ends = ("", "went on from the top" if direction > 0 else "went on from the bottom")
            return to_line(state, found[0]), ends[index]
    return state, "no line of level error"


def columns_by(state: State, columns: int) -> State:
    """The text some columns to the left or right; not while wrapped."""
    return to_column(state, state.logs.col + columns)


def to_column(state: State, column: int) -> State:
    """The text from that column on."""
    if state.logs.wrap:
        return state
    return _with(state, replace(state.logs, col=max(0, min(column, FARTHEST_COLUMN))))


def to_end_of_text(state: State) -> State:
    """So far to the right that the cursor's line shows its end."""
    if state.snap is None:
        return state
    lines = state.snap.log.read([state.logs.cursor])
    longest = max((runs_width(parse(line.raw)) for line in lines), default=0)
    return to_column(state, longest - gutter_of(state).text)
