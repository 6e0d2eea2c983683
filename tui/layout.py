"""Where things stand on a screen of a given size: pure geometry, shared by the reducer and the views."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from brummer_rx.tui.width import width_of

__all__ = ["Gutter", "Layout", "gutter", "layout", "procs_split"]

NAME_COLUMNS = 10
"""Columns of the name column at most."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Rows of the parts, from 0; -1 where there is no room for a part."""

    header: int
    chips: int
    top: int
    """First row of the body."""
    height: int
    """Rows of the body, at least 1."""
    status: int
    footer: int


@lru_cache(maxsize=64)
def layout(height: int) -> Layout:
    """The parts of a screen of `height` rows (>= 1): what matters least goes first when room is short."""
    header = height >= 3
    chips = height >= 8
    status = height >= 2
    footer = height >= 5
    top = header + chips
    body = height - top - status - footer
    return Layout(
        header=0 if header else -1,
        chips=1 if chips else -1,
        top=top,
        height=body,
        status=top + body if status else -1,
        footer=height - 1 if footer else -1,
    )


@dataclass(frozen=True, slots=True)
class Gutter:
    """The columns left of a line's text: mark, time, name, level. 0 columns: the part is left out."""

    time: int
    """12 with milliseconds, 8 without, 0 none; without the blank after it."""
    name: int
    level: int
    bar: int
    """Columns of the scroll bar on the right."""
    text: int
    """Columns of the text, at least 1."""
    columns: int
    """Columns left of the text, the cursor's mark included."""


def gutter(width: int, names: Iterable[str], times: bool) -> Gutter:
    """How the columns of a log line are shared out on a screen of that width."""
    longest = max((width_of(n) for n in names), default=0)
    return _gutter(width, min(longest, NAME_COLUMNS), times)


@lru_cache(maxsize=64)
def _gutter(width: int, longest: int, times: bool) -> Gutter:
    time = 12 if width >= 76 else 8 if width >= 64 else 0
    name = longest if width >= 64 else min(longest, 6) if width >= 40 else min(longest, 1)
    level = 1 if width >= 16 else 0
    parts = [time if times else 0, name if width >= 8 else 0, level]
    mark = 1 if width > 1 else 0
    bar = 1 if width >= 40 else 0
    left = mark + sum(p + 1 for p in parts if p)
    return Gutter(parts[0], parts[1], parts[2], bar, width - left - bar, left)


def procs_split(height: int) -> tuple[int, int]:
    """Rows of the table (with its heading) and of the detail pane below it, for a body of `height` rows."""
    pane = min(12, max(0, height - 4) // 2)
    return (height - pane, pane) if pane >= 3 else (height, 0)
