"""LS-4: a snapshot is one moment: whatever is written, sealed or evicted, it has no unexplained hole."""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from brummer_rx.pipeline.event import Gap, GapReason
from brummer_rx.pipeline.reader import Line, LineFilter, SearchQuery
from brummer_rx.sinks.store.helper import SearchHelper
from brummer_rx.sinks.store.reader import open_run
from brummer_rx.sinks.store.search import scan
from brummer_rx.sinks.store.snapshot import StoreSnapshot
from brummer_rx.sinks.store.store import StoreOptions
from tests.pipeline.until import until
from tests.proof.seed import rng
from tests.properties.storerig import (
    WAIT,
    LiveStore,
    contradictions,
    live_store,
    missing,
    raws_of,
    submit,
    told_batch,
    uncovered,
)
from tests.sinks.storekit import SMALL, Kit

OPTIONS = StoreOptions(
    segment_bytes=12_000,
    max_bytes=90_000,
    frame_bytes=1500,
    gather_bytes=3000,
    recent_bytes=3000,
    flush_after=0.002,
)
COUNT = 3000
"""Batches, about 1.3 MB: what is kept is renewed a dozen times."""
BATCHES = [told_batch(n) for n in range(COUNT)]
RAWS = raws_of(BATCHES)


def hits_of(start: int, stop: int) -> list[int]:
    return [seq for seq in range(start, stop) if b" 3 " in RAWS[seq]]


QUERY = SearchQuery(" 3 ")


class Watcher:
    """Takes snapshots in its own thread and holds each to what may be said of one moment."""

    def __init__(self, live: LiveStore, look: Callable[[Watcher, StoreSnapshot], None]) -> None:
        self.live = live
        self.looks = 0
        self.failures: list[str] = []
        self._look = look
        self._stop = threading.Event()
        self._before = live.store.snapshot()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(WAIT)
        assert not self._thread.is_alive()

    def _watch(self) -> None:
        try:
            while not self._stop.is_set() and not self.failures:
                snapshot = self.live.store.snapshot()
                self.failures += contradictions(snapshot)
                if snapshot.end_seq < self._before.end_seq or snapshot.first_seq < self._before.first_seq:
                    self.failures.append("a later snapshot knows less")
                self._before = snapshot
                self._look(self, snapshot)
                self.looks += 1
        except BaseException as error:
            self.failures.append(repr(error))

    def explained(self, unread: list[int]) -> None:
        """These lines were in the snapshot and could not be read: they must have been evicted since."""
        if unread:
            until(lambda: not uncovered(unread, self.live.store.snapshot().gaps), WAIT / 3)


def read_all(watcher: Watcher, snapshot: StoreSnapshot) -> None:
    lines = snapshot.lines(snapshot.first_seq, snapshot.end_seq)
    seqs = [line.seq for line in lines]
    if seqs != sorted(set(seqs)) or any(line.raw != RAWS[line.seq] for line in lines):
        watcher.failures.append("wrong lines")
    expected = range(snapshot.first_seq, snapshot.end_seq)
    watcher.explained(uncovered(set(expected) - set(seqs), snapshot.gaps))


def count_all(watcher: Watcher, snapshot: StoreSnapshot) -> None:
    """Numbers and selections come from memory: they are exact, whatever happens meanwhile."""
    everything = LineFilter()
    there = sorted(set(range(snapshot.first_seq, snapshot.end_seq)) - missing(snapshot))
    newest = snapshot.select(everything, 0, snapshot.end_seq, 50, newest=True)
    if newest != there[-50:]:
        watcher.failures.append(f"the newest are {newest}")
    if snapshot.count(everything) != len(there):
        watcher.failures.append(f"{snapshot.count(everything)} are counted, {len(there)} are there")
    time.sleep(0.001)  # the others want their turn, too


def search_all(watcher: Watcher, snapshot: StoreSnapshot) -> None:
    parts = list(scan(snapshot, QUERY, lambda: False))
    found = sorted(seq for part in parts for seq in part.seqs)
    expected = hits_of(snapshot.first_seq, snapshot.end_seq)
    if not parts[-1].done or parts[-1].error or set(found) - set(expected) or len(set(found)) != len(found):
        watcher.failures.append("wrong hits")
    watcher.explained(uncovered(set(expected) - set(found), snapshot.gaps))


@pytest.mark.parametrize("look", [read_all, search_all, count_all])
def test_ls_4_windows_have_no_unexplained_hole_during_writes_and_evictions(
    tmp_path: Path, look: Callable[[Watcher, StoreSnapshot], None]
) -> None:
    with live_store(tmp_path, OPTIONS) as live:
        watcher = Watcher(live, look)
        random = rng(f"ls-4 {look.__name__}")
        for batch in BATCHES:
            submit(live.lane, lambda batch=batch: live.store.append(batch))
            if random.random() < 0.05:
                time.sleep(0.001)
        live.on_lane(live.store.flush)
        watcher.stop()
    assert watcher.failures == []
    assert watcher.looks > 5
    last = live.store.snapshot()
    assert last.end_seq == len(RAWS) and last.first_seq > 0
    assert contradictions(last) == []
    assert [gap.reason for gap in last.gaps] == [GapReason.BUDGET]
    assert [line.raw for line in last.lines(0, last.end_seq)] == RAWS[last.first_seq :]


def test_ls_4_the_search_process_finds_all_that_was_there_when_it_was_asked(tmp_path: Path) -> None:
    options = replace(OPTIONS, max_bytes=300_000)
    with live_store(tmp_path, options) as live:
        helper = SearchHelper(live.run.path)
        try:
            answers = 0
            for start in range(0, COUNT, COUNT // 6):
                for batch in BATCHES[start : start + COUNT // 6]:
                    submit(live.lane, lambda batch=batch: live.store.append(batch))
                before = live.store.snapshot()
                helper.submit(QUERY)
                found: set[int] = set()
                deadline = time.monotonic() + WAIT
                while True:
                    assert select.select([helper.fileno()], [], [], max(0, deadline - time.monotonic()))[0]
                    parts = helper.receive()
                    found |= {seq for part in parts for seq in part.seqs}
                    if parts and parts[-1].done:
                        assert parts[-1].error == ""
                        break
                assert all(b" 3 " in RAWS[seq] for seq in found)
                unseen = set(hits_of(before.first_seq, before.end_seq)) - found
                until(lambda u=unseen: not uncovered(u, live.store.snapshot().gaps), WAIT)
                answers += bool(found)
            assert answers > 1
        finally:
            helper.close()


def test_ls_4_a_snapshot_answers_the_same_for_as_long_as_it_is_kept(tmp_path: Path) -> None:
    """Sealing, regrouping and evicting go on around it; what they took away is left out, nothing else."""
    kit = Kit(tmp_path, replace(SMALL, max_bytes=12_000, segment_bytes=2500))
    kept: list[tuple[StoreSnapshot, list[Line], int]] = []
    for n in range(250):
        kit.store.append(told_batch(n))
        snapshot = kit.flush()
        assert contradictions(snapshot) == []
        if n % 10 == 0:
            kept.append((snapshot, snapshot.lines(0, snapshot.end_seq), snapshot.count(LineFilter())))
    there = {line.seq for line in kit.store.snapshot().lines(0, 1 << 40)}
    for snapshot, lines, count in kept:
        now = snapshot.lines(0, snapshot.end_seq)
        assert snapshot.count(LineFilter()) == count == len(lines)
        # The segment that still grew then is read through its descriptor for as long as the snapshot lives.
        held = set(range(snapshot.live.first_seq, snapshot.end_seq)) if snapshot.live else set()
        assert [line for line in lines if line.seq in there | held] == [
            line for line in now if line.seq in there | held
        ]
        assert set(now) <= set(lines)
    kit.close()


def test_ls_4_gaps_of_all_kinds_leave_windows_that_add_up(tmp_path: Path) -> None:
    """Lines lost before the store, seals and evictions in a random order, asked after every step."""
    kit = Kit(tmp_path, replace(SMALL, max_bytes=20_000))
    random = rng("ls-4 gaps")
    broken: list[str] = []
    kit.store.on_change(lambda: broken.extend(contradictions(kit.store.snapshot())))  # at each publication
    expected: list[bytes | None] = []
    for n in range(400):
        if random.random() < 0.1:
            lines = random.randrange(1, 6)
            kit.store.append(Gap("s1", lines, lines * 9, GapReason.OVERFLOW, -1, -1))
            expected += [None] * lines
        else:
            kit.store.append(told_batch(n))
            expected += raws_of([told_batch(n)])
        match random.randrange(4):
            case 0:
                kit.flush()
            case 1:
                kit.store.flush()
            case 2:
                kit.settle()
        assert broken == [], f"after step {n}"
    snapshot = kit.close()
    with open_run(kit.run.path) as reader:
        for view in (snapshot, reader.snapshot()):
            assert contradictions(view) == []
            lines = {line.seq: line.raw for line in view.lines(0, view.end_seq)}
            assert view.end_seq == len(expected)
            assert uncovered(set(range(view.end_seq)) - set(lines), view.gaps) == []
            assert all(expected[seq] == raw for seq, raw in lines.items()), "evicting has renumbered lines"
            lost = [seq for seq, raw in enumerate(expected) if raw is None]
            assert uncovered(lost, view.gaps) == [] and not set(lost) & set(lines)
            budget = sum(gap.lines for gap in view.gaps if gap.reason is GapReason.BUDGET)
            assert budget == sum(raw is not None for raw in expected) - len(lines)
