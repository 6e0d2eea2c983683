"""Copying: the way is chosen by the environment, never blocks, and its outcome is always said."""

from __future__ import annotations

import base64
import sys
import time
from pathlib import Path

import pytest

from brummer_rx.tui.clipboard import MAX_BYTES, Clipboard, Route, osc52, route
from tests.tui.fakeloop import FakeLoop


@pytest.mark.parametrize(
    ("environ", "tools", "platform", "name"),
    [
        ({"TMUX": "x", "SSH_CONNECTION": "y"}, {"tmux"}, "linux", "tmux"),
        ({"TMUX": "x"}, set(), "linux", "the terminal (OSC 52)"),
        ({"SSH_CONNECTION": "y", "DISPLAY": ":0"}, {"xclip"}, "linux", "the terminal (OSC 52)"),
        ({"SSH_TTY": "y", "DISPLAY": ":0"}, {"xclip"}, "linux", "the terminal (OSC 52)"),
        ({"WAYLAND_DISPLAY": "w", "DISPLAY": ":0"}, {"wl-copy", "xclip"}, "linux", "wl-copy"),
        ({"WAYLAND_DISPLAY": "w", "DISPLAY": ":0"}, {"xclip"}, "linux", "xclip"),
        ({}, {"xclip", "wl-copy"}, "linux", "the terminal (OSC 52)"),
        ({}, {"pbcopy"}, "darwin", "pbcopy"),
    ],
)
def test_route(environ: dict[str, str], tools: set[str], platform: str, name: str) -> None:
    chosen = route(environ, which=lambda tool: tool if tool in tools else None, platform=platform)

    assert chosen.name == name
    assert bool(chosen.argv) == (name != "the terminal (OSC 52)")


class Bench:
    """A clipboard with everything around it recorded."""

    def __init__(self, *argv: str) -> None:
        self.loop = FakeLoop()
        self.sent: list[bytes] = []
        self.said: list[tuple[str, bool]] = []
        self.clipboard = Clipboard(
            Route("tool", argv),
            self.loop,
            send=self.sent.append,
            say=lambda text, bad: self.said.append((text, bad)),
            clock=lambda: self.loop.now,
        )

    def wait(self) -> None:
        deadline = time.monotonic() + 10
        while not self.said and time.monotonic() < deadline:
            self.loop.advance(0.0)
            if self.loop.waiting:
                time.sleep(0.005)
                self.loop.advance(self.loop.waiting[0])


def test_the_terminal_gets_the_text_encoded() -> None:
    bench = Bench()
    bench.clipboard.copy("héllo\n", "1 line")

    assert (
        bench.sent == [osc52("héllo\n")] == [b"\x1b]52;c;" + base64.b64encode("héllo\n".encode()) + b"\x07"]
    )
    assert bench.said == [("Copied 1 line: sent to the terminal (OSC 52)", False)]


def test_too_much_is_said_and_not_copied() -> None:
    bench = Bench()
    bench.clipboard.copy("x" * (MAX_BYTES + 1), "9 lines")

    assert bench.sent == []
    assert bench.said == [("Not copied: 9 lines, 74,995 bytes, are more than 74,994", True)]


def script(folder: Path, code: str) -> tuple[str, ...]:
    path = folder / "tool.py"
    path.write_text(code)
    return (sys.executable, "-I", "-S", str(path))


def test_a_program_gets_the_text(tmp_path: Path) -> None:
    out = tmp_path / "out"
    bench = Bench(*script(tmp_path, f"import sys; open({str(out)!r}, 'w').write(sys.stdin.read())"))
    bench.clipboard.copy("x" * MAX_BYTES, "3 lines")
    bench.wait()

    assert bench.said == [("Copied 3 lines (tool)", False)]
    assert out.read_text() == "x" * MAX_BYTES


def test_a_program_that_fails_or_is_missing_is_replaced_by_the_terminal(tmp_path: Path) -> None:
    failing = Bench(*script(tmp_path, "raise SystemExit(1)"))
    failing.clipboard.copy("text", "1 line")
    failing.wait()
    missing = Bench(str(tmp_path / "missing"))
    missing.clipboard.copy("text", "1 line")

    assert failing.sent == missing.sent == [osc52("text")]
    assert failing.said == missing.said == [("Copied 1 line: sent to the terminal (OSC 52)", False)]


def test_a_program_that_hangs_is_ended_without_blocking(tmp_path: Path) -> None:
    bench = Bench(*script(tmp_path, "import time; time.sleep(60)"))
    start = time.monotonic()
    bench.clipboard.copy("text", "1 line")
    assert bench.said == []
    bench.loop.now += 3.0
    bench.loop.advance(0.0)

    assert bench.sent == [osc52("text")]
    assert time.monotonic() - start < 2
    assert bench.loop.waiting == []


def test_a_newer_copy_and_the_end_stop_an_older_one(tmp_path: Path) -> None:
    bench = Bench(*script(tmp_path, "import time; time.sleep(60)"))
    bench.clipboard.copy("one", "1 line")
    bench.clipboard.copy("two", "1 line")
    bench.clipboard.close()
    bench.clipboard.close()

    assert bench.loop.waiting == []
    assert bench.said == []
