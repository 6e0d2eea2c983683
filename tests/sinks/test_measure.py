"""Cheap sums of runs without totals."""

from __future__ import annotations

from pathlib import Path

from brummer_rx.pipeline.event import Gap, GapReason
from brummer_rx.sinks.store.measure import measure
from brummer_rx.sinks.store.seal import key_path
from tests.sinks.storekit import Kit, some_batches


def test_it_agrees_with_the_snapshot_live_and_ended(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.put(some_batches(120))
    kit.store.append(Gap("x", 7, 70, GapReason.OVERFLOW, -1, -1))
    kit.put(some_batches(120))
    snapshot = kit.flush()
    lines = sum(view.lines for view in snapshot.segments)

    for live in (True, False):
        totals = measure(kit.run.path, kit.run.manifest.value, live=live)
        assert (totals.lines, totals.gaps) == (lines, 1)
        assert totals.bytes == sum(path.stat().st_size for path in kit.run.path.iterdir())
        kit.close()


def test_missing_and_damaged_key_files_are_walked_around(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.put(some_batches(120))
    snapshot = kit.close()
    lines = sum(view.lines for view in snapshot.segments)
    key_path(snapshot.segments[0].path).unlink()
    key_path(snapshot.segments[1].path).write_bytes(b"?" * 500)

    assert measure(kit.run.path, kit.run.manifest.value, live=False).lines == lines


def test_a_cut_segment_counts_its_whole_frames(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.put(some_batches(20))
    (view,) = kit.close().segments
    key_path(view.path).unlink()
    row = view.frames[-1]
    with view.path.open("ab") as file:
        file.truncate(row.end_offset - 1)

    assert measure(kit.run.path, kit.run.manifest.value, live=False).lines == row.first_seq
