from __future__ import annotations

from brummer_rx.pipeline.process import ProcessState
from brummer_rx.pipeline.runview import Usage
from brummer_rx.tui.view import wake_at
from tests.tui.drive import Driver
from tests.tui.fakelog import T0, FakeLog, info, numbered, snap

NOW = T0 + 724_000_000_000


def procs(d: Driver) -> Driver:
    d.press("2")
    return d


def test_the_table() -> None:
    rows = (
        info("web", ProcessState.READY, command="next dev", restarts=2),
        info(
            "worker",
            ProcessState.FAILED,
            command="python worker.py",
            incarnation=1,
            exit_code=1,
            started_ns=T0,
            ended_ns=NOW - 180_000_000_000,
        ),
        info("lint", ProcessState.EXITED, command="eslint ."),
    )
    seen = snap(
        numbered(30),
        *rows,
        now_ns=NOW,
        usage={"web": Usage(7.4, 312 << 20)},
        rates={"web": (0.0, 256.0, 512.0), "worker": (0.0,)},
    )
    d = procs(Driver(seen, width=120))

    words = "PROCESS STATE UP CPU MEM OUTPUT LINES/S RESTARTS COMMAND"
    assert " ".join(d.line("PROCESS").split()) == words
    assert d.line("next dev").split() == [
        "▌●",
        "web",
        "ready",
        "12m04",
        "7%",
        "312M",
        "▄█",
        "512/s",
        "2",
        "next",
        "dev",
    ]
    assert d.line("worker.py").split()[:7] == ["✗", "worker", "exit", "1", "3m00", "ago", "-"]
    assert d.line("eslint").split() == ["○", "lint", "not", "started", "-", "-", "-", "-", "0", "eslint", "."]


def test_the_pane_shows_the_last_lines_of_the_chosen_one() -> None:
    d = procs(Driver(snap(numbered(30)), width=100))
    assert "── web · running · pid 48000 · last lines ──" in d.line("last lines")
    assert "line 27 of web" in d.screen[-3]
    d.press("j")
    assert "line 28 of api" in d.screen[-3]


def test_the_pane_tells_why_it_failed() -> None:
    row = info("x", ProcessState.FAILED, incarnation=1, exit_code=127, detail="no such\ncommand")
    d = procs(Driver(snap(FakeLog(), row), width=100))

    assert "── x · exit 127 · last lines" in d.line("last lines")
    assert "no such command" in "\n".join(d.screen)
    assert "no lines yet" in "\n".join(d.screen)


def test_a_script_that_was_not_started_says_how() -> None:
    d = procs(Driver(snap(FakeLog(), info("lint", ProcessState.EXITED)), width=100))

    assert "not started: s starts it" in "\n".join(d.screen)


def test_narrow_screens_drop_columns_but_never_the_word_for_the_state() -> None:
    for width in (60, 36, 24):
        d = procs(Driver(snap(numbered(30)), width=width))
        assert "running" in d.line("web")
    assert "●" in procs(Driver(snap(numbered(30)), width=6)).screen[3]


def test_low_screens_have_no_pane() -> None:
    d = procs(Driver(snap(numbered(30)), height=9))

    assert "last lines" not in "\n".join(d.screen)
    assert "web" in "\n".join(d.screen)


def test_durations_wake_the_screen_each_second() -> None:
    d = Driver(snap(numbered(30), now_ns=NOW + 250_000_000))
    assert wake_at(d.state, d.snap) is None
    procs(d)
    assert wake_at(d.state, d.snap) == NOW + 1_000_000_000
    d.press("?")
    assert wake_at(d.state, d.snap) is None
