from __future__ import annotations

from brummer_rx.pipeline.process import Command, CommandKind, ProcessState
from brummer_rx.tui import acts
from brummer_rx.tui.intents import Quit, Repaint, Send, Suspend, Tick, ToggleMouse
from brummer_rx.tui.state import Mode, View, initial
from tests.tui.drive import Driver
from tests.tui.fakelog import info, numbered, snap

SECOND = 1_000_000_000


def test_q_asks_and_q_quits_once() -> None:
    d = Driver(snap(numbered(5)))
    d.press("q")
    assert (d.state.mode, d.taken()) == (Mode.QUIT, [])
    d.press("q")
    assert (d.state.mode, d.taken()) == (Mode.NORMAL, [Quit()])
    assert "stopping web, api, db" in d.line("FOLLOW")
    d.press("q")
    assert (d.state.mode, d.taken()) == (Mode.NORMAL, [])
    assert "(^C kills)   told to stop already" in d.line("FOLLOW")
    assert acts.quit_now(d.state, "q") == (d.state, ())


def test_esc_stays() -> None:
    d = Driver(snap(numbered(5)))
    d.press("q", "esc")

    assert (d.state.mode, d.state.quitting, d.taken()) == (Mode.NORMAL, False, [])


def test_ctrl_c_twice_within_two_seconds() -> None:
    d = Driver(snap(numbered(5)))
    d.press("ctrl-c")
    assert d.taken() == []
    assert "Ctrl-C again" in d.line("FOLLOW")
    d.do(Tick(d.state.now_ns + 3 * SECOND)).press("ctrl-c")
    assert d.taken() == []
    d.do(Tick(d.state.now_ns + SECOND)).press("ctrl-c")
    assert d.taken() == [Quit()]
    d.press("ctrl-c")
    assert d.taken() == [Send(Command(CommandKind.KILL_ALL))]


def test_a_clock_that_went_back_does_not_quit() -> None:
    d = Driver(snap(numbered(5)))
    d.press("ctrl-c").do(Tick(d.state.now_ns - 5 * SECOND)).press("ctrl-c")

    assert d.taken() == []


def test_ctrl_c_works_in_every_mode() -> None:
    for name in ("/", "f", "?", "q"):
        d = Driver(snap(numbered(5)))
        d.press(name, "ctrl-c", "ctrl-c")
        assert d.taken()[-1] == Quit()


def test_the_views() -> None:
    d = Driver(snap(numbered(5)))
    d.press("2")
    assert d.state.view is View.PROCS
    d.press("1")
    assert d.state.view is View.LOGS
    d.press("2", "esc")
    assert d.state.view is View.LOGS


def test_what_only_the_edge_can_do() -> None:
    d = Driver(snap(numbered(5)))
    d.press("ctrl-z", "ctrl-l", "f2")

    assert d.taken() == [Suspend(), Repaint(), ToggleMouse()]


def test_who_is_alive() -> None:
    exited = info("done", ProcessState.EXITED, exit_code=0, incarnation=1)
    pipe = info("pipe", ProcessState.EXITED, exit_code=0, incarnation=1, output_open=True)
    d = Driver(snap(numbered(5), info("web"), exited, pipe))

    assert [p.name for p in acts.alive(d.state)] == ["web", "pipe"]
    assert acts.alive(initial(80, 24)) == ()


def test_saying_nothing_changes_nothing() -> None:
    state = initial(80, 24)

    assert acts.say(state, "") is state
