"""The one table of commands: what can be done, with which keys, where and when.

The reducer, the footer, the help and the tests all read this table. A key means one thing in a context.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from brummer_rx.tui import acts, acts_logs, acts_procs
from brummer_rx.tui.acts import Reduced, pick_row, say
from brummer_rx.tui.filter import ALL
from brummer_rx.tui.state import Mode, State
from brummer_rx.tui.views.parts import key_label

__all__ = [
    "TABLE",
    "Context",
    "Entry",
    "by_id",
    "context",
    "doable",
    "entry_for",
    "footer_entries",
    "help_context",
    "help_entries",
    "valid",
]


class Context(StrEnum):
    """What takes the keys."""

    LOGS = "logs"
    PROCS = "procs"
    SEARCH = "search"
    FILTERS = "filters"
    HELP = "help"
    QUIT = "quit"


def context(state: State) -> Context:
    """What takes the keys now: what lies over the view, else the view."""
    return Context(state.view.value if state.mode is Mode.NORMAL else state.mode.value)


def help_context(state: State) -> Context:
    """Of what the help tells: the view below it."""
    return Context(state.view.value)


def _always(_state: State) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Entry:
    """One command."""

    id: str
    title: str
    """What it does, for the help."""
    keys: tuple[str, ...]
    """Names as in `brummer_rx.tui.keys`; the first ones are shown."""
    contexts: frozenset[Context]
    run: Callable[[State, str], Reduced]
    """Gets the state and the key's name."""
    when: Callable[[State], bool] = _always
    """Whether it can be done now; else the footer leaves it out and the help dims it."""
    hint: str = ""
    """Short form for the footer; empty: not there."""
    shown: int = 1
    """How many of the keys the footer shows."""


# --- when ---


def _has_lines(state: State) -> bool:
    return bool(state.logs.window.rows)


def _paused(state: State) -> bool:
    return not state.logs.follow


def _searching(state: State) -> bool:
    return state.logs.found is not None


def _unwrapped(state: State) -> bool:
    return not state.logs.wrap


def _filtered(state: State) -> bool:
    return state.logs.filter != ALL


def _has_process(state: State) -> bool:
    return acts_procs.selected(state) is not None


# --- the help's own commands: they need the table ---


def help_entries(state: State) -> tuple[Entry, ...]:
    """What the help lists: commands of the view below it that match what is typed.

    First those that have a key of just that name, then those whose titles hold all the words.
    """
    here, typed = help_context(state), state.prompt.text.strip()
    words = typed.lower().split()
    every = [e for e in TABLE if here in e.contexts and e.id != "help"]
    by_key = [e for e in every if typed and _has_key(state, e, typed)]
    by_word = [e for e in every if e not in by_key and all(word in e.title.lower() for word in words)]
    return (*by_key, *by_word)


def _has_key(state: State, entry: Entry, typed: str) -> bool:
    """Whether it has that key: one letter as it is, longer names in any case, as we call it or show it."""
    names = {*entry.keys, *(key_label(key, state.glyphs) for key in entry.keys)}
    return typed in names or (len(typed) > 1 and typed.lower() in {name.lower() for name in names})


def doable(state: State, entry: Entry) -> bool:
    """Whether a command that the help lists can be done now."""
    return entry.when(replace(state, mode=Mode.NORMAL))


def _help_move(state: State, key: str) -> Reduced:
    step = {"up": -1, "pgup": -10, "pgdn": 10}.get(key, 1)
    return pick_row(state, state.picked + step, len(help_entries(state))), ()


def _help_run(state: State, _key: str) -> Reduced:
    entries = help_entries(state)
    below = replace(state, mode=Mode.NORMAL)
    if not 0 <= state.picked < len(entries):
        return state, ()
    entry = entries[state.picked]
    if not doable(state, entry):
        return say(state, f"not now: {entry.title}"), ()
    return entry.run(below, entry.keys[0])


# --- the table ---

_LOGS = frozenset((Context.LOGS,))
_PROCS = frozenset((Context.PROCS,))
_VIEWS = _LOGS | _PROCS
_SEARCH = frozenset((Context.SEARCH,))
_FILTERS = frozenset((Context.FILTERS,))
_HELP = frozenset((Context.HELP,))
_QUIT = frozenset((Context.QUIT,))
_ALL = frozenset(Context)
_DIGITS = tuple("123456789")

TABLE: tuple[Entry, ...] = (
    # Logs
    Entry("search", "search, smart case", ("/",), _LOGS, acts_logs.open_search, hint="search"),
    Entry("hit", "next, previous hit", ("n", "N"), _LOGS, acts_logs.hit, _searching, "hits", 2),
    Entry("filter", "filters: processes, level", ("f",), _LOGS, acts_logs.open_filters, hint="filter"),
    Entry(
        "filters-off", "all filters off", ("ctrl-f",), _LOGS, acts_logs.filters_off, _filtered, "filters off"
    ),
    Entry("follow", "follow the newest lines", ("G", "end"), _LOGS, acts_logs.move, _paused, "follow"),
    Entry(
        "error", "next, previous line of level error", ("e", "E"), _LOGS, acts_logs.error, hint="next error"
    ),
    Entry("copy", "copy the line under the cursor", ("y",), _LOGS, acts_logs.copy_line, _has_lines, "copy"),
    Entry("copy-shown", "copy all lines shown", ("Y",), _LOGS, acts_logs.copy_shown, _has_lines),
    Entry("wrap", "wrap long lines, or cut them", ("w",), _LOGS, acts_logs.toggle_wrap, hint="wrap"),
    Entry("time", "time column on, off", ("t",), _LOGS, acts_logs.toggle_times),
    Entry("line", "one line up, down", ("k", "j", "up", "down"), _LOGS, acts_logs.move),
    Entry("page", "one page up, down", ("pgup", "pgdn"), _LOGS, acts_logs.move),
    Entry("half-page", "half a page up, down", ("ctrl-u", "ctrl-d"), _LOGS, acts_logs.move),
    Entry("first", "oldest line", ("g", "home"), _LOGS, acts_logs.move),
    Entry(
        "columns", "ten columns left, right", ("h", "l", "left", "right"), _LOGS, acts_logs.column, _unwrapped
    ),
    Entry("ends", "first column, end of the text", ("0", "$"), _LOGS, acts_logs.column, _unwrapped),
    Entry("back", "one step back", ("esc",), _LOGS, acts_logs.back, acts_logs.can_go_back, "back"),
    # Procs
    Entry("start-stop", "start, or stop", ("s",), _PROCS, acts_procs.start_stop, _has_process, "start/stop"),
    Entry("restart", "restart", ("r",), _PROCS, acts_procs.restart, _has_process, "restart"),
    Entry("restart-all", "restart all", ("ctrl-r",), _PROCS, acts_procs.restart_all, _has_process, "all"),
    Entry("open", "logs of this process", ("enter",), _PROCS, acts_procs.open_logs, _has_process, "logs"),
    Entry("row", "one row up, down", ("k", "j", "up", "down"), _PROCS, acts_procs.select, _has_process),
    Entry("rows", "one page up, down", ("pgup", "pgdn"), _PROCS, acts_procs.select, _has_process),
    Entry("half-rows", "half a page up, down", ("ctrl-u", "ctrl-d"), _PROCS, acts_procs.select, _has_process),
    Entry("row-ends", "first, last row", ("g", "G", "home", "end"), _PROCS, acts_procs.select, _has_process),
    Entry("home", "back to the logs", ("esc",), _PROCS, acts.show_logs, hint="back"),
    # search prompt
    Entry("search-go", "to the nearest hit", ("enter",), _SEARCH, acts_logs.end_search, hint="go to hit"),
    Entry(
        "search-regex", "text, or regular expression", ("tab",), _SEARCH, acts_logs.toggle_regex, hint="regex"
    ),
    Entry("search-cancel", "no search", ("esc",), _SEARCH, acts_logs.cancel_search, hint="cancel"),
    # filter panel
    Entry("filter-toggle", "show, hide", (*_DIGITS, "space"), _FILTERS, acts_logs.filter_toggle),
    Entry("filter-row", "one row up, down", ("k", "j", "up", "down"), _FILTERS, acts_logs.filter_pick),
    Entry("filter-rows", "ten rows up, down", ("pgup", "pgdn"), _FILTERS, acts_logs.filter_pick),
    Entry("filter-ends", "first, last row", ("g", "G", "home", "end"), _FILTERS, acts_logs.filter_pick),
    Entry("filter-only", "this one alone", ("enter",), _FILTERS, acts_logs.only_picked, hint="only this"),
    Entry("filter-level", "next level", ("l",), _FILTERS, acts_logs.cycle, hint="level"),
    Entry(
        "filter-off", "all filters off", ("ctrl-f",), _FILTERS, acts_logs.filters_off, _filtered, "all off"
    ),
    Entry("filter-close", "close", ("esc", "f", "q"), _FILTERS, acts.close, hint="close"),
    # help
    Entry("help-run", "run it", ("enter",), _HELP, _help_run, lambda s: bool(help_entries(s)), "run it"),
    Entry("help-move", "choose", ("up", "down", "pgup", "pgdn"), _HELP, _help_move, hint="choose", shown=2),
    Entry("help-close", "close", ("esc",), _HELP, acts.close, hint="close"),
    # quit dialog
    Entry("quit-now", "stop all and quit", ("q",), _QUIT, acts.quit_now, hint="stop all and quit"),
    Entry("quit-stay", "stay", ("esc",), _QUIT, acts.close, hint="stay"),
    # everywhere
    Entry("logs", "view Logs", ("1",), _VIEWS, acts.show_logs),
    Entry("procs", "view Procs", ("2",), _VIEWS, acts.show_procs),
    Entry("help", "help: all keys of this view", ("?",), _VIEWS, acts.open_help, hint="help"),
    Entry("quit", "quit", ("q",), _VIEWS, acts.ask_quit, hint="quit"),
    Entry("interrupt", "twice: stop all and quit", ("ctrl-c",), _ALL, acts.interrupt),
    Entry("mouse", "mouse on, off (off: the terminal selects)", ("f2",), _ALL, acts.toggle_mouse),
    Entry("repaint", "repaint the screen", ("ctrl-l",), _ALL, acts.repaint),
    Entry("suspend", "suspend; fg comes back", ("ctrl-z",), _ALL, acts.suspend),
)

by_id: Mapping[str, Entry] = {entry.id: entry for entry in TABLE}
_BY_KEY: Mapping[tuple[Context, str], Entry] = {
    (where, key): entry for entry in TABLE for where in entry.contexts for key in entry.keys
}


def entry_for(state: State, key: str) -> Entry | None:
    """The command of that key, if it has one here and can be done now."""
    entry = _BY_KEY.get((context(state), key))
    return entry if entry is not None and entry.when(state) else None


def valid(state: State, entry: Entry) -> bool:
    """Whether the command can be done now."""
    return context(state) in entry.contexts and entry.when(state)


_HINTED: Mapping[Context, tuple[Entry, ...]] = {
    where: tuple(e for e in TABLE if e.hint and where in e.contexts) for where in Context
}


def footer_entries(state: State) -> tuple[Entry, ...]:
    """What the footer may show, most useful first."""
    return tuple(e for e in _HINTED[context(state)] if e.when(state))
