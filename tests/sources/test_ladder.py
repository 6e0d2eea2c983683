"""The stop ladder against children that try to get away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from brummer_rx.pipeline.event import Stream
from brummer_rx.pipeline.process import ProcessSpec
from brummer_rx.sources import ladder
from brummer_rx.sources.child import Child
from brummer_rx.sources.spawn import spawn
from tests.sources.rig import exists, python, shell, until

RUN = f"ladder-{os.getpid()}"
DEAF = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"

Start = Callable[[ProcessSpec], Child]
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")


@pytest.fixture
def start() -> Iterator[Start]:
    children: list[Child] = []

    def begin(what: ProcessSpec) -> Child:
        child = spawn(what, incarnation=1, pty=False, run_id=RUN)
        children.append(child)
        return child

    yield begin
    for child in children:
        ladder.signal_child(child, signal.SIGKILL)
        until(lambda child=child: child.handle.reap() is not None)
        child.close()
    until(lambda: not any(ladder.signal_child(child, signal.SIGKILL) for child in children))
    until(lambda: not ladder.leftovers(RUN))


def line(child: Child) -> list[str]:
    """The words of the child's next line: it is so far."""
    fd = child.fds[Stream.OUT]
    os.set_blocking(fd, True)
    found = b""
    while not found.endswith(b"\n"):
        found += os.read(fd, 1) or b"\n"
    return found.decode().split()


def reaped(child: Child) -> bool:
    return child.handle.reap() is not None


def test_the_group_gets_the_signal(start: Start) -> None:
    child = start(shell("a", "sleep 60 & echo $!; wait"))
    (sleeper,) = map(int, line(child))

    assert ladder.signal_group(child, signal.SIGTERM)

    until(lambda: reaped(child) and not exists(sleeper))
    assert child.handle.exit_code == 143
    assert not ladder.signal_group(child, signal.SIGTERM)


def test_kill_ends_who_ignores_term(start: Start) -> None:
    child = start(python("a", DEAF))
    line(child)
    assert ladder.signal_child(child, signal.SIGTERM)
    assert child.handle.reap() is None

    assert ladder.signal_child(child, signal.SIGKILL)

    until(lambda: reaped(child))
    assert child.handle.exit_code == 137


def test_what_is_left_of_the_group_is_reached_after_the_leader_was_reaped(start: Start) -> None:
    child = start(shell("a", "sleep 60 & echo $!"))
    (sleeper,) = map(int, line(child))
    until(lambda: reaped(child))
    until(lambda: psutil.Process(sleeper).name() == "sleep")  # in its exec it has no tag to read
    assert [p.pid for p in ladder._group_of_dead(child)] == [sleeper]

    assert ladder.signal_group(child, signal.SIGTERM)

    until(lambda: not exists(sleeper))
    assert not ladder.signal_group(child, signal.SIGTERM)


def test_a_descendant_with_a_session_of_its_own_is_found_below_the_child(start: Start) -> None:
    child = start(shell("a", "setsid sleep 60 & echo x; wait"))
    line(child)
    until(lambda: any("sleep" in p.name() for p in ladder.descendants(child)))
    stray = next(p for p in ladder.descendants(child) if "sleep" in p.name())

    ladder.signal_child(child, signal.SIGTERM)

    until(lambda: reaped(child) and not exists(stray.pid))


def test_a_stray_seen_once_is_reached_after_its_parent_died(start: Start) -> None:
    child = start(python("a", "import subprocess, sys, time\n"
                              f"p = subprocess.Popen([sys.executable, '-c', {DEAF!r}], env={{}}, "
                              "start_new_session=True, stdout=subprocess.PIPE)\n"
                              "p.stdout.readline(); print(p.pid, flush=True); time.sleep(60)"))  # fmt: skip
    (stray,) = map(int, line(child))
    ladder.signal_child(child, signal.SIGTERM)
    until(lambda: reaped(child))
    assert exists(stray)
    assert ladder.leftovers(RUN) == []  # it has no tag: only known from before

    assert ladder.signal_child(child, signal.SIGKILL)

    until(lambda: not exists(stray))
    assert not ladder.signal_child(child, signal.SIGKILL)


@linux
def test_a_daemon_that_got_away_before_is_found_by_the_tag(start: Start) -> None:
    child = start(shell("a", "(setsid sleep 60 </dev/null >/dev/null 2>&1 & echo $!)"))
    line(child)
    until(lambda: reaped(child) and [p for p in ladder.tagged(RUN) if "sleep" in p.name()])
    (daemon,) = ladder.leftovers(RUN)

    assert not ladder.signal_child(child, signal.SIGTERM)
    assert ladder.signal_processes([daemon], signal.SIGTERM) == 1

    until(lambda: not exists(daemon.pid))
    assert ladder.leftovers(RUN) == []


@linux
def test_a_tag_is_matched_as_a_whole_and_only_as_an_entry() -> None:
    environ = dict(os.environ)
    others = [
        subprocess.Popen(["/bin/sleep", "60"], env={**environ, **extra})
        for extra in ({"BRUMMER_RUN": RUN + "x"}, {"XBRUMMER_RUN": RUN}, {"OTHER": f"BRUMMER_RUN={RUN}"})
    ]
    try:
        for other in others:
            until(
                lambda other=other: Path(f"/proc/{other.pid}/cmdline").read_bytes().startswith(b"/bin/sleep")
            )
        assert ladder.tagged(RUN) == []
    finally:
        for other in others:
            other.kill()
            other.wait()


def test_no_tag_finds_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ladder.tagged("") == []
    monkeypatch.setattr(sys, "platform", "darwin")
    assert ladder.tagged(RUN) == []


def test_a_stranger_that_got_the_child_s_pid_is_let_be(start: Start) -> None:
    child = start(shell("a", "exit 0"))
    until(lambda: reaped(child))
    stranger = subprocess.Popen(["/bin/sleep", "60"], start_new_session=True, env={"BRUMMER_RUN": RUN})
    try:
        # The child as if its pid had been given to the stranger since.
        fake = Child("a", 1, stranger.pid, {}, RUN, child.handle)

        assert not ladder.signal_group(fake, signal.SIGKILL)
        assert not ladder.signal_child(fake, signal.SIGKILL)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_stranger_s_group_without_its_leader_is_let_be(start: Start) -> None:
    child = start(shell("a", "exit 0"))
    until(lambda: reaped(child))
    leader = subprocess.Popen(
        ["/bin/sh", "-c", "sleep 60 </dev/null >/dev/null & echo $!"],
        start_new_session=True, env={"PATH": os.environ["PATH"]}, stdout=subprocess.PIPE,
    )  # fmt: skip
    out, _ = leader.communicate()
    member = int(out)
    try:
        fake = Child("a", 1, leader.pid, {}, RUN, child.handle)

        assert not ladder.signal_group(fake, signal.SIGKILL)
        assert exists(member)
    finally:
        os.kill(member, signal.SIGKILL)


def test_without_proc_the_session_tells_whose_a_leaderless_group_is(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = start(shell("a", "sleep 60 & echo $!"))
    (sleeper,) = map(int, line(child))
    until(lambda: reaped(child))
    monkeypatch.setattr(sys, "platform", "darwin")

    assert ladder.signal_group(child, signal.SIGKILL)

    until(lambda: not exists(sleeper))


def test_a_process_that_ended_is_not_counted() -> None:
    gone = subprocess.Popen(["/bin/sleep", "60"])
    process = psutil.Process(gone.pid)
    assert ladder.signal_processes([process], signal.SIGTERM) == 1
    until(lambda: not ladder._alive(process))  # a zombie
    assert ladder.signal_processes([process], signal.SIGTERM) == 0
    gone.wait()
    assert ladder.signal_processes([process], signal.SIGTERM) == 0


def test_who_may_not_be_signalled_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: psutil.Process, signum: int) -> None:
        raise psutil.AccessDenied(self.pid)

    monkeypatch.setattr(psutil.Process, "send_signal", refuse)

    assert ladder.signal_processes([psutil.Process()], signal.SIGTERM) == 0


def test_a_child_that_psutil_does_not_know_has_no_descendants(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = start(shell("a", "echo up; exec sleep 60"))
    line(child)

    def refuse(self: psutil.Process, recursive: bool = False) -> list[psutil.Process]:
        raise psutil.NoSuchProcess(self.pid)

    monkeypatch.setattr(psutil.Process, "children", refuse)
    assert ladder.descendants(child) == []
    child.handle.process = None
    assert ladder.descendants(child) == []


def test_processes_that_end_under_the_walk_are_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "pids", lambda: [2**22 + 5])

    assert ladder._processes(psutil.pids()) == []
    assert ladder.tagged(RUN) == []
    assert ladder._group(2**22 + 5) == ladder._session(2**22 + 5) == -1


def test_a_child_that_was_stopped_hears_term(start: Start) -> None:
    child = start(shell("a", "sh -c 'kill -STOP $$' & echo $!; kill -STOP $$; wait"))
    (stopped,) = map(int, line(child))
    until(lambda: psutil.Process(child.pid).status() == psutil.STATUS_STOPPED)

    assert ladder.signal_group(child, signal.SIGTERM)

    until(lambda: reaped(child) and not exists(stopped))
    assert child.handle.exit_code == 143


@linux
def test_a_stray_that_was_stopped_hears_term(start: Start) -> None:
    child = start(shell("a", "setsid sh -c 'echo $$; kill -STOP $$' & wait"))
    (stray,) = map(int, line(child))
    until(lambda: psutil.Process(stray).status() == psutil.STATUS_STOPPED)

    assert ladder.signal_processes([psutil.Process(stray)], signal.SIGTERM) == 1

    until(lambda: not exists(stray))
