"""`--plain` and `--no-tui` in this process: what stdout and stderr get, and the exit code."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from brummer_rx.cli.plain import plain
from brummer_rx.pipeline.process import ProcessSpec
from brummer_rx.pipeline.settings import load


def shell(name: str, text: str, origin: str = "") -> ProcessSpec:
    return ProcessSpec(name, ("/bin/sh", "-c", text), text, ".", origin=origin)


def run(folder: Path, *specs: ProcessSpec, console: bool = True, warnings: tuple[str, ...] = ()) -> int:
    environ = {"HOME": str(folder), "BRUMMER_GRACE": "2"}
    settings = load(folder, {"state_dir": str(folder / "state")}, environ)
    return plain(settings, specs, warnings=warnings, known=("web", "api"), console=console)


def test_lines_go_to_stdout_with_time_and_name(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code = run(tmp_path, shell("a", "echo one; echo two"))
    out, err = capfd.readouterr()

    assert code == 0
    assert [re.sub(r"^\d\d:\d\d:\d\d\.\d{3} ", "", line) for line in out.splitlines()] == [
        "a | one",
        "a | two",
    ]
    assert err == "brummer-rx: a exited with 0\n"


def test_the_code_is_that_of_the_first_to_fail(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, shell("a", "sleep 0.5; exit 4"), shell("b", "exit 3")) == 3
    assert "b exited with 3" in capfd.readouterr().err


def test_warnings_come_first(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, shell("a", "true"), warnings=("something is odd",))

    assert capfd.readouterr().err.startswith("brummer-rx: warning: something is odd\n")


def test_a_word_that_is_nothing_gets_a_hint(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, shell("wbe", "wbe", origin="command line")) == 127
    err = capfd.readouterr().err

    assert 'did you mean "web"?' in err
    assert "api" in err


def kill_when(condition: Callable[[], bool], signum: int) -> threading.Thread:
    """Signal this process once `condition` holds."""

    def work() -> None:
        for _ in range(2000):
            if condition():
                os.kill(os.getpid(), signum)
                return
            threading.Event().wait(0.01)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_run_and_its_children(
    signum: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    mark = tmp_path / "up"
    killer = kill_when(mark.exists, signum)
    code = run(tmp_path, shell("a", f"echo up; touch {mark}; sleep 100"))
    killer.join()

    assert code == 128 + signum
    assert f"{signal.Signals(signum).name}: stopping" in capfd.readouterr().err


def test_headless_goes_on_when_all_have_ended(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    state = tmp_path / "state"

    def ended() -> bool:
        return any(b'"exited"' in file.read_bytes() for file in state.glob("*/processes.json"))

    killer = kill_when(ended, signal.SIGTERM)
    code = run(tmp_path, shell("a", "echo quiet"), console=False)
    killer.join()
    out, err = capfd.readouterr()

    assert (code, out) == (143, "")
    assert "a exited with 0" in err


def test_a_reader_that_went_away_ends_the_run(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    saved = os.dup(1)
    os.dup2(write, 1)
    try:
        code = run(tmp_path, shell("a", "yes"))
    finally:
        os.dup2(saved, 1)
        os.close(saved)
        os.close(write)

    assert code == 141


def test_a_reader_that_stopped_does_not_hold_up_the_end(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    read, write = os.pipe()
    saved = os.dup(1)
    os.dup2(write, 1)
    state = tmp_path / "state"

    def stored() -> bool:
        return any(file.stat().st_size > 2_000_000 for file in state.glob("*/*.seg"))

    killer = kill_when(stored, signal.SIGTERM)
    try:
        code = run(tmp_path, shell("a", "yes 'a line that nobody reads'"))
    finally:
        os.dup2(saved, 1)
        for fd in (saved, read, write):
            os.close(fd)
        killer.join()

    assert code == 143
    assert "stdout takes nothing" in capfd.readouterr().err
