"""A store on hand-driven lanes and a virtual clock, lines to put in, and an oracle that is a plain list."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from brummer_rx.pipeline.errors import BufferOverflow
from brummer_rx.pipeline.event import BatchFlag, Level, LogBatch, Stream
from brummer_rx.pipeline.reader import Line
from brummer_rx.pipeline.testing import VirtualClock
from brummer_rx.sinks.store.files import Disk
from brummer_rx.sinks.store.ports import StoreOptions
from brummer_rx.sinks.store.runs import RunFolder, create_run
from brummer_rx.sinks.store.snapshot import StoreSnapshot
from brummer_rx.sinks.store.store import LogStore

START_NS = 1_700_000_000_000_000_000
SMALL = StoreOptions(segment_bytes=4096, frame_bytes=512, gather_bytes=1024, recent_bytes=1024)


class HandActions:
    """An `ActionLane` that runs when the test says so."""

    def __init__(self) -> None:
        self.waiting: deque[Callable[[], None]] = deque()
        self.full = 0
        """So many submits are refused."""

    def submit(self, action: Callable[[], None]) -> None:
        if self.full:
            self.full -= 1
            raise BufferOverflow("full")
        self.waiting.append(action)

    def is_current(self) -> bool:
        return False

    def run_all(self) -> bool:
        ran = bool(self.waiting)
        while self.waiting:
            self.waiting.popleft()()
        return ran


class Kit:
    """One run and its store."""

    def __init__(self, state_dir: Path, options: StoreOptions = SMALL, disk: Disk | None = None) -> None:
        self.clock = VirtualClock(wall_ns=time.time_ns())
        self.lane, self.sync = HandActions(), HandActions()
        self.notices: list[tuple[str, bool]] = []
        self.run: RunFolder = create_run(state_dir, project="shop", command="npm start")
        self.store = LogStore(
            self.run,
            lane=self.lane,
            sync=self.sync,
            clock=self.clock,
            options=options,
            on_notice=lambda text, bad: self.notices.append((text, bad)),
            disk=disk,
        )
        self.settle()

    def settle(self) -> None:
        while self.lane.run_all() | self.sync.run_all():
            pass

    def put(self, batches: Iterable[LogBatch]) -> None:
        for batch in batches:
            self.store.append(batch)

    def flush(self) -> StoreSnapshot:
        self.store.flush()
        self.settle()
        return self.store.snapshot()

    def close(self) -> StoreSnapshot:
        self.store.close(0)
        self.settle()
        assert self.store.close(0)
        return self.store.snapshot()


def batch_of(
    *raws: bytes,
    source: str = "web",
    stream: Stream = Stream.OUT,
    levels: Sequence[int] | None = None,
    time_ns: int = START_NS,
    flags: BatchFlag = BatchFlag.NONE,
) -> LogBatch:
    data = b"".join(raw + b"\n" for raw in raws)
    marks = None if levels is None else bytes(levels)
    return LogBatch(source, stream, 0, len(raws), time_ns, data, flags, marks)


@dataclass
class Oracle:
    """What must come out, as plain lines."""

    lines: list[Line]

    @staticmethod
    def of(batches: Iterable[LogBatch], first_seq: int = 0) -> Oracle:
        lines: list[Line] = []
        for batch in batches:
            raws = batch.data.split(b"\n")[:-1]
            for n, raw in enumerate(raws):
                last = n == len(raws) - 1
                more = last and bool(batch.flags & BatchFlag.MORE)
                newline = not last or batch.flags == BatchFlag.NONE
                level = Level(batch.levels[n]) if batch.levels is not None else Level.INFO
                time_ns = batch.time_ns // 1000 * 1000
                seq = first_seq + len(lines)
                lines.append(Line(seq, time_ns, batch.source, batch.stream, level, raw, more, newline))
        return Oracle(lines)


def some_batches(count: int, *, sources: int = 4, seed: int = 1, lines: int = 8) -> list[LogBatch]:
    """Mixed batches of known content: `NAME NUMBER` and some filling."""
    rng = random.Random(seed)
    numbers = [0] * sources
    found = []
    for n in range(count):
        source = rng.randrange(sources)
        raws = []
        for _ in range(rng.randrange(1, lines + 1)):
            raws.append(b"s%d %d %s" % (source, numbers[source], b"x" * rng.randrange(40)))
            numbers[source] += 1
        found.append(
            batch_of(
                *raws,
                source=f"s{source}",
                stream=Stream(rng.randrange(4)),
                levels=[rng.randrange(6) for _ in raws],
                time_ns=START_NS + n * 1_234_567,
            )
        )
    return found


def all_lines(snapshot: StoreSnapshot) -> list[Line]:
    return snapshot.lines(0, snapshot.end_seq)
