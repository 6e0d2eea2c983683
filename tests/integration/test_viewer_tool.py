"""The real viewer in a pseudo terminal: driven by keys, judged by what an emulator shows."""

from __future__ import annotations

import os
import signal
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.toolbox import Tool, read_for, until
from tests.tui.tty_screen import Emulator

pytestmark = [pytest.mark.slow, pytest.mark.pty]

WIDTH, HEIGHT = 100, 30
FLOOD = "seq -f 'INFO request %07.0f of a flood' 200000; echo ERROR the needle in it; exec sleep 300"


class Screen:
    """The tool in its own session, the emulator at the other end of its terminal."""

    def __init__(self, tool: Tool, *words: str, module: tuple[str, ...] = ("-m", "brummer_rx")) -> None:
        self.tool = tool
        self.master, self.slave = os.openpty()
        termios.tcsetwinsize(self.slave, (HEIGHT, WIDTH))
        self.before = (termios.tcgetattr(self.slave), self.stty())
        self.emulator = Emulator(WIDTH, HEIGHT)
        self.raw = b""
        environ = {"TERM": "xterm-256color", "LANG": "C.UTF-8"}
        self.run = tool.start(
            *words, environ=environ, stdin=self.slave, stdout=self.slave, stderr=self.slave, module=module
        )

    def stty(self) -> str:
        """What `stty -a` says of the terminal, its size left out."""
        out = subprocess.run(["stty", "-a"], stdin=self.slave, capture_output=True, text=True, check=True)
        return out.stdout.partition(";")[2].partition("line")[2]

    def pump(self, seconds: float = 0.02) -> None:
        """Let the terminal read."""
        data = read_for(self.master, seconds)
        self.raw += data
        if data:
            self.emulator.feed(data)

    def text(self) -> str:
        """The screen."""
        return "\n".join(self.emulator.text())

    def until(self, look: Callable[[], object], what: str) -> None:
        """Pump until it is so."""
        end = time.monotonic() + 60
        while not look():
            assert time.monotonic() < end, f"{what} is never seen:\n{self.text()}"
            self.pump()

    def see(self, *texts: str) -> None:
        """Pump until all of them are on the screen."""
        self.until(lambda: all(text in self.text() for text in texts), str(texts))

    def gone(self, text: str) -> None:
        """Pump until it is no longer on the screen."""
        self.until(lambda: text not in self.text(), f"no {text}")

    def key(self, keys: str) -> None:
        """Type."""
        os.write(self.master, keys.encode())

    def resize(self, width: int, height: int) -> None:
        """As a window manager does."""
        self.emulator = Emulator(width, height)
        termios.tcsetwinsize(self.slave, (height, width))
        self.run.signal(signal.SIGWINCH)

    def end(self) -> int:
        """Its exit code, everything read."""
        self.until(lambda: self.run.process.poll() is not None, "the end")
        while data := read_for(self.master, 0):
            self.raw += data
        return self.run.code()

    def assert_restored(self) -> None:
        """The terminal is as it was before, the screen and its modes included."""
        assert (termios.tcgetattr(self.slave), self.stty()) == self.before
        tail = self.raw[self.raw.rindex(b"\x1b[?1006l") :]
        assert all(b"\x1b[?%dl" % mode in tail for mode in (1000, 1002, 1004, 2004, 1049))
        assert b"\x1b[?25h" in tail and b"\x1b[?7h" in tail

    def close(self) -> None:
        """The terminal goes."""
        self.run.close()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def screen(tool: Tool) -> Iterator[Callable[..., Screen]]:
    """Makes one."""
    made: list[Screen] = []

    def make(*words: str, module: tuple[str, ...] = ("-m", "brummer_rx")) -> Screen:
        made.append(Screen(tool, *words, module=module))
        return made[-1]

    yield make
    for one in made:
        one.close()


PROJECT = f"""
[processes.flood]
command = "{FLOOD}"
[processes.calm]
command = "echo WARN calm before the storm; echo 'GET /index.html'; sleep 300"
"""


def test_the_whole_tour(tool: Tool, screen: Callable[..., Screen]) -> None:
    tool.write(".brum.toml", PROJECT)
    one = screen()
    one.see("brummer", "the needle in it", "200,003 lines")

    one.key("g")
    one.see("0000001 of a flood", "PAUSED")
    one.key("\x1b[6~")
    one.gone("0000001 of a flood")
    one.key("G")
    one.see("the needle in it")

    one.key("/0123456\r")
    one.see("request 0123456", "hit 1/1", "PAUSED", "Esc back")
    one.key("\x1b")
    one.gone("hit 1/1")
    one.key("G")
    one.see("the needle in it", "FOLLOW")

    one.key("f")
    one.see("FILTERS")
    one.key("llll")
    one.see("level>=error", "1 of 200,003 lines")
    one.key("\x1b")
    one.gone("FILTERS")
    one.gone("of a flood")
    one.key("\x06")
    one.see("of a flood", "the needle in it")

    one.key("2")
    one.see("PROCESS", "STATE", "flood", "calm", "running")
    one.resize(70, 20)
    one.see("PROCESS", "calm")
    one.resize(WIDTH, HEIGHT)
    one.see("PROCESS", "COMMAND")
    one.key("j")
    one.key("s")
    until_state(one, "calm", "exited")
    one.key("r")
    until_state(one, "calm", "running")

    one.key("?")
    one.see("HELP")
    one.key("\x1b")
    one.gone("HELP")
    one.key("q")
    one.see("Quit?")
    one.key("q")

    assert one.end() == 0
    one.assert_restored()
    assert not tool.children()
    assert len(tool.texts("flood")) == 200_001


def until_state(one: Screen, name: str, state: str) -> None:
    """Pump until `status` in the run's folder says so."""
    path: Path = one.tool.runs()[-1] / "processes.json"

    def look() -> bool:
        one.pump()
        return any(f'"{name}"' in row and f'"{state}"' in row for row in path.read_text().split("}"))

    until(look, f"{name} {state}")


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_after_a_signal_the_terminal_is_as_before(
    tool: Tool, screen: Callable[..., Screen], signum: signal.Signals
) -> None:
    one = screen("while :; do echo tick; sleep 0.02; done")
    one.see("tick")
    one.run.signal(signum)

    assert one.end() == 128 + signum
    one.assert_restored()
    assert not tool.children()


def test_after_an_exception_in_the_view_the_terminal_is_as_before(
    tool: Tool, screen: Callable[..., Screen]
) -> None:
    one = screen(
        "echo before; sleep 0.5; echo break the view; sleep 300",
        module=("-m", "tests.integration.broken_viewer"),
    )
    one.see("The viewer failed", "broke on purpose")
    assert tool.children(), "the children go on"
    one.key("q")

    assert one.end() == 0
    one.assert_restored()
    assert b"the view broke on purpose" in one.raw[one.raw.rindex(b"\x1b[?1049l") :]
    assert not tool.children()


def test_tricks_of_a_child_never_reach_the_terminal(tool: Tool, screen: Callable[..., Screen]) -> None:
    tool.write("tricks", b"\x1b]0;stolen title\x07\x1b[2J\x1b[?1049l\x1b[6n\x1b]52;c;aGFsbG8=\ndone\x1b[31\n")
    one = screen("cat tricks; sleep 300")
    one.see("done")

    assert b"stolen title" not in one.raw and b"]52;" not in one.raw
    assert b"\x1b[?1049l" not in one.raw and b"\x1b[6n" not in one.raw[one.raw.index(b"done") - 200 :]
    one.run.signal(signal.SIGTERM)
    assert one.end() == 143
    one.assert_restored()


def test_a_terminal_that_goes_away_ends_the_run(tool: Tool, screen: Callable[..., Screen]) -> None:
    one = screen("echo up; sleep 300")
    one.see("up")
    os.close(one.master)
    try:
        assert one.run.code() in (0, 129)
    finally:
        one.master = os.open("/dev/null", os.O_RDWR)
    assert not tool.children()


def test_a_frozen_terminal_holds_nobody(tool: Tool, screen: Callable[..., Screen]) -> None:
    one = screen("seq -f 'line %07.0f of a flood that is longer than any screen' 300000; sleep 300")
    until(lambda: tool.stored() == 300_000, "the whole flood, though nobody reads the screen")

    one.run.signal(signal.SIGTERM)
    assert one.run.code() == 143
    assert not tool.children()


def test_stdout_that_is_no_terminal_means_plain(tool: Tool) -> None:
    done = tool.do("echo hello")

    assert done.code == 0
    assert done.out.endswith(b"echo | hello\n")
