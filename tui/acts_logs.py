"""What the commands of the view Logs do: moving, searching, filtering, copying. Pure."""

from __future__ import annotations

from dataclasses import replace

from brummer_rx.tui import moves, search
from brummer_rx.tui.acts import Reduced, pick_row, say
from brummer_rx.tui.filter import ALL, Filter, cycle_level, only, toggle
from brummer_rx.tui.gaps import gap_text
from brummer_rx.tui.intents import Copy
from brummer_rx.tui.prompt import Prompt
from brummer_rx.tui.settle import body_height, field_of, known_names, shown_rows
from brummer_rx.tui.state import Mode, State, View
from brummer_rx.tui.walk import gap_at

__all__ = [
    "back",
    "can_go_back",
    "cancel_search",
    "column",
    "copy_line",
    "copy_shown",
    "cycle",
    "end_search",
    "error",
    "filter_pick",
    "filter_toggle",
    "filters_off",
    "hit",
    "move",
    "only_picked",
    "open_filters",
    "open_search",
    "set_filter",
    "toggle_name",
    "toggle_regex",
    "toggle_times",
    "toggle_wrap",
    "typed",
]

COLUMNS = 10
"""Columns that `h` and `l` move."""


def move(state: State, key: str) -> Reduced:
    """The keys that move up and down."""
    page = max(1, body_height(state) - 1)
    match key:
        case "up" | "k":
            moved = moves.cursor_by(state, -1)
        case "down" | "j":
            moved = moves.cursor_by(state, 1)
        case "pgup":
            moved = moves.page_by(state, -page)
        case "pgdn":
            moved = moves.page_by(state, page)
        case "ctrl-u":
            moved = moves.page_by(state, -max(1, page // 2))
        case "ctrl-d":
            moved = moves.page_by(state, max(1, page // 2))
        case "home" | "g":
            moved = moves.to_first(state)
        case _:
            moved = moves.follow(state)
    return moved, ()


def column(state: State, key: str) -> Reduced:
    """The keys that move left and right."""
    match key:
        case "left" | "h":
            moved = moves.columns_by(state, -COLUMNS)
        case "right" | "l":
            moved = moves.columns_by(state, COLUMNS)
        case "$":
            moved = moves.to_end_of_text(state)
        case _:
            moved = moves.to_column(state, 0)
    return moved, ()


def error(state: State, key: str) -> Reduced:
    """The next error line (`e`), or the one before (`E`)."""
    moved, text = moves.next_error(state, 1 if key == "e" else -1)
    return say(moved, text), ()


def toggle_wrap(state: State, _key: str) -> Reduced:
    """Long lines on several rows, or cut."""
    return replace(state, logs=replace(state.logs, wrap=not state.logs.wrap, col=0)), ()


def toggle_times(state: State, _key: str) -> Reduced:
    """The time column on or off."""
    return replace(state, logs=replace(state.logs, times=not state.logs.times)), ()


# --- search ---


def open_search(state: State, _key: str) -> Reduced:
    """The prompt; the search so far stays until something is typed."""
    return replace(state, mode=Mode.SEARCH, prompt=Prompt(), saved=state.logs.found), ()


def typed(state: State, prompt: Prompt) -> Reduced:
    """The prompt has changed: search while typing."""
    changed = prompt.text != state.prompt.text
    state = replace(state, prompt=prompt)
    return search.begin(state, prompt.text, state.regex) if changed else (state, ())


def toggle_regex(state: State, _key: str) -> Reduced:
    """Search for text, or for a regular expression."""
    state = replace(state, regex=not state.regex)
    return search.begin(state, state.prompt.text, state.regex) if state.prompt.text else (state, ())


def end_search(state: State, _key: str) -> Reduced:
    """Enter: to the nearest hit; an empty prompt keeps the search that was, a bad pattern can be mended."""
    if not state.prompt.text:
        return cancel_search(state, _key)
    if state.regex and search.wrong_with(state.prompt.text):
        return state, ()
    moved, text = search.go(replace(state, mode=Mode.NORMAL, saved=None), search.HERE)
    return say(moved, text), ()


def cancel_search(state: State, _key: str) -> Reduced:
    """Esc in the prompt: the search before it is back."""
    saved, now = state.saved, state.logs.found
    state = replace(state, mode=Mode.NORMAL, saved=None)
    if saved is now:
        return state, ()
    if saved is not None and saved.asked:
        return search.begin(state, saved.pattern, saved.regex)
    dropped, effects = search.drop(state)
    return replace(dropped, logs=replace(dropped.logs, found=saved)), effects


def hit(state: State, key: str) -> Reduced:
    """The next hit (`n`), or the one before (`N`)."""
    moved, text = search.go(state, 1 if key == "n" else -1)
    return say(moved, text), ()


# --- filters ---


def set_filter(state: State, chosen: Filter) -> Reduced:
    """Show other lines; a search goes on among these."""
    if chosen == state.logs.filter:
        return state, ()
    return search.again(replace(state, logs=replace(state.logs, filter=chosen, opened_from=None)))


def open_filters(state: State, _key: str) -> Reduced:
    """The panel."""
    return replace(state, mode=Mode.FILTERS, picked=0), ()


def filters_off(state: State, _key: str) -> Reduced:
    """Everything is shown."""
    return set_filter(state, ALL)


def toggle_name(state: State, name: str) -> Reduced:
    """Show or hide one process."""
    return set_filter(state, toggle(state.logs.filter, name, known_names(state.snap)))


def filter_toggle(state: State, key: str) -> Reduced:
    """A digit or the chosen row: show or hide that process."""
    names = known_names(state.snap)
    index = int(key) - 1 if key.isdigit() else state.picked
    if not 0 <= index < len(names):
        return state, ()
    toggled, effects = toggle_name(state, names[index])
    return replace(toggled, picked=index), effects


def filter_pick(state: State, key: str) -> Reduced:
    """Another row of the panel."""
    far = len(known_names(state.snap))
    steps = {"up": -1, "k": -1, "pgup": -10, "pgdn": 10, "g": -far, "home": -far, "G": far, "end": far}
    return pick_row(state, state.picked + steps.get(key, 1), far), ()


def only_picked(state: State, _key: str) -> Reduced:
    """The chosen process alone; the panel closes."""
    names = known_names(state.snap)
    state = replace(state, mode=Mode.NORMAL)
    if not 0 <= state.picked < len(names):
        return state, ()
    return set_filter(state, only(state.logs.filter, names[state.picked]))


def cycle(state: State, _key: str) -> Reduced:
    """The next level."""
    return set_filter(state, cycle_level(state.logs.filter))


# --- copying, going back ---


def _texts(state: State, keys: list[int]) -> list[str]:
    if state.snap is None or not keys:
        return []
    field = field_of(state, state.snap)
    lines = {line.seq: line.text for line in state.snap.log.read(keys)}
    found = []
    for key in keys:
        gap = None if key in lines else gap_at(field, key)
        if key in lines or gap is not None:
            found.append(gap_text(gap) if gap is not None else lines[key])
    return found


def _copy(state: State, keys: list[int]) -> Reduced:
    texts = _texts(state, keys)
    if not texts:
        return say(state, "nothing to copy"), ()
    what = "1 line" if len(texts) == 1 else f"{len(texts)} lines"
    return state, (Copy("\n".join(texts), what),)


def copy_line(state: State, _key: str) -> Reduced:
    """The clean text of the cursor's line."""
    return _copy(state, [state.logs.cursor])


def copy_shown(state: State, _key: str) -> Reduced:
    """The clean text of all lines on the screen."""
    rows = shown_rows(state, state.snap) if state.snap is not None else ()
    return _copy(state, sorted({place.seq for place in rows}))


def can_go_back(state: State) -> bool:
    """Whether Esc has something to undo here."""
    return state.logs.found is not None or state.logs.opened_from is not None


def back(state: State, _key: str) -> Reduced:
    """One step back: the search goes, then the logs opened from Procs."""
    if state.logs.found is not None:
        return search.drop(state)
    if state.logs.opened_from is None:
        return state, ()
    logs = replace(state.logs, filter=state.logs.opened_from, opened_from=None, follow=True)
    return replace(state, view=View.PROCS, logs=logs), ()
