"""`--plain` and `--no-tui` in this process: what stdout and stderr get, and the exit code."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
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


def one_has_ended(state: Path) -> bool:
    """Whether the table on disk has a process that exited."""
    return any(b'"exited"' in file.read_bytes() for file in state.glob("*/processes.json"))


def much_is_stored(state: Path) -> bool:
    """Whether a segment has grown to 800 kB: far more than a screen or a pipe takes."""
    return any(file.stat().st_size > 800_000 for file in state.glob("*/*.seg"))


def wait_for(condition: Callable[[], bool]) -> bool:
    """Whether it came to hold within 20 seconds."""
    for _ in range(2000):
        if condition():
            return True
        threading.Event().wait(0.01)
    return False


def kill_when(condition: Callable[[], bool], signum: int) -> threading.Thread:
    """Signal this process once `condition` holds."""

    def work() -> None:
        # In vain: end the run, so that the test fails and nothing hangs.
        os.kill(os.getpid(), signum if wait_for(condition) else signal.SIGQUIT)

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

    killer = kill_when(lambda: one_has_ended(state), signal.SIGTERM)
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

    killer = kill_when(lambda: much_is_stored(state), signal.SIGTERM)
    try:
        code = run(tmp_path, shell("a", "yes 'a line that nobody reads'"))
    finally:
        os.dup2(saved, 1)
        for fd in (saved, read, write):
            os.close(fd)
        killer.join()

    assert code == 143
    assert "stdout takes nothing" in capfd.readouterr().err


class Reader:
    """Our stdout is a pipe that the test reads, from `take` to `restore` (pytest sets it, too, before)."""

    def __init__(self) -> None:
        self.fd, self._write = os.pipe()
        self._saved = -1

    def take(self) -> None:
        self._saved = os.dup(1)
        os.dup2(self._write, 1)
        os.close(self._write)

    def restore(self) -> None:
        os.dup2(self._saved, 1)
        os.close(self._saved)

    def close(self) -> None:
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    def read_slowly(self, step: int, pause: float, until: threading.Event) -> bytes:
        found = []
        while not until.wait(pause) and (data := os.read(self.fd, step)):
            found.append(data)
        return b"".join(found)


@pytest.fixture
def reader() -> Iterator[Reader]:
    made = Reader()
    yield made
    made.close()


def test_a_reader_that_comes_late_gets_every_line(tmp_path: Path, reader: Reader) -> None:
    """All of it fits into what we hold in front of the pipe: every stage is done long before the reader."""
    found: list[bytes] = []
    state = tmp_path / "state"

    def read() -> None:
        wait_for(lambda: one_has_ended(state))
        found.append(reader.read_slowly(8192, 0.001, threading.Event()))

    late = threading.Thread(target=read)
    late.start()
    reader.take()
    try:
        code = run(tmp_path, shell("a", "seq 20000"))
    finally:
        reader.restore()
        late.join()

    assert code == 0
    assert [line.split()[-1] for line in found[0].splitlines()] == [b"%d" % n for n in range(1, 20_001)]


def test_a_broken_pipe_is_no_second_wish(
    tmp_path: Path, reader: Reader, capfd: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C ends `tool | reader` as a whole: the child has its grace, and may say what it has to."""
    done = tmp_path / "done"
    clean = f"trap 'echo bye; sleep 0.3; echo bye; sleep 0.3; touch {done}; exit 0' TERM"
    mark = tmp_path / "up"

    def both() -> bool:
        if mark.exists():
            reader.close()
            return True
        return False

    killer = kill_when(both, signal.SIGINT)
    reader.take()
    try:
        code = run(tmp_path, shell("a", f"{clean}; touch {mark}; while :; do sleep 0.02; echo tick; done"))
    finally:
        reader.restore()
        killer.join()

    assert code in (130, 141), "whichever of the two came first"
    assert done.exists()
    assert "a exited with 0" in capfd.readouterr().err


def test_a_signal_that_comes_twice_at_once_is_one_wish(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """As `timeout`, `npm` and closing terminals send it."""
    mark, done = tmp_path / "up", tmp_path / "done"

    def first() -> bool:
        if mark.exists():
            os.kill(os.getpid(), signal.SIGTERM)
            threading.Event().wait(0.02)
            return True
        return False

    killer = kill_when(first, signal.SIGTERM)
    code = run(
        tmp_path,
        shell(
            "a", f"trap 'sleep 0.3; touch {done}; exit 0' TERM; touch {mark}; while :; do sleep 0.02; done"
        ),
    )
    killer.join()

    assert (code, done.exists()) == (143, True)
    assert capfd.readouterr().err.count("SIGTERM") == 1


def test_what_is_left_over_is_not_waited_for_after_two_signals(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    mark = tmp_path / "deaf"
    deaf = f"trap '' TERM; touch {mark}; while :; do sleep 1; done"
    stray = f'setsid sh -c "{deaf}" >/dev/null 2>&1 </dev/null & while [ ! -e {mark} ]; do sleep 0.01; done'
    state = tmp_path / "state"
    over = threading.Event()

    def twice() -> None:
        while not over.wait(0.3):
            if one_has_ended(state):
                os.kill(os.getpid(), signal.SIGINT)

    killer = threading.Thread(target=twice)
    began = time.monotonic()
    try:
        settings = load(tmp_path, {"state_dir": str(state)}, {"HOME": str(tmp_path), "BRUMMER_GRACE": "60"})
        killer.start()
        code = plain(settings, (shell("a", stray),), warnings=(), known=(), console=True)
    except KeyboardInterrupt:
        code = 130  # one more came when all was over
    finally:
        over.set()
        killer.join()

    assert code == 130
    assert time.monotonic() - began < 30
    assert "stopped what was left over" in capfd.readouterr().err


def test_a_slow_reader_is_let_go_the_second_time(
    tmp_path: Path, reader: Reader, capfd: pytest.CaptureFixture[str]
) -> None:
    state, over = tmp_path / "state", threading.Event()
    slow = threading.Thread(target=lambda: reader.read_slowly(50, 0.05, over))

    def twice() -> None:
        wait_for(lambda: much_is_stored(state))
        while not over.wait(0.3):
            os.kill(os.getpid(), signal.SIGTERM)

    killer = threading.Thread(target=twice)
    slow.start()
    killer.start()
    before = signal.signal(signal.SIGTERM, lambda *_: None)  # one more may come when all is over
    reader.take()
    try:
        code = run(tmp_path, shell("a", "yes 'a line that is read slowly'"))
    finally:
        over.set()
        reader.restore()
        killer.join()
        signal.signal(signal.SIGTERM, before)
        slow.join()

    assert code == 143
    assert "were not printed" in capfd.readouterr().err
