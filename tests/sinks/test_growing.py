"""Scanning a segment that grows, is torn or damaged."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brummer_rx.sinks.store.files import OpenFile
from brummer_rx.sinks.store.format import Run, encode_frame, encode_header
from brummer_rx.sinks.store.growing import Growing
from brummer_rx.sinks.store.segment import Backing, Reading


def frame(seq: int, *raws: bytes, version: int = 1) -> bytes:
    data = b"".join(raw + b"\n" for raw in raws)
    header, body = encode_frame(
        seq, 0, [Run(0, 0, len(raws), len(data), 1)], [b"\2" * len(raws)], [data], 0, 4
    )
    return encode_header(header._replace(version=version)) + body


def growing_of(path: Path) -> Growing:
    file = OpenFile(os.open(path, os.O_RDONLY))
    return Growing(Backing(0, path, file=file), file, Reading())


def seqs(growing: Growing) -> list[int]:
    return [seq for first, lines in growing.spans for seq in range(first, first + lines)]


def test_it_takes_whole_frames_as_they_come(tmp_path: Path) -> None:
    path = tmp_path / "a"
    frames = [frame(0, b"a", b"b"), frame(2, b"c"), frame(3, b"d" * 300)]
    path.write_bytes(b"")
    growing = growing_of(path)
    assert growing.view() is None
    taken = []
    for byte in b"".join(frames):
        with path.open("ab") as file:
            file.write(bytes([byte]))
        if growing.scan(final=False):
            taken.append((growing.end, growing.seen_seq))
    ends = [sum(map(len, frames[: n + 1])) for n in range(3)]
    assert taken == list(zip(ends, [2, 3, 4], strict=True))
    view = growing.view()
    assert view is not None
    assert (view.first_seq, view.end_seq, view.lines, view.counts) == (0, 4, 4, {2: 4})
    assert view.keys(0) == b"\2\2"


def test_an_unfinished_frame_is_waited_for_a_damaged_one_only_stepped_over_when_final(tmp_path: Path) -> None:
    path = tmp_path / "a"
    bad = bytearray(frame(1, b"bad"))
    bad[-2] ^= 1
    path.write_bytes(frame(0, b"a") + bad + frame(2, b"c"))
    growing = growing_of(path)

    growing.scan(final=False)
    assert seqs(growing) == [0]
    growing.scan(final=True)
    assert seqs(growing) == [0, 2]
    assert growing.seen_seq == 3


def test_a_damaged_body_at_the_end_is_known_to_be_missing(tmp_path: Path) -> None:
    path = tmp_path / "a"
    bad = bytearray(frame(1, b"bad", b"bad"))
    bad[-2] ^= 1
    path.write_bytes(frame(0, b"a") + bad)
    growing = growing_of(path)

    growing.scan(final=True)

    assert (seqs(growing), growing.seen_seq) == ([0], 3)


@pytest.mark.parametrize("final", [True, False])
def test_frames_of_a_newer_version_are_stepped_over(tmp_path: Path, final: bool) -> None:
    path = tmp_path / "a"
    path.write_bytes(frame(0, b"a") + frame(1, b"new", version=9) + frame(2, b"c"))
    growing = growing_of(path)

    growing.scan(final=final)

    assert seqs(growing) == [0, 2]


def test_the_magic_inside_lines_and_old_frames_are_no_frames(tmp_path: Path) -> None:
    path = tmp_path / "a"
    damaged = bytearray(frame(1, b"BRXF" * 50, frame(0, b"old")))
    damaged[10] ^= 1
    path.write_bytes(frame(0, b"a") + damaged + b"BRXF" * 40 + frame(3, b"d") + b"BRX")
    growing = growing_of(path)

    growing.scan(final=True)

    assert seqs(growing) == [0, 3]


def test_damage_longer_than_the_window_is_searched_through(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(frame(0, b"a") + b"\xff" * 2_500_000 + frame(1, b"b" * 1_500_000) + frame(2, b"c"))
    growing = growing_of(path)

    growing.scan(final=True)

    assert seqs(growing) == [0, 1, 2]


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_every_sound_frame_around_any_damage_is_found(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("g") / "a"
    frames = [frame(n, b"line %d" % n) for n in range(12)]
    whole = bytearray(b"".join(frames))
    at = data.draw(st.integers(0, len(whole) - 1))
    length = data.draw(st.integers(1, 150))
    noise = data.draw(st.binary(min_size=length, max_size=length))
    touched = bytes(whole)
    whole[at : at + length] = noise
    path.write_bytes(whole)
    expected, offset = [], 0
    for n, one in enumerate(frames):
        if bytes(whole[offset : offset + len(one)]) == touched[offset : offset + len(one)]:
            expected.append(n)
        offset += len(one)
    growing = growing_of(path)

    growing.scan(final=True)

    assert seqs(growing) == expected
