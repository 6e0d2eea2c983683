"""The viewer: bytes -> keys -> intents -> `State` -> `Frame` -> bytes.

`Viewer` is all of it, on the main thread. The pure parts can be used alone: `brummer_rx.tui.reduce.reduce`
(intent in, state and effects out), `brummer_rx.tui.view.view` (state and `Snap` in, `Frame` out) and `paint`
(two frames in, the bytes between them out). Nothing here reads a file of the store: a `Snap` brings a
snapshot.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from brummer_rx.tui.app import Viewer
    from brummer_rx.tui.encode import paint
    from brummer_rx.tui.frame import Frame, Hit, Row, Scroll
    from brummer_rx.tui.glyphs import Glyphs
    from brummer_rx.tui.intents import Intent
    from brummer_rx.tui.keys import Click, Focus, Key, Paste, Pump, Resize, Wheel
    from brummer_rx.tui.state import Mode, Snap, State, View
    from brummer_rx.tui.terminal import Terminal
    from brummer_rx.tui.theme import Theme
    from brummer_rx.tui.viewer_options import ViewerOptions

__all__ = [
    "Click",
    "Focus",
    "Frame",
    "Glyphs",
    "Hit",
    "Intent",
    "Key",
    "Mode",
    "Paste",
    "Pump",
    "Resize",
    "Row",
    "Scroll",
    "Snap",
    "State",
    "Terminal",
    "Theme",
    "View",
    "Viewer",
    "ViewerOptions",
    "Wheel",
    "paint",
]

_WHERE = {
    "app": ("Viewer",),
    "encode": ("paint",),
    "frame": ("Frame", "Hit", "Row", "Scroll"),
    "glyphs": ("Glyphs",),
    "intents": ("Intent",),
    "keys": ("Click", "Focus", "Key", "Paste", "Pump", "Resize", "Wheel"),
    "state": ("Mode", "Snap", "State", "View"),
    "terminal": ("Terminal",),
    "theme": ("Theme",),
    "viewer_options": ("ViewerOptions",),
}

if not TYPE_CHECKING:  # a type checker reads the imports above, and finds misspelled names

    def __getattr__(name: str) -> object:
        """Import what is asked for, when it is: a program that needs one name starts at once."""
        from brummer_rx.pipeline.catalogue import find

        return find(name, _WHERE, globals())
