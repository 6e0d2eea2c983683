"""A run for the control server: a table and a log that the test sets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from brummer_rx.pipeline.event import Gap, Level
from brummer_rx.pipeline.process import ProcessInfo, ProcessSpec, ProcessState, ProcessTable
from brummer_rx.pipeline.reader import Line, LineFilter, SearchService
from tests.pipeline.quietrun import QuietRun


def info(name: str, state: ProcessState = ProcessState.RUNNING, **more: object) -> ProcessInfo:
    spec = ProcessSpec(name, ("/bin/sh", "-c", f"run {name}"), f"run {name}", "/")
    return replace(ProcessInfo(spec, state), **more)  # type: ignore[arg-type]


class Counts:
    """A snapshot that knows numbers only."""

    first_seq = 0
    end_seq = 12
    sources = ("web", "api")
    gaps: tuple[Gap, ...] = ()
    bytes_on_disk = 0

    def source_counts(self) -> dict[str, int]:
        return {"web": 10, "api": 2}

    def level_counts(self) -> dict[Level, int]:
        return {Level.INFO: 9, Level.ERROR: 2, Level.FATAL: 1}

    def lines(self, start: int, stop: int) -> list[Line]:
        raise NotImplementedError

    def read(self, seqs: object) -> list[Line]:
        raise NotImplementedError

    def select(
        self, where: LineFilter, start: int, stop: int, limit: int, *, newest: bool = False
    ) -> list[int]:
        raise NotImplementedError

    def count(self, where: LineFilter, start: int | None = None, stop: int | None = None) -> int:
        raise NotImplementedError


class Reader:
    """Hands out one snapshot."""

    def __init__(self) -> None:
        self.counts = Counts()

    def snapshot(self) -> Counts:
        return self.counts

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        raise NotImplementedError


class FakeView(QuietRun):
    """Implements `RunView` as far as the control server asks."""

    run_id = "20260101-000000-abc"

    def __init__(self, *rows: ProcessInfo) -> None:
        super().__init__()
        self.table = ProcessTable(1, rows)
        self.reader = Reader()
        self.broken = False

    @property
    def search(self) -> SearchService:
        raise NotImplementedError

    def processes(self) -> ProcessTable:
        if self.broken:
            raise RuntimeError("the table is gone")
        return self.table

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        raise NotImplementedError
