"""What commands do, views aside: views and dialogs, quitting, messages.

All are pure: `(State, key) -> (State, effects)`.
"""

from __future__ import annotations

from dataclasses import replace

from brummer_rx.pipeline.process import Command, CommandKind, ProcessInfo
from brummer_rx.tui.intents import Effect, Quit, Repaint, Send, Suspend, ToggleMouse
from brummer_rx.tui.prompt import Prompt
from brummer_rx.tui.state import Message, Mode, State, View

__all__ = [
    "MESSAGE_NS",
    "Reduced",
    "alive",
    "ask_quit",
    "close",
    "interrupt",
    "open_help",
    "pick_row",
    "quit_now",
    "repaint",
    "say",
    "show_logs",
    "show_procs",
    "suspend",
    "toggle_mouse",
]

MESSAGE_NS = 4_000_000_000
"""How long a message stays in the status line."""
TWICE_NS = 2_000_000_000
"""A second Ctrl-C within this time quits."""

Reduced = tuple[State, tuple[Effect, ...]]


def say(state: State, text: str, bad: bool = False) -> State:
    """Show a message for some seconds; an empty one changes nothing."""
    if not text:
        return state
    return replace(state, message=Message(text, state.now_ns + MESSAGE_NS, bad))


def alive(state: State) -> tuple[ProcessInfo, ...]:
    """The processes that have been started and have not ended."""
    if state.snap is None:
        return ()
    return tuple(p for p in state.snap.table.processes if not p.ended)


def show_logs(state: State, _key: str) -> Reduced:
    """The view Logs."""
    return replace(state, view=View.LOGS, mode=Mode.NORMAL), ()


def show_procs(state: State, _key: str) -> Reduced:
    """The view Procs."""
    return replace(state, view=View.PROCS, mode=Mode.NORMAL), ()


def open_help(state: State, _key: str) -> Reduced:
    """What can be done here."""
    return replace(state, mode=Mode.HELP, prompt=Prompt(), picked=0), ()


def pick_row(state: State, index: int, count: int) -> State:
    """Another row of the help or of the filter panel, which has `count` of them: the nearest there is."""
    return replace(state, picked=max(0, min(index, count - 1)))


def close(state: State, _key: str) -> Reduced:
    """Away with what lies over the view."""
    return replace(state, mode=Mode.NORMAL), ()


def ask_quit(state: State, _key: str) -> Reduced:
    """The dialog; while all is being stopped there is nothing to ask."""
    if state.quitting:
        return say(state, "told to stop already"), ()
    return replace(state, mode=Mode.QUIT), ()


def quit_now(state: State, _key: str) -> Reduced:
    """Stop all and quit; asked for once."""
    if state.quitting:
        return replace(state, mode=Mode.NORMAL), ()
    return replace(state, mode=Mode.NORMAL, quitting=True), (Quit(),)


def interrupt(state: State, key: str) -> Reduced:
    """Ctrl-C: asks first, quits the second time, kills while all is being stopped."""
    if state.quitting:
        return say(state, "killing what is left"), (Send(Command(CommandKind.KILL_ALL)),)
    last = state.interrupted_ns
    if last is not None and 0 <= state.now_ns - last <= TWICE_NS:
        return quit_now(state, key)
    asked = replace(state, interrupted_ns=state.now_ns)
    message = Message("Ctrl-C again within 2 s stops all and quits", state.now_ns + TWICE_NS)
    return replace(asked, message=message), ()


def suspend(state: State, _key: str) -> Reduced:
    """Back to the shell for a while."""
    return state, (Suspend(),)


def repaint(state: State, _key: str) -> Reduced:
    """The whole screen anew."""
    return state, (Repaint(),)


def toggle_mouse(state: State, _key: str) -> Reduced:
    """The mouse to us or to the terminal."""
    return state, (ToggleMouse(),)
