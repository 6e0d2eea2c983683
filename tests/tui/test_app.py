"""The viewer's loop on a pseudo terminal, with a fake run and a fake time."""

from __future__ import annotations

import os
import signal
import termios
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import pytest

from brummer_rx.pipeline.runview import RunView
from brummer_rx.tui.app import Viewer
from brummer_rx.tui.frame import Frame, Hit, blank_row, plain
from brummer_rx.tui.intents import Effect, Intent, Repaint, Said, Suspend, ToggleMouse
from brummer_rx.tui.keynames import resolver
from brummer_rx.tui.keys import Click, Key, Wheel
from brummer_rx.tui.reduce import reduce
from brummer_rx.tui.state import Snap, State, View
from brummer_rx.tui.terminal import Facts, Terminal
from brummer_rx.tui.view import view
from brummer_rx.tui.viewer_options import ViewerOptions
from tests.tui.fakelog import numbered
from tests.tui.fakeloop import FakeLoop
from tests.tui.fakerun import FakeRun
from tests.tui.test_terminal import Pty
from tests.tui.tty_screen import Emulator, expected

pytestmark = pytest.mark.pty


class Bench:
    """A viewer on a pty whose other end is an emulator."""

    def __init__(self, width: int = 80, height: int = 24, **more: Any) -> None:
        self.pty = Pty()
        termios.tcsetwinsize(self.pty.slave, (height, width))
        self.run = FakeRun(numbered(50))
        self.loop = FakeLoop()
        self.quits = 0
        self.frames: list[Frame] = []
        self.emulator = Emulator(width, height)
        self.before = self.pty.settings()
        inner = more.pop("viewer", view)

        def viewer(state: State, snap: Snap) -> Frame:
            frame = inner(state, snap)
            self.frames.append(frame)
            return cast(Frame, frame)

        self.viewer = Viewer(
            cast(RunView, self.run),
            self.loop,
            on_quit=self._quit,
            environ=more.pop("environ", {"LANG": "C.UTF-8"}),
            terminal=Terminal(infd=self.pty.slave, outfd=self.pty.slave),
            facts=Facts(256, "xterm", 1, "\x1b[?1049h", "\x1b[?1049l", resolver(), more.pop("typed", b"")),
            clock=lambda: self.loop.now,
            viewer=viewer,
            **more,
        )

    def _quit(self) -> None:
        self.quits += 1

    def key(self, data: bytes) -> None:
        os.write(self.pty.master, data)
        self.loop.readers[self.pty.slave]()

    def show(self) -> list[str]:
        """Let the terminal read; its rows."""
        self.emulator.feed(self.pty.read())
        return self.emulator.text()

    def settle(self, seconds: float = 0.05) -> list[str]:
        self.loop.run_posts()
        self.loop.advance(seconds)
        return self.show()


@pytest.fixture
def made() -> Iterator[list[Bench]]:
    benches: list[Bench] = []
    yield benches
    for bench in benches:
        bench.viewer.finish()
        bench.pty.close()


@pytest.fixture
def start(made: list[Bench]) -> Callable[..., Bench]:
    def one(**more: Any) -> Bench:
        bench = Bench(**more)
        made.append(bench)
        bench.viewer.start()
        return bench

    return one


Start = Callable[..., Bench]


def test_the_screen_is_the_frame(start: Start) -> None:
    bench = start()

    assert bench.show() == expected(bench.frames[-1])
    assert any("line 49 of api" in row for row in bench.show())
    assert bench.viewer.frames == 1


def test_keys_change_the_state_and_are_painted_at_once(start: Start) -> None:
    bench = start()
    bench.loop.advance(0.02)
    bench.key(b"2")

    assert "procs" in "\n".join(bench.show()).lower()
    assert bench.show() == expected(bench.frames[-1])
    assert bench.run.used > 0


def test_data_is_one_pulse_a_frame_and_paced(start: Start) -> None:
    bench = start()
    bench.settle()
    frames = len(bench.frames)
    for i in range(100):
        bench.run.append(f"flood {i}")
    assert len(bench.loop.posts) == 1
    bench.loop.run_posts()
    painted = len(bench.frames) - frames
    for i in range(100):
        bench.run.append(f"more {i}")
        bench.loop.run_posts()

    assert painted == 1
    assert len(bench.frames) - frames == 1
    bench.loop.advance(0.034)
    assert len(bench.frames) - frames == 2
    assert any("more 99" in row for row in bench.show())


def test_nothing_changes_nothing_happens(start: Start) -> None:
    bench = start()
    bench.settle(60.0)
    frames, snapshots = bench.viewer.frames, bench.run.snapshots
    bench.settle(600.0)

    assert (bench.viewer.frames, bench.run.snapshots) == (frames, snapshots)
    assert bench.loop.waiting == []


def test_rates_are_sampled_while_something_moves(start: Start) -> None:
    seen: list[Mapping[str, tuple[float, ...]]] = []

    def viewer(state: State, snap: Snap) -> Frame:
        seen.append(snap.rates)
        return view(state, snap)

    bench = start(viewer=viewer)
    bench.settle(100.0)
    bench.run.append("a", "b", "c")
    bench.settle(1.0)
    assert seen[-1]["web"] == (3.0,)

    bench.settle(30.0)
    assert not any(seen[-1]["web"])
    assert bench.loop.waiting == []


def test_a_slow_terminal_gets_fewer_frames_and_then_the_newest(start: Start) -> None:
    n = 0

    def viewer(state: State, snap: Snap) -> Frame:
        nonlocal n
        n += 1
        rows = tuple((("text", f"{n * 1000 + y:>80}"),) for y in range(24))
        return Frame(80, 24, rows)

    bench = start(viewer=viewer)
    for i in range(200):
        bench.run.append("x")
        bench.loop.run_posts()
        bench.loop.advance(0.04)
    frozen = bench.viewer.frames
    assert bench.viewer.skipped > 0

    for _ in range(200):
        bench.show()
        if bench.viewer._terminal.fd in bench.loop.writers:
            bench.loop.writers[bench.viewer._terminal.fd]()
    bench.loop.advance(1.0)
    assert bench.show() == expected(bench.frames[-1])
    assert bench.viewer.frames < frozen + 10


def test_an_exception_in_the_view_shows_what_happened_and_r_tries_again(start: Start) -> None:
    broken = False

    def viewer(state: State, snap: Snap) -> Frame:
        if broken:
            raise ValueError("the view broke")
        return view(state, snap)

    bench = start(viewer=viewer)
    broken = True
    bench.key(b"j")
    bench.loop.advance(0.01)
    assert any("The viewer failed: ValueError: the view broke" in row for row in bench.show())
    assert "the view broke" in bench.viewer.failures[-1]

    bench.run.append("still stored")
    bench.settle()
    bench.key(b"j")
    bench.settle()
    assert any("The viewer failed" in row for row in bench.show())

    broken = False
    bench.key(b"r")
    bench.settle()
    assert bench.show() == expected(bench.frames[-1])
    assert not any("The viewer failed" in row for row in bench.show())
    assert bench.quits == 0


@pytest.mark.parametrize("keys", [b"q", b"\x03\x03"])
def test_the_run_can_be_ended_from_the_error_frame(start: Start, keys: bytes) -> None:
    bench = start()
    bench.viewer.fail(RuntimeError("injected"))
    bench.settle()
    bench.key(b"x\x1b[I")
    assert bench.quits == 0
    bench.key(keys[:1])
    bench.key(keys[1:] or b"x")

    assert bench.quits == 1


def test_an_exception_in_the_reducer_or_an_effect_keeps_the_state(start: Start) -> None:
    def reducer(state: State, intent: Intent) -> tuple[State, tuple[Effect, ...]]:
        if intent == Key("x", "x"):
            raise KeyError("reducer")
        if intent == Key("y", "y"):
            return state, (cast(Effect, Repaint()), cast(Effect, Broken()))
        return reduce(state, intent)

    class Broken(ToggleMouse):
        """An effect whose doing fails."""

    bench = start(reducer=reducer)
    bench.viewer.toggle_mouse = lambda: 1 / 0  # type: ignore[method-assign,assignment,return-value]
    bench.key(b"x")
    assert any("KeyError" in row for row in bench.settle())
    bench.key(b"r")
    bench.settle()
    bench.key(b"y")
    assert any("ZeroDivisionError" in row for row in bench.settle())


def test_a_store_that_cannot_be_read_is_shown(start: Start) -> None:
    bench = start()
    bench.settle()
    bench.run.broken = OSError("disk gone")
    bench.run.append("x")
    assert any("disk gone" in row for row in bench.settle(2.0))

    bench.run.broken = None
    bench.key(b"r")
    assert not any("disk gone" in row for row in bench.settle(2.0))


def test_a_click_means_what_is_drawn_there(start: Start) -> None:
    got: list[Intent] = []

    def reducer(state: State, intent: Intent) -> tuple[State, tuple[Effect, ...]]:
        got.append(intent)
        return reduce(state, intent)

    def viewer(state: State, snap: Snap) -> Frame:
        rows = (blank_row(80),) * 24
        return Frame(80, 24, rows, hits=(Hit(4, 10, 5, Said("clicked")),))

    bench = start(reducer=reducer, viewer=viewer)
    bench.key(b"\x1b[<0;11;5M\x1b[<0;1;1M\x1b[<65;1;1M\x1b[<65;1;1M")

    assert Said("clicked") in got
    assert not any(isinstance(i, Click) for i in got)
    assert Wheel(2, 0, 0) in got


def test_a_lone_escape_is_a_key_after_a_moment(start: Start) -> None:
    got: list[Intent] = []

    def reducer(state: State, intent: Intent) -> tuple[State, tuple[Effect, ...]]:
        got.append(intent)
        return reduce(state, intent)

    bench = start(reducer=reducer)
    bench.key(b"\x1b")
    assert Key("esc") not in got
    bench.loop.advance(0.036)

    assert Key("esc") in got


def test_what_was_typed_before_the_start_is_not_lost(start: Start) -> None:
    bench = start(typed=b"2")
    bench.settle()

    assert bench.viewer._machine.state.view is View.PROCS


def test_resize(start: Start) -> None:
    bench = start()
    termios.tcsetwinsize(bench.pty.slave, (10, 40))
    bench.show()
    bench.emulator = Emulator(40, 10)
    bench.loop.signals[signal.SIGWINCH]()
    bench.loop.advance(0.01)

    assert bench.show() == expected(bench.frames[-1])
    assert bench.frames[-1].width == 40


def test_suspended_and_continued(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = start()
    bench.settle()
    seen: list[tuple[int, int, bool]] = []
    monkeypatch.setattr(
        os, "kill", lambda pid, sig: seen.append((pid, sig, bench.pty.settings() == bench.before))
    )
    bench.show()
    bench.viewer._effects.do(Suspend())

    assert seen == [(0, signal.SIGTSTP, True)]
    text = bench.pty.read()
    assert text.index(b"\x1b[?1049l") < text.index(b"\x1b[?1049h")
    assert bench.pty.settings() != bench.before
    bench.emulator = Emulator(80, 24)
    bench.emulator.feed(text)
    bench.loop.signals[signal.SIGCONT]()
    assert bench.settle() == expected(bench.frames[-1])
    assert b"1049h" not in bench.pty.read()

    bench.loop.advance(1.0)
    bench.loop.signals[signal.SIGCONT]()
    assert b"1049h" in bench.pty.read()


def test_copies_are_said(start: Start) -> None:
    bench = start(environ={"LANG": "C.UTF-8", "SSH_CONNECTION": "x"})
    bench.settle()
    bench.key(b"y")
    raw = bench.pty.read()

    assert b"\x1b]52;c;" in raw
    bench.emulator.feed(raw)
    assert any("Copied 1 line" in row for row in bench.settle())


def test_the_mouse_is_left_to_the_terminal(start: Start) -> None:
    bench = start()
    bench.viewer._effects.do(ToggleMouse())
    bench.viewer._effects.do(ToggleMouse())
    raw = bench.pty.read()

    assert raw.index(b"\x1b[?1000l") < raw.rindex(b"\x1b[?1000h")


def test_no_color_is_honoured(start: Start) -> None:
    plain_bench = start(environ={"NO_COLOR": "1", "LANG": "C.UTF-8"})
    colour = start()

    assert b"38;5;" not in plain_bench.pty.read()
    assert b"38;5;" in colour.pty.read()


def test_ascii_where_nothing_else_can_be_shown(start: Start) -> None:
    bench = start(environ={"LC_ALL": "C"})

    assert all(row.isascii() for row in plain(bench.frames[-1]))


def test_a_lost_terminal_ends_the_run(start: Start) -> None:
    bench = start()
    read = bench.loop.readers[bench.pty.slave]
    os.close(bench.pty.master)
    bench.pty.master = -1
    read()

    assert bench.quits == 1
    assert bench.pty.slave not in bench.loop.readers


def test_finished_means_as_before(start: Start) -> None:
    bench = start()
    pulse = bench.run.listeners[0]
    bench.key(b"\x1b")
    bench.viewer.finish()
    bench.viewer.finish()
    raw = bench.pty.read()

    assert bench.pty.settings() == bench.before
    assert raw.endswith(b"\x1b[?1049l\x1b[23;2t")
    assert bench.loop.readers == {} and bench.loop.writers == {} and bench.loop.waiting == []
    assert bench.run.listeners == []
    pulse()
    bench.loop.run_posts()
    bench.loop.signals[signal.SIGWINCH]()
    bench.loop.signals[signal.SIGCONT]()
    bench.loop.advance(10)
    assert bench.pty.read() == b""


def test_a_start_that_fails_gives_the_terminal_back(made: list[Bench]) -> None:
    bench = Bench()
    made.append(bench)

    def refuse(fd: int, action: Callable[[], None]) -> None:
        raise RuntimeError("no reader")

    bench.loop.add_reader = refuse  # type: ignore[method-assign]
    with pytest.raises(RuntimeError):
        bench.viewer.start()

    assert bench.pty.settings() == bench.before
    assert bench.pty.read().endswith(b"\x1b[23;2t")


def test_frames_a_second_are_an_option(start: Start) -> None:
    bench = start(options=ViewerOptions(fps=2, sync=False))
    bench.settle()
    frames = len(bench.frames)
    bench.run.append("x")
    bench.loop.run_posts()
    bench.loop.advance(0.2)
    assert len(bench.frames) == frames
    bench.loop.advance(0.4)

    assert len(bench.frames) > frames
    assert b"2026" not in bench.pty.read()
