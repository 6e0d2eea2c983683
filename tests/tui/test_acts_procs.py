from __future__ import annotations

import pytest

from brummer_rx.pipeline.process import Command, CommandKind, ProcessInfo, ProcessState
from brummer_rx.tui.acts_procs import selected, table_rows
from brummer_rx.tui.intents import Send
from brummer_rx.tui.keys import Key, Resize, Wheel
from brummer_rx.tui.reduce import reduce
from brummer_rx.tui.state import initial
from tests.tui.drive import Driver
from tests.tui.fakelog import FakeLog, info, snap

EXITED = ProcessState.EXITED


def chosen(d: Driver) -> str:
    found = selected(d.state)
    return found.name if found is not None else ""


@pytest.mark.parametrize(
    ("row", "key", "kind"),
    [
        (info("web"), "s", CommandKind.STOP),
        (info("web", ProcessState.READY), "s", CommandKind.STOP),
        (info("web", ProcessState.STARTING), "s", CommandKind.STOP),
        (info("web", ProcessState.RESTARTING), "s", CommandKind.STOP),
        (info("web", ProcessState.STOPPING), "s", None),
        (info("web", EXITED, incarnation=1, exit_code=0), "s", CommandKind.START),
        (info("web", ProcessState.FAILED, incarnation=1, exit_code=1), "s", CommandKind.START),
        (info("web", EXITED), "s", CommandKind.START),
        (info("web"), "r", CommandKind.RESTART),
        (info("web", ProcessState.FAILED, incarnation=1, exit_code=1), "r", CommandKind.RESTART),
        (info("web", EXITED), "r", CommandKind.START),
    ],
)
def test_what_the_keys_ask_for(row: ProcessInfo, key: str, kind: CommandKind | None) -> None:
    d = Driver(snap(FakeLog(), row))
    d.press("2", key)

    assert d.taken() == ([Send(Command(kind, "web"))] if kind is not None else [])
    assert "web" in (d.state.message.text if d.state.message else "")


def test_restart_all_leaves_out_what_never_ran() -> None:
    d = Driver(snap(FakeLog(), info("web"), info("lint", EXITED), info("api")))
    d.press("2", "ctrl-r")
    assert d.taken() == [Send(Command(CommandKind.RESTART, n)) for n in ("web", "api")]

    d = Driver(snap(FakeLog(), info("lint", EXITED)))
    d.press("2", "ctrl-r")
    assert d.taken() == []
    assert "nothing was started" in d.line("lint: not started")


def test_choosing_rows_scrolls_the_table() -> None:
    many = [info(f"p{i}") for i in range(30)]
    d = Driver(snap(FakeLog(), *many), height=16)
    rows = table_rows(d.state)
    assert rows < 30
    d.press("2", *["j"] * rows)
    assert (chosen(d), d.state.procs.top) == (f"p{rows}", 1)
    assert f"▌● p{rows}" in "\n".join(d.screen)
    d.press("G")
    assert (chosen(d), d.state.procs.top) == ("p29", 30 - rows)
    d.press("pgup")
    assert chosen(d) == f"p{29 - rows}"
    d.press("g")
    assert (chosen(d), d.state.procs.top) == ("p0", 0)
    d.press("ctrl-d")
    assert chosen(d) == f"p{rows // 2}"
    d.press("ctrl-u", "k", "pgdn").do(Wheel(2, 1, 4))
    assert chosen(d) == f"p{rows + 2}"
    d.do(Resize(80, 10))
    assert f"p{rows + 2} " in "\n".join(d.screen)


def test_a_chosen_process_that_is_gone_gives_way_to_the_first() -> None:
    d = Driver(snap(FakeLog(), info("a"), info("b")))
    d.press("2", "j")
    assert chosen(d) == "b"
    d.see(snap(FakeLog(), info("a"), info("c")))
    assert chosen(d) == "a"


@pytest.mark.parametrize("name", ["2", "j", "s", "r", "ctrl-r", "enter", "G"])
def test_before_anything_was_seen(name: str) -> None:
    state, _ = reduce(initial(80, 24), Key("2"))
    state, effects = reduce(state, Key(name))

    assert effects == ()
