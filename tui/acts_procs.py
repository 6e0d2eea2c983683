"""What the commands of the view Procs do: choosing, starting, stopping, opening logs. Pure."""

from __future__ import annotations

from dataclasses import replace

from brummer_rx.pipeline.process import Command, CommandKind, ProcessInfo, ProcessState
from brummer_rx.tui import search
from brummer_rx.tui.acts import Reduced, say
from brummer_rx.tui.filter import Filter
from brummer_rx.tui.intents import Effect, Send
from brummer_rx.tui.layout import layout, procs_split
from brummer_rx.tui.state import State, View

__all__ = [
    "keep_in_view",
    "never_started",
    "open_logs",
    "pick",
    "restart",
    "restart_all",
    "select",
    "selected",
    "start_stop",
    "table_rows",
]


def never_started(info: ProcessInfo) -> bool:
    """Whether it only stands in the list: found in a project file, not started in this run."""
    return info.incarnation == 0 and info.state is ProcessState.EXITED


def _rows(state: State) -> tuple[ProcessInfo, ...]:
    return state.snap.table.processes if state.snap is not None else ()


def _index(state: State) -> int:
    names = [p.name for p in _rows(state)]
    return names.index(state.procs.selected) if state.procs.selected in names else 0


def selected(state: State) -> ProcessInfo | None:
    """The chosen process: the first where nothing (or something that is gone) was chosen."""
    rows = _rows(state)
    return rows[_index(state)] if rows else None


def table_rows(state: State) -> int:
    """Rows of processes that fit on the screen, at least one."""
    return max(1, procs_split(layout(state.height).height)[0] - 1)


def pick(state: State, index: int) -> State:
    """Choose the row of that index (clamped) and scroll it into view."""
    rows = _rows(state)
    if not rows:
        return state
    index = max(0, min(index, len(rows) - 1))
    fit = table_rows(state)
    top = max(0, min(state.procs.top, index, max(0, len(rows) - fit)))
    top = max(top, index - fit + 1)
    return replace(state, procs=replace(state.procs, selected=rows[index].name, top=top))


def select(state: State, key: str) -> Reduced:
    """The keys that choose a row."""
    at, page = _index(state), table_rows(state)
    steps = {
        "up": at - 1,
        "k": at - 1,
        "pgup": at - page,
        "ctrl-u": at - page // 2,
        "pgdn": at + page,
        "ctrl-d": at + page // 2,
        "home": 0,
        "g": 0,
        "end": len(_rows(state)),
        "G": len(_rows(state)),
    }
    return pick(state, steps.get(key, at + 1)), ()


def open_logs(state: State, _key: str) -> Reduced:
    """The logs of the chosen process alone; Esc comes back here."""
    info = selected(state)
    if info is None:
        return state, ()
    logs = state.logs
    before = logs.filter if logs.opened_from is None else logs.opened_from
    alone = replace(logs, filter=Filter(frozenset((info.name,))), follow=True, col=0, opened_from=before)
    return search.again(replace(state, view=View.LOGS, logs=alone))


def start_stop(state: State, _key: str) -> Reduced:
    """Start what has ended or never ran; stop what runs."""
    info = selected(state)
    if info is None:
        return state, ()
    if info.state is ProcessState.STOPPING:
        return say(state, f"{info.name} is being stopped"), ()
    if info.state in (ProcessState.EXITED, ProcessState.FAILED):
        return _ask(state, CommandKind.START, info.name, "starting")
    return _ask(state, CommandKind.STOP, info.name, "stopping")


def restart(state: State, _key: str) -> Reduced:
    """Stop and start again; what never ran is started."""
    info = selected(state)
    if info is None:
        return state, ()
    if never_started(info):
        return _ask(state, CommandKind.START, info.name, "starting")
    return _ask(state, CommandKind.RESTART, info.name, "restarting")


def _ask(state: State, kind: CommandKind, name: str, doing: str) -> Reduced:
    return say(state, f"{doing} {name}"), (Send(Command(kind, name)),)


def restart_all(state: State, _key: str) -> Reduced:
    """Restart every process that was started in this run."""
    names = [p.name for p in _rows(state) if not never_started(p)]
    if not names:
        return say(state, "nothing was started yet"), ()
    effects: tuple[Effect, ...] = tuple(Send(Command(CommandKind.RESTART, name)) for name in names)
    return say(state, f"restarting {len(names)}"), effects


def keep_in_view(state: State) -> State:
    """The chosen row on the screen again, after the screen or the table has changed."""
    return pick(state, _index(state)) if state.procs.selected else state
