"""start, stop, restart and wait against a control server and a live store."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from brummer_rx.cli.requests import SteerOptions
from brummer_rx.cli.steer import steer, wait
from brummer_rx.pipeline.errors import BrummerError, NotFoundError
from brummer_rx.pipeline.event import LogBatch, Stream
from brummer_rx.pipeline.ioloop import IoLoop
from brummer_rx.pipeline.process import Command, CommandKind, ProcessInfo, ProcessState, ProcessTable
from brummer_rx.pipeline.status import write_status_file
from brummer_rx.sources.control import ControlServer
from tests.cli.storebox import T0, Sheet, StoredRun, place
from tests.sources.fakeview import FakeView, info


class Live:
    """A run that is there: its store, and what its control server answers."""

    def __init__(self, tmp_path: Path) -> None:
        self.tmp_path = tmp_path
        self.run = StoredRun(tmp_path / "runs")
        self.view = FakeView(info("web", pid=42, started_ns=T0, output_open=True))
        self._io = IoLoop()
        self._io.start()
        self._server = ControlServer(self.view, run_folder=self.run.path, state_dir=tmp_path / "runs")
        self._io.submit(self._server.start()).result(10)
        if self._server.elsewhere:
            self.run.folder.manifest.note(control=str(self._server.path))
        self.now = 0.0

    def put(self, **changes: Any) -> None:
        self.view.table = ProcessTable(2, (info("web", **changes),))

    def print(self, data: bytes, time_ns: int = T0 + 10**9) -> None:
        self.run.store.append(LogBatch("web", Stream.OUT, 0, data.count(b"\n"), time_ns, data))
        self.run.flush()

    def end(self, row: ProcessInfo | None = None) -> None:
        """The run ends, socket first, as it does in life."""
        self.hang_up()
        if row is not None:
            write_status_file(self.run.path, ProcessTable(3, (row,)))
        if not self.run.store._closed.is_set():
            self.run.end()

    def hang_up(self) -> None:
        if self._io is not None:
            self._io.submit(self._server.close()).result(10)
            assert self._io.close(5)
            self._io = None  # type: ignore[assignment]

    def steer(self, verb: str, name: str = "web", *, as_json: bool = False) -> str:
        options = SteerOptions(place(self.tmp_path), verb, name, json=as_json)
        with Sheet(self.tmp_path) as sheet:
            assert steer(options, sheet.out) == 0
            return sheet.text

    def wait(
        self, what: str, then: list[Callable[[], object]] | None = None, *, timeout: float | None = 5.0
    ) -> tuple[int, dict[str, Any]]:
        """`wait`; each of `then` happens during one sleep."""
        script = list(then or [])

        def sleep(seconds: float) -> None:
            self.now += seconds
            if script:
                script.pop(0)()

        options = SteerOptions(place(self.tmp_path), "wait", "web", json=True, wait_for=what, timeout=timeout)
        with Sheet(self.tmp_path) as sheet:
            code = wait(options, sheet.out, clock=lambda: self.now, sleep=sleep)
            return code, json.loads(sheet.text)


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    made = Live(tmp_path)
    yield made
    made.end()


def test_commands(live: Live) -> None:
    assert live.steer("stop") == "web is stopping\n"
    assert live.steer("restart") == "web is restarting\n"
    found = json.loads(live.steer("stop", as_json=True))

    assert list(found) == ["run", "command", "process"]
    assert (found["run"], found["command"]) == (live.run.id, "stop")
    assert set(found["process"]) == {"name", "state", "pid", "ready", "restarts", "command", "lines"}
    assert [c.kind for c in live.view.sent] == [CommandKind.STOP, CommandKind.RESTART, CommandKind.STOP]
    assert live.view.sent[0] == Command(CommandKind.STOP, "web")


def test_refusals(live: Live) -> None:
    with pytest.raises(BrummerError, match="web runs already") as caught:
        live.steer("start")
    assert caught.value.exit_code == 1
    with pytest.raises(NotFoundError, match="no process 'wbe'"):
        live.steer("stop", "wbe")


def test_wait_for_ready(live: Live) -> None:
    code, found = live.wait("ready", [lambda: None, lambda: live.put(state=ProcessState.READY)])

    assert (code, found["met"], found["process"]["state"]) == (0, True, "ready")
    assert "started_ns" not in found["process"]
    assert "reason" not in found


def test_what_has_failed_will_not_be_ready(live: Live, capfd: pytest.CaptureFixture[str]) -> None:
    code, found = live.wait("ready", [lambda: live.put(state=ProcessState.FAILED, exit_code=3)])

    assert (code, found["met"], found["reason"]) == (1, False, "web failed with 3 before it was ready")
    options = SteerOptions(place(live.tmp_path), "wait", "web", wait_for="ready")
    with Sheet(live.tmp_path) as sheet:
        assert wait(options, sheet.out) == 1
        assert sheet.text == ""
    assert capfd.readouterr().err == "brummer-rx: wait: web failed with 3 before it was ready\n"


def test_wait_for_exit(live: Live) -> None:
    code, found = live.wait("exit", [lambda: live.put(state=ProcessState.FAILED, exit_code=3)])

    assert (code, found["process"]["exit_code"]) == (0, 3)


def test_time_is_up(live: Live) -> None:
    code, found = live.wait("exit", timeout=0.4)

    assert (code, found["reason"]) == (1, "web is running; not met within 0.4 s")
    assert 0.4 <= live.now < 0.5
    assert live.wait("exit", timeout=0)[0] == 1


def test_a_line_that_is_there_already_or_comes(live: Live) -> None:
    live.print(b"starting\n\x1b[32mlistening on 80\x1b[0m\r\n")
    assert live.wait("on 80$")[1]["seq"] == 1
    assert (
        live.wait("never said", [lambda: live.print(b"x\n"), lambda: live.print(b"y never said\n")])[0] == 0
    )
    assert live.wait("re:ready", [lambda: live.print(b"it is ready\n")])[0] == 0


def test_lines_of_an_earlier_incarnation_do_not_count(live: Live) -> None:
    live.print(b"listening\n")
    later = T0 + 100 * 10**9
    live.put(state=ProcessState.RESTARTING, pid=42, started_ns=T0)

    code, found = live.wait(
        "listening",
        [
            lambda: live.put(state=ProcessState.STARTING),
            lambda: live.put(state=ProcessState.RUNNING, pid=43, started_ns=later, output_open=True),
            lambda: live.print(b"listening\n", later - 1_000_000),
        ],
    )

    assert (code, found["seq"]) == (0, 1)


def test_more_lines_than_one_look(live: Live) -> None:
    live.print(b"a\n" * 12_000 + b"needle\n")

    assert live.wait("needle")[1]["seq"] == 12_000


def test_the_last_words_of_a_process_count(live: Live) -> None:
    gone = {"state": ProcessState.EXITED, "exit_code": 0, "started_ns": T0}
    code, _ = live.wait(
        "bye",
        [
            lambda: live.put(**gone, output_open=True),
            lambda: live.put(**gone),
            lambda: live.print(b"bye\n"),
        ],
    )
    assert code == 0
    code, found = live.wait("not said")
    assert (code, found["reason"]) == (1, "web exited with 0 before it printed that")


def test_the_run_ends_meanwhile(live: Live) -> None:
    def end() -> None:
        live.print(b"last words\n")
        live.end(info("web", ProcessState.EXITED, exit_code=0))

    assert live.wait("last words", [end])[0] == 0


@pytest.mark.parametrize(
    ("what", "code", "reason"),
    [
        ("exit", 0, None),
        ("ready", 1, "web exited with 0 before it was ready"),
        ("words", 1, "web exited with 0 before it printed that"),
    ],
)
def test_what_the_end_of_the_run_means(live: Live, what: str, code: int, reason: str | None) -> None:
    done = live.wait(what, [lambda: live.end(info("web", ProcessState.EXITED, exit_code=0))])

    assert (done[0], done[1].get("reason")) == (code, reason)


def test_a_run_that_hangs_up_but_lives_is_waited_for(live: Live) -> None:
    asked: list[int] = []
    steps: list[Callable[[], object]] = [live.hang_up, lambda: asked.append(1), live.end]

    assert live.wait("exit", steps)[0] == 0
    assert asked == [1]


def test_nothing_runs(tmp_path: Path) -> None:
    options = SteerOptions(place(tmp_path), "stop", "web")
    with Sheet(tmp_path) as sheet:
        for verb in (steer, wait):
            with pytest.raises(NotFoundError, match="nothing runs") as caught:
                verb(options, sheet.out)
            assert caught.value.exit_code == 3
