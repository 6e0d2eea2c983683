"""The terminal is taken over and given back, byte for byte and setting for setting."""

from __future__ import annotations

import os
import sys
import termios
import time
from collections.abc import Iterator

import pytest

from brummer_rx.pipeline.errors import UsageError
from brummer_rx.tui.terminal import MOUSE_OFF, MOUSE_ON, Facts, Terminal, probe, unusable

FACTS = Facts(256, "xterm-256color", 1, "\x1b[?1049h", "\x1b[?1049l", lambda token: None)


class Pty:
    """A pseudo terminal; the test sits at the master."""

    def __init__(self) -> None:
        self.master, self.slave = os.openpty()
        os.set_blocking(self.master, False)

    def read(self) -> bytes:
        """All that was written."""
        got = b""
        while True:
            try:
                got += os.read(self.master, 65536)
            except BlockingIOError:
                return got

    def settings(self) -> list[object]:
        """What stty would show."""
        return termios.tcgetattr(self.slave)

    def close(self) -> None:
        """Hang up."""
        for fd in (self.master, self.slave):
            if fd >= 0:
                os.close(fd)
        self.master = self.slave = -1


@pytest.fixture
def pty() -> Iterator[Pty]:
    made = Pty()
    yield made
    made.close()


@pytest.fixture
def terminal(pty: Pty) -> Iterator[Terminal]:
    made = Terminal(infd=pty.slave, outfd=pty.slave)
    yield made
    made.close()


pytestmark = pytest.mark.pty


def test_taken_and_given_back(pty: Pty, terminal: Terminal) -> None:
    before = pty.settings()
    terminal.take(FACTS)
    taken = pty.read().decode()
    assert terminal.taken
    assert pty.settings() != before

    terminal.restore()
    given = pty.read().decode()
    assert pty.settings() == before
    for mode in ("1049", "1000", "1002", "1006", "1004", "2004"):
        assert f"\x1b[?{mode}h" in taken
        assert f"\x1b[?{mode}l" in given
    assert "\x1b[?25l" in taken and "\x1b[?7l" in taken and "\x1b[22;2t" in taken
    assert "\x1b[?25h" in given and "\x1b[?7h" in given and given.endswith("\x1b[23;2t")
    assert given.index("\x1b[?1006l") < given.index("\x1b[?1049l")

    terminal.restore()
    terminal.close()
    terminal.close()
    assert pty.read() == b""


def test_taken_again_while_taken_saves_the_title_once(pty: Pty, terminal: Terminal) -> None:
    terminal.take(FACTS)
    terminal.take(FACTS)
    terminal.restore()
    text = pty.read().decode()

    assert text.count("\x1b[22;2t") == text.count("\x1b[23;2t") == 1


def test_without_a_mouse(pty: Pty) -> None:
    terminal = Terminal(mouse=False, infd=pty.slave, outfd=pty.slave)
    terminal.take(FACTS)

    assert MOUSE_ON not in pty.read().decode()
    assert terminal.set_mouse(True) == MOUSE_ON
    assert terminal.set_mouse(False) == MOUSE_OFF
    terminal.close()


def test_what_was_still_typed_does_not_reach_the_shell(pty: Pty, terminal: Terminal) -> None:
    terminal.take(FACTS)
    os.write(pty.master, b"\x1b[<35;10;10M" * 20)
    terminal.restore()
    os.set_blocking(pty.slave, False)

    with pytest.raises(BlockingIOError):
        os.read(pty.slave, 100)
    os.set_blocking(pty.slave, True)


def test_the_description_of_the_shell_stays_blocking(pty: Pty, terminal: Terminal) -> None:
    terminal.take(FACTS)

    assert os.get_blocking(pty.slave)
    assert not os.get_blocking(terminal.fd)


def test_a_frozen_terminal_does_not_hold_us(pty: Pty, terminal: Terminal) -> None:
    before = pty.settings()
    terminal.take(FACTS)
    try:
        while True:
            os.write(terminal.fd, b"x" * 4096)
    except BlockingIOError:
        start = time.monotonic()
    terminal.restore()

    assert time.monotonic() - start < 2
    assert pty.settings() == before


def test_a_lost_terminal_is_no_error(pty: Pty, terminal: Terminal) -> None:
    terminal.take(FACTS)
    os.close(pty.master)
    pty.master = -1
    terminal.restore()
    assert terminal.size() == (80, 24)


def test_size(pty: Pty, terminal: Terminal) -> None:
    termios.tcsetwinsize(pty.slave, (30, 100))
    assert terminal.size() == (100, 30)

    termios.tcsetwinsize(pty.slave, (0, 0))
    assert terminal.size() == (80, 24)


def test_an_uncaught_exception_gives_the_terminal_back_first(pty: Pty, terminal: Terminal) -> None:
    seen: list[bool] = []
    old = sys.excepthook
    sys.excepthook = lambda kind, error, trace: seen.append(terminal.taken)
    try:
        terminal.guard()
        terminal.take(FACTS)
        sys.excepthook(ValueError, ValueError("x"), None)
        assert seen == [False]
        ours = sys.excepthook
        terminal.close()
        assert sys.excepthook is not ours
    finally:
        sys.excepthook = old


def test_where_no_viewer_can_run(pty: Pty) -> None:
    reader, writer = os.pipe()
    try:
        assert unusable({"TERM": "xterm"}, pty.slave, pty.slave) is None
        assert "output" in (unusable({"TERM": "xterm"}, pty.slave, writer) or "")
        assert "input" in (unusable({"TERM": "xterm"}, reader, pty.slave) or "")
        assert "TERM" in (unusable({"TERM": "dumb"}, pty.slave, pty.slave) or "")
        assert "TERM" in (unusable({}, pty.slave, pty.slave) or "")
        with pytest.raises(UsageError):
            Terminal(infd=reader, outfd=writer)
    finally:
        os.close(reader)
        os.close(writer)


def test_blessed_is_built_in_another_environment_than_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("TERM_PROGRAM", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("FORCE_COLOR", "1")  # blessed styles although the output of the tests is no terminal
    monkeypatch.delenv("COLORTERM", raising=False)
    facts = probe()

    assert os.environ["NO_COLOR"] == "1"
    assert "TERM_PROGRAM" not in os.environ
    assert (facts.colors, facts.kind, facts.typed) == (256, "xterm-256color", b"")
    assert "\x1b[?1049h" in facts.enter and "\x1b[?1049l" in facts.leave
    assert facts.resolve("\x1b[A") == "up"
