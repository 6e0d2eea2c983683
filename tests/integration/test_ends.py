"""How a run ends: its exit code, what is left behind (nothing), and that nobody can hold it up."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time

import pytest

from brummer_rx.pipeline.event import GapReason
from brummer_rx.sinks.store.reader import open_run
from tests.integration.toolbox import Running, Tool, alive, python, read_for, until

pytestmark = pytest.mark.slow

FAMILY = (
    "setsid sleep 301 & (trap '' TERM; sleep 302) & setsid sh -c 'sleep 303 & sleep 304' >/dev/null 2>&1 & "
    "echo up; sleep 305"
)
"""A child with grandchildren: in its group, deaf to TERM, in sessions of their own, holding its output."""
DEAF = "trap '' TERM INT HUP; echo up; while :; do sleep 1; done"


def fast_enough(began: float, seconds: float) -> None:
    """Generous: machines are busy, but far below what waiting in vain would take."""
    assert time.monotonic() - began < seconds


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("exit 0", "echo fine"), 0),
        (("sleep 0.5; exit 4", "exit 3"), 3),
        (("kill -9 $$", "echo fine"), 137),
        (("sh -c 'kill -TERM $$'; sleep 0.3; exit 0", "exit 0"), 0),
    ],
)
def test_plain_ends_with_the_code_of_the_first_to_fail(tool: Tool, words: tuple[str, ...], code: int) -> None:
    done = tool.do("--plain", *words)

    assert done.code == code
    assert done.err.count(" exited with ") + done.err.count(" ended by ") == 2


@pytest.mark.parametrize(
    ("mode", "signum"),
    [
        ("--plain", signal.SIGINT),
        ("--plain", signal.SIGTERM),
        ("--plain", signal.SIGHUP),
        ("--no-tui", signal.SIGTERM),
    ],
)
def test_a_signal_ends_the_run_and_leaves_nobody(tool: Tool, signum: signal.Signals, mode: str) -> None:
    run = tool.start(mode, FAMILY, environ={"BRUMMER_GRACE": "0.5"})
    until(lambda: tool.stored() == 1 and len(tool.children()) >= 7, "the family")
    family = tool.children()

    run.signal(signum)
    done = run.end()

    assert done.code == 128 + signum
    assert signum.name in done.err
    assert not tool.children()
    assert not any(alive(pid) for pid in family)
    assert tool.do("runs", "--json").objects[0]["state"] == "ended"


def test_a_second_signal_skips_the_grace(tool: Tool) -> None:
    run = tool.start("--plain", DEAF, environ={"BRUMMER_GRACE": "300"})
    until(lambda: tool.stored() == 1)
    began = time.monotonic()
    run.signal(signal.SIGINT)
    until(lambda: (tool.runs()[-1] / "processes.json").read_bytes().count(b"stopping"), "the first")
    run.signal(signal.SIGTERM)

    assert run.end().code == 130
    fast_enough(began, 30)
    assert not tool.children()


def test_the_grace_is_kept_and_then_it_is_kill(tool: Tool) -> None:
    run = tool.start("--plain", DEAF, environ={"BRUMMER_GRACE": "1"})
    until(lambda: tool.stored() == 1)
    began = time.monotonic()
    run.signal(signal.SIGTERM)

    assert run.end().code == 143
    assert time.monotonic() - began >= 1
    fast_enough(began, 30)


def test_a_reader_that_goes_away_ends_the_run_with_141(tool: Tool) -> None:
    run = tool.start("--plain", "while :; do echo tick; sleep 0.05; done", "setsid sleep 300")
    assert run.process.stdout is not None
    assert b"tick" in run.process.stdout.readline()
    run.process.stdout.close()
    run.process.stdout = None

    assert run.end().code == 141
    assert not tool.children()


def test_head_gets_its_lines(tool: Tool) -> None:
    with subprocess.Popen(["head", "-n", "1000"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as head:
        assert head.stdin is not None and head.stdout is not None
        run = tool.start("--plain", "yes 'a line of a flood'", stdout=head.stdin.fileno())
        head.stdin.close()
        assert head.stdout.read().count(b"\n") == 1000
    assert run.end().code == 141


def test_a_stranger_that_holds_the_output_cannot_hold_up_the_end(tool: Tool) -> None:
    """It left the session, and the tag as well: it is nobody's, it may live, the run ends all the same."""
    tool.write("stranger", "(env -i setsid sh -c 'echo $$; exec sleep 300' &)\n")
    run = tool.start("--plain", "sh stranger; sleep 300", environ={"BRUMMER_GRACE": "0.3"})
    until(lambda: tool.stored() == 1)
    stranger = int(tool.texts()[0])
    began = time.monotonic()
    try:
        run.signal(signal.SIGTERM)
        done = run.end()
        assert done.code == 143
        fast_enough(began, 40)
        assert alive(stranger), "only what is ours is ever signalled"
        assert "held open after KILL, cut" in done.err
        with open_run(tool.runs()[-1]) as reader:
            assert [gap.reason for gap in reader.snapshot().gaps] == [GapReason.CUT]
    finally:
        os.kill(stranger, signal.SIGKILL)


# --- a reader that stops ---------------------------------------------------------------------------------

NUMBERS = "seq -f 'line %09.0f of a flood that is longer than every buffer on its way' 0 299999"


def standing(tool: Tool) -> int:
    """How many lines are stored once that number no longer grows."""
    last, since = -1, time.monotonic()
    end = since + 60
    while time.monotonic() < end:
        now = tool.stored()
        if now != last:
            last, since = now, time.monotonic()
        elif now > 0 and time.monotonic() - since > 0.7:
            return now
        time.sleep(0.02)
    raise AssertionError("it never stands")


def stopped_reader(tool: Tool) -> tuple[Running, int]:
    """A run whose reader does not read; how many lines were stored when everything stood."""
    run = tool.start("--plain", NUMBERS)
    return run, standing(tool)


def test_a_stopped_reader_holds_the_child_and_loses_nothing(tool: Tool) -> None:
    run, stood = stopped_reader(tool)
    assert stood < 300_000, "the child waits"
    assert run.process.poll() is None and tool.children()
    done = run.end()

    assert done.code == 0
    printed = [line.split(b"| ")[1] for line in done.out.splitlines()]
    assert len(printed) == 300_000
    assert all(int(line.split()[1]) == n for n, line in enumerate(printed))
    assert tool.stored() == 300_000


def test_a_stopped_reader_cannot_hold_up_the_end(tool: Tool) -> None:
    run, stood = stopped_reader(tool)
    began = time.monotonic()
    run.signal(signal.SIGTERM)
    code = run.code()

    assert code == 143
    fast_enough(began, 30)
    texts = tool.texts()[:-1]  # the child was ended in the middle of its last line
    assert len(texts) >= stood - 2
    assert all(int(text.split()[1]) == n for n, text in enumerate(texts)), "a prefix without a hole"
    assert not tool.children()
    assert "stdout takes nothing" in run.end().err


def test_a_stopped_reader_of_stderr_cannot_hold_up_anything(tool: Tool) -> None:
    read, write = os.pipe()
    os.set_blocking(write, False)
    with contextlib.suppress(BlockingIOError):  # until the pipe is full
        while True:
            os.write(write, b"x" * 65536)
    os.set_blocking(write, True)
    run = tool.start("--plain", "echo a; exit 5", stdout=subprocess.DEVNULL, stderr=write)
    os.close(write)
    assert run.code() == 5
    os.close(read)


# --- output and exit are two events ----------------------------------------------------------------------


def test_a_grandchild_writes_on_after_its_parent(tool: Tool) -> None:
    code = "import time\nfor i in range(3000): print(i)\ntime.sleep(0.3)\nfor i in range(3000): print(i)"
    done = tool.do("--plain", f"{python(code)} & exit 0")

    assert done.code == 0
    assert tool.texts() == [str(i) for i in (*range(3000), *range(3000))]


def test_both_streams_at_once_are_each_complete_and_in_order(tool: Tool) -> None:
    flood = "seq 0 49999 & seq 0 49999 >&2; wait"
    assert tool.do("--plain", flood).code == 0

    for stream in (0, 1):
        assert [int(line.raw) for line in tool.lines() if line.stream == stream] == list(range(50_000))


def test_many_short_runs_keep_every_line(tool: Tool) -> None:
    for _ in range(2):
        assert tool.do("--plain", python("for i in range(3000): print(i)")).code == 0
        assert tool.texts() == [str(i) for i in range(3000)]


def test_a_terminal_that_hangs_up_ends_the_run(tool: Tool) -> None:
    master, slave = os.openpty()
    run = tool.start("--plain", "echo up; sleep 300", stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    seen = b""
    while b"up" not in seen:
        data = read_for(master, 60)
        assert data, seen
        seen += data
    os.close(master)
    run.signal(signal.SIGHUP)

    assert run.code() == 129
    assert not tool.children()
