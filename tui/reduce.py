"""`reduce(state, intent) -> (state, effects)`: the only place where states come from. Pure."""

from __future__ import annotations

from dataclasses import replace

from brummer_rx.tui import acts_logs, acts_procs, moves, search
from brummer_rx.tui.acts import Reduced, pick_row, say
from brummer_rx.tui.commands import by_id, entry_for, help_entries, valid
from brummer_rx.tui.intents import (
    Intent,
    Invoke,
    Pick,
    Said,
    SearchFailed,
    SearchFound,
    SearchStarted,
    Seen,
    Tick,
)
from brummer_rx.tui.keys import Focus, Key, Paste, Resize, Wheel
from brummer_rx.tui.prompt import Prompt, edit, insert
from brummer_rx.tui.settle import known_names, settle
from brummer_rx.tui.state import Mode, Snap, State, View

__all__ = ["reduce"]

WHEEL_ROWS = 3
"""Rows a notch."""


def reduce(state: State, intent: Intent) -> Reduced:
    """The state after that intent, and what is to be done outside."""
    match intent:
        case Tick(now_ns):
            return replace(state, now_ns=now_ns), ()
        case Seen(snap):
            first = state.snap is None
            seen = replace(state, snap=snap, now_ns=snap.now_ns)
            return search.catch_up(settle(_first_view(seen, snap) if first else seen))
        case Focus(gained):
            return replace(state, focused=gained), ()
        case _:
            changed, effects = _dispatch(state, intent)
            return settle(moves.hold_cursor(state, changed)), effects


def _first_view(state: State, snap: Snap) -> State:
    """Procs, where nothing starts by itself and so something has to be chosen first."""
    processes = snap.table.processes
    waiting = all(acts_procs.never_started(p) and not p.spec.autostart for p in processes)
    return replace(state, view=View.PROCS) if processes and waiting else state


def _dispatch(state: State, intent: Intent) -> Reduced:
    match intent:
        case Key():
            return _key(state, intent)
        case Paste(text):
            return _edited(state, insert(state.prompt, text)) if _typing(state) else (state, ())
        case Wheel(delta):
            return _wheel(state, delta)
        case Resize(width, height):
            return _resized(state, width, height), ()
        case Invoke(command):
            entry = by_id.get(command)
            return (
                entry.run(state, entry.keys[0]) if entry is not None and valid(state, entry) else (state, ())
            )
        case Pick(what, value):
            return _pick(state, what, value)
        case _:
            return _answer(state, intent)


def _answer(state: State, intent: Intent) -> Reduced:
    """What comes back from effects."""
    match intent:
        case SearchStarted(token):
            return search.started(state, token), ()
        case SearchFound(progress):
            found, text = search.answered(state, progress)
            return say(found, text), ()
        case SearchFailed(error):
            return search.failed(state, error), ()
        case Said(text, bad):
            return say(state, text, bad), ()
        case _:
            return state, ()


def _typing(state: State) -> bool:
    return state.mode in (Mode.SEARCH, Mode.HELP)


def _key(state: State, key: Key) -> Reduced:
    state = _hush(state, key)
    entry = entry_for(state, key.name)
    if entry is not None:
        return entry.run(state, key.name)
    if not _typing(state):
        return state, ()
    prompt = edit(state.prompt, key)
    return _edited(state, prompt) if prompt is not None else (state, ())


def _hush(state: State, key: Key) -> State:
    """The next key ends what the last one made us say, and (unless it is Ctrl-C too) a first Ctrl-C."""
    if state.message is not None and not state.message.bad:
        state = replace(state, message=None)
    return state if key.name == "ctrl-c" else replace(state, interrupted_ns=None)


def _edited(state: State, prompt: Prompt) -> Reduced:
    if state.mode is Mode.SEARCH:
        return acts_logs.typed(state, prompt)
    return replace(state, prompt=prompt, picked=0), ()


def _wheel(state: State, delta: int) -> Reduced:
    match state.mode, state.view:
        case Mode.HELP, _:
            return pick_row(state, state.picked + delta, len(help_entries(state))), ()
        case Mode.FILTERS, _:
            return pick_row(state, state.picked + delta, len(known_names(state.snap))), ()
        case _, View.LOGS:
            return moves.scroll_by(state, WHEEL_ROWS * delta), ()
        case _:
            rows = state.snap.table.processes if state.snap is not None else ()
            chosen = acts_procs.selected(state)
            return acts_procs.pick(state, (rows.index(chosen) if chosen is not None else 0) + delta), ()


def _resized(state: State, width: int, height: int) -> State:
    """Another size; what was at the top of the log stays there."""
    resized = replace(state, width=max(1, width), height=max(1, height))
    return resized if resized.snap is None else acts_procs.keep_in_view(resized)


def _pick(state: State, what: str, value: str | int) -> Reduced:
    """A click on a row; on the chosen row it is Enter."""
    match what, value:
        case "line", int() if state.view is View.LOGS and state.mode is Mode.NORMAL:
            return moves.to_line(state, value), ()
        case "process", str() if state.view is View.PROCS and state.snap is not None:
            chosen = acts_procs.selected(state)
            if chosen is not None and chosen.name == value:
                return acts_procs.open_logs(state, "enter")
            names = [p.name for p in state.snap.table.processes]
            return acts_procs.pick(state, names.index(value)) if value in names else state, ()
        case "filter", str() if state.mode is Mode.FILTERS:
            return acts_logs.toggle_name(state, value)
        case "help", int() if state.mode is Mode.HELP:
            if value == state.picked and (entry := entry_for(state, "enter")) is not None:
                return entry.run(state, "enter")
            return pick_row(state, value, len(help_entries(state))), ()
        case _:
            return state, ()
