"""Runs on disk, made by the real store without threads: lanes that run at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from brummer_rx.cli.output import Output
from brummer_rx.cli.requests import Place
from brummer_rx.pipeline.event import BatchFlag, Gap, Level, LogBatch, Stream
from brummer_rx.pipeline.settings import load
from brummer_rx.pipeline.testing import VirtualClock
from brummer_rx.sinks.store.ports import StoreOptions
from brummer_rx.sinks.store.runs import RunFolder, create_run
from brummer_rx.sinks.store.store import LogStore

T0 = 1_764_028_741_042_000_000


class AtOnce:
    """A lane whose actions run where they are submitted."""

    def submit(self, action: Callable[[], None]) -> None:
        action()

    def is_current(self) -> bool:
        return False


class StoredRun:
    """One run being written; `end` closes it as an orderly end does, `die` as a kill does."""

    def __init__(self, state_dir: Path, **options: int) -> None:
        self.folder: RunFolder = create_run(state_dir, project="shop", command="test")
        self.clock = VirtualClock(wall_ns=T0)
        self.store = LogStore(
            self.folder,
            lane=AtOnce(),
            sync=AtOnce(),
            clock=self.clock,
            options=StoreOptions(**options),  # type: ignore[arg-type]
        )
        self._line: dict[str, int] = {}
        self.time_ns = T0

    @property
    def id(self) -> str:
        return self.folder.path.name

    @property
    def path(self) -> Path:
        return self.folder.path

    def add(
        self,
        source: str,
        data: bytes,
        levels: list[Level] | None = None,
        *,
        stream: Stream = Stream.OUT,
        flags: BatchFlag = BatchFlag.NONE,
    ) -> int:
        """Append lines; returns the first seq."""
        count = data.count(b"\n")
        first = self._line.get(source, 0)
        self._line[source] = first + count
        self.time_ns += 1_000_000
        given = bytes(levels) if levels is not None else bytes([Level.INFO]) * count
        return self.store.append(LogBatch(source, stream, first, count, self.time_ns, data, flags, given))

    def lose(self, gap: Gap) -> None:
        self.store.append(gap)

    def flush(self) -> None:
        self.store.flush()

    def end(self) -> None:
        assert self.store.close(5.0)

    def die(self) -> None:
        self.flush()
        self.folder.release()


def place(tmp_path: Path) -> Place:
    """A project folder with its runs in `tmp_path / "runs"`."""
    project = tmp_path / "shop"
    project.mkdir(exist_ok=True)
    return Place(load(project, {"state_dir": str(tmp_path / "runs")}, {"HOME": str(tmp_path)}))


class Sheet:
    """An `Output` onto a file."""

    def __init__(self, tmp_path: Path) -> None:
        self._path = tmp_path / "sheet"
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        self.out = Output(self._fd)

    @property
    def data(self) -> bytes:
        return self._path.read_bytes()

    @property
    def text(self) -> str:
        return self.data.decode()

    def take(self) -> str:
        """What was written since the last time."""
        text = self.text
        os.ftruncate(self._fd, 0)
        os.lseek(self._fd, 0, os.SEEK_SET)
        return text

    def __enter__(self) -> Sheet:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)
