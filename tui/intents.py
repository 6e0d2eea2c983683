"""What comes into the viewer (intents) and what it asks the outside for (effects). Values only.

How the edge (`brummer_rx.tui.app`) drives the pure part; all of it on the main thread::

    state = initial(width, height)                       # brummer_rx.tui.state
    each input event:  state, effects = reduce(state, Tick(now_ns)); then reduce(state, event)
                       a Click is looked up first: target = shown.hit_at(x, y); a target is an intent, so
                       reduce it (no target: nothing happens). All other events go in as they are.
    before each frame: state, effects = reduce(state, Seen(snap)); frame = view(state, snap)
    next timer:        wake_at(state, snap) says when the picture changes by time alone (ns, or None)

Keys act on the snapshot that was shown last, which is what the person at the keyboard saw.

Answers to effects come back as intents: `Search` -> `SearchStarted(token)` at once (or `SearchFailed`), then
`SearchFound` for each `SearchProgress`; `Copy` -> `Said("Copied 3 lines")`. Answers of a search that is no
longer wanted are dropped by their token.
"""

from __future__ import annotations

from dataclasses import dataclass

from brummer_rx.pipeline.process import Command
from brummer_rx.pipeline.reader import SearchProgress, SearchQuery
from brummer_rx.tui.keys import Click, Focus, Key, Paste, Resize, Wheel
from brummer_rx.tui.state import Snap

__all__ = [
    "CancelSearch",
    "Copy",
    "Effect",
    "Intent",
    "Invoke",
    "Pick",
    "Quit",
    "Repaint",
    "Said",
    "Search",
    "SearchFailed",
    "SearchFound",
    "SearchStarted",
    "Seen",
    "Send",
    "Suspend",
    "Tick",
    "ToggleMouse",
]


# --- intents -------


@dataclass(frozen=True, slots=True)
class Tick:
    """What time it is; before each input event."""

    now_ns: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What will be on the screen next: the run as of now."""

    snap: Snap


@dataclass(frozen=True, slots=True)
class SearchStarted:
    """The search asked for by the last `Search` runs under this token."""

    token: int


@dataclass(frozen=True, slots=True)
class SearchFound:
    """A part of an answer has arrived."""

    progress: SearchProgress


@dataclass(frozen=True, slots=True)
class SearchFailed:
    """The search asked for by the last `Search` could not be started."""

    error: str


@dataclass(frozen=True, slots=True)
class Said:
    """Something to show in the status line for some seconds."""

    text: str
    bad: bool = False


@dataclass(frozen=True, slots=True)
class Invoke:
    """Run a command of the table `commands.TABLE` by its id, as its key would: a click on a hint or a tab."""

    command: str


@dataclass(frozen=True, slots=True)
class Pick:
    """A click on a row: `what` says which list ("line", "process", "help", "filter"), `value` which row."""

    what: str
    value: str | int


Intent = (
    Key
    | Paste
    | Wheel
    | Click
    | Resize
    | Focus
    | Tick
    | Seen
    | SearchStarted
    | SearchFound
    | SearchFailed
    | Said
    | Invoke
    | Pick
)
"""Everything that the reducer understands."""


# --- effects -------


@dataclass(frozen=True, slots=True)
class Send:
    """Ask the decider (`RunView.send`); a `BufferOverflow` is answered by `Said(..., bad=True)`."""

    command: Command


@dataclass(frozen=True, slots=True)
class Search:
    """Submit to the `SearchService`; answered by `SearchStarted` or `SearchFailed` at once."""

    query: SearchQuery


@dataclass(frozen=True, slots=True)
class CancelSearch:
    """Forget the running search."""


@dataclass(frozen=True, slots=True)
class Copy:
    """Put text on the clipboard; answered by `Said` with `what` ("1 line", "38 lines") or why it failed."""

    text: str
    what: str


@dataclass(frozen=True, slots=True)
class Quit:
    """Stop all processes and end; the viewer stays on the screen until that is done."""


@dataclass(frozen=True, slots=True)
class Suspend:
    """Give the terminal back to the shell until we are continued (Ctrl-Z)."""


@dataclass(frozen=True, slots=True)
class Repaint:
    """Paint everything anew, whatever the screen is believed to show (Ctrl-L)."""


@dataclass(frozen=True, slots=True)
class ToggleMouse:
    """Take the mouse or leave it to the terminal; answered by `Said`."""


Effect = Send | Search | CancelSearch | Copy | Quit | Suspend | Repaint | ToggleMouse
"""Everything that the reducer asks for."""
