"""Copying: the way that works here is chosen, tried without blocking the loop, and its outcome is said.

In tmux `tmux load-buffer -w -` (its default settings drop OSC 52); over SSH OSC 52; on a desktop its own
tool, else OSC 52. Nothing is ever read from the clipboard.
"""

from __future__ import annotations

import base64
import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from brummer_rx.pipeline.clock import TimerHandle
from brummer_rx.tui.uiloop import TimerLoop

__all__ = ["MAX_BYTES", "Clipboard", "Route", "osc52", "route"]

MAX_BYTES = 74_994
"""Of UTF-8; what the strictest terminals take as OSC 52."""
TIMEOUT = 2.0
POLL = 0.02


@dataclass(frozen=True, slots=True)
class Route:
    """How to copy: a program that takes the text on stdin, or (no argv) OSC 52."""

    name: str
    argv: tuple[str, ...] = ()


def route(
    environ: Mapping[str, str],
    *,
    which: Callable[[str], str | None] = shutil.which,
    platform: str = sys.platform,
) -> Route:
    """The best way to copy in this environment."""
    if environ.get("TMUX") and which("tmux"):
        return Route("tmux", ("tmux", "load-buffer", "-w", "-"))
    if not (environ.get("SSH_CONNECTION") or environ.get("SSH_TTY")):
        if environ.get("WAYLAND_DISPLAY") and which("wl-copy"):
            return Route("wl-copy", ("wl-copy",))
        if environ.get("DISPLAY") and which("xclip"):
            return Route("xclip", ("xclip", "-selection", "clipboard"))
        if platform == "darwin" and which("pbcopy"):
            return Route("pbcopy", ("pbcopy",))
    return Route("the terminal (OSC 52)")


def osc52(text: str) -> bytes:
    """The sequence that asks the terminal to put `text` on the clipboard."""
    return b"\x1b]52;c;" + base64.b64encode(text.encode("utf-8", "replace")) + b"\x07"


class Clipboard:
    """Copies by the chosen route; one copy at a time, a newer one ends the older."""

    def __init__(
        self,
        chosen: Route,
        loop: TimerLoop,
        *,
        send: Callable[[bytes], None],
        say: Callable[[str, bool], None],
        clock: Callable[[], float],
    ) -> None:
        """`send` writes to the terminal; `say(text, bad)` tells each outcome; `clock` is monotonic."""
        self._route = chosen
        self._loop = loop
        self._send = send
        self._say = say
        self._clock = clock
        self._running: subprocess.Popen[bytes] | None = None
        self._timer: TimerHandle | None = None

    def copy(self, text: str, what: str) -> None:
        """Copy; `what` names it in the message ("3 lines")."""
        self.close()
        size = len(text.encode("utf-8", "replace"))
        if size > MAX_BYTES:
            self._say(f"Not copied: {what}, {size:,} bytes, are more than {MAX_BYTES:,}", True)
        elif self._route.argv:
            self._start(text, what)
        else:
            self._by_terminal(text, what)

    def _by_terminal(self, text: str, what: str) -> None:
        self._send(osc52(text))
        self._say(f"Copied {what}: sent to the terminal (OSC 52)", False)

    def _start(self, text: str, what: str) -> None:
        with tempfile.TemporaryFile() as file:  # a pipe would block on a program that does not read
            file.write(text.encode("utf-8", "replace"))
            file.seek(0)
            try:
                self._running = subprocess.Popen(
                    self._route.argv,
                    stdin=file,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
            except OSError:
                self._by_terminal(text, what)
                return
        deadline = self._clock() + TIMEOUT
        self._look(self._running, text, what, deadline)

    def _look(self, running: subprocess.Popen[bytes], text: str, what: str, deadline: float) -> None:
        self._timer = None
        code = running.poll()
        if code is None and self._clock() < deadline:
            self._timer = self._loop.call_later(POLL, lambda: self._look(running, text, what, deadline))
            return
        self._running = None
        if code == 0:
            self._say(f"Copied {what} ({self._route.name})", False)
            return
        if code is None:
            _end(running)
        self._by_terminal(text, what)

    def close(self) -> None:
        """End a copy that is still running."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._running is not None:
            running, self._running = self._running, None
            _end(running)


def _end(running: subprocess.Popen[bytes]) -> None:
    running.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):  # the kernel holds it; init will reap it
        running.wait(0.2)
