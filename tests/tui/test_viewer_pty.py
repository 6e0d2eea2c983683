"""End to end: a real process in a pseudo terminal, an emulator at its other end; only deadlines."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.tui.tiny_viewer import LOST
from tests.tui.tty_screen import Emulator

ROOT = Path(__file__).resolve().parents[2]
WIDTH, HEIGHT = 80, 24

pytestmark = pytest.mark.pty


class Session:
    """The tiny viewer in its own session, its terminal being ours to play."""

    def __init__(self, what: str = "", **environ: str) -> None:
        self.master, self.slave = os.openpty()
        termios.tcsetwinsize(self.slave, (HEIGHT, WIDTH))
        self.before = termios.tcgetattr(self.slave)
        self.emulator = Emulator(WIDTH, HEIGHT)
        self.raw = b""
        keep = {
            k: v
            for k, v in os.environ.items()
            if k in ("PATH", "HOME", "VIRTUAL_ENV", "COVERAGE_PROCESS_START")
        }
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.tui.tiny_viewer", what],
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            cwd=ROOT,
            env={**keep, "TERM": "xterm-256color", "LANG": "C.UTF-8", **environ},
            start_new_session=True,
        )

    def pump(self, seconds: float) -> None:
        if select.select([self.master], [], [], seconds)[0]:
            data = os.read(self.master, 65536)
            self.raw += data
            self.emulator.feed(data)

    def wait_for(self, text: str, timeout: float = 20.0) -> None:
        deadline = time.monotonic() + timeout
        while not any(text in row for row in self.emulator.text()):
            assert time.monotonic() < deadline, "\n".join(self.emulator.text())
            self.pump(0.05)

    def wait_until_gone(self, text: str, timeout: float = 20.0) -> None:
        deadline = time.monotonic() + timeout
        while any(text in row for row in self.emulator.text()):
            assert time.monotonic() < deadline, "\n".join(self.emulator.text())
            self.pump(0.05)

    def wait_for_raw(self, data: bytes, timeout: float = 20.0) -> None:
        deadline = time.monotonic() + timeout
        while data not in self.raw:
            assert time.monotonic() < deadline, self.raw[-2000:]
            self.pump(0.05)

    def end(self, timeout: float = 20.0) -> int:
        deadline = time.monotonic() + timeout
        while self.process.poll() is None:
            assert time.monotonic() < deadline, "it does not end"
            self.pump(0.02)
        while select.select([self.master], [], [], 0)[0]:
            self.pump(0)
        return self.process.returncode

    def key(self, data: bytes) -> None:
        os.write(self.master, data)

    def assert_restored(self) -> None:
        assert termios.tcgetattr(self.slave) == self.before
        tail = self.raw[self.raw.rindex(b"\x1b[?1006l") :]
        for mode in (b"1000", b"1002", b"1004", b"2004", b"1049"):
            assert b"\x1b[?" + mode + b"l" in tail
        assert b"\x1b[?25h" in tail and b"\x1b[?7h" in tail
        after = tail[tail.rindex(b"\x1b[?1049l") :]
        assert b"\x1b[?25l" not in after and b"\x1b[H" not in after

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def session() -> Iterator[Callable[..., Session]]:
    made: list[Session] = []

    def start(what: str = "", **environ: str) -> Session:
        one = Session(what, **environ)
        made.append(one)
        return one

    yield start
    for one in made:
        one.close()


def test_shown_driven_and_quit(session: Callable[..., Session]) -> None:
    one = session()
    one.wait_for("line 199 of api")
    one.key(b"g")
    one.wait_for("line 0 of web")
    termios.tcsetwinsize(one.slave, (HEIGHT, WIDTH))
    one.key(b"q")
    one.wait_for("Quit?")
    one.key(b"q")

    assert one.end() == 0
    one.assert_restored()
    assert b"ended after" in one.raw[one.raw.rindex(b"\x1b[?1049l") :]


def test_after_sigterm_the_terminal_is_as_before(session: Callable[..., Session]) -> None:
    one = session("grow")
    one.wait_for("grown 210")
    one.process.send_signal(signal.SIGTERM)

    assert one.end() == 0
    one.assert_restored()


def test_after_a_crash_the_terminal_is_as_before_and_the_traceback_readable(
    session: Callable[..., Session],
) -> None:
    one = session("crash")
    one.wait_for("line 199 of api")
    one.process.send_signal(signal.SIGUSR1)

    assert one.end() == 1
    one.assert_restored()
    assert b"a crash on purpose" in one.raw[one.raw.rindex(b"\x1b[?1049l") :]


def test_an_exception_in_the_view_is_shown_and_survived(session: Callable[..., Session]) -> None:
    one = session("view")
    one.wait_for("line 199 of api")
    one.process.send_signal(signal.SIGUSR1)
    one.wait_for("The viewer failed: ValueError: view on purpose")
    one.key(b"r")
    one.wait_until_gone("The viewer failed")
    one.process.send_signal(signal.SIGUSR1)
    one.wait_for("The viewer failed")
    one.key(b"q")

    assert one.end() == 0
    one.assert_restored()


def test_suspended_without_a_shell_it_goes_on(session: Callable[..., Session]) -> None:
    one = session()
    one.wait_for("line 199 of api")
    one.key(b"\x1a")
    one.wait_for_raw(b"\x1b[?1049l")
    deadline = time.monotonic() + 20
    while one.raw.count(b"\x1b[?1049h") < 2:
        assert time.monotonic() < deadline
        one.pump(0.05)
    one.wait_for("line 199 of api")
    one.process.send_signal(signal.SIGTERM)

    assert one.end() == 0
    one.assert_restored()


def test_a_terminal_that_answers_nothing_is_not_waited_for_long(session: Callable[..., Session]) -> None:
    one = session()
    one.wait_for("line 199 of api")

    assert one.raw.startswith(b"\x1b[22;2t\x1b[?1049h")  # no question
    assert time.monotonic() - one.started < 10  # with blessed's own questions: over 20 s
    one.process.send_signal(signal.SIGTERM)
    one.end()


def test_no_color_keeps_the_screen_but_no_colour(session: Callable[..., Session]) -> None:
    one = session(NO_COLOR="1")
    one.wait_for("line 199 of api")
    one.process.send_signal(signal.SIGTERM)
    one.end()

    assert b"\x1b[?1049h" in one.raw
    assert b"38;5;" not in one.raw


def test_a_lost_terminal_ends_it(session: Callable[..., Session]) -> None:
    one = session()
    one.wait_for("line 199 of api")
    os.close(one.slave)
    os.close(one.master)

    one.master, one.slave = os.openpty()  # for close

    assert one.process.wait(20) == LOST


class Tmux:
    """A tmux server of our own."""

    def __init__(self, folder: Path) -> None:
        self.socket = str(folder / "tmux")

    def run(self, *words: str) -> str:
        command = ["tmux", "-S", self.socket, "-f", "/dev/null", *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=20, cwd=ROOT).stdout

    def wait_for(self, text: str, timeout: float = 20.0) -> str:
        deadline = time.monotonic() + timeout
        while text not in (screen := self.run("capture-pane", "-p", "-t", "v")):
            assert time.monotonic() < deadline, screen
            time.sleep(0.05)
        return screen


@pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")
def test_in_tmux(tmp_path: Path) -> None:
    tmux = Tmux(tmp_path)
    tmux.run("new-session", "-d", "-s", "v", "-x", "100", "-y", "30", "/bin/sh")
    try:
        start = f"cd {ROOT}; {sys.executable} -m tests.tui.tiny_viewer grow; cd {tmp_path}"
        line = f"cd {tmp_path}; stty -a > before; {start}; stty -a > after; echo o''ver"
        tmux.run("send-keys", "-t", "v", line, "Enter")
        tmux.wait_for("grown 2")
        flags = "#{mouse_any_flag}#{mouse_sgr_flag}#{alternate_on}"
        assert tmux.run("display", "-p", "-t", "v", flags) == "111\n"

        tmux.run("resize-window", "-t", "v", "-x", "70", "-y", "20")
        tmux.run("send-keys", "-t", "v", "g")
        screen = tmux.wait_for("line 0 of web")
        assert max(len(row) for row in screen.splitlines()) <= 70
        tmux.run("send-keys", "-t", "v", "q")
        tmux.wait_for("Quit?")
        tmux.run("send-keys", "-t", "v", "q")
        tmux.wait_for("over")
        assert tmux.run("display", "-p", "-t", "v", flags) == "000\n"
        settings = [(tmp_path / name).read_text().split(";", 3)[-1] for name in ("before", "after")]
        assert settings[0] == settings[1]
    finally:
        tmux.run("kill-server")
