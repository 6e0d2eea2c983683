"""Reaping and signalling a child by an id that is surely its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from brummer_rx.sources.child import UNKNOWN_EXIT, Child, ChildHandle
from brummer_rx.sources.spawn import spawn
from tests.sources.rig import open_fds, python, until
from tests.sources.rig import spec as make


def start(code: str) -> Child:
    return spawn(python("c", code), incarnation=1, pty=False, run_id="r")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("pass", 0),
        ("raise SystemExit(7)", 7),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 137),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", 143),
    ],
)
def test_the_exit_code_is_known_for_good(code: str, expected: int) -> None:
    child = start(code)

    until(lambda: child.handle.reap() is not None)

    assert child.handle.reap() == child.handle.exit_code == expected
    child.close()


def test_a_running_child_has_no_code() -> None:
    child = start("import time; time.sleep(60)")

    assert child.handle.reap() is None
    assert child.handle.signal_group(signal.SIGKILL) is True
    until(lambda: child.handle.reap() == 137)
    child.close()


def test_a_reaped_child_s_group_is_not_signalled_any_more() -> None:
    child = start("pass")
    until(lambda: child.handle.reap() == 0)

    assert child.handle.signal_group(signal.SIGKILL) is None
    child.close()


def test_a_group_that_is_nobody_s_is_not_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    child = start("pass")

    def gone(pid: int, signum: int) -> None:
        raise ProcessLookupError

    monkeypatch.setattr(os, "killpg", gone)

    assert child.handle.signal_group(signal.SIGTERM) is False
    until(lambda: child.handle.reap() == 0)
    child.close()


def test_a_child_that_somebody_else_reaped_has_not_succeeded() -> None:
    other = subprocess.Popen([sys.executable, "-c", ""])
    handle = ChildHandle(other.pid)
    other.wait()

    assert handle.reap() == UNKNOWN_EXIT != 0
    handle.close_pidfd()


def test_without_pidfd_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int) -> int:
        raise OSError("no descriptor left")

    monkeypatch.setattr(os, "pidfd_open", refuse, raising=False)
    assert ChildHandle(os.getpid()).pidfd == -1

    monkeypatch.delattr(os, "pidfd_open")
    handle = ChildHandle(os.getpid())
    assert handle.pidfd == -1
    handle.close_pidfd()
    handle.close_stdin()


def test_an_identity_that_cannot_be_had_is_not_made_up() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()

    handle = ChildHandle(gone.pid)

    assert handle.process is None


def test_closing_gives_everything_back_and_is_idempotent_for_the_handle() -> None:
    before = open_fds()
    child = spawn(make("c", "/bin/cat"), incarnation=1, pty=False, run_id="r")
    assert len(open_fds()) > len(before)

    child.close()
    child.handle.close_stdin()
    child.handle.close_pidfd()

    assert open_fds() == before
    until(lambda: child.handle.reap() == 0)  # its stdin was closed


def test_strays_add_up() -> None:
    import psutil

    handle = ChildHandle(os.getpid())
    me, parent = psutil.Process(), psutil.Process(os.getppid())

    assert handle.remember([me]) == {me}
    assert handle.remember([parent, me]) == {me, parent}
    assert handle.remember(()) == {me, parent}
    handle.close_pidfd()
