"""LS-5: a batch is seen whole or not at all, by readers in the process and in another one."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import brummer_rx
from brummer_rx.pipeline.event import GapReason
from brummer_rx.sinks.store.reader import RunReader, open_run
from brummer_rx.sinks.store.store import StoreOptions
from tests.proof.seed import rng
from tests.properties.batchreader import broken_batches
from tests.properties.storerig import (
    WAIT,
    QuietDisk,
    contradictions,
    live_store,
    raws_of,
    submit,
    told_batch,
    uncovered,
)
from tests.sinks.storekit import SMALL, Kit, all_lines

ROOT = Path(__file__).resolve().parents[2]
COUNT = 700
BATCHES = [told_batch(n) for n in range(COUNT)]
OPTIONS = StoreOptions(
    segment_bytes=30_000, frame_bytes=2048, gather_bytes=4096, recent_bytes=2048, flush_after=0.001
)
"""Every batch fits a frame (1,400 bytes at most): a frame is what another process gets as a whole."""


class CrumbDisk(QuietDisk):
    """Takes a few bytes a call, so that whoever reads the file finds a part of a frame most of the time."""

    def __init__(self) -> None:
        self.random = rng("ls-5 crumbs")

    def writev(self, fd: int, buffers: Sequence[bytes | memoryview]) -> int:
        rest = b"".join(buffers)
        size = self.random.choice((1, 7, 64, 65, 300, 1000))
        time.sleep(0)  # gives the other threads their turn in the middle of the frame
        return os.write(fd, rest[:size])


def test_ls_5_readers_never_see_a_part_of_a_batch(tmp_path: Path) -> None:
    """Three readers at once: a thread on snapshots, a thread on the files, a process on the files."""
    failures: list[str] = []
    growths = {"snapshot": 0, "files": 0}
    with live_store(tmp_path, OPTIONS, CrumbDisk()) as live:
        stop = threading.Event()

        def watch_snapshots() -> None:
            seen = 0
            while not stop.is_set():
                snapshot = live.store.snapshot()
                if snapshot.end_seq > seen:
                    growths["snapshot"] += 1
                    failures.extend(broken_batches(snapshot.lines(seen, snapshot.end_seq)))
                    seen = snapshot.end_seq
                time.sleep(0)

        def watch_files() -> None:
            seen = 0
            with open_run(live.run.path, mend=False) as reader:
                while not stop.is_set():
                    reader.refresh()
                    snapshot = reader.snapshot()
                    if snapshot.end_seq > seen:
                        growths["files"] += 1
                        failures.extend(broken_batches(snapshot.lines(seen, snapshot.end_seq)))
                        seen = snapshot.end_seq
                    time.sleep(0)

        def guarded(watch):  # type: ignore[no-untyped-def]
            try:
                watch()
            except BaseException as error:
                failures.append(repr(error))

        threads = [
            threading.Thread(target=guarded, args=(w,), daemon=True) for w in (watch_snapshots, watch_files)
        ]
        package = Path(brummer_rx.__file__).parents[1]
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.properties.batchreader", str(live.run.path)],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(package), str(ROOT)])},
        )
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            for thread in threads:
                thread.start()
            for n, batch in enumerate(BATCHES):
                submit(live.lane, lambda batch=batch: live.store.append(batch))
                if n % 4 == 0:
                    time.sleep(0.002)
            assert live.store.close(WAIT)
            stop.set()
            for thread in threads:
                thread.join(WAIT)
            report = json.loads(child.communicate(timeout=WAIT)[0])
        finally:
            stop.set()
            child.kill()
            child.communicate()

    total = sum(batch.lines for batch in BATCHES)
    assert failures == []
    assert report["parts"] == [] and report["seen"] == total == live.store.stats.stored_lines
    assert min(growths["snapshot"], growths["files"], report["growths"]) > 10, (growths, report)


def test_ls_5_a_batch_of_many_frames_is_published_as_one(tmp_path: Path) -> None:
    """In the process even a batch that no frame holds: its frames are one write and one publication."""
    kit = Kit(tmp_path, replace(SMALL, frame_bytes=128))
    seen: list[int] = [0]
    broken: list[str] = []

    def published() -> None:
        snapshot = kit.store.snapshot()
        lines = snapshot.lines(seen[-1], snapshot.end_seq)
        broken.extend(broken_batches(lines))
        if len(lines) != snapshot.end_seq - seen[-1]:
            broken.append(f"{len(lines)} lines of {seen[-1]}..{snapshot.end_seq}")
        seen.append(snapshot.end_seq)

    kit.store.on_change(published)
    ends = [0]
    for n in range(200):
        batch = told_batch(n)
        ends.append(kit.store.append(batch) + batch.lines)
        assert kit.store.snapshot().end_seq in ends
        if n % 3 == 0:
            kit.flush()
    kit.close()

    assert broken == []
    assert set(seen) <= set(ends) and len(set(seen)) > 60


class WatchedDisk(CrumbDisk):
    """Somebody from outside looks at the files after every few bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.reader: RunReader | None = None
        self.seen = self.growths = 0
        self.broken: list[str] = []

    def writev(self, fd: int, buffers: Sequence[bytes | memoryview]) -> int:
        done = super().writev(fd, buffers)
        if self.reader is not None:
            self.reader.refresh()
            snapshot = self.reader.snapshot()
            if snapshot.end_seq > self.seen:
                self.broken += broken_batches(snapshot.lines(self.seen, snapshot.end_seq))
                self.seen = snapshot.end_seq
                self.growths += 1
        return done


def test_ls_5_the_files_hold_whole_batches_after_every_single_write(tmp_path: Path) -> None:
    disk = WatchedDisk()
    kit = Kit(tmp_path, replace(OPTIONS, segment_bytes=1 << 20), disk)
    with open_run(kit.run.path, mend=False) as disk.reader:
        for batch in BATCHES[:150]:
            kit.store.append(batch)
        kit.flush()
        kit.close()
    assert disk.broken == []
    assert disk.growths > 40 and disk.seen == sum(batch.lines for batch in BATCHES[:150])


class TornDisk(QuietDisk):
    """Takes a part of one write and then refuses, once; perhaps it refuses to cut the torn frame off, too."""

    def __init__(self, taken: int, *, cuts: bool) -> None:
        self.taken = taken
        self.cuts = cuts
        self.armed = False

    def writev(self, fd: int, buffers: Sequence[bytes | memoryview]) -> int:
        if not self.armed:
            return super().writev(fd, buffers)
        if self.taken <= 0:
            self.armed = False
            raise OSError(errno.EIO, "no")
        done = os.write(fd, b"".join(buffers)[: self.taken])
        self.taken = 0
        return done

    def truncate(self, fd: int, length: int) -> None:
        if not self.cuts:
            raise OSError(errno.EIO, "no")
        super().truncate(fd, length)


@pytest.mark.parametrize("cuts", [True, False], ids=["cut-off", "left-torn"])
def test_ls_5_a_batch_that_fails_leaves_nothing(tmp_path: Path, cuts: bool) -> None:
    """The disk refuses in the middle of a batch, at many places."""
    random = rng(f"ls-5 torn {cuts}")
    for n in range(25):
        disk = TornDisk(random.choice((0, 1, 63, 64, 65, random.randrange(66, 500))), cuts=cuts)
        kit = Kit(tmp_path / str(n), replace(SMALL, frame_bytes=2048, segment_bytes=1 << 20), disk)
        kit.put([told_batch(1)])
        kit.flush()
        disk.armed = True
        failing = told_batch(13 + 23 * n)  # 23 lines: more bytes than the disk takes
        first = kit.store.append(failing)
        after = kit.flush()
        with open_run(kit.run.path, mend=False) as reader:
            outside = reader.snapshot()
            assert [line.raw for line in all_lines(outside)] == raws_of([told_batch(1)])
        kit.put([told_batch(2)])
        last = kit.close()

        lost = range(first, first + failing.lines)
        for snapshot in (after, last):
            assert snapshot.lines(first, first + failing.lines) == []
            assert uncovered(lost, snapshot.gaps) == []
            assert contradictions(snapshot) == []
        assert [gap.reason for gap in last.gaps] == [GapReason.DISK]
        assert [line.raw for line in all_lines(last)] == raws_of([told_batch(1), told_batch(2)])
        with open_run(kit.run.path) as reader:
            assert all_lines(reader.snapshot()) == all_lines(last)
            assert uncovered(lost, reader.snapshot().gaps) == []
