"""Done when 4: a reader that stopped, a terminal that froze. Memory is flat, only who should wait waits."""

from __future__ import annotations

import errno
import os
import select
import signal
import subprocess
import termios
import time
from collections.abc import Iterator

from bench.accept.kit import Bench, Result, bench, first_write_ns, judged, last_write, names, until, writes
from bench.accept.watcher import Watcher, cpu_of
from bench.accept.writer import LINE
from brummer_rx.sinks.store.reader import open_run

__all__ = ["frozen_viewer", "stopped_reader"]

WRITERS = 4
FLAT = 3_000_000
"""Bytes that memory may differ by over the minute."""
SETTLE = 3.0
ENDS_WITHIN = 15.0


def _written(one: Bench) -> list[int]:
    return [last_write(one.record(name)).bytes for name in names(WRITERS)]


def _terminated(tool: subprocess.Popen[bytes]) -> tuple[int | None, float]:
    """Send TERM: the exit code, None where the end does not come within a minute, and the seconds it took."""
    began = time.monotonic()
    tool.send_signal(signal.SIGTERM)
    try:
        code: int | None = tool.wait(60)
    except subprocess.TimeoutExpired:
        code = None
    return code, time.monotonic() - began


def stopped_reader(quick: bool) -> Iterator[Result]:
    """`--plain` into a pipe that nobody reads."""
    seconds = 8.0 if quick else 60.0
    with bench() as one:
        one.writers(WRITERS)
        unread, stdout = os.pipe()
        tool = one.start("--plain", stdout=stdout, stderr=subprocess.DEVNULL)
        os.close(stdout)
        watcher = Watcher(tool.pid, every=0.05)
        until(lambda: min(_written(one)) > 0, "writers")
        time.sleep(SETTLE)
        start, before, lines = time.monotonic(), _written(one), one.stored()
        cpu = cpu_of(tool.pid)
        time.sleep(seconds)
        end, after = time.monotonic(), _written(one)
        cpu = cpu_of(tool.pid) - cpu
        grown = one.stored() - lines
        sizes = watcher.between(start, end)
        code, took = _terminated(tool)
        os.close(unread)
        watcher.stop()
        left = one.sweep()
        final = _written(one)
        path = one.run()
        assert path is not None
        with open_run(path) as reader:
            verdicts = judged(reader, WRITERS)
    yield Result(
        "4 stopped reader: memory",
        f"flat for {seconds:.0f} s (within {FLAT / 1e6:.0f} MB)",
        f"{min(sizes) / 1e6:.1f} to {max(sizes) / 1e6:.1f} MB; CPU {cpu / seconds:.2%}",
        max(sizes) - min(sizes) <= FLAT,
    )
    yield Result(
        "4 stopped reader: children wait",
        "no byte is written meanwhile, no line stored",
        f"{sum(after) - sum(before)} bytes, {grown} lines",
        after == before and grown == 0,
    )
    yield Result(
        "4 stopped reader: TERM",
        f"ends within {ENDS_WITHIN:.0f} s with 143, nobody left",
        f"exit {code} in {took:.1f} s, {left} left",
        code == 143 and took <= ENDS_WITHIN and left == 0,
    )
    stored = [v.lines * LINE + len(v.tail) for v in verdicts.values()]
    missing = sum(max(0, wrote - kept) for wrote, kept in zip(final, stored, strict=True))
    wrong = [f"{name}: {v.wrong}" for name, v in verdicts.items() if v.wrong]
    yield Result(
        "4 stopped reader: lossless",
        "all that was written into the pipes is in the store, in order",
        f"{sum(stored):,} bytes stored, {missing} missing {' '.join(wrong[:2])}",
        missing == 0 and not wrong,
    )


class Terminal:
    """A pseudo terminal for the viewer, read by us or not."""

    def __init__(self, one: Bench, **more: str) -> None:
        self.master, slave = os.openpty()
        termios.tcsetwinsize(slave, (40, 120))
        self.tool = one.start(stdin=slave, stdout=slave, stderr=slave, TERM="xterm-256color", **more)
        os.close(slave)

    def read(self, seconds: float) -> None:
        """As a terminal does, until then or until the tool has closed it."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self.master], [], [], left)[0]:
                try:
                    os.read(self.master, 1 << 16)
                except OSError as error:
                    if error.errno != errno.EIO:
                        raise
                    return


def _flood_time(blocks: int, *, frozen: bool) -> float:
    """Seconds from the first write until all lines of the writers are stored."""
    with bench() as one:
        one.writers(WRITERS, blocks=blocks)
        terminal = Terminal(one)
        end = time.monotonic() + 300
        while one.stored() < WRITERS * blocks * 1000:
            if time.monotonic() > end:
                return float("inf")
            if frozen:
                time.sleep(0.1)
            else:
                terminal.read(0.1)
        done = time.monotonic()
        first = min(first_write_ns(one.record(name)) for name in names(WRITERS)) / 1e9
        terminal.tool.kill()
        os.close(terminal.master)
        return done - first


def frozen_viewer(quick: bool) -> Iterator[Result]:
    """The viewer on a terminal that nobody reads, with children that flood."""
    seconds = 8.0 if quick else 60.0
    blocks = 50 if quick else 300
    seen, frozen = _flood_time(blocks, frozen=False), _flood_time(blocks, frozen=True)
    yield Result(
        "4 frozen viewer: full flood",
        "as fast as on a terminal that reads (<= 1.25x)",
        f"{WRITERS * blocks * 1000:,} lines in {frozen:.2f} s, {seen:.2f} s when read",
        frozen <= seen * 1.25,
    )
    rate = 40_000
    with bench() as one:
        one.writers(WRITERS, rate=rate)
        terminal = Terminal(one)
        tool = terminal.tool
        watcher = Watcher(tool.pid, every=0.05)
        until(lambda: min(_written(one)) > 0, "writers")
        time.sleep(SETTLE)
        start = time.monotonic()
        time.sleep(seconds)
        end = time.monotonic()
        sizes = watcher.between(start, end)
        slowest = max(_slowest(one, name, start, end) for name in names(WRITERS))
        wrote = sum(_written(one)) // LINE
        until(lambda: one.stored() >= wrote, "the store keeps up", 10)
        code, took = _terminated(tool)
        watcher.stop()
        os.close(terminal.master)
        left = one.sweep()
        final = sum(_written(one))
        path = one.run()
        assert path is not None
        with open_run(path) as reader:
            verdicts = judged(reader, WRITERS)
    third = max(1, len(sizes) // 3)
    early, late = max(sizes[:third]), max(sizes[-third:])
    change = f"first to last third {(late - early) / 1e6:+.1f}"
    yield Result(
        "4 frozen viewer: memory",
        f"flat for {seconds:.0f} s at {rate:,} lines/s (+ {FLAT / 1e6:.0f} MB at most)",
        f"{min(sizes) / 1e6:.1f} to {max(sizes) / 1e6:.1f} MB, {change}",
        late - early <= FLAT,
    )
    yield Result(
        "4 frozen viewer: children",
        "no write of 68 kB waits for the screen (longest < 1 s)",
        f"longest {slowest * 1000:.0f} ms, {wrote:,} lines written, all stored",
        slowest < 1.0,
    )
    lines = sum(v.lines for v in verdicts.values())
    wrong = [f"{name}: {v.wrong}" for name, v in verdicts.items() if v.wrong]
    yield Result(
        "4 frozen viewer: TERM, store",
        f"143 within {ENDS_WITHIN:.0f} s, nobody left, nothing lost",
        f"exit {code} in {took:.1f} s, {left} left, {lines:,} lines {' '.join(wrong[:2])}",
        code == 143 and took <= ENDS_WITHIN and left == 0 and not wrong and lines >= final // LINE,
    )


def _slowest(one: Bench, name: str, start: float, end: float) -> float:
    took = [w.took_ns for w in writes(one.record(name)) if start <= w.ended_ns / 1e9 <= end]
    return max(took, default=0) / 1e9
