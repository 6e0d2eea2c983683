"""The filter panel: processes by number, the level; it lies over the right of the log."""

from __future__ import annotations

from collections.abc import Sequence

from brummer_rx.tui.ansi import fit
from brummer_rx.tui.filter import LEVELS, shows
from brummer_rx.tui.frame import Hit, Row, Run
from brummer_rx.tui.intents import Invoke, Pick
from brummer_rx.tui.settle import known_names, total_lines
from brummer_rx.tui.state import Snap, State
from brummer_rx.tui.theme import source_style
from brummer_rx.tui.views.parts import Part, printable

__all__ = ["over", "panel"]

COLUMNS = 44


def _line(runs: Sequence[Run], width: int) -> Row:
    """A row of the panel with the blank that keeps it apart from the text."""
    return fit([("text", "  "), *runs], width)


def panel(state: State, snap: Snap, width: int, height: int) -> Part:
    """The panel's rows, `height` at most."""
    names = known_names(snap)
    room = max(0, height - 3)
    top = max(0, min(state.picked - room + 1, len(names) - room))
    matched, total = state.logs.window.matched, total_lines(snap.log)
    rows = [_line([("title", "FILTERS"), ("dim", f"   {matched:,} of {total:,} lines")], width)]
    hits: list[Hit] = []
    for index, name in enumerate(names[top : top + room], start=top):
        chosen = index == state.picked
        box = "[x]" if shows(state.logs.filter, name) else "[ ]"
        sign = state.glyphs.select if chosen else " "
        digit = str(index + 1) if index < 9 else " "
        hits.append(Hit(len(rows), 0, width, Pick("filter", name)))
        runs: list[Run] = [
            ("accent", sign),
            ("key", digit),
            ("text", f" {box} "),
            (source_style(index), printable(name)),
        ]
        rows.append(_line(runs, width))
    level = state.logs.filter.level
    words = ["all" if one is None else one.name.lower() for one in LEVELS]
    marked = [
        ("sel", f"[{w}]") if one is level else ("dim", f" {w} ") for w, one in zip(words, LEVELS, strict=True)
    ]
    hits.append(Hit(len(rows), 0, width, Invoke("filter-level")))
    rows.append(_line([("text", " "), ("key", "l"), ("text", " level>="), *marked], width))
    rows.append(_line([("dim", "  digits or space: show, hide")], width))
    return Part(tuple(rows[:height]), tuple(hit for hit in hits if hit.y < height))


def over(below: Part, state: State, snap: Snap) -> Part:
    """The panel over the right side of `below`."""
    width = min(COLUMNS, state.width)
    left = state.width - width
    top = panel(state, snap, width, len(below.rows))
    rows = [(*fit(row, left), *mine) for row, mine in zip(below.rows, top.rows, strict=False)]
    hits = [Hit(h.y, left, h.width, h.target) for h in top.hits]
    return Part((*rows, *below.rows[len(rows) :]), tuple(hits))
