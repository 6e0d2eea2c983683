"""A run's store on its real lanes, and lines that tell their own place, for the properties LS-1 to LS-6."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from brummer_rx.pipeline import guards
from brummer_rx.pipeline.clock import ClockThread
from brummer_rx.pipeline.errors import BufferOverflow
from brummer_rx.pipeline.event import Gap, LogBatch, Stream
from brummer_rx.pipeline.threads import Lane
from brummer_rx.pipeline.violations import Mode, mode
from brummer_rx.sinks.store.files import Disk
from brummer_rx.sinks.store.runs import RunFolder, create_run
from brummer_rx.sinks.store.snapshot import StoreSnapshot
from brummer_rx.sinks.store.store import LogStore, StoreOptions
from tests.pipeline.until import until

WAIT = 30.0
"""Seconds after which something counts as never; nothing here takes one."""


class QuietDisk(Disk):
    """Writes for real but makes nothing durable: order and bounds need not wait for the device."""

    def sync(self, fd: int) -> None:
        return

    def append(self, path: Path, data: bytes, *, sync: bool) -> None:
        super().append(path, data, sync=False)

    def replace(self, path: Path, data: bytes, *, sync: bool) -> None:
        super().replace(path, data, sync=False)


class LiveStore:
    """A store on the threads that a run gives it."""

    def __init__(self, folder: Path, options: StoreOptions, disk: Disk | None = None) -> None:
        self.clock = ClockThread()
        self.clock.start()
        self.lane, self.sync = Lane("store"), Lane("sync")
        self.run: RunFolder = create_run(folder, project="shop", command="npm start")
        self.store = LogStore(
            self.run,
            lane=self.lane,
            sync=self.sync,
            clock=self.clock,
            options=options,
            disk=disk or QuietDisk(),
        )

    def on_lane(self, action: Callable[[], None]) -> None:
        """Do it on the store lane and wait; what it raises comes out here."""
        done = threading.Event()
        raised: list[BaseException] = []

        def work() -> None:
            try:
                action()
            except BaseException as error:
                raised.append(error)
            finally:
                done.set()

        submit(self.lane, work)
        assert done.wait(WAIT), "the store lane does not answer"
        if raised:
            raise raised[0]

    def end(self) -> None:
        """Close the store and its threads; each must end in time."""
        assert self.store.close(WAIT)
        assert self.lane.close(WAIT)
        assert self.sync.close(WAIT)
        assert self.clock.close(WAIT)


@contextmanager
def unguarded() -> Iterator[None]:
    """As in production: where memory or time is measured, or a test looks after threads by itself."""
    guarded, interval = mode(), sys.getswitchinterval()
    guards.switch(Mode.OFF)
    sys.setswitchinterval(0.005)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        guards.switch(guarded)


@contextmanager
def live_store(folder: Path, options: StoreOptions, disk: Disk | None = None) -> Iterator[LiveStore]:
    """One for a `with` block."""
    live = LiveStore(folder, options, disk)
    try:
        yield live
    finally:
        live.end()


def submit(lane: Lane, action: Callable[[], None]) -> None:
    """Submit, and again for as long as too many wait."""

    def accepted() -> bool:
        try:
            lane.submit(action)
        except BufferOverflow:
            return False
        return True

    until(accepted, WAIT)


def told_batch(number: int, sources: int = 4) -> LogBatch:
    """Batch `number`: some lines "NUMBER PLACE OF ...", known to whoever knows the number."""
    lines = 1 + number * 7 % 23
    data = b"".join(
        b"%d %d %d %s\n" % (number, n, lines, b"x" * ((number * 31 + n * 17) % 60)) for n in range(lines)
    )
    return LogBatch(f"s{number % sources}", Stream.OUT, 0, lines, 1_700_000_000_000_000_000, data)


def raws_of(batches: Iterable[LogBatch]) -> list[bytes]:
    """Their lines in order."""
    return [raw for batch in batches for raw in batch.data.split(b"\n")[:-1]]


def uncovered(missing: Iterable[int], gaps: Sequence[Gap]) -> list[int]:
    """Of these seqs those that no gap explains."""
    spans = [range(gap.first_seq, gap.last_seq + 1) for gap in gaps]
    return [seq for seq in missing if not any(seq in span for span in spans)]


def contradictions(snapshot: StoreSnapshot) -> list[str]:
    """What a snapshot says that cannot be true at one moment; only its numbers are asked, no file is read."""
    found = []
    lines = sum(view.lines for view in snapshot.segments)
    gone = sum(gap.lines for gap in snapshot.logged_gaps)
    if lines + gone != snapshot.end_seq:
        found.append(f"{lines} lines and {gone} in gaps of {snapshot.end_seq}")
    by_source, by_level = sum(snapshot.source_counts().values()), sum(snapshot.level_counts().values())
    if (by_source, by_level) != (lines, lines):
        found.append(f"counted {by_source} by source, {by_level} by level, {lines} in segments")
    there: set[int] = set()
    for view in snapshot.segments:
        for first, _, count in view.frames.spans():
            if not there.isdisjoint(range(first, first + count)):
                found.append(f"twice: {first}, {count} lines")
            there.update(range(first, first + count))
    lost = missing(snapshot)
    if lost & there:
        found.append(f"there and in a gap: {sorted(lost & there)[:5]}")
    if there | lost != set(range(snapshot.end_seq)):
        found.append(f"neither there nor in a gap: {sorted(set(range(snapshot.end_seq)) - there - lost)[:5]}")
    return found


def missing(snapshot: StoreSnapshot) -> set[int]:
    """The seqs in its gaps."""
    return {seq for gap in snapshot.logged_gaps for seq in range(gap.first_seq, gap.last_seq + 1)}
