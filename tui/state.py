"""What the viewer knows: `Snap` (the run, collected by the edge) and `State` (what the user made of it).

Both are immutable. The reducer is the only one that makes new states; the main thread owns the current one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from brummer_rx.pipeline.process import ProcessTable
from brummer_rx.pipeline.reader import LineFilter, LogSnapshot
from brummer_rx.pipeline.runview import Notice, Tail, Usage
from brummer_rx.tui.filter import ALL, Filter
from brummer_rx.tui.glyphs import UNICODE, Glyphs
from brummer_rx.tui.prompt import Prompt

__all__ = [
    "Found",
    "Logs",
    "Message",
    "Mode",
    "Place",
    "Procs",
    "Recent",
    "Snap",
    "State",
    "View",
    "Window",
    "initial",
]


@dataclass(frozen=True, slots=True)
class Snap:
    """The run at one moment: everything that a frame is made of, besides the `State`."""

    log: LogSnapshot
    table: ProcessTable
    usage: Mapping[str, Usage] = field(default_factory=dict)
    """By process name."""
    tails: tuple[Tail, ...] = ()
    """Unfinished lines older than 50 ms."""
    notices: tuple[Notice, ...] = ()
    """The newest ones, oldest first."""
    now_ns: int = 0
    """Wall clock, ns since the epoch."""
    rates: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Lines/s by process name, newest last."""


class View(StrEnum):
    """The views; their order is that of the tabs."""

    LOGS = "logs"
    PROCS = "procs"


class Mode(StrEnum):
    """What lies over the view and takes the keys."""

    NORMAL = "normal"
    SEARCH = "search"
    FILTERS = "filters"
    HELP = "help"
    QUIT = "quit"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A row of the log: a line (by its seq; a gap by its first one) and, when wrapped, which of its rows."""

    seq: int
    sub: int = 0


@dataclass(frozen=True, slots=True)
class Window:
    """What of the log is on the screen; derived from the rest of the state and the snapshot, never chosen."""

    made_for: tuple[object, ...] = ()
    """Filter, size and store facts that it depends on; another value means: make it anew."""
    rows: tuple[Place, ...] = ()
    """From top to bottom, at most as many as fit."""
    scanned: int = 0
    """The log was looked at up to this seq (exclusive)."""
    matched: int = 0
    """Lines of the whole log that the filter lets through, up to `scanned`."""
    below: int = 0
    """Of these, how many come after the last row."""


@dataclass(frozen=True, slots=True)
class Found:
    """A search and what it has found so far."""

    pattern: str
    regex: bool = False
    ignore_case: bool = False
    where: LineFilter = field(default_factory=LineFilter)
    token: int | None = None
    """The running search; None when none runs or it has not been confirmed yet."""
    asked: bool = False
    """An answer (or the rest of one) is still to come."""
    asked_ns: int = 0
    """When it was asked last."""
    parts: tuple[tuple[int, ...], ...] = ()
    """Seqs of hits: ascending tuples, the tuples ascending too and not overlapping."""
    total: int = 0
    """Hits so far, also those whose seqs were not kept."""
    total_before: int = 0
    """Hits of the searches of older ranges: the running one counts from here."""
    upto: int = 0
    """Everything before this seq has been searched or is being searched."""
    jump: int = 0
    """Where to go as soon as a hit is known: -1, 1: before, after the cursor; 2: the nearest; 0: nowhere."""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Logs:
    """The view Logs."""

    filter: Filter = ALL
    follow: bool = True
    """Show the newest lines; `top` and `cursor` then move with them."""
    top: Place = Place(0)
    cursor: int = 0
    """Seq of the cursor's line."""
    wrap: bool = False
    col: int = 0
    """First column shown of the text; 0 when wrapped."""
    times: bool = True
    found: Found | None = None
    window: Window = Window()
    opened_from: Filter | None = None
    """Set when Enter in Procs opened this: the filter that Esc brings back."""


@dataclass(frozen=True, slots=True)
class Recent:
    """The newest lines of one process; derived, carried on from frame to frame."""

    name: str = ""
    facts: tuple[object, ...] = ()
    """Store facts that it depends on."""
    scanned: int = 0
    """The log was looked at up to this seq (exclusive)."""
    seqs: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Procs:
    """The view Procs."""

    selected: str = ""
    """Name of the chosen process; empty: the first."""
    top: int = 0
    """Index of the first row shown."""
    recent: Recent = Recent()
    """Of the chosen process."""


@dataclass(frozen=True, slots=True)
class Message:
    """What the viewer itself has to say; it goes away by time."""

    text: str
    until_ns: int
    bad: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """Everything that decides what is on the screen, besides the `Snap`."""

    width: int
    height: int
    glyphs: Glyphs = UNICODE
    utc_offset_s: int = 0
    """Local time minus UTC, seconds."""
    now_ns: int = 0
    snap: Snap | None = None
    """What was shown last; keys act on this."""
    view: View = View.LOGS
    mode: Mode = Mode.NORMAL
    logs: Logs = Logs()
    procs: Procs = Procs()
    prompt: Prompt = field(default_factory=Prompt)
    """What is typed in the modes SEARCH and HELP."""
    regex: bool = False
    """The search prompt takes a regular expression."""
    saved: Found | None = None
    """The search before the prompt was opened; Esc brings it back."""
    picked: int = 0
    """The chosen row of the help or of the filter panel."""
    message: Message | None = None
    interrupted_ns: int | None = None
    """When Ctrl-C was pressed last; a second one within 2 s quits."""
    quitting: bool = False
    focused: bool = True


def initial(width: int, height: int, *, glyphs: Glyphs = UNICODE, utc_offset_s: int = 0) -> State:
    """The first state: Logs, everything shown, following."""
    return State(max(1, width), max(1, height), glyphs=glyphs, utc_offset_s=utc_offset_s)
