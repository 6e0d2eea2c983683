"""The `.key` file beside a sealed segment.

Its frame index, counters and key bytes, so that opening reads no frame.

::

    header    64 bytes: magic 4, version 1, reserved 3, frames 4, counters 4, lines 4, key crc 4, first seq 8,
              end seq 8, data end 8, raw bytes 8, crc 4 (header up to here, index, counters), reserved 4
    index     72 bytes a frame: its offset 8, its header 64
    counters  8 bytes each: source id 2, level 1, reserved 1, lines 4
    keys      one byte a line
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from brummer_rx.sinks.store.files import read_path
from brummer_rx.sinks.store.format import HEADER_SIZE, Header, decode_header, encode_header
from brummer_rx.sinks.store.index import FrameColumns

__all__ = [
    "KEY_UNREADABLE",
    "KeyFile",
    "KeyHead",
    "KeyPlace",
    "decode_key_file",
    "encode_key_file",
    "load_keys",
    "read_key_file",
    "read_key_head",
]

KEY_UNREADABLE = 7
"""Key byte of a line in a damaged frame whose key is lost: a level that no filter asks for."""

_MAGIC = b"BRXK"
_VERSION = 1
_HEAD = struct.Struct("<4sB3xIIIIqqqqI4x")
_CRC_AT = 56
_ROW = 8 + HEADER_SIZE
_COUNTER = struct.Struct("<HBxI")
_FIRST_READ = 16 * 1024
_LARGEST = 64 * 1024 * 1024
"""More index than any segment has; a damaged length must not make us allocate it."""


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """Where a segment's key bytes stand."""

    path: Path
    offset: int
    lines: int
    crc: int


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A key file without its key bytes."""

    columns: FrameColumns
    counts: Mapping[int, int]
    """Lines by source id << 3 | level."""
    first_seq: int
    end_seq: int
    data_end: int
    raw_bytes: int
    keys_at: int
    key_crc: int

    def place(self, path: Path) -> KeyPlace:
        """Where the keys stand in the file at `path`."""
        return KeyPlace(path, self.keys_at, self.columns.total_lines, self.key_crc)


def encode_key_file(
    headers: list[tuple[int, Header]], counts: Mapping[int, int], keys: bytes, data_end: int
) -> bytes:
    """The file's bytes; `headers` are (offset, header) of at least one frame, in order."""
    rows = b"".join(offset.to_bytes(8, "little") + encode_header(header) for offset, header in headers)
    pairs = sorted(counts.items())
    counters = b"".join(_COUNTER.pack(pair >> 3, pair & 7, count) for pair, count in pairs)
    raw = sum(header.raw_length for _, header in headers)
    fields = (
        _MAGIC, _VERSION, len(headers), len(pairs), len(keys), crc32(keys),
        headers[0][1].first_seq, headers[-1][1].end_seq, data_end, raw,
    )  # fmt: skip
    crc = crc32(_HEAD.pack(*fields, 0)[:_CRC_AT] + rows + counters)
    return b"".join((_HEAD.pack(*fields, crc), rows, counters, keys))


def decode_key_file(head: bytes) -> KeyFile | None:
    """The key file whose beginning (at least up to the counters' end) is `head`.

    None when it is not sound.
    """
    if len(head) < _HEAD.size:
        return None
    magic, version, frames, counters, lines, key_crc, first, end, data_end, raw, crc = _HEAD.unpack_from(head)
    rows_end = _HEAD.size + frames * _ROW
    keys_at = rows_end + counters * _COUNTER.size
    if magic != _MAGIC or version != _VERSION or len(head) < keys_at:
        return None
    if crc != crc32(head[_HEAD.size : keys_at], crc32(head[:_CRC_AT])):
        return None
    columns = FrameColumns()
    for at in range(_HEAD.size, rows_end, _ROW):
        header = decode_header(head, at + 8)
        if header is None:
            return None
        columns.append(header, int.from_bytes(head[at : at + 8], "little"))
    counts = {s << 3 | level: n for s, level, n in _COUNTER.iter_unpack(head[rows_end:keys_at])}
    if columns.total_lines != lines:
        return None
    return KeyFile(columns, counts, first, end, data_end, raw, keys_at, key_crc)


@dataclass(frozen=True, slots=True)
class KeyHead:
    """The first numbers of a key file, not verified."""

    lines: int
    first_seq: int
    end_seq: int


def read_key_head(path: Path) -> KeyHead | None:
    """What a key file says it holds, by one short read; None when it does not look like one."""
    head = read_path(path, 0, _HEAD.size)
    if head is None or len(head) < _HEAD.size:
        return None
    magic, version, _, _, lines, _, first, end, *_ = _HEAD.unpack(head)
    sound = magic == _MAGIC and version == _VERSION and first >= 0 and lines <= end - first
    return KeyHead(lines, first, end) if sound else None


def read_key_file(path: Path) -> KeyFile | None:
    """The key file at `path` without its keys; None when it is missing or damaged. One or two reads."""
    head = read_path(path, 0, _FIRST_READ)
    if not head or len(head) < _HEAD.size or head[:4] != _MAGIC:
        return None
    _, _, frames, counters, *_ = _HEAD.unpack_from(head)
    need = _HEAD.size + frames * _ROW + counters * _COUNTER.size
    if need > len(head) == _FIRST_READ:  # else the file is shorter than it says: damaged
        head = read_path(path, 0, min(need, _LARGEST)) or b""
    return decode_key_file(head)


def load_keys(place: KeyPlace) -> bytes | None:
    """The key bytes, or None when they are not what was written."""
    keys = read_path(place.path, place.offset, place.lines)
    return keys if keys is not None and len(keys) == place.lines and crc32(keys) == place.crc else None
