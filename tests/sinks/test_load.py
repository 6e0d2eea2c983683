"""Reading folders in any state."""

from __future__ import annotations

import shutil
from pathlib import Path

from brummer_rx.pipeline.event import Gap, GapReason
from brummer_rx.sinks.store.load import all_gaps, load_segments, segment_numbers
from brummer_rx.sinks.store.segment import Reading
from tests.sinks.storekit import Kit, some_batches


def test_only_segment_files_count(tmp_path: Path) -> None:
    for name in (
        "00000002.seg",
        "00000000.seg",
        "1.seg",
        "0000000x.seg",
        "00000001.key",
        "00000003.seg.tmp",
        "²²²²²²²².seg",
    ):
        (tmp_path / name).touch()

    assert segment_numbers(tmp_path) == [0, 2]
    assert segment_numbers(tmp_path / "none") == []


def test_a_live_run_has_one_growing_segment_an_ended_one_none(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.put(some_batches(100))
    snapshot = kit.flush()

    live = load_segments(kit.run.path, Reading(), live=True)
    ended = load_segments(kit.run.path, Reading(), live=False)

    assert live.growing is not None
    assert live.scanned == ()
    assert ended.growing is None
    assert len(ended.scanned) == 1
    assert live.end_seq == ended.end_seq == snapshot.end_seq
    assert len(ended.views) == len(live.views) + 1 == len(snapshot.segments)
    kit.close()


def test_a_copied_segment_that_overlaps_is_left_out(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.put(some_batches(100))
    snapshot = kit.close()
    for suffix in (".seg", ".key"):
        shutil.copy(kit.run.path / f"00000000{suffix}", kit.run.path / f"00000099{suffix}")

    loaded = load_segments(kit.run.path, Reading(), live=False)

    assert [view.number for view in loaded.views] == [view.number for view in snapshot.segments]
    assert loaded.end_seq == snapshot.end_seq


def test_a_lost_last_segment_is_known_by_its_key_file(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.put(some_batches(100))
    snapshot = kit.close()
    snapshot.segments[-1].path.unlink()

    loaded = load_segments(kit.run.path, Reading(), live=False)

    assert loaded.end_seq == snapshot.end_seq
    assert loaded.views[-1].end_seq == snapshot.segments[-2].end_seq


def test_a_live_gap_waits_for_the_lines_before_it() -> None:
    gap = Gap("", 10, 0, GapReason.DISK, 100, 109)

    assert all_gaps([(0, 90)], [gap], 90, live=True) == ((), 90)
    assert all_gaps([(0, 100)], [gap], 100, live=True) == ((gap,), 110)
    damage = Gap("", 10, 0, GapReason.DAMAGE, 90, 99)
    assert all_gaps([(0, 90)], [gap], 90, live=False) == ((damage, gap), 110)
