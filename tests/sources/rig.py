"""An ingest thread with real children, and what it emitted."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from brummer_rx.pipeline.clock import Clock, ClockThread
from brummer_rx.pipeline.event import BatchFlag, Gap, LogBatch, ProcessEvent, ProcessEventKind, Stream
from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.process import ProcessSpec
from brummer_rx.sources.child import Child
from brummer_rx.sources.ingest import Ingest
from brummer_rx.sources.pipes import IngestOptions, Read
from brummer_rx.sources.poller import Poller
from brummer_rx.sources.spawn import spawn

RUN = "run-under-test"


def spec(name: str, *argv: str, cwd: str = "/", env: dict[str, str] | None = None) -> ProcessSpec:
    return ProcessSpec(name, argv, " ".join(argv), cwd, env or {})


def shell(name: str, text: str) -> ProcessSpec:
    return spec(name, "/bin/sh", "-c", text)


def python(name: str, code: str) -> ProcessSpec:
    return spec(name, sys.executable, "-u", "-I", "-S", "-c", code)


def open_fds() -> dict[int, str]:
    """Our descriptors with what they lead to."""
    found = {}
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found[int(entry.name)] = str(entry.readlink())
        except FileNotFoundError:  # the one that listed them
            continue
    return found


def until(condition: Callable[[], object], timeout: float = 20) -> None:
    """Poll until it holds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.002)


def raw(batches: list[LogBatch]) -> bytes:
    """What the child wrote, from the batches of one stream: without the newlines that we added."""
    added = BatchFlag.MORE | BatchFlag.UNTERMINATED
    return b"".join(b.data[:-1] if b.flags & added else b.data for b in batches)


class FakeRoom:
    """A stage behind the gate that is full when told so."""

    def __init__(self) -> None:
        self.full = False
        self.asked: list[int] = []
        self._lock = threading.Lock()
        self._resumes: list[Callable[[], None]] = []

    def has_room(self, size: int = 0) -> bool:
        self.asked.append(size)
        return not self.full

    def park(self, resume: Callable[[], None], size: int = 0) -> bool:
        with self._lock:
            if self.full:
                self._resumes.append(resume)
            return self.full

    def open(self) -> None:
        with self._lock:
            self.full = False
            resumes, self._resumes = self._resumes, []
        for resume in resumes:
            resume()

    @property
    def waiting(self) -> int:
        return len(self._resumes)


class Rig:
    """`with Rig() as rig:` starts the thread; at the end it is closed and must have joined."""

    def __init__(
        self,
        *,
        options: IngestOptions | None = None,
        poller: Poller | None = None,
        read: Read = os.read,
        clock: Clock | None = None,
    ) -> None:
        self.gate = Gate()
        self.room = FakeRoom()
        self.gate.join(self.room)
        self.ingest = Ingest(
            gate=self.gate, clock=clock or ClockThread(), options=options, poller=poller, read=read
        )
        self.batches: list[LogBatch] = []
        self.events: list[ProcessEvent] = []
        self.gaps: list[Gap] = []
        self.all: list[object] = []
        self.completed: list[str] = []
        self.threads: set[str] = set()
        self.children: list[Child] = []
        self._watch("batches", self.batches)
        self._watch("events", self.events)
        self._watch("gaps", self.gaps)

    def _watch(self, name: str, into: list) -> None:
        def on_next(item: object) -> None:
            self.threads.add(threading.current_thread().name)
            self.all.append(item)
            into.append(item)

        getattr(self.ingest, name).subscribe(on_next, on_completed=lambda: self.completed.append(name))

    def __enter__(self) -> Rig:
        self.ingest.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for child in self.children:
            child.handle.signal_group(9)
        until(lambda: all(c.handle.exit_code is not None for c in self.children))
        assert self.ingest.close(10)

    def run(
        self, what: ProcessSpec, *, pty: bool = False, incarnation: int = 1, pipe_size: int = 1 << 20
    ) -> Child:
        child = spawn(what, incarnation=incarnation, pty=pty, run_id=RUN, pipe_size=pipe_size)
        self.children.append(child)
        self.ingest.add(child)
        return child

    def of(self, kind: ProcessEventKind, child: Child) -> list[ProcessEvent]:
        return [
            e for e in self.events
            if e.kind is kind and e.source == child.source and e.incarnation == child.incarnation
        ]  # fmt: skip

    def closed(self, child: Child) -> bool:
        return bool(self.of(ProcessEventKind.OUTPUT_CLOSED, child))

    def exited(self, child: Child) -> bool:
        return bool(self.of(ProcessEventKind.EXITED, child))

    def ended(self, *children: Child) -> bool:
        return all(self.closed(c) and self.exited(c) for c in children)

    def batches_of(self, child: Child, stream: Stream = Stream.OUT) -> list[LogBatch]:
        return [b for b in self.batches if b.source == child.source and b.stream is stream]

    def output(self, child: Child, stream: Stream = Stream.OUT) -> bytes:
        return raw(self.batches_of(child, stream))

    def finish(self, *children: Child) -> None:
        until(lambda: self.ended(*children))


def exists(pid: int) -> bool:
    """Whether a process of that pid lives (a zombie does not)."""
    try:
        os.kill(pid, 0)
        return b") Z" not in Path(f"/proc/{pid}/stat").read_bytes()
    except (ProcessLookupError, FileNotFoundError):
        return False
