"""What has to go, and that its gap is logged before it goes."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.pipeline.event import GapReason
from brummer_rx.sinks.store.files import Disk
from brummer_rx.sinks.store.gaplog import GAPS_LOG
from brummer_rx.sinks.store.reader import open_run
from brummer_rx.sinks.store.retention import RunSize, gap_of, runs_to_delete, worst_level
from brummer_rx.sinks.store.runs import list_runs
from tests.sinks.storekit import SMALL, Kit, Oracle, all_lines, batch_of, some_batches

RUNS = st.lists(
    st.builds(
        RunSize,
        st.uuids().map(str),
        st.integers(0, 50),
        st.integers(0, 100),
        st.integers(0, 100),
        st.booleans(),
    ),
    max_size=10,
    unique_by=lambda run: run.id,
)


@given(RUNS, st.integers(0, 500), st.integers(0, 100))
def test_the_oldest_ended_runs_go_until_the_rest_fits(runs: list[RunSize], budget: int, age: int) -> None:
    chosen = runs_to_delete(runs, max_bytes=budget, max_age=age / 1e9, now_ns=100)

    by_id = {run.id: run for run in runs}
    assert not any(by_id[run_id].live for run_id in chosen)
    kept = [run for run in runs if run.id not in chosen]
    assert all(run.live or 100 - run.last_ns <= age for run in kept)
    if sum(run.bytes for run in kept) > budget:
        assert all(run.live for run in kept)
    young = [by_id[run_id] for run_id in chosen if 100 - by_id[run_id].last_ns <= age]
    for run in young:  # each was needed: before it went, the rest did not fit
        newer = [other for other in kept if not other.live]
        assert all((other.started_ns, other.id) > (run.started_ns, run.id) for other in newer)


def test_the_live_run_is_trimmed_when_it_alone_is_over_the_budget(tmp_path: Path) -> None:
    kit = Kit(tmp_path, replace(SMALL, max_bytes=30_000))
    batches = some_batches(1000)
    for start in range(0, 1000, 50):
        kit.put(batches[start : start + 50])
        kit.flush()
    snapshot = kit.flush()

    (gap,) = snapshot.gaps
    oracle = Oracle.of(batches).lines
    assert (gap.reason, gap.first_seq, gap.last_seq + 1) == (GapReason.BUDGET, 0, snapshot.first_seq)
    assert gap.lines == gap.last_seq + 1
    assert gap.bytes == sum(len(line.raw) + 1 for line in oracle[: gap.lines])
    assert all_lines(snapshot) == oracle[snapshot.first_seq :]
    assert snapshot.bytes_on_disk < 30_000 + 8000
    for reader in (open_run(kit.run.path), open_run(kit.run.path)):
        assert reader.snapshot().gaps == (gap,)
        assert all_lines(reader.snapshot()) == oracle[snapshot.first_seq :]
        kit.close()


def test_other_runs_go_first_and_live_ones_never(tmp_path: Path) -> None:
    old, other, third = Kit(tmp_path), Kit(tmp_path), Kit(tmp_path)
    for kit in (old, other, third):
        kit.put(some_batches(300))
    old.close()
    third.close()

    kit = Kit(tmp_path, replace(SMALL, max_bytes=1000))

    assert {info.id for info in list_runs(tmp_path)} == {other.run.id, kit.run.id}
    other.close()
    kit.close()


def test_age_takes_old_runs_and_old_segments(tmp_path: Path) -> None:
    kit = Kit(tmp_path, replace(SMALL, max_age=3600.0))
    kit.put(some_batches(200))
    before = kit.flush()
    sealed = before.sealed.segments
    kit.clock.advance(3700)
    kit.put(some_batches(60))
    after = kit.flush()

    assert {view.number for view in sealed}.isdisjoint({view.number for view in after.segments})
    (gap,) = after.gaps
    assert (gap.reason, gap.first_seq) == (GapReason.AGE, 0)
    kit.close()
    other = Kit(tmp_path, replace(SMALL, max_age=-3600.0 * 24))
    assert [info.id for info in list_runs(tmp_path)] == [other.run.id]
    other.close()


def test_a_gap_is_on_disk_before_the_lines_go_and_without_it_they_stay(tmp_path: Path) -> None:
    class Watching(Disk):
        refuses = False

        def append(self, path: Path, data: bytes, *, sync: bool) -> None:
            assert sync
            there = sorted(path.parent.glob("*.seg"))
            seen.append(len(there))
            if self.refuses:
                raise OSError(28, "full")
            super().append(path, data, sync=sync)

    seen: list[int] = []
    disk = Watching()
    kit = Kit(tmp_path, replace(SMALL, max_bytes=20_000), disk)
    disk.refuses = True
    for seed in range(10):
        kit.put(some_batches(50, seed=seed))
        kit.flush()
    assert kit.store.snapshot().first_seq == 0
    assert [bad for _, bad in kit.notices] == [True]
    disk.refuses = False
    seen.clear()
    kit.put(some_batches(100))
    snapshot = kit.flush()

    assert snapshot.first_seq > 0
    assert len(seen) > 1
    assert seen == sorted(seen, reverse=True)
    assert not (kit.run.path / "00000000.seg").exists()
    assert (kit.run.path / GAPS_LOG).stat().st_size == 40 * len(seen)
    kit.close()


def test_a_crash_between_record_and_removal_loses_nothing(tmp_path: Path) -> None:
    kit = Kit(tmp_path, replace(SMALL, max_bytes=20_000))
    kit.put(some_batches(100))
    kit.flush()
    saved = (kit.run.path / "00000000.seg").read_bytes(), (kit.run.path / "00000000.key").read_bytes()
    kit.put(some_batches(400))
    kit.close()
    (kit.run.path / "00000000.seg").write_bytes(saved[0])
    (kit.run.path / "00000000.key").write_bytes(saved[1])

    snapshot = open_run(kit.run.path).snapshot()

    assert snapshot.first_seq == 0
    assert snapshot.gaps[0].first_seq == snapshot.segments[0].end_seq


def test_the_gap_of_a_segment_names_its_source_when_there_is_one(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.put([batch_of(b"a", b"b", source="x", levels=[4, 0])])
    (alone,) = kit.flush().segments
    kit.put([batch_of(b"a", source="y")])
    (both,) = kit.flush().segments

    assert gap_of(alone, GapReason.AGE, ("x", "y"))[0].source == "x"
    assert worst_level(alone) == 4
    gap, ids = gap_of(both, GapReason.AGE, ("x", "y"))
    assert (gap.source, ids, gap.lines) == ("", (0, 1), 3)
    assert time.time_ns() > 0
    kit.close()
