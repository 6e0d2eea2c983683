"""LS-2, per batch: what `append` returns is where the batch can be read once the store has published it."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from brummer_rx.pipeline.errors import SinkError
from brummer_rx.pipeline.event import BatchFlag, Gap, GapReason, LogBatch
from brummer_rx.sinks.store.files import Disk
from brummer_rx.sinks.store.reader import open_run
from brummer_rx.sinks.store.store import StoreOptions
from tests.proof.seed import rng
from tests.properties.storerig import LiveStore, raws_of, submit, told_batch, uncovered
from tests.sinks.storekit import SMALL, Kit, Oracle, all_lines, batch_of

OPTIONS = StoreOptions(
    segment_bytes=20_000, frame_bytes=600, gather_bytes=1200, recent_bytes=800, flush_after=0.002
)
"""Batches of up to 1,400 bytes: some fit a frame, some are split."""


def test_ls_2_a_receipt_is_readable_the_moment_the_store_publishes_it(tmp_path: Path) -> None:
    live = LiveStore(tmp_path, OPTIONS)
    store = live.store
    batches = [told_batch(n) for n in range(600)]
    receipts: list[tuple[int, LogBatch]] = []
    failures: list[str] = []
    checked = 0
    looks = 0

    def published() -> None:
        """On the store lane, in the middle of the publishing."""
        nonlocal checked, looks
        snapshot = store.snapshot()
        due = checked
        while due < len(receipts) and receipts[due][0] + receipts[due][1].lines <= snapshot.end_seq:
            due += 1
        if due == checked:
            return
        first, stop = receipts[checked][0], receipts[due - 1][0] + receipts[due - 1][1].lines
        wanted = raws_of(batch for _, batch in receipts[checked:due])
        if [line.raw for line in snapshot.lines(first, stop)] != wanted:
            failures.append(f"{first}..{stop} is published and cannot be read")
        if looks % 20 == 0:  # acknowledged means written: whoever opens the files finds it
            with open_run(live.run.path, mend=False) as reader:
                if [line.raw for line in reader.snapshot().lines(first, stop)] != wanted:
                    failures.append(f"{first}..{stop} is published and not in the files")
        looks += 1
        checked = due

    store.on_change(published)
    for batch in batches:
        submit(live.lane, lambda batch=batch: receipts.append((store.append(batch), batch)))
        first_unread = checked
        if first_unread < len(receipts):  # another thread holds the same receipt to the same promise
            first, one = receipts[first_unread]
            snapshot = store.snapshot()
            if snapshot.end_seq >= first + one.lines:
                assert [line.raw for line in snapshot.lines(first, first + one.lines)] == raws_of([one])
    live.end()

    assert failures == []
    assert checked == len(batches) and looks > 5
    starts = [sum(batch.lines for batch in batches[:n]) for n in range(len(batches))]
    assert [first for first, _ in receipts] == starts, "seqs are given once, in order, without a hole"
    snapshot = store.snapshot()
    assert snapshot.end_seq == sum(batch.lines for batch in batches) == store.stats.lines
    for first, batch in rng("ls-2").sample(receipts, 50):
        found = snapshot.read(range(first, first + batch.lines))
        assert [(line.seq, line.raw, line.source) for line in found] == [
            (first + n, raw, batch.source) for n, raw in enumerate(raws_of([batch]))
        ]


def test_ls_2_a_receipt_before_its_publication_promises_nothing_and_lies_about_nothing(
    tmp_path: Path,
) -> None:
    kit = Kit(tmp_path)
    first = kit.store.append(batch_of(b"a", b"b"))

    early = kit.store.snapshot()
    assert (first, early.end_seq, early.lines(0, 99)) == (0, 0, [])
    second = kit.store.append(batch_of(b"c"))
    late = kit.flush()
    assert (second, late.end_seq) == (2, 3)
    assert [line.raw for line in late.lines(first, second + 1)] == [b"a", b"b", b"c"]
    assert (early.end_seq, early.lines(0, 99)) == (0, []), "an old snapshot has changed"
    kit.close()


class MoodyDisk(Disk):
    """Refuses some writes, after taking a part of them."""

    def __init__(self) -> None:
        self.random = rng("ls-2 moody disk")
        self.refused = 0

    def writev(self, fd: int, buffers: Sequence[bytes | memoryview]) -> int:
        if self.random.random() < 0.6:
            return super().writev(fd, buffers)
        self.refused += 1
        data = b"".join(buffers)
        taken = data[: self.random.randrange(len(data))]
        if not taken or self.random.random() < 0.5:
            raise OSError(errno.ENOSPC, "no space")
        return super().writev(fd, [taken])


def test_ls_2_a_receipt_is_readable_or_explained_whatever_the_disk_does(tmp_path: Path) -> None:
    disk = MoodyDisk()
    kit = Kit(tmp_path, replace(SMALL, frame_bytes=2048), disk)
    receipts: list[tuple[int, LogBatch]] = []
    for n in range(400):
        batch = told_batch(n)
        receipts.append((kit.store.append(batch), batch))
        if n % 3 == 0:
            kit.flush()
        if n % 50 == 0:
            lost = kit.store.append(Gap("s1", 5, 80, GapReason.OVERFLOW, -1, -1))
            assert lost == receipts[-1][0] + batch.lines, "a gap takes the next seqs"
    snapshot = kit.close()
    with open_run(kit.run.path) as reader:
        stored = reader.snapshot()
        assert all_lines(stored) == all_lines(snapshot)
        assert reader.verify() == 0

    assert disk.refused > 20
    whole = gone = 0
    for first, batch in receipts:
        seqs = range(first, first + batch.lines)
        found = snapshot.lines(first, first + batch.lines)
        assert [line.seq for line in found] in ([], list(seqs)), "a part of a batch"
        if found:
            assert [line.raw for line in found] == raws_of([batch])
            whole += 1
            continue
        assert uncovered(seqs, snapshot.gaps) == uncovered(seqs, stored.gaps) == []
        gone += 1
    assert whole > 50 and gone > 10
    assert snapshot.end_seq == stored.end_seq == kit.store.stats.lines


def test_ls_2_every_fact_of_a_batch_is_in_its_receipt(tmp_path: Path) -> None:
    """Levels, streams, pieces, times: the stored entry, not an invented one."""
    kit = Kit(tmp_path)
    random = rng("ls-2 facts")
    batches = [
        batch_of(
            *(b"%d" % random.randrange(10**9) for _ in range(random.randrange(1, 9))),
            source=f"p{random.randrange(40)}",
            flags=random.choice([BatchFlag.NONE, BatchFlag.MORE, BatchFlag.UNTERMINATED]),
        )
        for _ in range(300)
    ]
    batches = [replace(b, levels=bytes(random.randrange(6) for _ in range(b.lines))) for b in batches]
    oracle = Oracle.of(batches).lines
    for batch in batches:
        first = kit.store.append(batch)
        if random.random() < 0.2:
            snapshot = kit.flush()
            assert snapshot.lines(first, first + batch.lines) == oracle[first : first + batch.lines]
    assert all_lines(kit.close()) == oracle
    with pytest.raises(SinkError):
        kit.store.append(batches[0])
