"""The index beside a sealed segment."""

from __future__ import annotations

from pathlib import Path

import pytest

from brummer_rx.sinks.store.format import Header, Run, encode_frame
from brummer_rx.sinks.store.keyfile import (
    decode_key_file,
    encode_key_file,
    load_keys,
    read_key_file,
    read_key_head,
)


def headers(count: int) -> list[tuple[int, Header]]:
    found, offset = [], 0
    for n in range(count):
        header, _ = encode_frame(n * 2, 0, [Run(n, 0, 2, 2, 1)], [b"kk"], [b"\n\n"], 1, 2)
        found.append((offset, header))
        offset += header.size
    return found


COUNTS = {3: 5, 40 << 3 | 2: 1}
KEYS = b"0123"


def write(path: Path, count: int = 2) -> bytes:
    data = encode_key_file(headers(count), COUNTS, KEYS * (count // 2), 777)
    path.write_bytes(data)
    return data


@pytest.mark.parametrize("frames", [2, 1000])
def test_it_comes_back(tmp_path: Path, frames: int) -> None:
    path = tmp_path / "a.key"
    write(path, frames)

    key = read_key_file(path)

    assert key is not None
    assert (key.first_seq, key.end_seq, key.data_end, key.raw_bytes) == (0, frames * 2, 777, frames * 2)
    assert dict(key.counts) == COUNTS
    assert list(key.columns.offset) == [offset for offset, _ in headers(frames)]
    assert load_keys(key.place(path)) == KEYS * (frames // 2)
    head = read_key_head(path)
    assert head is not None
    assert (head.lines, head.first_seq, head.end_seq) == (frames * 2, 0, frames * 2)


def test_any_changed_byte_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    data = write(path)
    reserved = {5, 6, 7, 60, 61, 62, 63}
    padding = {64 + 2 * 72 + 3, 64 + 2 * 72 + 11}
    for at in set(range(len(data))) - {60, 61, 62, 63}:
        changed = bytearray(data)
        changed[at] ^= 0x55
        path.write_bytes(changed)
        key = read_key_file(path)
        assert key is None or load_keys(key.place(path)) is None, at
    assert reserved & padding == set()


def test_any_cut_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    data = write(path, 400)
    for length in (0, 3, 63, 64, 500, 16 * 1024, len(data) - len(KEYS) * 200 - 1, len(data) - 1):
        path.write_bytes(data[:length])
        key = read_key_file(path)
        assert key is None or load_keys(key.place(path)) is None, length


def test_missing_and_foreign_files_are_none(tmp_path: Path) -> None:
    assert read_key_file(tmp_path / "none") is None
    assert read_key_head(tmp_path / "none") is None
    (tmp_path / "x").write_bytes(b"hello" * 40)
    assert read_key_file(tmp_path / "x") is None
    assert read_key_head(tmp_path / "x") is None
    assert decode_key_file(b"") is None


def test_a_newer_version_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    data = bytearray(write(path))
    data[4] = 2
    path.write_bytes(data)

    assert read_key_file(path) is None
