"""(a) Children write -> classified -> on disk -> visible to a reader; (b) each station of that way alone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from bench.harness import batches, write_lines
from bench.stores import classified, open_store
from brummer_rx.cli.session import Session
from brummer_rx.operators.level_scan import classify
from brummer_rx.pipeline.clock import ClockThread
from brummer_rx.pipeline.event import LogBatch
from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.process import ProcessSpec
from brummer_rx.pipeline.settings import load
from brummer_rx.sources.ingest import Ingest
from brummer_rx.sources.spawn import pipe_share, spawn

LINES = 3_200_000
WRITERS = (1, 16, 64)


def specs(writers: int, folder: Path, lines: int = LINES) -> tuple[ProcessSpec, ...]:
    """Writers that write `lines` lines together."""
    source = folder / f"{lines // writers}.txt"
    if not source.exists():
        write_lines(source, lines // writers)
    argv = ("/bin/cat", str(source))
    return tuple(ProcessSpec(f"w{n}", argv, "cat", str(folder)) for n in range(writers))


@pytest.mark.parametrize("writers", WRITERS)
def test_end_to_end(writers: int, benchmark: Any, tmp_path: Path, per_line: Callable[[int], None]) -> None:
    """A whole run, from the first spawn until the last line is on disk and visible."""
    logger.remove()
    chosen = specs(writers, tmp_path)
    expected = LINES // writers * writers
    per_line(expected)
    runs = iter(range(1000))

    def setup() -> tuple[tuple[Session], dict[str, Any]]:
        settings = load(tmp_path, {"state_dir": str(tmp_path / str(next(runs)))}, {"HOME": str(tmp_path)})
        return (Session(settings, chosen, pty=False, on_notice=lambda text, bad: None),), {}

    def run(session: Session) -> None:
        session.run()
        while session.store.snapshot().end_seq < expected:
            threading.Event().wait(0.001)

    def teardown(session: Session) -> None:
        session.close()
        assert session.store.snapshot().end_seq == expected

    benchmark.pedantic(run, setup=setup, teardown=teardown, rounds=5)


@pytest.mark.parametrize("writers", WRITERS)
def test_read_alone(writers: int, benchmark: Any, tmp_path: Path, per_line: Callable[[int], None]) -> None:
    """The ingest thread alone: read, cut, counted, emitted."""
    chosen = specs(writers, tmp_path)
    expected = LINES // writers * writers
    per_line(expected)

    def run() -> None:
        clock, done, seen = ClockThread(), threading.Event(), [0]
        clock.start()
        ingest = Ingest(gate=Gate(), clock=clock)

        def count(batch: LogBatch) -> None:
            seen[0] += batch.lines
            if seen[0] == expected:
                done.set()

        ingest.batches.subscribe(count)
        ingest.start()
        for spec in chosen:
            child = spawn(spec, incarnation=1, pty=False, run_id="bench", pipe_size=pipe_share(2 * writers))
            ingest.add(child)
        done.wait()
        ingest.close(10)
        clock.close(10)

    benchmark.pedantic(run, rounds=5)


def test_levels_alone(benchmark: Any, per_line: Callable[[int], None]) -> None:
    """The operator's engine alone, on 64 KiB batches."""
    items = list(batches(960 * 20))
    per_line(sum(item.lines for item in items))

    def run() -> None:
        for item in items:
            classify(item.data, item.lines)

    benchmark.pedantic(run, rounds=30, warmup_rounds=2)


def test_store_alone(benchmark: Any, tmp_path: Path, per_line: Callable[[int], None]) -> None:
    """The store alone: numbered, framed, checksummed, written; levels are there already."""
    items = list(classified(LINES))
    per_line(LINES)
    runs = iter(range(1000))

    def run() -> None:
        with open_store(tmp_path / str(next(runs))) as opened:
            opened.append_all(items)

    benchmark.pedantic(run, rounds=5)
