"""The help: the commands of the view below it, searchable, and run by Enter."""

from __future__ import annotations

from brummer_rx.tui.ansi import fit
from brummer_rx.tui.commands import doable, help_context, help_entries
from brummer_rx.tui.frame import Hit, Row
from brummer_rx.tui.intents import Pick
from brummer_rx.tui.layout import layout
from brummer_rx.tui.state import State
from brummer_rx.tui.views.parts import Part, key_label, pad_rows
from brummer_rx.tui.width import width_of

__all__ = ["body"]

KEY_COLUMNS = 24


def body(state: State) -> Part:
    """The rows between the chrome; the cursor stands where the search is typed."""
    height, width = layout(state.height).height, state.width
    entries = help_entries(state)
    title = f" HELP {state.glyphs.dot} {help_context(state).value.capitalize()}    "
    ask = "type to filter: "
    before = state.prompt.text[: state.prompt.cursor]
    head = fit([("title", title), ("dim", ask), ("text", state.prompt.text)], width)
    room = max(0, height - 1)
    top = max(0, min(state.picked - room + 1, len(entries) - room))
    rows: list[Row] = [head]
    hits: list[Hit] = []
    for index, entry in enumerate(entries[top : top + room], start=top):
        mark = state.glyphs.select if index == state.picked else " "
        keys = " ".join(key_label(key, state.glyphs) for key in entry.keys)
        columns = min(KEY_COLUMNS, width // 3)
        hits.append(Hit(len(rows), 0, width, Pick("help", index)))
        now = doable(state, entry)
        shown = fit([("key" if now else "dim", keys)], columns)
        words = ("text", entry.title) if now else ("dim", f"{entry.title} (not now)")
        rows.append(fit([("accent", mark), *shown, ("text", "  "), words], width))
    if not entries:
        rows.append(fit([("dim", "   no command matches")], width))
    x = min(width - 1, width_of(title + ask) + width_of(before))
    return Part(pad_rows(rows, width, height), tuple(h for h in hits if h.y < height), (x, 0))
