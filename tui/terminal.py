"""The terminal itself: what it can (by blessed), taking it over, and giving it back on every way out.

Main thread only. `restore` may be called any number of times, from `finally`, `atexit` and the excepthook;
it never waits for a terminal that does not read.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from brummer_rx.pipeline.errors import UsageError
from brummer_rx.tui.keynames import resolver

__all__ = ["Facts", "Terminal", "probe", "unusable"]

QUERY_TIMEOUT = "0.3"
"""Seconds that blessed would wait for an answer of the terminal; its default is 5."""
ASKS_NOTHING = "Apple_Terminal"
"""With this TERM_PROGRAM blessed sends no question (XTGETTCAP, XTVERSION) when it starts. NO_COLOR is taken
away for that moment too: with it blessed knows no sequence at all; our theme honours it."""
DRAIN_QUIET = 0.02
"""Seconds without input after which no more replies are expected."""
DRAIN_MAX = 0.2
WRITE_MAX = 0.3
"""Seconds that giving back may wait for the terminal to take our last bytes."""

MOUSE_ON = "\x1b[?1000h\x1b[?1002h\x1b[?1006h"
MOUSE_OFF = "\x1b[?1006l\x1b[?1002l\x1b[?1000l"
_TAKE = "\x1b[?7l\x1b[?25l\x1b[?1004h\x1b[?2004h"
CANCEL = "\x18"
"""Ends a sequence of which the terminal got only half."""
_MODES_OFF = CANCEL + "\x1b[?2026l\x1b[r\x1b[0m" + MOUSE_OFF + "\x1b[?1004l\x1b[?2004l"
_GIVE = "\x1b[?7h\x1b[?25h"
_PUSH_TITLE, _POP_TITLE = "\x1b[22;2t", "\x1b[23;2t"


@dataclass(frozen=True, slots=True)
class Facts:
    """What was found out about the terminal."""

    colors: int
    kind: str
    ambiguous_width: int
    enter: str
    """Switches to the alternate screen."""
    leave: str
    resolve: Callable[[str], str | None]
    """Names of keys by their sequences."""
    typed: bytes = b""
    """What was typed before we listened, if blessed has read it."""


def unusable(environ: Mapping[str, str], infd: int = 0, outfd: int = 1) -> str | None:
    """Why no viewer can run here, None when it can."""
    if not os.isatty(outfd):
        return "the output is no terminal"
    if not os.isatty(infd):
        return "the input is no terminal"
    if environ.get("TERM", "") in ("", "dumb"):
        return "TERM says that the terminal cannot move its cursor"
    return None


def probe() -> Facts:
    """What blessed knows by the environment and terminfo.

    The terminal itself is not asked: one that answers nothing (a serial line, a recorder) would hold the
    first frame for two timeouts, and we need no answer.
    """
    os.environ.setdefault("BLESSED_QUERY_TIMEOUT_SECONDS", QUERY_TIMEOUT)  # read when blessed is imported
    with _environment(NO_COLOR=None, TERM_PROGRAM=ASKS_NOTHING):
        from blessed import Terminal as BlessedTerminal

        term = BlessedTerminal()
    return Facts(
        colors=term.number_of_colors,
        kind=term.kind,
        ambiguous_width=term.ambiguous_width,
        enter=str(term.enter_fullscreen) or "\x1b[?1049h",
        leave=str(term.exit_fullscreen) or "\x1b[?1049l",
        resolve=resolver(term),
        typed="".join(reversed(term._keyboard_buf)).encode(),
    )


@contextlib.contextmanager
def _environment(**changes: str | None) -> Iterator[None]:
    """Other values of environment variables (None: unset), put back afterwards."""
    before = {name: os.environ.get(name) for name in changes}
    _set_environment(changes)
    try:
        yield
    finally:
        _set_environment(before)


def _set_environment(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


class Terminal:
    """The screen and keyboard of the process, taken over between `take` and `restore`."""

    def __init__(self, *, mouse: bool = True, infd: int = 0, outfd: int = 1) -> None:
        """Opens the terminal once more (an own file description); raises `UsageError` when there is none."""
        if not (os.isatty(infd) and os.isatty(outfd)):
            raise UsageError("the viewer needs a terminal for its input and its output")
        self.infd = infd
        self.mouse = mouse
        self.taken = False
        self._outfd = outfd
        self._facts: Facts | None = None
        self._before: list[Any] | None = None
        self._hook: Callable[[type[BaseException], BaseException, TracebackType | None], Any] | None = None
        # non-blocking without touching the description that we share with the shell
        self.fd = os.open(os.ttyname(outfd), os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)

    def size(self) -> tuple[int, int]:
        """Columns and rows; 80 x 24 where the terminal does not know."""
        with contextlib.suppress(OSError):  # it may be gone; the caller learns that when it reads or writes
            columns, rows = os.get_terminal_size(self._outfd)
            if columns > 0 and rows > 0:
                return columns, rows
        return 80, 24

    def raw(self) -> None:
        """Bytes as they are typed, from now on; `restore` ends it."""
        if self._before is None:
            self._before = termios.tcgetattr(self.infd)
        tty.setraw(self.infd, termios.TCSANOW)

    def guard(self) -> None:
        """Give the terminal back at exit and before an uncaught exception is printed."""
        atexit.register(self.restore)
        self._hook = sys.excepthook
        sys.excepthook = self._excepthook

    def take(self, facts: Facts) -> None:
        """Alternate screen, raw keys, no cursor, mouse, paste and focus reports. Also after a suspension."""
        self._facts = facts
        first = CANCEL if self.taken else _PUSH_TITLE  # a frame may have been cut in the middle
        self.taken = True
        self.raw()
        self._send(first + facts.enter + _TAKE + (MOUSE_ON if self.mouse else ""))

    def set_mouse(self, on: bool) -> str:
        """The sequence that switches mouse reports."""
        self.mouse = on
        return MOUSE_ON if on else MOUSE_OFF

    def restore(self) -> None:
        """Modes off, replies in flight swallowed, screen and settings as before. Idempotent."""
        if self.taken:
            self.taken = False
            facts = self._facts
            assert facts is not None
            self._send(_MODES_OFF)
            self._swallow()
            self._send(_GIVE + facts.leave + _POP_TITLE)
        if self._before is not None:
            before, self._before = self._before, None
            with contextlib.suppress(termios.error):  # the terminal is gone
                termios.tcsetattr(self.infd, termios.TCSANOW, before)

    def close(self) -> None:
        """Restore, forget the hooks, close the own description. Idempotent."""
        self.restore()
        atexit.unregister(self.restore)
        if self._hook is not None:
            if sys.excepthook == self._excepthook:
                sys.excepthook = self._hook
            self._hook = None
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def _excepthook(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        self.restore()
        if self._hook is not None:
            self._hook(kind, error, trace)

    def _send(self, text: str) -> None:
        """Write, waiting a moment for a slow terminal; what a frozen one does not take is given up."""
        data = text.encode()
        deadline = time.monotonic() + WRITE_MAX
        while data and self.fd >= 0:
            try:
                data = data[os.write(self.fd, data) :]
            except BlockingIOError:
                left = deadline - time.monotonic()
                if left <= 0:
                    return
                _wait(self.fd, select.POLLOUT, left)
            except OSError:  # hung up
                return

    def _swallow(self) -> None:
        """Read what the terminal still sends (mouse reports, answers), so that the shell does not see it."""
        deadline = time.monotonic() + DRAIN_MAX
        with contextlib.suppress(OSError):  # hung up: nothing more will come
            while time.monotonic() < deadline and _wait(self.infd, select.POLLIN, DRAIN_QUIET):
                if not os.read(self.infd, 65536):
                    return


def _wait(fd: int, event: int, seconds: float) -> bool:
    """Whether `fd` became ready in time; poll, since select knows no descriptors above 1023."""
    poll = select.poll()
    poll.register(fd, event)
    return bool(poll.poll(seconds * 1000))
