"""Views of segments."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest

from brummer_rx.pipeline.event import BatchFlag
from brummer_rx.sinks.store.keyfile import KEY_UNREADABLE
from brummer_rx.sinks.store.reader import open_run
from brummer_rx.sinks.store.segment import SegmentView
from tests.sinks.storekit import Kit, Oracle, batch_of, some_batches


def both(tmp_path: Path) -> tuple[SegmentView, SegmentView]:
    """A sealed and a growing segment."""
    kit = Kit(tmp_path)
    kit.put(some_batches(100))
    snapshot = kit.flush()
    return snapshot.segments[0], snapshot.segments[-1]


def test_frames_lead_to_the_bytes_of_their_lines(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    batches = some_batches(100)
    kit.put(batches)
    snapshot = kit.flush()
    expected = Oracle.of(batches).lines
    for view in snapshot.segments:
        with view.mapped() as mapping:
            assert len(mapping) == view.data_end
            for n, row in enumerate(view.frames):
                raw = bytes(mapping[row.raw_offset : row.raw_offset + row.raw_length])
                lines = expected[row.first_seq : row.end_seq]
                assert raw == b"".join(line.raw + b"\n" for line in lines)
                assert view.keys(n) == bytes(mapping[row.keys_offset : row.raw_offset])
                assert row.level_mask == sum({1 << line.level for line in lines})
                assert view.frames[view.frame_at_seq(row.first_seq)] == row
                assert view.frames[view.frame_at_offset(row.raw_offset)] == row
                assert sum(run.lines for run in view.runs(n)) == row.lines
                assert row.time_ns == min(line.time_ns for line in lines)
    assert snapshot.segments[0].backing.file is None
    assert snapshot.segments[-1].backing.file is not None
    kit.close()


def test_flags_tell_of_escapes_and_pieces(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.put([batch_of(b"plain")])
    kit.flush()
    kit.put([batch_of(b"\x1b[31mred")])
    kit.flush()
    kit.put([batch_of(b"part", flags=BatchFlag.MORE)])
    (view,) = kit.flush().segments

    assert [(row.has_escape, row.has_pieces) for row in view.frames] == [
        (False, False),
        (True, False),
        (False, True),
    ]
    kit.close()


def test_the_newest_frames_are_read_from_memory(tmp_path: Path) -> None:
    _, live = both(tmp_path)
    os.truncate(live.path, 0)
    last = len(live.frames) - 1

    assert live.block(last) is not None
    assert sum(run.lines for run in live.runs(last)) == live.frames[last].lines


def test_keys_of_damaged_frames_match_nothing_when_the_key_file_is_lost(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.put(some_batches(100))
    kit.close()
    snapshot = open_run(kit.run.path).snapshot()
    view = snapshot.segments[0]
    expected = b"".join(view.keys(n) for n in range(len(view.frames)))
    view.backing.keys = None
    view.reading.keys.cache_clear()
    row = view.frames[1]
    data = bytearray(view.path.read_bytes())
    data[row.raw_offset] ^= 1
    view.path.write_bytes(data)
    key_data = bytearray(view.path.with_suffix(".key").read_bytes())
    key_data[-1] ^= 1
    view.path.with_suffix(".key").write_bytes(key_data)

    keys = view.keys_between(0, view.lines)

    lost = slice(row.key_at, row.key_at + row.lines)
    assert set(keys[lost]) == {KEY_UNREADABLE}
    assert keys[: row.key_at] == expected[: row.key_at]
    assert keys[row.key_at + row.lines :] == expected[row.key_at + row.lines :]
    assert [gap.first_seq for gap in snapshot.gaps] == [row.first_seq]


def test_stored_gives_a_whole_frame_or_none(tmp_path: Path) -> None:
    sealed, _ = both(tmp_path)
    frame = sealed.stored(0)
    assert frame is not None
    assert frame.header.lines == sealed.frames[0].lines
    sealed.path.write_bytes(b"")
    assert sealed.stored(0) is None
    assert sealed.runs(0) == []
    sealed.path.unlink()
    assert sealed.stored(0) is None


def test_mapping_a_lost_or_empty_segment_says_so(tmp_path: Path) -> None:
    sealed, live = both(tmp_path)
    sealed.path.write_bytes(b"")
    with pytest.raises(OSError, match="empty"), sealed.mapped():
        pass
    sealed.path.unlink()
    with pytest.raises(FileNotFoundError), sealed.mapped():
        pass
    with live.mapped() as mapping:
        assert mapping[:4] == b"BRXF"


def test_a_cut_segment_is_mapped_as_far_as_it_goes(tmp_path: Path) -> None:
    sealed, _ = both(tmp_path)
    os.truncate(sealed.path, 100)

    with sealed.mapped() as mapping:
        assert len(mapping) == 100


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_no_descriptor_outlives_store_reader_and_snapshots(tmp_path: Path) -> None:
    gc.collect()
    gc.disable()
    try:
        before = descriptors()
        for n in range(5):
            kit = Kit(tmp_path / str(n))
            kit.put(some_batches(50))
            snapshot = kit.flush()
            snapshot.lines(0, snapshot.end_seq)
            with open_run(kit.run.path) as reader:
                reader.snapshot().lines(0, 100)
            kit.close()
            del snapshot, reader, kit
        assert descriptors() == before
    finally:
        gc.enable()
