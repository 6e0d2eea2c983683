"""The bytes of a frame."""

from __future__ import annotations

from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.pipeline.event import BatchFlag, Level, Stream
from brummer_rx.sinks.store.format import (
    HEADER_SIZE,
    RUN_SIZE,
    Header,
    Run,
    body_crc,
    body_is_whole,
    decode_header,
    decode_runs,
    encode_frame,
    encode_header,
    key_of,
    key_table,
    run_flags,
    slot_of,
)

U32 = st.integers(0, 2**32 - 1)
U64, I64 = st.integers(0, 2**63), st.integers(-(2**63), 2**63 - 1)
BYTE = st.integers(0, 255)
HEADERS = st.builds(
    Header, BYTE, BYTE, st.integers(0, 65535), U32, U32, U32, U64, I64, I64, U32, U32, BYTE
)  # fmt: skip


@given(HEADERS, st.integers(0, 5))
def test_a_header_comes_back_from_any_offset(header: Header, offset: int) -> None:
    data = b"?" * offset + encode_header(header)

    assert len(data) == HEADER_SIZE + offset
    assert decode_header(data, offset) == header


@given(HEADERS, st.integers(0, HEADER_SIZE - 1), st.integers(1, 255))
def test_a_changed_byte_is_noticed(header: Header, at: int, change: int) -> None:
    data = bytearray(encode_header(header))
    data[at] ^= change

    assert decode_header(bytes(data)) is None


@given(st.binary(max_size=100), st.integers(0, 200))
def test_the_body_crc_is_crc32_of_the_whole(data: bytes, times: int) -> None:
    assert body_crc(data * times) == crc32(data * times)
    assert body_crc(memoryview(data)) == crc32(data)


def test_a_short_header_is_none() -> None:
    assert decode_header(b"BRXF" + b"\0" * 59) is None
    assert decode_header(b"") is None


def test_a_frame_holds_runs_keys_and_lines_in_this_order() -> None:
    runs = [Run(3, 0, 2, 4, 1_000_007), Run(0, 5, 1, 2, 1_000_000)]

    header, body = encode_frame(70, 9, runs, [b"kk", b"l"], [b"a\nb\n", b"c\n"], 1, 4)

    assert (header.first_seq, header.end_seq, header.lines, header.raw_length) == (70, 73, 3, 6)
    assert (header.wall_ns, header.mono_ns, header.flags, header.level_mask) == (1_000_000_000, 9, 1, 4)
    assert header.size == HEADER_SIZE + len(body)
    assert header.readable
    assert body[2 * RUN_SIZE :] == b"kkla\nb\nc\n"
    assert decode_runs(body[: 2 * RUN_SIZE], header.wall_ns) == runs
    assert body_is_whole(header, body)
    assert not body_is_whole(header, body[:-1])
    assert not body_is_whole(header, body[:-1] + b"x")


@pytest.mark.parametrize("change", [{"version": 2}, {"codec": 1}, {"stored_length": 1}])
def test_frames_of_other_versions_and_codecs_are_not_readable(change: dict[str, int]) -> None:
    header, _ = encode_frame(0, 0, [Run(0, 0, 1, 1, 0)], [b"k"], [b"\n"], 0, 0)

    assert not header._replace(**change).readable


@pytest.mark.parametrize(
    ("flags", "more", "newline"),
    [(BatchFlag.NONE, False, True), (BatchFlag.MORE, True, False), (BatchFlag.UNTERMINATED, False, False)],
)
@pytest.mark.parametrize("stream", Stream)
def test_run_flags_keep_stream_and_the_kind_of_end(
    stream: Stream, flags: BatchFlag, more: bool, newline: bool
) -> None:
    run = Run(0, run_flags(stream, flags), 1, 1, 0)

    assert (run.stream, run.more, run.newline) == (stream, more, newline)


@given(st.integers(0, 65535), st.sampled_from(Level))
def test_a_key_holds_slot_and_level(source: int, level: Level) -> None:
    key = key_of(source, level)

    assert key_table(source)[level] == key
    assert key >> 3 == slot_of(source) == min(source, 31)
    assert key & 7 == level
    assert key_table(source)[200] == key_of(source, Level.INFO)
