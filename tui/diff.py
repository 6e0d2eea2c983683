"""Two frames -> what has to be written. Pure.

Rows that are the same object or equal cost nothing; in the others the equal runs at both ends are left out
(their columns are the same in both frames, so no wide character is ever cut). A window on a list that moved
is scrolled by the terminal itself, when that saves rows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from brummer_rx.tui.frame import Frame, Row, Run, Scroll
from brummer_rx.tui.width import width_of

__all__ = ["Patch", "Shift", "Span", "diff", "is_tricky"]


@dataclass(frozen=True, slots=True)
class Shift:
    """Rows [top, bottom) move up by `lines` (down when negative); what comes in is painted by spans."""

    top: int
    bottom: int
    lines: int


@dataclass(frozen=True, slots=True)
class Span:
    """Runs to write from the cell (x, y) on."""

    y: int
    x: int
    runs: Row
    erase: bool = False
    """Erase the row first: terminals do not agree on the width of what stood or will stand there."""


@dataclass(frozen=True, slots=True)
class Patch:
    """What turns one frame on the screen into another one."""

    clear: bool = False
    shift: Shift | None = None
    spans: tuple[Span, ...] = ()
    hide_cursor: bool = False
    """The cursor is visible now and has to go, at least while painting."""
    cursor: tuple[int, int] | None = None
    """Where to show the cursor at the end; None: leave it hidden."""
    title: str | None = None
    """None: unchanged."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (
            self.clear
            or self.shift is not None
            or self.spans
            or self.hide_cursor
            or self.cursor is not None
            or self.title is not None
        )


# Joiners, variation selectors, flags, skin tones, keycaps, tags: terminals disagree on their width.
_TRICKY = re.compile(
    "[\u200c\u200d\ufe00-\ufe0f\u20e3\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff\U000e0000-\U000e007f]"
)


def is_tricky(text: str) -> bool:
    """Whether a terminal may see another width in this text than we do."""
    return not text.isascii() and _TRICKY.search(text) is not None


def diff(old: Frame | None, new: Frame) -> Patch:
    """What to write so that a screen that shows `old` (None: anything) shows `new`."""
    if old is None or (old.width, old.height) != (new.width, new.height):
        return Patch(
            clear=True,
            spans=tuple(Span(y, 0, row) for y, row in enumerate(new.rows) if row),
            hide_cursor=True,
            cursor=new.cursor,
            title=new.title if new.title and (old is None or old.title != new.title) else None,
        )
    before: Sequence[Row | None] = old.rows
    shift = _shift(old, new)
    if shift is not None:
        before = _shifted(old.rows, shift)
    spans: list[Span] = []
    for y, (was, row) in enumerate(zip(before, new.rows, strict=True)):
        if was is row:
            continue
        if was is None:
            spans.append(Span(y, 0, row))
        elif was != row:
            spans.append(_span(y, was, row))
    moved = old.cursor != new.cursor
    painted = bool(spans) or shift is not None
    return Patch(
        shift=shift,
        spans=tuple(spans),
        hide_cursor=old.cursor is not None and (moved or painted),
        cursor=new.cursor if moved or painted else None,
        title=new.title if new.title and new.title != old.title else None,
    )


def _span(y: int, was: Row, row: Row) -> Span:
    if any(is_tricky(text) for _, text in was) or any(is_tricky(text) for _, text in row):
        return Span(y, 0, row, erase=True)
    head, limit = 0, min(len(was), len(row))
    while head < limit and was[head] == row[head]:
        head += 1
    tail = 0
    limit -= head
    while tail < limit and was[-1 - tail] == row[-1 - tail]:
        tail += 1
    x = sum(width_of(text) for _, text in row[:head])
    runs: tuple[Run, ...] = row[head : len(row) - tail]
    return Span(y, x, runs)


def _shift(old: Frame, new: Frame) -> Shift | None:
    """How the window on a list moved, if scrolling it leaves fewer rows to paint."""
    a, b = old.scroll, new.scroll
    if a is None or b is None or (a.top, a.bottom) != (b.top, b.bottom) or a.ids == b.ids:
        return None
    lines = _distance(a, b)
    height = b.bottom - b.top
    if lines == 0 or abs(lines) >= height:
        return None
    kept = sum(
        old.rows[y + lines] == new.rows[y]
        for y in range(max(b.top, b.top - lines), min(b.bottom, b.bottom - lines))
    )
    still = sum(old.rows[y] == new.rows[y] for y in range(b.top, b.bottom))
    return Shift(b.top, b.bottom, lines) if kept > still + 1 else None


def _distance(a: Scroll, b: Scroll) -> int:
    """By how many rows the ids moved up; 0 when they have nothing in common."""
    where = {key: index for index, key in enumerate(a.ids)}
    votes: dict[int, int] = {}
    for index, key in enumerate(b.ids):
        if key in where:
            lines = where[key] - index
            votes[lines] = votes.get(lines, 0) + 1
    return max(votes, key=lambda lines: votes[lines]) if votes else 0


def _shifted(rows: tuple[Row, ...], shift: Shift) -> list[Row | None]:
    window: list[Row | None] = list(rows[shift.top : shift.bottom])
    blank: list[Row | None] = [None] * abs(shift.lines)
    if shift.lines > 0:
        window = window[shift.lines :] + blank
    else:
        window = blank + window[: shift.lines]
    return [*rows[: shift.top], *window, *rows[shift.bottom :]]
