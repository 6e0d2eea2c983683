"""Done when 2 and 3: every line, in order; threads and memory while 64 children write."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator

from bench.accept.kit import Bench, Result, bench, judged, names
from bench.accept.watcher import Watcher
from brummer_rx.sinks.store.reader import open_run

__all__ = ["many_children", "short_runs"]

COUNT = "python3 -c 'for i in range(3000): print(i)'"
BOTH = (
    "python3 -c 'import sys\n"
    "for i in range({n}):\n"
    ' sys.stdout.write(f"{{i}}\\n")\n'
    ' sys.stderr.write(f"{{i}}\\n")\''
)
GRANDCHILD = (
    "python3 -c 'import sys,time\n"
    "for i in range({n}):\n"
    " print(i)\n"
    " if i % ({n} // 4) == 0: time.sleep(0.05)' & exit 0"
)
POOL = 4
THREADS = 6 + POOL
"""main, io, ingest, store, sync, clock and the pool (architecture.md section 3)."""


def _rows(one: Bench) -> list[dict[str, object]]:
    out = one.do("logs", "--json", "--run", "last").stdout
    return [json.loads(line) for line in out.splitlines()]


def _series(rows: list[dict[str, object]], stream: str, count: int) -> bool:
    texts = [row["text"] for row in rows if row.get("stream") == stream]
    return texts == [str(n) for n in range(count)] and not any("gap" in row for row in rows)


def _repeat(
    one: Bench, runs: int, command: str, right: Callable[[list[dict[str, object]]], bool]
) -> tuple[int, str]:
    """How many of the runs were right, and what was wrong with the first that was not."""
    good, why = 0, ""
    for n in range(runs):
        done = one.do("--plain", command)
        if done.returncode == 0 and right(_rows(one)):
            good += 1
        elif not why:
            why = f"; run {n}: exit {done.returncode}, {done.stderr.decode()[-200:]!r}"
        one.clear()
    return good, why


def short_runs(quick: bool) -> Iterator[Result]:
    """Done when 2."""
    runs = 4 if quick else 40
    many = 20_000 if quick else 100_000
    cases: list[tuple[str, str, str, Callable[[list[dict[str, object]]], bool]]] = [
        ("2 3,000 lines", COUNT, "0..2999 in order, exit 0", lambda r: _series(r, "out", 3000)),
        (
            "2 both streams at once",
            BOTH.format(n=many),
            f"{many:,} a stream, in order, exit 0",
            lambda r: _series(r, "out", many) and _series(r, "err", many),
        ),
        (
            "2 grandchild writes on",
            GRANDCHILD.format(n=many),
            f"{many:,} after the child's exit, in order, exit 0",
            lambda r: _series(r, "out", many),
        ),
    ]
    for name, command, target, right in cases:
        with bench() as one:
            good, why = _repeat(one, runs, command, right)
        yield Result(name, f"{runs} of {runs} runs: {target}", f"{good} of {runs}{why}", good == runs)


def many_children(quick: bool) -> Iterator[Result]:
    """Done when 3."""
    children, blocks = 64, 10 if quick else 100
    lines = blocks * 1000
    with bench() as one:
        one.writers(children, blocks=blocks)
        began = time.monotonic()
        tool = one.start(
            "--plain", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, BRUMMER_WORKERS=str(POOL)
        )
        watcher = Watcher(tool.pid)
        code = tool.wait(600)
        took = time.monotonic() - began
        watcher.stop()
        path = one.run()
        assert path is not None
        with open_run(path) as reader:
            snapshot = reader.snapshot()
            total, gaps, counts = snapshot.end_seq, len(snapshot.gaps), snapshot.source_counts()
            verdicts = judged(reader, children)
    wrong = [
        f"{n}: {v.wrong or v.lines}" for n, v in verdicts.items() if v.wrong or v.tail or v.lines != lines
    ]
    right = not wrong and code == 0 and gaps == 0 and counts == dict.fromkeys(names(children), lines)
    good = f"{children - len(wrong)} of {children} sources, {total:,} lines, {gaps} gaps"
    measured = f"{good}, exit {code}, {took:.1f} s"
    yield Result(
        "3 complete and in order",
        f"{children} x {lines:,} lines per source, exit 0",
        measured + "".join(f"; {text}" for text in wrong[:2]),
        right,
    )
    yield Result(
        "3 threads, high-water",
        f"<= {THREADS} (6 and a pool of {POOL})",
        f"{watcher.threads} ({watcher.looks:,} looks)",
        0 < watcher.threads <= THREADS,
    )
    peak = watcher.peak / 1e6
    yield Result("3 memory, peak (VmHWM)", "<= 200 MB", f"{peak:.1f} MB", 0 < peak <= 200)
