"""A live run from other terminals: `status`, `logs -f`, `start`, `stop`, `restart`, `wait`; after its end."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from brummer_rx.sinks.store.reader import open_run
from tests.integration.toolbox import Running, Tool, alive, until

pytestmark = pytest.mark.slow

PROJECT = """
[processes.server]
command = "echo listening; while read line <&3; do echo got $line; done"
[processes.job]
command = "echo job; exit 3"
[processes.later]
command = "echo ERROR later; sleep 300"
autostart = false
"""


class Headless:
    """A `--no-tui` run of a server that repeats what the test gives it, a job that failed, one that waits."""

    def __init__(self, tool: Tool) -> None:
        self.tool = tool
        fifo = tool.folder / "fifo"
        os.mkfifo(fifo)
        tool.write(
            ".brum.toml", PROJECT.replace("<&3; do echo got $line; done", "; do echo got $line; done <fifo")
        )
        self.run: Running = tool.start("--no-tui")
        self.feed = os.open(fifo, os.O_RDWR)  # keeps it open between restarts of the server
        until(self.answers, "an answer to status")
        until(lambda: self.row("job")["state"] == "failed" and tool.stored() == 2)

    def answers(self) -> bool:
        """Whether the control socket is up."""
        return "pid" in (self.tool.do("status", "--json").objects or [{}])[0]

    def row(self, name: str) -> dict[str, object]:
        """What `status` says of one process."""
        (status,) = self.tool.do("status", "--json").objects
        (row,) = [row for row in status["processes"] if row["name"] == name]
        return dict(row)

    def say(self, text: str) -> None:
        """A line for the server."""
        os.write(self.feed, text.encode() + b"\n")

    def close(self) -> None:
        """Let go of the server's input."""
        os.close(self.feed)


@pytest.fixture
def live(tool: Tool) -> Iterator[Headless]:
    """The run, up and answering."""
    one = Headless(tool)
    yield one
    one.close()


def test_status_and_its_exit_codes(live: Headless) -> None:
    tool = live.tool
    (status,) = tool.do("status", "--json").objects

    assert (status["run"], status["state_dir"]) == (tool.runs()[0].name, str(tool.state))
    assert status["pid"] == live.run.pid
    rows = {row["name"]: row for row in status["processes"]}
    assert [*rows] == ["server", "job", "later"]
    assert rows["server"]["state"] == "running" and alive(rows["server"]["pid"])
    assert (rows["job"]["state"], rows["job"]["exit_code"], rows["job"]["lines"]) == ("failed", 3, 1)
    assert "pid" not in rows["job"] and "pid" not in rows["later"]
    assert status["lines"] == 2
    assert b"server" in tool.do("status").out

    assert tool.do("stop", "nobody").code == 3
    assert tool.do("start", "server").code == 1
    assert tool.do("wait", "job", "--for", "exit").code == 0
    assert tool.do("wait", "server", "--for", "exit", "--timeout", "0.2").code == 1

    live.run.signal(signal.SIGTERM)
    assert live.run.end().code == 143
    (after,) = tool.do("status", "--json").objects
    assert "pid" not in after and not any("pid" in row for row in after["processes"])
    assert {row["name"]: row["state"] for row in after["processes"]} == {
        "server": "exited",
        "job": "failed",
        "later": "exited",
    }
    for verb in (("start", "later"), ("stop", "server"), ("wait", "server", "--for", "exit")):
        gone = tool.do(*verb)
        assert gone.code == 3 and gone.err.count("\n") == 1


def test_start_stop_restart_and_wait(live: Headless) -> None:
    tool = live.tool
    waiting = tool.start("wait", "later", "--for", "ERR.R later", "--timeout", "60")
    assert tool.do("start", "later").code == 0
    assert waiting.end().code == 0
    assert live.row("later")["state"] == "running"

    assert tool.do("stop", "later").code == 0
    assert tool.do("wait", "later", "--for", "exit", "--timeout", "60").code == 0
    assert live.row("later")["state"] == "exited"

    first = live.row("server")["pid"]
    assert isinstance(first, int)
    assert tool.do("restart", "server").code == 0
    until(lambda: live.row("server").get("pid") not in (None, first), "the second server")
    row = live.row("server")
    assert (row["state"], row["restarts"]) == ("running", 1)
    until(lambda: not alive(first))
    assert tool.texts("server") == ["listening", "listening"]
    tool.do("stop", "server")
    live.run.signal(signal.SIGINT)
    assert live.run.end().code == 130
    assert not tool.children()


def test_logs_follow_from_another_terminal(live: Headless) -> None:
    tool = live.tool
    follow = tool.start("logs", "-f", "--raw", "-s", "server")
    assert follow.process.stdout is not None
    assert follow.process.stdout.readline() == b"listening\n"
    for n in range(5):
        live.say(f"number {n}")
        assert follow.process.stdout.readline() == f"got number {n}\n".encode()
    errors = tool.start("logs", "-f", "--json", "--level", "error")
    assert tool.do("start", "later").code == 0
    assert errors.process.stdout is not None
    assert b"ERROR later" in errors.process.stdout.readline()
    live.run.signal(signal.SIGTERM)

    assert follow.end().code == 0, "it ends with the run"
    assert errors.end().code == 0
    assert live.run.end().code == 143
    late = tool.do("logs", "-f", "--raw", "--tail", "3")
    assert (late.code, late.out.count(b"\n")) == (0, 3)


def test_a_following_reader_that_stops_harms_nobody(tool: Tool) -> None:
    run = tool.start("--no-tui", "seq -f 'line %09.0f of a flood that nobody follows' 200000; sleep 300")
    follow = until(lambda: tool.runs()) and tool.start("logs", "-f", "--tail", "100000")
    until(lambda: tool.stored() == 200_000)

    assert follow.process.poll() is None
    run.signal(signal.SIGTERM)
    assert run.end().code == 143
    assert b"flood" in follow.end().out


def test_after_kill_9_the_run_reads_as_died_and_the_next_one_starts(tool: Tool) -> None:
    run = tool.start("--no-tui", "seq 1000; exec sleep 300")
    until(lambda: tool.stored() == 1000)
    run.signal(signal.SIGKILL)
    run.code()

    assert [row["state"] for row in tool.do("runs", "--json").objects] == ["died"]
    assert tool.texts() == [str(n) for n in range(1, 1001)]
    assert tool.do("stop", "seq").code == 3
    assert tool.do("--plain", "echo next").code == 0
    assert [row["state"] for row in tool.do("runs", "--json").objects] == ["ended", "died"]


def test_files_are_the_users_alone(tool: Tool) -> None:
    run = tool.start("--no-tui", "echo up; sleep 300")
    until(lambda: tool.stored() == 1)
    until(lambda: tool.do("wait", "echo", "--for", "up", "--timeout", "5").code == 0)
    folder = tool.runs()[0]

    assert {oct(p.stat().st_mode & 0o777) for p in (tool.state, folder)} == {"0o700"}
    entries = [p for p in folder.iterdir() if not p.is_symlink()]
    assert {p.name: oct(p.stat().st_mode & 0o777) for p in entries if p.stat().st_mode & 0o077} == {}
    run.signal(signal.SIGTERM)
    assert run.end().code == 143


def test_a_deep_state_folder_has_its_socket_elsewhere(tool: Tool, tmp_path: Path) -> None:
    deep = tmp_path / ("deep" * 30)
    environ = {"BRUMMER_STATE_DIR": str(deep), "XDG_RUNTIME_DIR": str(tmp_path)}
    run = tool.start("--no-tui", "echo up; sleep 300", environ=environ)

    until(lambda: "pid" in (tool.do("status", "--json", environ=environ).objects or [{}])[0])
    run.signal(signal.SIGTERM)
    assert run.end().code == 143


def test_plain_answers_too(tool: Tool) -> None:
    run = tool.start("--plain", "echo up; sleep 300", stdout=subprocess.DEVNULL)
    until(lambda: tool.stored() == 1)

    until(lambda: tool.do("stop", "echo").code == 0)
    assert run.end().code == 0, "it was told to end, which is no failure"
    with open_run(tool.runs()[0]) as reader:
        assert reader.snapshot().end_seq == 1
