"""Sealing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from brummer_rx.sinks.store.files import Disk
from brummer_rx.sinks.store.growing import Growing
from brummer_rx.sinks.store.seal import key_path, open_sealed, regrouped, seal, segment_path, wants_regrouping
from brummer_rx.sinks.store.segment import Reading
from tests.sinks.storekit import SMALL, START_NS, Kit, Oracle, all_lines, batch_of, some_batches


def trickle(tmp_path: Path, times: list[int] | None = None) -> tuple[Kit, Growing]:
    """A segment of 60 small frames that is not sealed yet."""
    kit = Kit(tmp_path, replace(SMALL, segment_bytes=1 << 20))
    batches = some_batches(60, lines=2)
    for n, batch in enumerate(batches):
        kit.store.append(replace(batch, time_ns=times[n]) if times else batch)
        kit.store.flush()
    growing = kit.store._writer.growing
    assert growing is not None
    return kit, growing


def test_large_frames_are_not_rewritten(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.put(some_batches(40))
    snapshot = kit.flush()
    path = snapshot.segments[-1].path
    node = path.stat().st_ino

    assert not wants_regrouping(snapshot.segments[-1], 512)
    kit.close()

    assert path.stat().st_ino == node


def test_small_frames_are_regrouped(tmp_path: Path) -> None:
    kit, growing = trickle(tmp_path)
    before = all_lines(kit.store.snapshot())

    view = seal(growing, Disk(), frame_bytes=512)

    assert view is not None
    assert len(view.frames) <= view.raw_bytes // 256 + 1
    assert all(row.raw_length <= 512 for row in view.frames)
    assert view.data_end == view.path.stat().st_size < growing.end
    assert key_path(view.path).exists()
    assert not list(view.path.parent.glob("*.tmp"))
    kit.close()
    assert all_lines(kit.store.snapshot()) == before


def test_frames_far_apart_in_time_are_not_joined(tmp_path: Path) -> None:
    hour = 3_600_000_000_000
    times = [START_NS + (n // 20) * 2 * hour for n in range(60)]
    kit, growing = trickle(tmp_path, times)
    view = growing.view()
    assert view is not None

    frames = list(regrouped(view, 1 << 20))

    assert [header.wall_ns for header, _ in frames] == sorted(set(times))
    kit.close()
    lines = all_lines(kit.store.snapshot())
    assert {line.time_ns for line in lines} == set(times)


def test_a_segment_with_a_damaged_frame_is_not_rewritten(tmp_path: Path) -> None:
    kit, growing = trickle(tmp_path)
    path = growing.backing.path
    row = growing.columns.row(30)
    with path.open("r+b") as file:
        file.seek(row.raw_offset)
        file.write(b"\xff")
    size = path.stat().st_size

    whole = path.read_bytes()

    sealed = seal(growing, Disk(), frame_bytes=512)

    assert sealed is not None, "what is damaged is found by who reads it, and read as a gap"
    assert path.stat().st_size == size
    assert path.read_bytes() == whole
    assert not list(path.parent.glob("*.tmp"))
    kit.close()
    assert len(all_lines(kit.store.snapshot())) == kit.store.stats.lines - row.lines


def test_a_disk_that_refuses_leaves_the_segment_as_it_was(tmp_path: Path) -> None:
    class Refusing(Disk):
        def replace(self, path: Path, data: bytes, *, sync: bool) -> None:
            if path.suffix == ".key":
                raise OSError(28, "full")
            super().replace(path, data, sync=sync)

    kit = Kit(tmp_path, disk=Refusing())
    batches = some_batches(100)
    kit.put(batches)
    snapshot = kit.close()

    assert not list(kit.run.path.glob("*.key"))
    assert all_lines(snapshot) == Oracle.of(batches).lines
    assert [bad for _, bad in kit.notices] == [True]


def test_an_empty_segment_is_nothing_to_seal(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.put([batch_of(b"a")])
    kit.flush()
    growing = kit.store._writer.growing
    assert growing is not None
    empty = Growing(growing.backing, growing.file, Reading())
    assert seal(empty, Disk(), frame_bytes=512) is None
    growing.backing.keys = growing.keys
    kit.close()


def test_a_sealed_segment_opens_by_its_key_file_only_if_both_fit(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.put(some_batches(100))
    view = kit.flush().segments[0]
    kit.close()

    opened = open_sealed(kit.run.path, 0, Reading(), keep_keys=True)
    assert opened is not None
    assert (opened.first_seq, opened.end_seq, opened.counts) == (view.first_seq, view.end_seq, view.counts)
    with segment_path(kit.run.path, 0).open("r+b") as file:
        file.truncate(view.data_end - 1)
    assert open_sealed(kit.run.path, 0, Reading(), keep_keys=True) is None
    segment_path(kit.run.path, 0).unlink()
    assert open_sealed(kit.run.path, 0, Reading(), keep_keys=True) is None
