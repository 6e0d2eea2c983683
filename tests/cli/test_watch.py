"""The viewer's run in a terminal of its own: it opens, shows lines, stops all and gives the terminal back."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pyte
import pytest

SIZE = (100, 30)
DEADLINE = 30.0

pytestmark = pytest.mark.pty


class Terminal:
    """A brummer-rx in a pseudo terminal, and what its screen shows."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.master, self.slave = pty.openpty()
        termios.tcsetwinsize(self.slave, (SIZE[1], SIZE[0]))
        self.before = termios.tcgetattr(self.slave)
        self.screen = pyte.Screen(*SIZE)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        env = {
            **os.environ,
            "TERM": "xterm-256color",
            "BRUMMER_STATE_DIR": str(folder / "state"),
            "BRUMMER_GRACE": "2",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "brummer_rx", "-d", str(folder), *words],
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            env=env,
            start_new_session=True,
        )

    def read(self, seconds: float) -> None:
        """Take what comes within that time."""
        if select.select([self.master], [], [], seconds)[0]:
            data = os.read(self.master, 65536)
            self.raw += data
            self.stream.feed(data)

    def text(self) -> str:
        """The screen as text."""
        return "\n".join(self.screen.display)

    def wait_for(self, text: str) -> None:
        """Until the screen shows it."""
        end = time.monotonic() + DEADLINE
        while text not in self.text():
            assert time.monotonic() < end, f"{text!r} did not come; the screen:\n{self.text()}"
            self.read(0.1)

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self.master, keys.encode())

    def end(self) -> int:
        """The exit code, once it ends."""
        end = time.monotonic() + DEADLINE
        while (code := self.process.poll()) is None:
            assert time.monotonic() < end, f"it did not end; the screen:\n{self.text()}"
            self.read(0.05)
        while select.select([self.master], [], [], 0.05)[0]:
            self.read(0.0)
        return code

    def hang_up(self) -> None:
        """Close it, as a terminal's window is closed."""
        os.close(self.master)
        self.master = -1

    def close(self) -> None:
        """Take everything down."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for fd in (self.master, self.slave):
            if fd >= 0:
                os.close(fd)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    opened = Terminal(tmp_path, "echo hello from a child; sleep 100", "nixda")
    yield opened
    opened.close()


def test_it_shows_lines_and_q_q_stops_all_and_gives_the_terminal_back(terminal: Terminal) -> None:
    terminal.wait_for("hello from a child")
    terminal.wait_for("echo")
    terminal.type("q")
    terminal.wait_for("stop all and quit")
    terminal.type("q")

    assert terminal.end() == 0
    assert termios.tcgetattr(terminal.slave) == terminal.before
    assert b"\x1b[?1049l" in terminal.raw


def test_term_ends_it_with_its_code_and_gives_the_terminal_back(terminal: Terminal) -> None:
    terminal.wait_for("hello from a child")
    terminal.process.terminate()

    assert terminal.end() == 143
    assert termios.tcgetattr(terminal.slave) == terminal.before


def test_a_process_is_stopped_and_started_from_its_view(terminal: Terminal) -> None:
    terminal.wait_for("hello from a child")
    terminal.type("2")
    terminal.wait_for("running")
    terminal.type("s")
    terminal.wait_for("echo ended by SIGTERM")
    terminal.type("s")
    terminal.wait_for("running")
    terminal.type("qq")

    assert terminal.end() == 0


def test_a_window_that_is_closed_ends_all_with_grace(tmp_path: Path) -> None:
    """The end of the input comes together with HUP, by the kernel and by the shell: all that is one wish."""
    mark = tmp_path / "clean"
    words = f"trap 'sleep 0.3; touch {mark}; exit 0' TERM; echo up; while :; do sleep 0.02; done"
    terminal = Terminal(tmp_path, words)
    try:
        terminal.wait_for("up")
        terminal.hang_up()
        terminal.process.send_signal(signal.SIGHUP)
        time.sleep(0.02)
        terminal.process.send_signal(signal.SIGHUP)

        assert terminal.process.wait(DEADLINE) == 129
        assert mark.exists()
    finally:
        terminal.close()
