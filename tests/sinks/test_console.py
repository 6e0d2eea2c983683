"""The stream of `--plain`: what it shows, and how it holds its stage back, on a real main loop."""

from __future__ import annotations

import os
import pty
import threading
import tty
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.pipeline.event import (
    BatchFlag,
    Gap,
    GapReason,
    LogBatch,
    ProcessEvent,
    ProcessEventKind,
    Stream,
)
from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.mainloop import MainLoop
from brummer_rx.pipeline.stage import BoundedStage, Overflow
from brummer_rx.pipeline.text import text_of
from brummer_rx.sinks.clocktext import local_clock
from brummer_rx.sinks.console import Console

NOW = 1_764_028_741_042_000_000
HEAD = local_clock(NOW) + " web | "


def batch(data: bytes, source: str = "web", flags: BatchFlag = BatchFlag.NONE) -> LogBatch:
    return LogBatch(source, Stream.OUT, 0, data.count(b"\n"), NOW, data, flags)


def never(error: OSError) -> None:
    raise AssertionError(error)


class NoLoop:
    """For files: nothing ever waits."""

    def add_writer(self, fd: int, action: object) -> None:
        raise AssertionError

    def remove_writer(self, fd: int) -> None:
        raise AssertionError


@given(st.lists(st.binary(max_size=40).map(lambda b: b.replace(b"\n", b"")), min_size=1, max_size=5))
def test_no_terminal_text_without_escapes(lines: list[bytes]) -> None:
    read, write = os.pipe()
    try:
        console = Console(NoLoop(), names=["web"], fd=write, on_error=never)
        console.write(batch(b"\n".join(lines) + b"\n"))
        assert console.close()
        got = os.read(read, 65536).decode()
    finally:
        os.close(read)
        os.close(write)

    assert got == "".join(f"{HEAD}{text_of(line)}\n" for line in lines)


def test_gaps_are_shown_other_events_are_not(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as file:
        console = Console(NoLoop(), names=["web"], fd=file.fileno(), on_error=never)
        console.write(ProcessEvent("web", ProcessEventKind.EXITED, NOW, 1, exit_code=0))
        console.write(Gap("web", 2, 9, GapReason.DISK, 4, 5))
        console.write(batch(b"cut\n", flags=BatchFlag.MORE))
        assert console.close()
        assert console.close()

    text = (tmp_path / "out").read_text()
    assert text == f"-- 2 lines of web missing (disk), seq 4 to 5 --\n{HEAD}cut\n"


def shown_on_a_terminal(color: str) -> str:
    master, slave = pty.openpty()
    try:
        tty.setraw(slave)
        console = Console(NoLoop(), names=["web"], color=color, fd=slave, on_error=never)
        console.write(batch(b"\x1b]0;evil\x07\x1b[31mred\x07\x1b[2J\n"))
        console.close()
        return os.read(master, 65536).decode()
    finally:
        os.close(master)
        os.close(slave)


def test_a_terminal_gets_colours_and_nothing_that_acts() -> None:
    clock = local_clock(NOW)

    assert shown_on_a_terminal("auto") == f"{clock} \x1b[36mweb |\x1b[0m \x1b[31mred␇\x1b[0m\n"
    assert shown_on_a_terminal("never") == f"{clock} web | red␇\n"


def test_colour_can_be_asked_for_anywhere(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as file:
        console = Console(NoLoop(), names=["web"], color="always", fd=file.fileno(), on_error=never)
        console.write(batch(b"x\n"))
        console.close()

    assert "\x1b[36mweb |\x1b[0m x" in (tmp_path / "out").read_text()


def test_a_slow_reader_holds_the_stage_back_and_loses_nothing() -> None:
    """Stage -> console on a main loop; memory stays bounded while the reader stands still."""
    read, write = os.pipe()
    loop = MainLoop()
    entrance = Gate()
    console = Console(loop, names=["web"], fd=write, on_error=never)
    stage: BoundedStage[LogBatch] = BoundedStage(
        loop, name="console", max_bytes=4 << 20, overflow=Overflow.PARK, joins=entrance, feeds=console.gate
    )
    line = b"x" * 99 + b"\n"
    data = line * 640
    total = 400
    stage.output.subscribe(console.write, on_completed=loop.stop)
    peak = [0]
    state = {"sent": 0}

    def feed() -> None:
        peak[0] = max(peak[0], console.outlet.waiting_bytes + stage.ledger().queued_bytes)
        while state["sent"] < total:
            if entrance.park(lambda: loop.post("feed", feed), len(data)):
                return
            stage.offer(batch(data))
            state["sent"] += 1
        stage.complete()

    stuck = threading.Event()
    got: list[int] = []

    def reader() -> None:
        stuck.wait(30)
        while chunk := os.read(read, 1 << 20):
            got.append(chunk.count(b"\n"))

    thread = threading.Thread(target=reader)
    thread.start()
    loop.post("feed", feed)

    def look() -> None:
        # Everything stands still: pipe, console and stage are full, the rest was never offered.
        assert 0 < state["sent"] < total
        assert not console.gate.has_room()
        stuck.set()

    loop.call_later(0.3, look)
    try:
        loop.run()
        assert console.close(10.0)
    finally:
        stuck.set()
        os.close(write)
        thread.join(30)
        os.close(read)
        loop.close()
    assert sum(got) == total * 640
    assert peak[0] < 10 << 20
    ledger = stage.ledger()
    assert (ledger.delivered, ledger.dropped, ledger.discarded) == (total, 0, 0)


def test_a_reader_that_went_away_is_reported_and_nothing_waits_for_it() -> None:
    read, write = os.pipe()
    errors: list[OSError] = []
    console = Console(NoLoop(), names=["web"], fd=write, on_error=errors.append)
    os.close(read)
    try:
        console.write(batch(b"x\n"))
        console.write(batch(b"y\n"))
    finally:
        os.close(write)

    assert [type(error) for error in errors] == [BrokenPipeError]
    assert console.gate.has_room()
    assert not console.close()
