"""One segment as readers see it: an immutable view, safe on any thread, that takes no lock.

A view covers the frames that were published when it was made. Sealed segments are opened by path when
they are read; a segment that still grows (or waits for its seal, which may replace the file) is read
through a descriptor that lives as long as any of its views.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

from brummer_rx.pipeline.event import Gap, GapReason
from brummer_rx.sinks.store.block import Block, decode_block
from brummer_rx.sinks.store.files import OpenFile, read_path
from brummer_rx.sinks.store.format import (
    HEADER_SIZE,
    RUN_SIZE,
    Header,
    Run,
    body_is_whole,
    decode_header,
    decode_runs,
)
from brummer_rx.sinks.store.index import FrameRow, Frames
from brummer_rx.sinks.store.keyfile import KEY_UNREADABLE, KeyPlace, load_keys

__all__ = ["Backing", "Damage", "FrameRow", "Reading", "RecentFrame", "SegmentView"]


class RecentFrame(NamedTuple):
    """A frame that was just written, kept in memory so that following the log reads no file."""

    header: Header
    body: bytes


class Damage:
    """Frames found damaged when somebody read them; shared by all views of a run, by first seq.

    Entries are only added, one dict assignment each, from any thread.
    """

    __slots__ = ("found",)

    def __init__(self) -> None:
        self.found: dict[int, Gap] = {}

    def report(self, row: FrameRow) -> None:
        """The lines of this frame cannot be read."""
        last = row.end_seq - 1
        self.found[row.first_seq] = Gap("", row.lines, row.raw_length, GapReason.DAMAGE, row.first_seq, last)


class Backing:
    """What the views of one segment share. Constant but for its keys, which readers swap as a whole."""

    __slots__ = ("file", "keep_keys", "key_place", "keys", "number", "path")

    def __init__(
        self,
        number: int,
        path: Path,
        *,
        file: OpenFile | None = None,
        keys: bytes | bytearray | None = None,
        key_place: KeyPlace | None = None,
        keep_keys: bool = True,
    ) -> None:
        self.number = number
        self.path = path
        self.file = file
        self.keys = keys
        self.key_place = key_place
        self.keep_keys = keep_keys

    def read(self, offset: int, length: int) -> bytes | None:
        """Bytes of the file, fewer at its end; None when the file is gone (evicted)."""
        if self.file is not None:
            return self.file.read(offset, length)
        return read_path(self.path, offset, length)


class Reading:
    """What all views of a run share: the damage found so far and the frames and keys read last.

    A screen that stands still asks for the same frames again and again: 8 of them stay. Safe on any thread.
    """

    __slots__ = ("block", "damage", "keys")

    def __init__(self) -> None:
        damage = Damage()
        self.damage = damage
        # The caches hold segments, no segment leads back here: descriptors close without a collection.
        self.block = lru_cache(8)(_block_reader(damage))
        self.keys = lru_cache(4)(_keys_reader(damage))

    def forget(self) -> None:
        """Drop what was read last, and with it the descriptors of segments that were replaced."""
        self.block.cache_clear()
        self.keys.cache_clear()


@dataclass(frozen=True, slots=True, eq=False)
class SegmentView:
    """A segment in a snapshot. It holds at least one frame."""

    backing: Backing
    reading: Reading
    first_seq: int
    end_seq: int
    """The seq after its last line; there may be holes in between (`spans`)."""
    data_end: int
    """Bytes of the file that count."""
    frames: Frames
    lines: int
    raw_bytes: int
    """Bytes of the lines, newlines included."""
    counts: Mapping[int, int]
    """Lines by source id << 3 | level."""
    recent: tuple[RecentFrame, ...] = ()

    @property
    def path(self) -> Path:
        """The segment's file."""
        return self.backing.path

    @property
    def number(self) -> int:
        """The number in the file's name; ascending with seqs."""
        return self.backing.number

    @property
    def key_file_size(self) -> int:
        """Bytes of the key file; 0 while there is none."""
        place = self.backing.key_place
        return place.offset + place.lines if place else 0

    def frame_at_seq(self, seq: int) -> int:
        """Index of the first frame that ends after `seq` (it holds it unless there is a hole).

        Len(frames) if none.
        """
        return self.frames.at_seq(seq)

    def frame_at_offset(self, offset: int) -> int:
        """Index of the first frame that ends after the file's byte `offset`; len(frames) if none."""
        return self.frames.at_offset(offset)

    def keys(self, frame: int) -> bytes:
        """The key bytes of a frame, one a line: source slot << 3 | level (level 7: not readable)."""
        row = self.frames[frame]
        return self.keys_between(row.key_at, row.key_at + row.lines)

    def keys_between(self, start: int, stop: int) -> bytes:
        """Key bytes by their position in the segment (`FrameRow.key_at`)."""
        keys = self.backing.keys
        return bytes((self.reading.keys(self.backing, self.frames) if keys is None else keys)[start:stop])

    def spans(self) -> list[tuple[int, int, int]]:
        """Stretches of readable lines without a hole.

        (first seq, position of its first key byte, lines).
        """
        spans = self.frames.spans()
        bad = [seq for seq in list(self.reading.damage.found) if self.first_seq <= seq < self.end_seq]
        for seq in bad:
            lines = self.frames[self.frames.at_seq(seq)].lines
            spans = [part for span in spans for part in _without(span, seq, lines)]
        return spans

    def runs(self, frame: int) -> list[Run]:
        """The run table of a frame; empty when it cannot be read."""
        row = self.frames[frame]
        for recent in self.recent:
            if recent.header.first_seq == row.first_seq:
                return decode_runs(recent.body[: row.runs * RUN_SIZE], row.time_ns)
        table = self.backing.read(row.runs_offset, row.runs * RUN_SIZE)
        if table is None or len(table) != row.runs * RUN_SIZE:
            return []
        runs = decode_runs(table, row.time_ns)
        return runs if sum(run.lines for run in runs) == row.lines else []

    def block(self, frame: int) -> Block | None:
        """A frame, decoded and verified; None when it is damaged (then it is reported) or evicted."""
        row = self.frames[frame]
        for recent in self.recent:
            if recent.header.first_seq == row.first_seq:
                return decode_block(recent.header, recent.body)
        return self.reading.block(self.backing, row)

    def stored(self, frame: int) -> RecentFrame | None:
        """A frame as it is on disk, verified; None when it is damaged or evicted."""
        row = self.frames[frame]
        data = self.backing.read(row.offset, row.end_offset - row.offset)
        return None if data is None else _verified(data, row)

    @contextmanager
    def mapped(self) -> Iterator[mmap.mmap]:
        """The segment's bytes, mapped read-only while inside.

        Shorter than `data_end` if the file was cut.

        Drop every view on the map before leaving (mapped files count as memory, so it is unmapped there).
        Raises `OSError` when the file is gone (evicted) or empty.
        """
        if self.backing.file is not None:
            with _map(self.backing.file.fd, self.data_end) as mapping:
                yield mapping
            return
        with self.path.open("rb") as file, _map(file.fileno(), self.data_end) as mapping:
            yield mapping


def _map(fd: int, length: int) -> mmap.mmap:
    length = min(length, os.fstat(fd).st_size)
    if not length:
        raise OSError("an empty segment cannot be mapped")
    return mmap.mmap(fd, length, access=mmap.ACCESS_READ)


def _without(span: tuple[int, int, int], seq: int, lines: int) -> Iterator[tuple[int, int, int]]:
    first, at, length = span
    if not first <= seq < first + length:
        yield span
        return
    before = seq - first
    if before:
        yield first, at, before
    after = length - before - lines
    if after:
        yield seq + lines, at + before + lines, after


def _block_reader(damage: Damage) -> Callable[[Backing, FrameRow], Block | None]:
    return partial(_read_block, damage)


def _keys_reader(damage: Damage) -> Callable[[Backing, Frames], bytes]:
    return partial(_read_keys, damage)


def _read_block(damage: Damage, backing: Backing, row: FrameRow) -> Block | None:
    data = backing.read(row.offset, row.end_offset - row.offset)
    if data is None:
        return None
    frame = _verified(data, row)
    block = decode_block(frame.header, frame.body) if frame else None
    if block is None:
        damage.report(row)
    return block


def _verified(data: bytes, row: FrameRow) -> RecentFrame | None:
    header = decode_header(data)
    body = data[HEADER_SIZE:]
    if header is None or header.first_seq != row.first_seq or not body_is_whole(header, body):
        return None
    return RecentFrame(header, body)


def _read_keys(damage: Damage, backing: Backing, frames: Frames) -> bytes:
    """All keys of a sealed segment.

    From its key file, else from the frames when that is gone or damaged.
    """
    keys = load_keys(backing.key_place) if backing.key_place else None
    if keys is None:
        blocks = ((_read_block(damage, backing, row), row.lines) for row in frames)
        keys = b"".join(block.keys if block else bytes((KEY_UNREADABLE,)) * lines for block, lines in blocks)
    if backing.keep_keys:
        backing.keys = keys
    return keys
