"""A whole run inside the test's process: real children, the store on disk, and nothing left behind."""

from __future__ import annotations

import errno
import os
import resource
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from loguru import logger
from reactivex import operators as ops

from brummer_rx.cli import session as module
from brummer_rx.cli import toollog
from brummer_rx.cli.session import Session
from brummer_rx.pipeline.errors import ConfigError
from brummer_rx.pipeline.event import Event, LogBatch
from brummer_rx.pipeline.flow import SinkSpec
from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.guarded import GuardedTransform
from brummer_rx.pipeline.process import Command, CommandKind, ProcessSpec, ProcessState
from brummer_rx.pipeline.settings import load
from brummer_rx.pipeline.status import read_status_file
from brummer_rx.sinks.store.reader import open_run


def shell(name: str, text: str, *, autostart: bool = True) -> ProcessSpec:
    return ProcessSpec(name, ("/bin/sh", "-c", text), text, ".", autostart=autostart)


class Run:
    """A session and what it said."""

    def __init__(self, folder: Path, *specs: ProcessSpec, grace: str = "5", pty: bool = False) -> None:
        environ = {"HOME": str(folder), "BRUMMER_GRACE": grace}
        self.said: list[str] = []
        self.session = Session(
            load(folder, {"state_dir": str(folder / "state")}, environ),
            specs,
            pty=pty,
            on_notice=lambda text, bad: self.said.append(text),
        )

    def go(self, *sinks: SinkSpec) -> int:
        try:
            self.session.run(*sinks)
        finally:
            code = self.session.close()
        return code

    def when(self, condition: Callable[[], bool], action: Callable[[], None]) -> None:
        """Do `action` on the main loop as soon as `condition` holds."""
        end = time.monotonic() + 20

        def look() -> None:
            assert time.monotonic() < end, "in vain"
            if condition():
                action()
            else:
                self.session.loop.call_later(0.01, look)

        self.session.loop.call_later(0.0, look)

    def lines(self) -> list[tuple[str, str]]:
        snapshot = open_run(self.session.run_folder.path).snapshot()
        return [(line.source, line.text) for line in snapshot.lines(0, snapshot.end_seq)]

    def state(self, name: str) -> ProcessState | None:
        info = self.session.supervisor.table.get(name)
        return None if info is None else info.state


@pytest.fixture(autouse=True)
def nothing_is_left() -> object:
    logger.remove()  # as `start` does
    before = set(threading.enumerate())
    fds = psutil.Process().num_fds()
    yield
    assert set(threading.enumerate()) <= before
    assert psutil.Process().num_fds() <= fds + 1, "a lazily opened file of psutil may stay"
    assert psutil.Process().children() == []
    return None


def test_a_run_ends_with_its_children_and_everything_is_stored(tmp_path: Path) -> None:
    run = Run(
        tmp_path, shell("a", "for i in 1 2 3; do echo $i; done"), shell("b", "echo ERROR no >&2; exit 7")
    )
    code = run.go()

    assert code == 7
    assert [text for source, text in run.lines() if source == "a"] == ["1", "2", "3"]
    assert ("b", "ERROR no") in run.lines()
    assert "b exited with 7" in run.said
    rows = {row["name"]: row for row in read_status_file(run.session.run_folder.path)}
    assert (rows["a"]["state"], rows["b"]["state"], rows["b"]["exit_code"]) == ("exited", "failed", 7)


def test_the_ledgers_close(tmp_path: Path) -> None:
    run = Run(tmp_path, shell("a", "seq 20000"))
    run.go()

    ledgers = {ledger.stage: ledger for ledger in run.session.ledgers.snapshot()}
    assert set(ledgers) == {"lines", "store", "processes"}
    assert all(ledger.closes and ledger.queued == 0 and ledger.dropped == 0 for ledger in ledgers.values())
    assert ledgers["lines"].delivered == ledgers["store"].offered
    assert len(run.lines()) == 20000


def test_a_stop_ends_children_that_would_run_for_ever(tmp_path: Path) -> None:
    run = Run(tmp_path, shell("a", "echo up; sleep 100"))
    run.when(lambda: run.session.store.snapshot().end_seq == 1, lambda: run.session.stop(143, "stop"))

    assert run.go() == 143
    assert run.state("a") is ProcessState.EXITED


def test_a_child_that_ignores_term_is_killed_after_the_grace(tmp_path: Path) -> None:
    run = Run(tmp_path, shell("a", "trap '' TERM; echo up; while :; do sleep 1; done"), grace="0.2")
    run.when(lambda: run.session.store.snapshot().end_seq == 1, lambda: run.session.stop(143))
    began = time.monotonic()

    assert run.go() == 143
    assert 0.2 <= time.monotonic() - began < 15


def test_a_second_stop_skips_the_grace(tmp_path: Path) -> None:
    run = Run(tmp_path, shell("a", "trap '' TERM; echo up; while :; do sleep 1; done"), grace="60")

    def twice() -> None:
        run.session.stop(130)
        run.session.stop(130)

    run.when(lambda: run.session.store.snapshot().end_seq == 1, twice)
    began = time.monotonic()

    assert run.go() == 130
    assert time.monotonic() - began < 15


def test_a_process_is_restarted_and_its_lines_go_on_counting(tmp_path: Path) -> None:
    run = Run(tmp_path, shell("a", "echo up; sleep 100"))
    session = run.session
    restart = Command(CommandKind.RESTART, "a")
    run.when(lambda: session.store.snapshot().end_seq == 1, lambda: session.live.send(restart))
    run.when(lambda: session.store.snapshot().end_seq == 2, lambda: session.stop(0))

    assert run.go() == 0
    assert run.lines() == [("a", "up"), ("a", "up")]
    assert session.supervisor.table.processes[0].restarts == 1


def test_a_grandchild_that_goes_on_writing_is_read_to_its_end(tmp_path: Path) -> None:
    run = Run(tmp_path, shell("a", "(sleep 0.3; echo late) & echo first"))
    run.go()

    assert run.lines() == [("a", "first"), ("a", "late")]


def test_what_left_its_session_is_ended_with_the_run(tmp_path: Path) -> None:
    mark = tmp_path / "left"
    stray = f"setsid sh -c 'touch {mark}; exec sleep 100' >/dev/null 2>&1 </dev/null &"
    run = Run(tmp_path, shell("a", f"{stray} while [ ! -e {mark} ]; do sleep 0.01; done"))
    run.go()

    assert any("left over" in text for text in run.said)


def test_what_was_not_asked_to_start_stands_in_the_table(tmp_path: Path) -> None:
    run = Run(tmp_path, shell("a", "echo a"), shell("b", "echo b", autostart=False))
    run.go()

    assert run.lines() == [("a", "a")]
    assert run.session.supervisor.table.processes[1].incarnation == 0


def test_a_sink_that_is_full_holds_the_child_and_loses_nothing(tmp_path: Path) -> None:
    class Slow:
        """A room that is full until it is opened."""

        def __init__(self) -> None:
            self.open = False
            self.resumes: list[Callable[[], None]] = []
            self.lines = 0

        def has_room(self, size: int = 0) -> bool:
            return self.open

        def park(self, resume: Callable[[], None], size: int = 0) -> bool:
            if not self.open:
                self.resumes.append(resume)
            return not self.open

        def take(self, event: Event) -> None:
            assert isinstance(event, LogBatch)
            self.lines += event.lines

        def unlock(self) -> None:
            self.open = True
            for resume in self.resumes:
                resume()

    run = Run(tmp_path, shell("a", "seq -f 'line %012.0f of a flood that nobody takes' 400000"))
    slow, gate = Slow(), Gate()
    gate.join(slow)
    held: list[int] = []

    def look() -> None:
        held.append(run.session.store.snapshot().end_seq)
        slow.unlock()

    run.when(lambda: run.session.ingest.counts().parks > 0, look)
    code = run.go(SinkSpec("console", run.session.loop, slow.take, feeds=gate))

    assert code == 0
    assert held[0] < 400_000
    assert slow.lines == 400_000
    assert run.session.store.snapshot().end_seq == 400_000


def test_usage_is_sampled_while_somebody_asks(tmp_path: Path) -> None:
    run = Run(tmp_path, shell("a", "sleep 100"))
    run.when(lambda: "a" in run.session.live.usage(), lambda: run.session.stop(0))

    assert run.go() == 0
    assert run.session.live.usage()["a"].rss_bytes > 0


def test_an_operator_that_hangs_cannot_hold_up_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "END_TIMEOUT", 0.3)
    free = threading.Event()

    def hang(event: Event) -> Event:
        free.wait(20)
        return event

    transform = GuardedTransform("hang", lambda s: s.pipe(ops.map(hang)), lambda n, e, b: None)
    monkeypatch.setattr(module, "transforms", lambda settings, failed: (transform,))
    run = Run(tmp_path, shell("a", "echo one; sleep 100"), grace="0.1")
    run.when(lambda: run.session.ingest.counts().lines == 1, lambda: run.session.stop(143))
    began = time.monotonic()
    code = run.go()
    free.set()

    assert code == 143
    assert time.monotonic() - began < 15
    assert any("the end does not come (lines wait in: lines" in text for text in run.said)
    end = time.monotonic() + 10
    while any(thread.name.startswith("pool") for thread in threading.enumerate()):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_sink_that_failed_is_no_success(tmp_path: Path) -> None:
    def broken(event: Event) -> None:
        raise ValueError("no")

    run = Run(tmp_path, shell("a", "echo one"))
    code = run.go(SinkSpec("console", run.session.loop, broken))

    assert code == 1
    assert run.lines() == [("a", "one")]
    assert any("console failed" in text for text in run.said)


def test_nothing_is_started_once_the_run_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A start that comes in the very moment in which the last process ended."""
    run = Run(tmp_path, shell("a", "echo one"))
    session = run.session
    decided = session._table_changed

    def late() -> None:
        if session.supervisor.state.closing:
            session.live.send(Command(CommandKind.START, "a"))
        decided()

    monkeypatch.setattr(session.supervisor, "_on_change", late)
    assert run.go() == 0
    assert run.lines() == [("a", "one")]
    assert "a is not started: the run ends" in run.said


def test_a_storm_of_wishes_is_two_of_them(tmp_path: Path) -> None:
    run = Run(tmp_path, shell("a", "trap '' TERM; echo up; while :; do sleep 1; done"), grace="60")

    def storm() -> None:
        for _ in range(3000):
            run.session.stop(130, "stop")

    run.when(lambda: run.session.store.snapshot().end_seq == 1, storm)

    assert run.go() == 130
    assert [text for text in run.said if text.startswith("stop")] == ["stop", "stop at once"]
    assert {x.stage: x.offered for x in run.session.ledgers.snapshot()}["processes"] < 20


def test_who_watched_is_gone_and_the_grace_stays(tmp_path: Path) -> None:
    run = Run(
        tmp_path, shell("a", "trap 'sleep 0.2; echo bye; exit 0' TERM; echo up; while :; do sleep 0.02; done")
    )

    def gone() -> None:
        run.session.abandon(129)
        run.session.stop(129)
        run.session.abandon(141)

    run.when(lambda: run.session.store.snapshot().end_seq == 1, gone)

    assert run.go() == 129
    assert run.lines()[-1] == ("a", "bye")


def test_our_own_messages_tell_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOP_SECRET", "dragons")
    run = Run(tmp_path, shell("a", "true"))

    def fail() -> None:
        environ = dict(os.environ)
        raise RuntimeError(f"with {len(environ)} variables around")

    run.session.loop.call_later(0.0, fail)
    run.go()
    log = (run.session.run_folder.path / "tool.log").read_text()

    assert "variables around" in log and "Traceback" in log
    assert "dragons" not in log


def test_a_full_disk_prints_nothing_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "full")

    run = Run(tmp_path, shell("a", "true"))
    monkeypatch.setattr(toollog, "os", SimpleNamespace(**{**vars(os), "write": full}))
    run.go()

    assert "a exited with 0" in run.said
    assert capfd.readouterr() == ("", "")


def test_a_wrong_setting_makes_no_run(tmp_path: Path) -> None:
    (tmp_path / ".brum.toml").write_text("[operators.nope]\nenabled = true\n")
    with pytest.raises(ConfigError, match="nope"):
        Run(tmp_path, shell("a", "true"))

    assert not (tmp_path / "state").exists()


def test_quit_skips_the_grace(tmp_path: Path) -> None:
    """Ctrl-backslash would end the tool at once, and leave the children."""
    run = Run(tmp_path, shell("a", "trap '' TERM; echo up; while :; do sleep 1; done"), grace="60")
    run.when(lambda: run.session.store.snapshot().end_seq == 1, lambda: os.kill(os.getpid(), signal.SIGQUIT))
    began = time.monotonic()

    assert run.go() == 131
    assert time.monotonic() - began < 15


def test_many_processes_get_their_descriptors(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, before[1]))
    try:
        code = Run(tmp_path, *(shell(f"p{n}", "sleep 0.5") for n in range(45))).go()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

    assert code == 0


def test_when_reading_fails_the_run_ends_and_nobody_stays(tmp_path: Path) -> None:
    run = Run(tmp_path, shell("a", "while :; do echo up; sleep 0.02; done"))

    def break_it() -> None:
        vars(run.session.ingest)["_pace"] = None

    run.when(lambda: run.session.store.snapshot().end_seq >= 1, break_it)

    assert run.go() == 1
    assert any("reading has failed" in text for text in run.said)
    end = time.monotonic() + 20
    while not os.waitpid(-1, os.WNOHANG)[0]:  # nobody read it, so nobody reaped it
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_key_that_is_held_down_is_a_second_wish(tmp_path: Path) -> None:
    run = Run(tmp_path, shell("a", "trap '' TERM; echo up; while :; do sleep 1; done"), grace="60")

    def held() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        run.session.loop.call_later(0.03, held)

    run.when(lambda: run.session.store.snapshot().end_seq == 1, held)

    assert run.go() == 130
    assert [text for text in run.said if text.startswith("SIGINT")] == [
        "SIGINT: stopping",
        "SIGINT: stopping at once",
    ]
