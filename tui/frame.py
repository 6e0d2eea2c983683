"""What is to be seen: a frame is text and style names, never bytes. Pure values, made by the views.

A row is a tuple of runs `(style, text)` that together are *exactly* `width` columns wide. Style names are
the roles of `brummer_rx.tui.theme` ("text", "err", "sel", ...), a child's own colours as "sgr:<params>", or
several of them joined by "+" ("sel+sgr:31"): the later ones win.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from brummer_rx.tui.width import width_of

__all__ = ["Frame", "Hit", "Row", "Run", "Scroll", "blank_row", "check", "plain"]

Run = tuple[str, str]
"""(style name, text without control characters)."""

Row = tuple[Run, ...]
"""Runs that fill the width of the frame exactly."""


@dataclass(frozen=True, slots=True)
class Scroll:
    """A hint for the painter: these rows are a window on a list, so a shift of the ids is a scroll."""

    top: int
    """First row of the window, from 0."""
    bottom: int
    """The row after the last one."""
    ids: tuple[Hashable, ...]
    """One a row (`bottom - top` of them); equal ids mean the same thing is shown."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A part of one row that does something when it is clicked."""

    y: int
    x: int
    width: int
    target: Hashable
    """What the click means; the views choose it and the reducer reads it."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One whole screen."""

    width: int
    height: int
    rows: tuple[Row, ...]
    """`height` rows of `width` columns each."""
    cursor: tuple[int, int] | None = None
    """(x, y) of a visible cursor, from 0; None hides it."""
    scroll: Scroll | None = None
    title: str = ""
    """The terminal's title; empty leaves it alone."""
    hits: tuple[Hit, ...] = ()

    def hit_at(self, x: int, y: int) -> Hashable | None:
        """What a click on the cell (x, y) means; the last of overlapping hits wins."""
        for hit in reversed(self.hits):
            if hit.y == y and hit.x <= x < hit.x + hit.width:
                return hit.target
        return None


def blank_row(width: int, style: str = "text") -> Row:
    """A row of spaces."""
    return ((style, " " * width),) if width > 0 else ()


def plain(frame: Frame) -> tuple[str, ...]:
    """The text of a frame, row by row; for tests and pictures."""
    return tuple("".join(text for _, text in row) for row in frame.rows)


def check(frame: Frame) -> list[str]:
    """What is wrong with a frame's geometry; empty when it is right. For tests."""
    wrong: list[str] = []
    if len(frame.rows) != frame.height:
        wrong.append(f"{len(frame.rows)} rows, not {frame.height}")
    for y, row in enumerate(frame.rows):
        columns = sum(width_of(text) for _, text in row)
        if columns != frame.width:
            wrong.append(f"row {y}: {columns} columns, not {frame.width}")
    if frame.cursor is not None:
        x, y = frame.cursor
        if not (0 <= x < frame.width and 0 <= y < frame.height):
            wrong.append(f"cursor {frame.cursor} is outside")
    if (scroll := frame.scroll) is not None:
        if not 0 <= scroll.top <= scroll.bottom <= frame.height:
            wrong.append(f"scroll window {scroll.top}..{scroll.bottom} is outside")
        elif len(scroll.ids) != scroll.bottom - scroll.top:
            wrong.append(f"{len(scroll.ids)} ids for {scroll.bottom - scroll.top} rows")
    wrong += [
        f"hit {hit} is outside"
        for hit in frame.hits
        if not (0 <= hit.y < frame.height and hit.x >= 0 and hit.x + hit.width <= frame.width)
    ]
    return wrong
