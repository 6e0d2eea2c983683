"""Effects, done: what the reducer asked for reaches run, clipboard and terminal. Main thread only."""

from __future__ import annotations

from typing import Protocol

from brummer_rx.pipeline import guards
from brummer_rx.pipeline.errors import BrummerError
from brummer_rx.pipeline.process import Command
from brummer_rx.pipeline.runview import RunView
from brummer_rx.tui.clipboard import Clipboard
from brummer_rx.tui.intents import (
    CancelSearch,
    Copy,
    Effect,
    Intent,
    Quit,
    Repaint,
    Said,
    Search,
    SearchFailed,
    SearchFound,
    SearchStarted,
    Send,
    Suspend,
    ToggleMouse,
)
from brummer_rx.tui.uiloop import ReaderLoop

__all__ = ["Effects", "Screen"]

MAX_EMPTY = 3
"""Wake-ups in a row without an answer; then the descriptor is left alone until the next search."""


class Screen(Protocol):
    """What the effects need of the viewer."""

    def dispatch(self, intent: Intent, *, urgent: bool = True) -> None:
        """Hand an intent to the reducer."""
        ...

    def quit(self) -> None:
        """Stop the run."""
        ...

    def suspend(self) -> None:
        """Give the terminal to the shell."""
        ...

    def repaint(self) -> None:
        """Forget what the screen shows."""
        ...

    def toggle_mouse(self) -> bool:
        """Take or leave the mouse; whether it is ours now."""
        ...


@guards.owned("main thread", "do")
class Effects:
    """Runs effects one after the other; answers go back as intents."""

    def __init__(self, run: RunView, loop: ReaderLoop, clipboard: Clipboard, screen: Screen) -> None:
        self._run = run
        self._loop = loop
        self._clipboard = clipboard
        self._screen = screen
        self._search_fd = -1
        self._empty = 0

    def do(self, effect: Effect) -> None:
        """Do one effect; raises what is a bug."""
        match effect:
            case Send(command):
                self._send(command)
            case Search():
                self._search(effect)
            case CancelSearch():
                self._run.search.cancel()
            case Copy(text, what):
                self._clipboard.copy(text, what)
            case Quit():
                self._screen.quit()
            case Suspend():
                self._screen.suspend()
            case Repaint():
                self._screen.repaint()
            case ToggleMouse():
                ours = self._screen.toggle_mouse()
                text = "Mouse on" if ours else "Mouse off: the terminal selects text"
                self._screen.dispatch(Said(text))

    def close(self) -> None:
        """Listen no more; the search service belongs to the run."""
        self._listen(-1)

    def _send(self, command: Command) -> None:
        try:
            self._run.send(command)
        except BrummerError as error:
            self._screen.dispatch(Said(f"Not done: {error}", bad=True))

    def _search(self, effect: Search) -> None:
        service = self._run.search
        try:
            token = service.submit(effect.query)
        except (BrummerError, OSError) as error:
            self._screen.dispatch(SearchFailed(str(error)))
            return
        self._empty = 0
        self._listen(service.fileno())
        self._screen.dispatch(SearchStarted(token))

    def _listen(self, fd: int) -> None:
        if fd == self._search_fd:
            return
        if self._search_fd >= 0:
            self._loop.remove_reader(self._search_fd)
        self._search_fd = fd
        if fd >= 0:
            self._loop.add_reader(fd, self._answers)

    def _answers(self) -> None:
        answers = self._run.search.receive()
        for progress in answers:
            self._screen.dispatch(SearchFound(progress), urgent=progress.done)
        self._empty = 0 if answers else self._empty + 1
        gone = self._empty >= MAX_EMPTY  # readable and yet nothing: do not spin on it
        self._listen(-1 if gone else self._run.search.fileno())
