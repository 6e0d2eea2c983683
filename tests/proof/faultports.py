"""Ports to the system that fail by plan (`faults`): the real thing behind each, asked after the injector."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from brummer_rx.pipeline.clock import Clock, TimerHandle
from brummer_rx.pipeline.threads import start_thread
from brummer_rx.sinks.store.files import Disk, OpenFile
from brummer_rx.sources.poller import Poller, make_poller
from tests.proof.faults import Injector, Jumps

__all__ = [
    "FaultyClock",
    "FaultyDisk",
    "FaultyFile",
    "FaultyHandler",
    "FaultyPoller",
    "FaultyRead",
    "FaultySpawn",
    "FaultyThreads",
    "FaultyWall",
    "FaultyWrite",
]


class FaultyRead:
    """`os.read`; place "read"."""

    def __init__(self, faults: Injector, *, only: Callable[[int], bool] = lambda fd: True) -> None:
        self._faults = faults
        self._only = only

    def __call__(self, fd: int, size: int) -> bytes:
        return os.read(fd, self._faults.most("read", size) if self._only(fd) else size)


class FaultyWrite:
    """`os.write`; place "write"."""

    def __init__(self, faults: Injector) -> None:
        self._faults = faults

    def __call__(self, fd: int, data: bytes | memoryview) -> int:
        return os.write(fd, data[: self._faults.most("write", len(data))])


class FaultyFile(OpenFile):
    """A file whose bytes cannot be read back; place "pread" (a failing disk reads as missing bytes)."""

    __slots__ = ("_faults",)

    def __init__(self, fd: int, faults: Injector) -> None:
        super().__init__(fd)
        self._faults = faults

    def read(self, offset: int, length: int) -> bytes:
        return super().read(offset, self._faults.most("pread", length))


class FaultyDisk(Disk):
    """A disk; places "create", "writev", "truncate", "sync", "append", "replace"; "pread" of its files."""

    def __init__(self, faults: Injector) -> None:
        self._faults = faults

    def create(self, path: Path) -> OpenFile:
        self._faults.draw("create")
        whole = super().create(path)
        return FaultyFile(os.dup(whole.fd), self._faults)

    def writev(self, fd: int, buffers: Sequence[bytes | memoryview]) -> int:
        size = sum(map(len, buffers))
        most = self._faults.most("writev", size)
        if most == size:
            return super().writev(fd, buffers)
        return super().writev(fd, [b"".join(buffers)[:most]]) if most else 0

    def truncate(self, fd: int, length: int) -> None:
        self._faults.draw("truncate")
        super().truncate(fd, length)

    def sync(self, fd: int) -> None:
        self._faults.draw("sync")
        super().sync(fd)

    def append(self, path: Path, data: bytes, *, sync: bool) -> None:
        most = self._faults.most("append", len(data))
        super().append(path, data[:most], sync=sync)
        if most < len(data):
            raise OSError("short write")  # as the real one says it

    def replace(self, path: Path, data: bytes, *, sync: bool) -> None:
        self._faults.draw("replace")
        super().replace(path, data, sync=sync)


class FaultyPoller:
    """What watches descriptors; place "poll.add"."""

    def __init__(self, faults: Injector, poller: Poller | None = None) -> None:
        self._faults = faults
        self._poller = poller if poller is not None else make_poller()

    def add(self, fd: int) -> None:
        self._faults.draw("poll.add")
        self._poller.add(fd)

    def remove(self, fd: int) -> None:
        self._poller.remove(fd)

    def poll(self, timeout: float | None) -> list[int]:
        return self._poller.poll(timeout)

    def close(self) -> None:
        self._poller.close()


class FaultyThreads:
    """`start_thread`; places "thread" and "thread.NAME"."""

    def __init__(self, faults: Injector) -> None:
        self._faults = faults

    def __call__(self, name: str, target: Callable[[], None]) -> threading.Thread:
        self._faults.draw("thread")
        self._faults.draw(f"thread.{name}")
        return start_thread(name, target)


class FaultySpawn:
    """`subprocess.Popen`; place "spawn"."""

    def __init__(self, faults: Injector) -> None:
        self._faults = faults

    def __call__(self, *args: Any, **kwargs: Any) -> subprocess.Popen[bytes]:
        self._faults.draw("spawn")
        return subprocess.Popen(*args, **kwargs)


class FaultyWall:
    """`time.time_ns`; place "wall": each jump stays."""

    def __init__(self, faults: Injector, wall: Callable[[], int] = time.time_ns) -> None:
        self._faults = faults
        self._wall = wall
        self.offset_ns = 0

    def __call__(self) -> int:
        what = self._faults.draw("wall")
        if isinstance(what, Jumps):
            self.offset_ns += round(what.seconds * 1e9)
        return self._wall() + self.offset_ns


class FaultyClock:
    """A clock whose wall jumps; what it tells of monotonic time is the real clock's, always."""

    def __init__(self, faults: Injector, clock: Clock) -> None:
        self._clock = clock
        self.time_ns = FaultyWall(faults, clock.time_ns)

    def now(self) -> float:
        return self._clock.now()

    def call_later(self, delay: float, action: Callable[[], None]) -> TimerHandle:
        return self._clock.call_later(delay, action)


class FaultyHandler:
    """A subscriber, an action, a job, an operator's function; place "handler"."""

    def __init__(self, faults: Injector, then: Callable[..., Any] = lambda *args: None) -> None:
        self._faults = faults
        self._then = then

    def __call__(self, *args: Any) -> Any:
        self._faults.draw("handler")
        return self._then(*args)
