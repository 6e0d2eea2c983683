"""Frames to files."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from brummer_rx.sinks.store.files import Disk
from brummer_rx.sinks.store.format import Run
from brummer_rx.sinks.store.pending import FilledFrame, Pending
from brummer_rx.sinks.store.segment import Reading
from brummer_rx.sinks.store.writer import SegmentWriter


def frames_of(*raws: bytes) -> list[FilledFrame]:
    found = []
    for n, raw in enumerate(raws):
        pending = Pending(1000)
        pending.add(n, Run(0, 0, 1, len(raw) + 1, 1), b"\2", raw + b"\n")
        frame = pending.take(0)
        assert frame is not None
        found.append(frame)
    return found


class Script(Disk):
    """Each write takes so many bytes; -1 is a refusal."""

    def __init__(self, *takes: int) -> None:
        self.takes = list(takes)
        self.buffers: list[int] = []

    def writev(self, fd: int, buffers: Sequence[bytes | memoryview]) -> int:
        self.buffers.append(len(buffers))
        most = self.takes.pop(0) if self.takes else 1 << 30
        if most < 0:
            raise OSError(errno.EIO, "broken")
        return os.write(fd, b"".join(buffers)[:most]) if most else 0


def writer_of(folder: Path, disk: Disk) -> SegmentWriter:
    return SegmentWriter(folder, disk, Reading(), recent_bytes=400)


def test_several_frames_go_into_one_write(tmp_path: Path) -> None:
    disk = Script()
    writer = writer_of(tmp_path, disk)
    frames = frames_of(b"a", b"b", b"c")

    assert writer.write(frames) == (3, None)

    assert disk.buffers == [6]
    assert (tmp_path / "00000000.seg").read_bytes() == b"".join(f.head + f.body for f in frames)
    assert (tmp_path / "00000000.seg").stat().st_mode & 0o777 == 0o600


def test_more_buffers_than_a_call_takes_are_joined_first(tmp_path: Path) -> None:
    disk = Script()

    assert writer_of(tmp_path, disk).write(frames_of(*[b"x"] * 700)) == (700, None)
    assert disk.buffers == [1]


def test_after_a_refusal_the_file_ends_with_the_last_whole_frame(tmp_path: Path) -> None:
    frames = frames_of(b"a", b"b", b"c")
    disk = Script(frames[0].size + 10, 5, -1)
    writer = writer_of(tmp_path, disk)

    whole, error = writer.write(frames)

    assert (whole, error and error.errno) == (1, errno.EIO)
    path = tmp_path / "00000000.seg"
    assert path.stat().st_size == frames[0].size
    assert writer.write(frames[1:]) == (2, None)
    assert path.read_bytes() == b"".join(f.head + f.body for f in frames)


def test_a_write_of_nothing_is_a_refusal(tmp_path: Path) -> None:
    whole, error = writer_of(tmp_path, Script(0)).write(frames_of(b"a"))

    assert whole == 0
    assert error is not None


def test_a_segment_that_cannot_be_made_is_a_refusal(tmp_path: Path) -> None:
    writer = writer_of(tmp_path / "none", Disk())

    whole, error = writer.write(frames_of(b"a"))

    assert (whole, error and error.errno) == (0, errno.ENOENT)
    assert writer.roll() is None


def test_rolling_begins_the_next_number(tmp_path: Path) -> None:
    writer = writer_of(tmp_path, Disk())
    writer.write(frames_of(b"a"))
    assert writer.roll() is not None
    writer.write(frames_of(b"b"))

    assert sorted(path.name for path in tmp_path.iterdir()) == ["00000000.seg", "00000001.seg"]


def test_only_the_newest_frames_stay_in_memory(tmp_path: Path) -> None:
    writer = writer_of(tmp_path, Disk())
    frames = frames_of(*(b"%d" % n * 100 for n in range(9)))
    for frame in frames:
        writer.write([frame])

    assert [recent.header.first_seq for recent in writer.recent] == [6, 7, 8]
    writer.write(frames_of(b"x" * 500))
    assert writer.recent == ()
    (tmp_path / "small").mkdir()
    small = SegmentWriter(tmp_path / "small", Disk(), Reading(), recent_bytes=1 << 20)
    small.write(frames_of(*[b"x"] * 100))
    assert len(small.recent) == 64
