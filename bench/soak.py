"""Mixed load on the real viewer: children, keys, searches, filters, restarts; then the ledger is closed.

::

    python -m bench.soak                 10 minutes, 8 children at 5,000 lines/s each
    python -m bench.soak --seconds 60    the same, shorter
    python -m bench.soak --report FILE   also write the result as a page

The viewer runs on a pseudo terminal that is read all the time, with the run-time guards on. Exit code 1 when
something is missed: a line lost, twice or out of order, books that do not close, a hang that the watchdog
saw, memory that grows, threads that come and go, a verb that failed.
"""

from __future__ import annotations

import argparse
import os
import random
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bench.accept import paced
from bench.accept.kit import Bench, Result, bench, names, until
from bench.accept.pressure import Terminal
from bench.accept.watcher import Watcher, status_of
from brummer_rx.cli.chunks import chunks_between
from brummer_rx.pipeline.event import Gap
from brummer_rx.pipeline.reader import LineFilter
from brummer_rx.sinks.store.reader import open_run
from brummer_rx.sinks.store.snapshot import StoreSnapshot
from tests.proof.journal import Report, Tally
from tests.proof.seed import SEED, rng

CHILDREN = 8
RATE = 5_000
TICK = 0.25
"""Seconds between two keys."""
RESTART_EVERY, SEARCH_EVERY = 5.0, 3.0
SLOPE = 1.0
"""Percent a minute that memory may grow by over the last half."""
KEYS: tuple[tuple[str, ...], ...] = (
    ("g", "\x1b[6~", "\x1b[6~", "G"),
    ("\x1b[5~", "\x1b[5~", "k", "k", "j", "G"),
    ("/", "trace=0000", "\r", "n", "N", "\x1b", "G"),
    ("/", "\t", "ERROR .*time", "\r", "n", "n", "\x1b", "G"),
    ("f", "1", "2", "l", "l", "\x1b", "e", "E", "\x06", "G"),
    ("w", "t", "w", "t"),
    ("2", "j", "j", "k", "1"),
    ("?", "\x1b[B", "\x1b", "\x0c"),
)


class Judged(NamedTuple):
    """What the store holds against what was written."""

    report: Report
    lines: int
    lives: int


def project(one: Bench) -> None:
    """The children, in a Procfile."""
    rows = []
    for name in names(CHILDREN):
        words = [sys.executable, "-I", "-S", paced.__file__, str(one.folder), name, str(RATE)]
        rows.append(f"{name}: exec {shlex.join(words)}\n")
    (one.project / "Procfile").write_text("".join(rows))


class Driver:
    """Keys into the terminal, verbs from outside; `failed` names what did not work."""

    def __init__(self, one: Bench, terminal: Terminal) -> None:
        self._one = one
        self._terminal = terminal
        self._random: random.Random = rng("soak")
        self._verbs: list[tuple[str, subprocess.Popen[bytes], int]] = []
        self._keys: list[str] = []
        self.failed: list[str] = []
        self.count = {"keys": 0, "restarts": 0, "searches": 0}

    def drive(self, seconds: float) -> None:
        """All of it, for so long."""
        begin = time.monotonic()
        restart, search = begin + RESTART_EVERY, begin + SEARCH_EVERY
        while (now := time.monotonic()) < begin + seconds:
            self._key()
            if now >= restart:
                restart += RESTART_EVERY
                self._verb("restarts", "restart", self._random.choice(names(CHILDREN)))
            if now >= search:
                search += SEARCH_EVERY
                self._verb("searches", "logs", "--grep", "checkout.*timeout", "--tail", "5")
            self._terminal.read(TICK)
            self._reap()
        end = time.monotonic() + 60
        while self._verbs and time.monotonic() < end:
            self._terminal.read(TICK)
            self._reap()
        self.failed += [f"{name}: no end" for name, _, _ in self._verbs]

    def _key(self) -> None:
        if not self._keys:
            self._keys = list(self._random.choice(KEYS))
        os.write(self._terminal.master, self._keys.pop(0).encode())
        self.count["keys"] += 1

    def _verb(self, kind: str, *words: str) -> None:
        self.count[kind] += 1
        with tempfile.TemporaryFile() as said:
            tool = self._one.start(*words, stdout=subprocess.DEVNULL, stderr=said.fileno())
            self._verbs.append((" ".join(words), tool, os.dup(said.fileno())))

    def _reap(self) -> None:
        for verb in list(self._verbs):
            name, tool, said = verb
            if tool.poll() is not None:
                self._verbs.remove(verb)
                if tool.returncode != 0:
                    text = os.pread(said, 4096, 0).decode("utf-8", "replace").strip()
                    self.failed.append(f"{name}: exit {tool.returncode} {text[-200:]}")
                os.close(said)


def judge(snapshot: StoreSnapshot, folder: Path) -> Judged:
    """Every line of every life, from 0 on, once and in order.

    A life's last write may be stored without being recorded: it was ended before it could.
    """
    tally = Tally("store")
    for name in names(CHILDREN):
        where = LineFilter(sources=frozenset({name}))
        for chunk in chunks_between(snapshot, where, snapshot.first_seq, snapshot.end_seq):
            if isinstance(chunk, Gap):
                tally.gap(name, chunk.lines)
                continue
            _hear(tally, name, [line for line in chunk.lines if line.strip()])
    wrote: dict[object, int] = {}
    for record in sorted(folder.glob("*.lives")):
        name, life = record.name.split(".")[:2]
        said = int.from_bytes(record.read_bytes()[:8], "little")
        source = f"{name}/{int(life):04}"
        wrote[source] = max(said, min(tally.lines(source), said + RATE))
    return Judged(tally.report(wrote), sum(wrote.values()), len(wrote))


def _hear(tally: Tally, name: str, lines: list[bytes]) -> None:
    """A chunk's lines; whole runs of consecutive numbers at once."""
    at = 0
    while at < len(lines):
        head = lines[at][:5]
        if not head[:4].isdigit() or not lines[at][5:13].isdigit():
            at += 1  # the last line of a life that was ended while it wrote
            continue
        first = int(lines[at][5:13])
        end = at + 1
        while end < len(lines) and lines[end][:13] == b"%s%08d" % (head, first + end - at):
            end += 1
        tally.heard(f"{name}/{head[:4].decode()}", first, end - at)
        at = end


def slope(samples: list[tuple[float, int]]) -> float:
    """Percent a minute over the last half: the line of least squares."""
    last = [(at, size) for at, size in samples if at >= (samples[0][0] + samples[-1][0]) / 2]
    line = statistics.linear_regression([at for at, _ in last], [size for _, size in last])
    return line.slope * 60 / statistics.fmean(size for _, size in last) * 100


def soak(seconds: float) -> Iterator[Result]:
    """The whole; one result a promise."""
    with bench() as one:
        project(one)
        terminal = Terminal(one, BRUMMER_GUARDS="1")
        watcher = Watcher(terminal.tool.pid, every=0.05)
        until(lambda: (terminal.read(0.1), one.stored() > CHILDREN * RATE)[1], "lines")
        terminal.read(5)
        threads: list[int] = []
        driver = Driver(one, terminal)
        settled = time.monotonic()
        for _ in range(max(1, round(seconds / 10))):
            driver.drive(min(10.0, seconds))
            threads.append(status_of(terminal.tool.pid).get("Threads", 0))
        ended = time.monotonic()
        samples = [sample for sample in watcher.samples if settled <= sample[0] <= ended]
        terminal.tool.terminate()
        while terminal.tool.poll() is None:
            terminal.read(0.1)
        watcher.stop()
        left = one.sweep()
        path = one.run()
        assert path is not None
        with open_run(path) as reader:
            judged = judge(reader.snapshot(), one.folder)
            gaps = len(reader.snapshot().gaps)
        log = (path / "tool.log").read_text()
    counts = ", ".join(f"{number} {what}" for what, number in driver.count.items())
    yield Result("load", f"{seconds:.0f} s of all at once", counts, not driver.failed)
    for failure in driver.failed[:5]:
        yield Result("verbs", "exit 0", failure, False)
    yield Result(
        "ledger: lines",
        "written = stored, in order, once",
        f"{judged.lines:,} lines of {judged.lives} lives, {gaps} gaps {' '.join(judged.report.faults[:3])}",
        judged.report.clean and gaps == 0,
    )
    books = [row for row in log.splitlines() if "books of stage" in row]
    open_books = [row for row in books if "do not close" in row or "ERROR" in row]
    yield Result(
        "ledger: stages",
        "all books close",
        f"{len(books)} stages, {len(open_books)} open",
        bool(books) and not open_books,
    )
    hangs = [row for row in log.splitlines() if "watchdog" in row.lower() or "OwnershipError" in row]
    yield Result("watchdog, guards", "no report", f"{len(hangs)} reports {' '.join(hangs[:2])}", not hangs)
    grew = slope(samples)
    sizes = [size / 1e6 for _, size in samples]
    yield Result(
        "memory, last half",
        f"< {SLOPE:g} % a minute",
        f"{grew:+.2f} % a minute, {min(sizes):.1f} to {max(sizes):.1f} MB, peak {watcher.peak / 1e6:.1f} MB",
        grew < SLOPE,
    )
    late = sorted(set(threads[len(threads) // 2 :]))
    yield Result("threads, last half", "constant", f"{late}, most {watcher.threads}", len(late) == 1)
    code = terminal.tool.returncode
    yield Result("end", "TERM: 143, nothing left", f"exit {code}, {left} left", code == 143 and left == 0)


def main() -> int:
    """Run it; 1 when something is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--report", type=Path, help="a Markdown file for the result")
    options = parser.parse_args()
    results = []
    for result in soak(options.seconds):
        print(result, flush=True)
        results.append(result)
    if options.report is not None:
        options.report.write_text(page(results, options.seconds))
    return int(not all(result.ok for result in results))


def page(results: list[Result], seconds: float) -> str:
    """The report."""
    rows = [f"| {r.check} | {r.target} | {r.measured} | {'yes' if r.ok else '**no**'} |" for r in results]
    head = [
        "# Soak",
        "",
        f"`python -m bench.soak --seconds {seconds:.0f}`, CPython {sys.version.split()[0]}, "
        f"{os.cpu_count()} cores, seed {SEED}: {CHILDREN} children at {RATE:,} lines a second each in the "
        "viewer, keys, searches, filters and restarts all the time, run-time guards on.",
        "",
        "| what | promised | measured | kept |",
        "|---|---|---|---|",
    ]
    return "\n".join([*head, *rows, ""])


if __name__ == "__main__":
    sys.exit(main())
