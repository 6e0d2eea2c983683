"""Walking through a log from one place to another: O(rows walked), whatever the log's size.

An *item* is a line or a gap; its key is the line's seq or the gap's first seq. A *place* is one row of an
item (more than one only when lines are wrapped). Total heights are never computed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from brummer_rx.pipeline.event import Gap, Level
from brummer_rx.pipeline.reader import LineFilter, LogSnapshot
from brummer_rx.tui.state import Place

__all__ = [
    "Field",
    "after",
    "before",
    "bounds",
    "down",
    "fill",
    "fill_up",
    "gap_at",
    "heights",
    "last_place",
    "seen_gaps",
    "up",
]


@dataclass(frozen=True, slots=True)
class Field:
    """What is walked through."""

    log: LogSnapshot
    where: LineFilter = field(default_factory=LineFilter)
    rows_of: Callable[[bytes], int] | None = None
    """Rows of a line's raw bytes when wrapped; None: one each."""

    @property
    def everything(self) -> bool:
        """Whether no line is filtered out."""
        return self.where.sources is None and self.where.min_level == Level.TRACE


def seen_gaps(field: Field) -> Sequence[Gap]:
    """The gaps that the filter lets through: those of shown processes, and those of nobody in particular."""
    sources = field.where.sources
    if sources is None:
        return field.log.gaps
    return [g for g in field.log.gaps if not g.source or g.source in sources]


def gap_at(field: Field, key: int) -> Gap | None:
    """The gap with that key."""
    return next((g for g in field.log.gaps if g.first_seq == key), None)


def bounds(log: LogSnapshot) -> tuple[int, int]:
    """The first key there can be, and the one after the last."""
    firsts = [g.first_seq for g in log.gaps]
    return min([log.first_seq, *firsts]), max([log.end_seq, *(f + 1 for f in firsts)])


def after(field: Field, key: int, limit: int) -> list[int]:
    """The first `limit` keys that are >= `key`, ascending."""
    if limit <= 0:
        return []
    log = field.log
    start, end = max(key, log.first_seq), log.end_seq
    gaps = [g for g in seen_gaps(field) if g.last_seq >= key]
    if field.everything and not any(g.first_seq < start + limit for g in gaps):
        return list(range(start, min(start + limit, end)))
    seqs = log.select(field.where, start, end, limit) if start < end else []
    return sorted({*seqs, *(g.first_seq for g in gaps if g.first_seq >= key)})[:limit]


def before(field: Field, key: int, limit: int, *, start: int | None = None) -> list[int]:
    """The last `limit` keys that are < `key` (and >= `start`), ascending."""
    if limit <= 0:
        return []
    log = field.log
    stop = min(key, log.end_seq)
    first = log.first_seq if start is None else max(start, log.first_seq)
    gaps = [g for g in seen_gaps(field) if g.first_seq < key]
    lowest = max(first, stop - limit)
    clear = not any(g.last_seq >= lowest for g in gaps) and (stop - limit >= first or not gaps)
    if field.everything and clear:
        return list(range(lowest, stop))
    seqs = log.select(field.where, first, stop, limit, newest=True) if first < stop else []
    return sorted({*seqs, *(g.first_seq for g in gaps if start is None or g.first_seq >= start)})[-limit:]


def heights(field: Field, keys: Sequence[int]) -> list[int]:
    """Rows of each of these items."""
    if field.rows_of is None or not keys:
        return [1] * len(keys)
    rows = {line.seq: max(1, field.rows_of(line.raw)) for line in field.log.read(keys)}
    return [rows.get(key, 1) for key in keys]


def fill(field: Field, top: Place, height: int) -> tuple[Place, ...]:
    """Up to `height` places from `top` on, downwards. An item that is gone gives way to the next one."""
    keys = after(field, top.seq, height)
    if field.rows_of is None:
        return tuple(map(Place, keys))
    places: list[Place] = []
    for key, rows in zip(keys, heights(field, keys), strict=True):
        first = min(top.sub, rows - 1) if key == top.seq else 0
        places.extend(Place(key, sub) for sub in range(first, min(rows, first + height - len(places))))
        if len(places) >= height:
            break
    return tuple(places)


def fill_up(field: Field, keys: Sequence[int], height: int) -> tuple[Place, ...]:
    """The last `height` places of the items `keys` (ascending), from top to bottom."""
    places: list[Place] = []
    keys = keys[-height:] if height > 0 else []
    if field.rows_of is None:
        return tuple(map(Place, keys))
    for key, rows in zip(reversed(keys), reversed(heights(field, keys)), strict=True):
        room = height - len(places)
        places.extend(Place(key, sub) for sub in range(rows - 1, max(-1, rows - 1 - room), -1))
        if len(places) >= height:
            break
    return tuple(reversed(places))


def up(field: Field, place: Place, rows: int) -> Place:
    """The place `rows` rows above, or the first one there is."""
    if rows <= place.sub:
        return Place(place.seq, place.sub - max(0, rows))
    wanted = rows - place.sub
    keys = before(field, place.seq, wanted)
    if not keys:
        return Place(place.seq, 0)
    return fill_up(field, keys, wanted)[0]


def down(field: Field, place: Place, rows: int) -> Place:
    """The place `rows` rows below, or the last one there is."""
    places = fill(field, place, rows + 1)
    return places[-1] if places else place


def last_place(field: Field, height: int) -> Place | None:
    """The top of a screen of `height` rows whose bottom is the end of the log; None when it is empty."""
    _, end = bounds(field.log)
    places = fill_up(field, before(field, end, height), height)
    return places[0] if places else None
