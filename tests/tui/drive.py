"""Drives the pure viewer in tests: keys in, state, effects and text out."""

from __future__ import annotations

from brummer_rx.tui.frame import Frame, check, plain
from brummer_rx.tui.intents import Effect, Intent, Seen, Tick
from brummer_rx.tui.keys import Key
from brummer_rx.tui.reduce import reduce
from brummer_rx.tui.state import Snap, State, initial
from brummer_rx.tui.view import view

PRINTED = {"space": " "}


def key(name: str) -> Key:
    """The event of that key; printable ones carry their text."""
    return Key(name, PRINTED.get(name, name if len(name) == 1 else ""))


class Driver:
    """A viewer without a terminal."""

    def __init__(self, snap: Snap, width: int = 80, height: int = 24, **more: object) -> None:
        self.state: State = initial(width, height, **more)  # type: ignore[arg-type]
        self.snap = snap
        self.effects: list[Effect] = []
        self.see(snap)

    def do(self, intent: Intent) -> Driver:
        """One intent; effects are collected."""
        self.state, effects = reduce(self.state, intent)
        self.effects += effects
        return self

    def see(self, snap: Snap) -> Driver:
        """The next snapshot."""
        self.snap = snap
        return self.do(Seen(snap))

    def press(self, *names: str) -> Driver:
        """Keys by name, one after the other."""
        for name in names:
            self.do(Tick(self.state.now_ns))
            self.do(key(name))
        return self

    def type(self, text: str) -> Driver:
        """Text, character by character."""
        return self.press(*("space" if c == " " else c for c in text))

    def taken(self) -> list[Effect]:
        """The effects since the last call."""
        effects, self.effects = self.effects, []
        return effects

    @property
    def frame(self) -> Frame:
        """What is to be seen; its geometry is checked."""
        frame = view(self.state, self.snap)
        assert check(frame) == []
        return frame

    @property
    def screen(self) -> list[str]:
        """The same as text."""
        return [row.rstrip() for row in plain(self.frame)]

    def line(self, part: str) -> str:
        """The first row of the screen that holds `part`."""
        return next(row for row in self.screen if part in row)
