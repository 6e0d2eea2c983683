"""A run and its search in memory: what the viewer and its effects see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from brummer_rx.pipeline.process import ProcessTable
from brummer_rx.pipeline.reader import LogReader, SearchProgress, SearchQuery
from brummer_rx.pipeline.runview import Usage
from tests.pipeline.quietrun import QuietRun
from tests.tui.fakelog import FakeLog, info, table


class FakeSearch:
    """A search service whose answers the test gives."""

    def __init__(self) -> None:
        self.fd = -1
        self.next_fd = 7
        self.answers: list[SearchProgress] = []
        self.cancelled = 0
        self.error: Exception | None = None

    def submit(self, query: SearchQuery) -> int:
        if self.error is not None:
            raise self.error
        self.fd = self.next_fd
        return 5

    def cancel(self) -> None:
        self.cancelled += 1

    def fileno(self) -> int:
        return self.fd

    def receive(self) -> list[SearchProgress]:
        got, self.answers = self.answers, []
        return got

    def close(self) -> None:
        self.fd = -1


class FakeRun(QuietRun):
    """A run in memory."""

    run_id = "r1"

    def __init__(self, log: FakeLog) -> None:
        super().__init__()
        self.log = log
        self.search = FakeSearch()
        self.used = 0
        self.snapshots = 0
        self.listeners: list[Callable[[], None]] = []
        self.broken: Exception | None = None

    @property
    def reader(self) -> LogReader:
        return cast(LogReader, self)

    def snapshot(self) -> FakeLog:
        self.snapshots += 1
        if self.broken is not None:
            raise self.broken
        return self.log

    def processes(self) -> ProcessTable:
        return table(info("web"), info("api"), info("db"))

    def usage(self) -> Mapping[str, Usage]:
        self.used += 1
        return super().usage()

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        self.listeners.append(callback)
        return lambda: self.listeners.remove(callback)

    def append(self, *texts: str) -> None:
        self.log = self.log.plus(*texts)
        for callback in self.listeners:
            callback()
