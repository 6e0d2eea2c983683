"""Stores for benchmarks: filled through the same append path that a run uses."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.harness import NEEDLE, batches
from brummer_rx.operators.level_scan import classify
from brummer_rx.pipeline.clock import ClockThread
from brummer_rx.pipeline.event import LogBatch
from brummer_rx.pipeline.threads import Lane
from brummer_rx.sinks.store.reader import RunReader, open_run
from brummer_rx.sinks.store.runs import create_run
from brummer_rx.sinks.store.store import LogStore, StoreOptions

__all__ = ["Filled", "OpenStore", "classified", "fill", "open_store"]

NEEDLE_BATCHES = 260
"""The rare literal stands in one line of each so many batches (of 960 lines)."""


@dataclass(frozen=True, slots=True)
class Filled:
    """An ended run on disk."""

    path: Path
    reader: RunReader
    lines: int


class OpenStore:
    """A live store on its own lanes. Close it."""

    def __init__(self, folder: Path) -> None:
        self.clock = ClockThread()
        self.clock.start()
        self.lane, self.sync = Lane("store"), Lane("sync")
        self.run = create_run(folder, project="bench", command="bench")
        options = StoreOptions(max_bytes=64 << 30)
        self.store = LogStore(self.run, lane=self.lane, sync=self.sync, clock=self.clock, options=options)

    def append_all(self, items: list[LogBatch]) -> None:
        """Append on the store lane and wait until everything is written."""
        done = threading.Event()

        def work() -> None:
            for item in items:
                self.store.append(item)
            self.store.flush()
            done.set()

        self.lane.submit(work)
        done.wait()

    def close(self) -> None:
        """End the run and the lanes."""
        self.store.close(60)
        self.lane.close(10)
        self.sync.close(60)
        self.clock.close(10)


@contextmanager
def open_store(folder: Path) -> Iterator[OpenStore]:
    """A live store for a `with` block."""
    opened = OpenStore(folder)
    try:
        yield opened
    finally:
        opened.close()


def classified(lines: int, *, needles: bool = False) -> Iterator[LogBatch]:
    """The harness's batches with their levels; equal data is judged once."""
    known: dict[bytes, bytes] = {}
    for number, batch in enumerate(batches(lines)):
        if needles and number % NEEDLE_BATCHES == NEEDLE_BATCHES // 2:
            batch = _with_needle(batch)
        levels = known.get(batch.data)
        if levels is None:
            levels = known[batch.data] = classify(batch.data, batch.lines)
        yield replace(batch, levels=levels)


def _with_needle(batch: LogBatch) -> LogBatch:
    cut = batch.data.index(b"\n", len(batch.data) // 2) + 1
    end = batch.data.index(b"\n", cut)
    return replace(batch, data=batch.data[:cut] + b"INFO " + NEEDLE + batch.data[end:])


@contextmanager
def fill(folder: Path, lines: int) -> Iterator[Filled]:
    """An ended run of `lines` lines, opened for reading."""
    with open_store(folder) as opened:
        part: list[LogBatch] = []
        for batch in classified(lines, needles=True):
            part.append(batch)
            if len(part) == 500:
                opened.append_all(part)
                part = []
        opened.append_all(part)
        path = opened.run.path
    reader = open_run(path)
    try:
        yield Filled(path, reader, lines)
    finally:
        reader.close()
