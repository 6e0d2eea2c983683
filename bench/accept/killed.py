"""Done when 5: kill -9 at random moments."""

from __future__ import annotations

import fcntl
import os
import random
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from typing import NamedTuple

from bench.accept.kit import (
    Bench,
    Result,
    Verdict,
    bench,
    first_write_ns,
    judged,
    last_write,
    names,
    until,
    writes,
)
from bench.accept.writer import LINE
from brummer_rx.sinks.store.reader import open_run

__all__ = ["at_full_rate", "at_half_rate", "measure_rate"]

WRITERS = 4
LATE = 0.1
"""Seconds before the kill."""


def measure_rate(quick: bool) -> float:
    """Lines a second, end to end, over `WRITERS` writers as fast as they can."""
    blocks = 300 if quick else 1500
    with bench() as one:
        one.writers(WRITERS, blocks=blocks)
        tool = one.start("--no-tui", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: one.stored() >= WRITERS * blocks * 1000, "all lines", every=0.05)
        done = time.monotonic()
        first = min(first_write_ns(one.record(name)) for name in names(WRITERS)) / 1e9
        tool.send_signal(signal.SIGTERM)
        tool.wait(60)
    return WRITERS * blocks * 1000 / (done - first)


class Kill(NamedTuple):
    """What one kill left."""

    opened: bool
    wrong: str
    missing: int
    """Lines that should be there and are not."""
    lines: int
    ends: str
    """What was wrong with the tail or after the repair."""


def _kill_one(one: Bench, rng: random.Random, required: object) -> Kill:
    """Start, wait for a random moment, kill, judge."""
    assert callable(required)
    for name in names(WRITERS):
        one.record(name).unlink(missing_ok=True)
    tool = one.start("--no-tui", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: all(writes(one.record(name)) for name in names(WRITERS)), "writers")
    time.sleep(rng.uniform(0.2, 2.0))
    need = required(one, tool)
    tool.wait()
    one.sweep()
    path = one.run()
    assert path is not None
    try:
        with open_run(path, mend=False) as reader:
            before = judged(reader, WRITERS)
        with open_run(path) as reader:
            after = judged(reader, WRITERS)
            seqs, gaps = reader.snapshot().end_seq, len(reader.snapshot().gaps)
        tail = one.do("logs", "--tail", "3", "--json")
    except Exception as error:  # noqa: BLE001 - that is the finding
        return Kill(False, repr(error), 0, 0, "")
    wrong = "; ".join(f"{name}: {v.wrong}" for name, v in after.items() if v.wrong)
    missing = sum(max(0, need[name] - v.lines) for name, v in after.items())
    lines = sum(v.lines for v in after.values())
    return Kill(True, wrong, missing, lines, _tail(before, after, seqs, gaps, tail))


def _tail(
    before: dict[str, Verdict],
    after: dict[str, Verdict],
    seqs: int,
    gaps: int,
    shown: subprocess.CompletedProcess[bytes],
) -> str:
    if before != after:
        return "the repair changed what is readable"
    if gaps:
        return f"{gaps} gaps"
    if any(v.tail for v in after.values()):
        return "half a line is stored"
    if seqs != sum(v.lines for v in after.values()):
        return "numbers without lines"
    if shown.returncode != 0 or shown.stdout.count(b"\n") != 3:
        return f"logs --tail: exit {shown.returncode}"
    return ""


def _written_before(one: Bench, tool: subprocess.Popen[bytes]) -> dict[str, int]:
    """Kill; the lines that were written more than `LATE` before."""
    at = time.monotonic()
    tool.kill()
    limit = int((at - LATE) * 1e9)
    return {
        name: max((w.blocks for w in writes(one.record(name)) if w.ended_ns <= limit), default=0) * 1000
        for name in names(WRITERS)
    }


def _read_before(one: Bench, tool: subprocess.Popen[bytes]) -> dict[str, int]:
    """What the tool has read now: written, less what still waits in the pipe. `LATE` later kill."""
    need = {}
    for pid, name in _writer_pids(one):
        wrote = last_write(one.record(name)).bytes
        need[name] = max(0, wrote - _waiting(pid)) // LINE
    time.sleep(LATE)
    tool.kill()
    return need


def _writer_pids(one: Bench) -> list[tuple[int, str]]:
    found = []
    for pid in one.tagged():
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read().decode().split("\0")
        found += [(pid, name) for name in names(WRITERS) if str(one.record(name)) in words]
    return found


def _waiting(pid: int) -> int:
    """Bytes in the pipe that is the process's stdout."""
    fd = os.open(f"/proc/{pid}/fd/1", os.O_RDONLY | os.O_NONBLOCK)
    try:
        (size,) = struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, bytes(4)))
        return int(size)
    finally:
        os.close(fd)


def _series(name: str, kills: int, rate: int, required: object, what: str) -> Iterator[Result]:
    rng = random.Random(kills * 7 + rate)
    outcomes = []
    with bench() as one:
        one.writers(WRITERS, rate=rate)
        for _ in range(kills):
            outcomes.append(_kill_one(one, rng, required))
            one.clear()
    opened = sum(k.opened for k in outcomes)
    lines = sum(k.lines for k in outcomes)
    bad = [k for k in outcomes if k.wrong or not k.opened]
    ends = [k.ends for k in outcomes if k.ends]
    short = [k.missing for k in outcomes if k.missing]
    note = f"; {bad[0].wrong[:160]}" if bad else ""
    yield Result(
        f"5 {name}: opens, order, no twice",
        f"{kills} of {kills} kills, a prefix without a hole per source",
        f"{opened} open, {kills - len(bad)} right, {lines:,} lines judged{note}",
        opened == kills and not bad,
    )
    yield Result(
        f"5 {name}: > 100 ms before",
        f"all lines {what} are there",
        f"{kills - len(short)} of {kills} complete, {sum(short):,} lines missing",
        not short,
    )
    yield Result(
        f"5 {name}: the tail is sane",
        "whole lines, no gap, repaired on open, logs --tail works",
        f"{kills - len(ends)} of {kills} {ends[:1] or ''}",
        not ends,
    )


def at_half_rate(quick: bool) -> Iterator[Result]:
    """Lines that were written more than 100 ms before."""
    rate = measure_rate(quick)
    yield Result("5 measured rate", "(for the next)", f"{rate / 1e6:.2f} M lines/s, {WRITERS} writers", True)
    kills = 5 if quick else 50
    yield from _series("half rate", kills, int(rate / 2), _written_before, "written > 100 ms before")


def at_full_rate(quick: bool) -> Iterator[Result]:
    """Lines that were read more than 100 ms before."""
    yield from _series("full rate", 5 if quick else 50, 0, _read_before, "read > 100 ms before")
