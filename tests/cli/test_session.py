"""A whole run inside the test's process: real children, the store on disk, and nothing left behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from brummer_rx.cli.session import Session, terminal_size
from brummer_rx.pipeline.event import Event, LogBatch
from brummer_rx.pipeline.flow import SinkSpec
from brummer_rx.pipeline.gate import Gate
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


def test_the_size_without_a_terminal_is_80_by_24(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file:
        assert terminal_size(file.fileno()) == (80, 24)
