"""Sealing: a full segment becomes immutable and gets its key file.

Sync lane only, everything here may block.

Under flood frames are large already: then only the index is written and the data synced. Small frames of
a trickle are regrouped into large ones in a temporary file that takes the segment's place; whoever reads
the old file goes on reading it through its descriptor.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import sleep

from brummer_rx.sinks.store.files import Disk, fsync_folder
from brummer_rx.sinks.store.format import (
    HEADER_SIZE,
    MAX_DELTA_US,
    RUN_SIZE,
    Header,
    Run,
    decode_header,
    decode_runs,
    encode_frame,
    encode_header,
)
from brummer_rx.sinks.store.growing import Growing
from brummer_rx.sinks.store.index import Frames
from brummer_rx.sinks.store.keyfile import encode_key_file, read_key_file
from brummer_rx.sinks.store.segment import Backing, Reading, RecentFrame, SegmentView

__all__ = ["key_path", "open_sealed", "regrouped", "seal", "segment_path", "wants_regrouping"]

_PAUSE = 0.0005
"""Seconds between regrouped frames, so that the writer gets its turn."""


def segment_path(folder: Path, number: int) -> Path:
    """The file of a segment."""
    return folder / f"{number:08d}.seg"


def key_path(segment: Path) -> Path:
    """The key file beside a segment."""
    return segment.with_suffix(".key")


def open_sealed(folder: Path, number: int, reading: Reading, *, keep_keys: bool) -> SegmentView | None:
    """A sealed segment from its key file, no frame is read.

    None when the key file does not fit the segment.
    """
    path = segment_path(folder, number)
    key = read_key_file(key_path(path))
    try:
        size = path.stat().st_size
    except OSError:
        return None
    if key is None or size < key.data_end:
        return None
    backing = Backing(number, path, key_place=key.place(key_path(path)), keep_keys=keep_keys)
    frames = Frames(key.columns, len(key.columns.first_seq))
    lines = key.columns.total_lines
    return SegmentView(
        backing, reading, key.first_seq, key.end_seq, key.data_end, frames, lines, key.raw_bytes, key.counts
    )


def wants_regrouping(view: SegmentView, frame_bytes: int) -> bool:
    """Whether its frames are so small that half of them would do."""
    return len(view.frames) > 2 * (view.raw_bytes // frame_bytes + 1)


def seal(growing: Growing, disk: Disk, *, frame_bytes: int) -> SegmentView | None:
    """Seal a segment that nobody writes to any more; the view to publish, or None when it holds no line.

    Raises `OSError` when the disk refuses: the segment stays as it was and may be sealed later.
    """
    view = growing.view()
    if view is None:
        return None
    path = view.path
    headers = _rewrite(view, disk, frame_bytes) if wants_regrouping(view, frame_bytes) else None
    if headers is None:
        disk.sync(growing.file.fd)
        headers = _headers(view)
    data_end = headers[-1][0] + headers[-1][1].size
    keys = bytes(growing.keys)
    disk.replace(key_path(path), encode_key_file(headers, view.counts, keys, data_end), sync=True)
    sealed = open_sealed(path.parent, view.number, view.reading, keep_keys=True)
    if sealed is not None:
        sealed.backing.keys = keys
    return sealed


def _headers(view: SegmentView) -> list[tuple[int, Header]]:
    """The headers alone: the bodies were checksummed as they were written, and are checked when read."""
    found = []
    for row in view.frames:
        data = view.backing.read(row.offset, HEADER_SIZE)
        header = None if data is None else decode_header(data)
        if header is None:
            raise OSError(f"{view.path}: the frame at {row.offset} cannot be read back")
        found.append((row.offset, header))
    return found


def _rewrite(view: SegmentView, disk: Disk, frame_bytes: int) -> list[tuple[int, Header]] | None:
    """Put the regrouped segment in the file's place.

    None when a frame is damaged (then nothing is touched).
    """
    temporary = view.path.with_suffix(".seg.tmp")
    headers: list[tuple[int, Header]] = []
    offset = 0
    temporary.unlink(missing_ok=True)
    file = disk.create(temporary)
    try:
        for header, body in regrouped(view, frame_bytes):
            _write(disk, file.fd, encode_header(header) + body)
            headers.append((offset, header))
            offset += header.size
            sleep(_PAUSE)
        disk.sync(file.fd)
        if sum(header.lines for _, header in headers) != view.lines:
            temporary.unlink()
            return None
        temporary.replace(view.path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    fsync_folder(view.path.parent)
    return headers


def _write(disk: Disk, fd: int, data: bytes) -> None:
    """All of it, however short the writes are."""
    left = memoryview(data)
    while left:
        done = disk.writev(fd, [left])
        if not done:
            raise OSError("the disk takes no more")
        left = left[done:]


def regrouped(view: SegmentView, frame_bytes: int) -> Iterator[tuple[Header, bytes]]:
    """The segment's lines in frames of up to `frame_bytes`.

    It ends early at a frame that cannot be read.
    """
    group = _Group()
    for n in range(len(view.frames)):
        frame = view.stored(n)
        if frame is None:
            return
        runs = decode_runs(frame.body[: frame.header.runs * RUN_SIZE], frame.header.wall_ns)
        if not group.takes(frame.header, runs, frame_bytes):
            yield group.joined()
            group = _Group()
        group.add(frame, runs)
    yield group.joined()


class _Group:
    """Neighbouring frames that become one."""

    def __init__(self) -> None:
        self.frames: list[RecentFrame] = []
        self.runs: list[Run] = []
        self.size = 0
        self.oldest = self.newest = 0

    def takes(self, header: Header, runs: list[Run], frame_bytes: int) -> bool:
        """Whether a frame may join.

        No hole before it, room for its bytes, all times within reach of one another.
        """
        if not self.frames:
            return True
        oldest = min([self.oldest, *(run.time_us for run in runs)])
        newest = max([self.newest, *(run.time_us for run in runs)])
        follows = self.frames[-1].header.end_seq == header.first_seq
        return follows and self.size + header.raw_length <= frame_bytes and newest - oldest <= MAX_DELTA_US

    def add(self, frame: RecentFrame, runs: list[Run]) -> None:
        """Append a frame that fits."""
        times = [run.time_us for run in runs]
        self.oldest = min([self.oldest, *times]) if self.frames else min(times)
        self.newest = max([self.newest, *times]) if self.frames else max(times)
        self.frames.append(frame)
        self.runs += runs
        self.size += frame.header.raw_length

    def joined(self) -> tuple[Header, bytes]:
        """All of them as one frame."""
        if len(self.frames) == 1:
            return self.frames[0]
        keys, data = [], []
        flags = mask = 0
        for header, body in self.frames:
            table = header.runs * RUN_SIZE
            keys.append(body[table : table + header.lines])
            data.append(body[table + header.lines :])
            flags |= header.flags
            mask |= header.level_mask
        first = self.frames[0].header
        return encode_frame(first.first_seq, first.mono_ns, self.runs, keys, data, flags, mask)
