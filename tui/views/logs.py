"""The view Logs: rows of the window that `settle` made, the unfinished lines below.

Work is O(rows on the screen). What is made from a line's bytes is kept in small caches keyed by value.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from functools import lru_cache
from itertools import groupby

from brummer_rx.pipeline.event import Level
from brummer_rx.pipeline.reader import Line
from brummer_rx.pipeline.runview import Tail
from brummer_rx.tui.acts_procs import never_started
from brummer_rx.tui.ansi import clip, fit, line_rows, mark, parse, plain_text, runs_width, wrap
from brummer_rx.tui.filter import ALL
from brummer_rx.tui.frame import Hit, Row, Run
from brummer_rx.tui.gaps import gap_text
from brummer_rx.tui.glyphs import Glyphs
from brummer_rx.tui.intents import Pick
from brummer_rx.tui.layout import Gutter
from brummer_rx.tui.search import compiled, is_hit
from brummer_rx.tui.settle import (
    WRAP_ROWS,
    body_height,
    field_of,
    gutter_of,
    known_names,
    shown_rows,
    shown_tails,
)
from brummer_rx.tui.state import Found, Place, Snap, State
from brummer_rx.tui.theme import source_style
from brummer_rx.tui.views.parts import Part, clock, pad_rows, printable
from brummer_rx.tui.walk import gap_at
from brummer_rx.tui.width import width_of

__all__ = ["body"]

CACHED = 16 * 1024
"""Longer lines are made anew each time: keeping them would cost memory."""

_LEVELS = {
    Level.TRACE: ("trace", "T"),
    Level.DEBUG: ("debug", "D"),
    Level.INFO: ("dim", "I"),
    Level.WARN: ("warn", "W"),
    Level.ERROR: ("err", "E"),
    Level.FATAL: ("err", "F"),
}


@lru_cache(maxsize=16)
def _styles(names: tuple[str, ...]) -> dict[str, str]:
    return {name: source_style(index) for index, name in enumerate(names)}


def body(state: State, snap: Snap) -> Part:
    """The rows between the chrome."""
    height, width = body_height(state), state.width
    places, tails = shown_rows(state, snap), shown_tails(state, snap)
    space = gutter_of(state, snap)
    styles = _styles(known_names(snap))
    rows = _place_rows(state, snap, places, space, styles)
    ids: list[Hashable] = list(places)
    hits = [Hit(y, 0, width, Pick("line", place.seq)) for y, place in enumerate(places)]
    for tail in tails:
        rows.append(_tail_row(state, tail, space, styles.get(tail.source, "text")))
        ids.append((tail.source, tail.stream))
    if not rows:
        rows = _empty(state, snap, width - space.bar)
    full = pad_rows(rows, width - space.bar, height)
    if space.bar:
        full = _with_scroll_bar(state, snap, full)
    ids = [*ids[:height], *(("blank", y) for y in range(len(ids), height))]
    return Part(full, tuple(hits[:height]), None, tuple(ids))


def _place_rows(
    state: State, snap: Snap, places: Sequence[Place], space: Gutter, styles: dict[str, str]
) -> list[Row]:
    """One row a place."""
    if not places:
        return []
    field, found, logs = field_of(state, snap), state.logs.found, state.logs
    lines = {line.seq: line for line in _read(snap, places)}
    rows: list[Row] = []
    for seq, group in groupby(places, key=lambda place: place.seq):
        here = list(group)
        cursor = state.glyphs.select if seq == logs.cursor else " "
        line = lines.get(seq)
        if line is None:
            gap = gap_at(field, seq)
            text = gap_text(gap) if gap is not None else "this line is gone"
            rows += [_gap_row(cursor, text, space, state.width, state.glyphs) for _ in here]
            continue
        texts = _text_rows(line, logs.wrap, logs.col, space.text, _pattern(found, seq), state.glyphs)
        for place in here:
            first = place.sub == 0 or place is here[0]
            left = _left(state, line.time_ns, line.source, line.level, cursor, space, styles, first)
            rows.append((*left, *texts[min(place.sub, len(texts) - 1)]))
    return rows


def _read(snap: Snap, places: Sequence[Place]) -> list[Line]:
    """The lines of the places; neighbours are read in one piece."""
    first, last = places[0].seq, places[-1].seq
    if last - first < len(places):
        return snap.log.lines(first, last + 1)
    return snap.log.read(sorted({place.seq for place in places}))


def _pattern(found: Found | None, seq: int) -> tuple[str, bool, bool] | None:
    """What to mark in that line.

    A regular expression is tried only on lines that the search has found: there it is known to end.
    """
    if found is None or found.error or (found.regex and not is_hit(found, seq)):
        return None
    return (found.pattern, found.regex, found.ignore_case)


def _text_rows(
    line: Line,
    wrapped: bool,
    col: int,
    width: int,
    pattern: tuple[str, bool, bool] | None,
    glyphs: Glyphs,
) -> tuple[Row, ...]:
    make = _text_rows_kept if len(line.raw) <= CACHED else _make_text_rows
    return make(line.raw, wrapped, col, width, pattern, line.more, glyphs)


def _make_text_rows(
    raw: bytes,
    wrapped: bool,
    col: int,
    width: int,
    pattern: tuple[str, bool, bool] | None,
    more: bool,
    glyphs: Glyphs,
) -> tuple[Row, ...]:
    """The text of a line as rows of exactly `width` columns: one, or when wrapped as many as it takes."""
    if not wrapped:
        return (_one_row(_marked(parse(raw, col + width + 1), pattern), col, width, more, glyphs),)
    limit = WRAP_ROWS + 1
    if pattern is None:
        rows = line_rows(raw, width, limit)
    else:
        rows = wrap(clip(_marked(parse(raw, width * limit), pattern), 0, width * limit), width)[:limit]
    full = [fit(row, width) for row in rows[:WRAP_ROWS]]
    last = rows[len(full) - 1]
    if len(rows) > WRAP_ROWS or (more and runs_width(last) < width):
        full[-1] = (*fit(last, width - 1), ("dim", glyphs.expand))
    return tuple(full)


_text_rows_kept = lru_cache(maxsize=2048)(_make_text_rows)


def _one_row(runs: Row, col: int, width: int, more: bool, glyphs: Glyphs) -> Row:
    """What is seen of a line that is not wrapped; a sign at the end says that it goes on."""
    total = runs_width(runs)
    if total > col + width:
        return (*fit(runs, width - 1, skip=col), ("dim", glyphs.more))
    shown = clip(runs, col, width) if col else runs
    room = width - max(0, total - col)
    if more and room > 0:
        shown, room = (*shown, ("dim", glyphs.expand)), room - 1
    return (*shown, ("text", " " * room)) if room else shown


def _marked(runs: Row, pattern: tuple[str, bool, bool] | None) -> Row:
    """Hits in the runs; of a regular expression only the first, which is as far as the search itself went."""
    if pattern is None:
        return runs
    rule = compiled(*pattern)
    text = plain_text(runs)
    matches: list[re.Match[str]]
    if pattern[1]:
        first = rule.search(text)
        matches = [first] if first is not None else []
    else:
        matches = list(rule.finditer(text))
    spans = [m.span() for m in matches if m.end() > m.start()]
    return mark(runs, spans, "hit") if spans else runs


def _left(
    state: State,
    time_ns: int,
    source: str,
    level: Level | None,
    cursor: str,
    space: Gutter,
    styles: dict[str, str],
    first: bool,
) -> Row:
    """The columns left of the text; rows that continue a wrapped line have only the cursor's mark."""
    if not space.columns:
        return ()
    if not first:
        return _continued(cursor, space.columns)
    rest = _name_and_level(source, styles.get(source, "text"), level, space, state.glyphs)
    if not space.time:
        return (("accent", cursor), *rest)
    time = clock(time_ns, state.utc_offset_s, space.time)
    return (("accent", cursor), ("dim", f"{time} "), *rest)


@lru_cache(maxsize=64)
def _continued(cursor: str, columns: int) -> Row:
    return fit([("accent", cursor)], columns)


@lru_cache(maxsize=512)
def _name_and_level(source: str, style: str, level: Level | None, space: Gutter, glyphs: Glyphs) -> Row:
    runs: list[Run] = []
    if space.name:
        runs += [*fit([(style, _short(source, space.name, glyphs))], space.name), ("text", " ")]
    if space.level:
        role, letter = _LEVELS[level] if level is not None else ("dim", glyphs.dot)
        runs += [(role, letter), ("text", " ")]
    return tuple(runs)


def _short(name: str, columns: int, glyphs: Glyphs) -> str:
    """The name, cut with a sign where it does not fit (unless only a letter is left)."""
    clean = printable(name)
    if width_of(clean) <= columns or columns < 3:
        return clean
    return plain_text(clip([("text", clean)], 0, columns - 1)) + glyphs.more


def _gap_row(cursor: str, text: str, space: Gutter, width: int, glyphs: Glyphs) -> Row:
    rule = glyphs.rule * 2
    runs = [("accent", cursor), ("warn", f"{rule} {text} {rule}")]
    return fit(runs if space.columns else runs[1:], width - space.bar)


def _tail_row(state: State, tail: Tail, space: Gutter, style: str) -> Row:
    """An unfinished line: no level yet, and a caret where it goes on."""
    left = _left(state, tail.time_ns, tail.source, None, " ", space, {tail.source: style}, True)
    looked = state.logs.col + space.text
    runs = parse(tail.data[-CACHED:], looked + 1)
    over = max(0, runs_width(runs) + 1 - looked) if state.logs.wrap or not state.logs.col else 0
    text = fit((*runs, ("accent", state.glyphs.caret)), space.text, skip=state.logs.col + over)
    return (*left, *text)


def _empty(state: State, snap: Snap, width: int) -> list[Row]:
    """What to do when there is nothing to see."""
    procs = snap.table.processes
    if state.logs.filter != ALL and snap.log.end_seq > snap.log.first_seq:
        words = ["No line passes the filter.", "^F shows everything, f changes it."]
    elif procs and all(never_started(p) for p in procs):
        words = ["Nothing was started yet.", "2 lists the scripts; s there starts one."]
    else:
        words = ["No lines yet.", "2 shows the processes."]
    return [fit([("dim", f"  {text}")], width) for text in ["", *words]]


def _with_scroll_bar(state: State, snap: Snap, rows: Sequence[Row]) -> tuple[Row, ...]:
    """The rows with one more column: where in the log this is."""
    thumb = _thumb(state, snap, len(rows))
    on, off = ("dim", state.glyphs.thumb), ("text", " ")
    return tuple((*row, on if y in thumb else off) for y, row in enumerate(rows))


def _thumb(state: State, snap: Snap, height: int) -> range:
    """Rows of the scroll bar's thumb; none when everything is on the screen."""
    log, rows = snap.log, state.logs.window.rows
    span = log.end_seq - log.first_seq
    if not rows or span <= height:
        return range(0)
    long = max(1, height * height // span)
    if state.logs.follow:
        return range(height - long, height)
    hidden = max(1, span - height)
    top = min(height - long, (rows[0].seq - log.first_seq) * (height - long) // hidden)
    return range(max(0, top), max(0, top) + long)
