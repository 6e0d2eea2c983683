"""A run that watches itself: what hangs or breaks a rule stands in its tool.log; nothing else does."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from brummer_rx.cli.resources import prepare
from brummer_rx.pipeline import guards, violations, watchdog
from brummer_rx.pipeline.flow import SinkSpec
from brummer_rx.pipeline.threads import Lane
from brummer_rx.pipeline.violations import Mode, expected
from tests.cli.test_session import Run, nothing_is_left, shell

__all__ = ["nothing_is_left"]


def log_of(run: Run) -> str:
    path = run.session.run_folder.path / "tool.log"
    return path.read_text() if path.exists() else ""


def test_a_sink_that_hangs_is_in_the_tools_log_with_all_stacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "STALL", 0.4)
    lane, go = Lane("slow"), threading.Event()

    def hang_here(_: object) -> None:
        go.wait(20)

    run = Run(tmp_path, shell("a", "echo one"))
    run.when(lambda: "it hangs" in log_of(run), go.set)

    assert run.go(SinkSpec("slow", lane, hang_here)) == 0
    assert go.is_set()
    assert lane.close(5)
    text = log_of(run)
    assert "watchdog: stage slow has " in text
    assert "--- thread slow" in text
    assert "hang_here" in text
    assert "stage='lines'" in text


def test_an_ordinary_run_says_nothing(tmp_path: Path) -> None:
    before = len(violations.reports())
    run = Run(tmp_path, shell("a", "seq 20000"), shell("b", "echo x >&2; exit 3"))

    assert run.go() == 3
    assert "guard" not in log_of(run)
    assert [text for text in violations.reports()[before:] if "hangs" in text] == []


def test_a_violation_in_production_is_in_the_tools_log_once(tmp_path: Path) -> None:
    before = guards.mode()
    with expected() as found:
        guards.switch(Mode.COUNT)
        try:
            run = Run(tmp_path, shell("a", "seq 5"))

            def plant() -> None:
                with guards.lock("planted in a test"):
                    for _ in range(3):
                        run.session.live.changed()

            run.session.loop.call_later(0.0, plant)
            run.go()
        finally:
            guards.switch(before)

    said = "guard: LockError: planted in a test held while calling out: LiveRun.changed"
    assert log_of(run).count(said) == 1
    assert [v.kind for v in found] == ["LockError"] * 3


def test_the_setting_switches_them_on() -> None:
    before = guards.mode()
    try:
        guards.switch(Mode.OFF)
        prepare(1)
        assert not guards.on()
        prepare(1, guarded=True)
        assert guards.mode() is Mode.COUNT
        guards.switch(Mode.RAISE)
        prepare(1, guarded=True)
        assert guards.mode() is Mode.RAISE
    finally:
        guards.switch(before)
