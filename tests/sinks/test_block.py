"""Frames taken apart."""

from __future__ import annotations

from brummer_rx.pipeline.event import BatchFlag, Level, Stream
from brummer_rx.pipeline.reader import Line
from brummer_rx.sinks.store.block import decode_block, lines_between, source_name
from brummer_rx.sinks.store.format import Header, Run, encode_frame, key_of, run_flags

RUNS = [
    Run(1, run_flags(Stream.ERR, BatchFlag.MORE), 2, 4, 5),
    Run(40, run_flags(Stream.OUT, BatchFlag.UNTERMINATED), 1, 2, 7),
    Run(0, run_flags(Stream.TTY, BatchFlag.NONE), 1, 2, 6),
]
KEYS = bytes([key_of(1, 4), key_of(1, 2), key_of(40, 0), key_of(0, 7)])


def frame() -> tuple[Header, bytes]:
    return encode_frame(10, 0, RUNS, [KEYS], [b"a\nb\n", b"\r\n", b"d\n"], 0, 0)


def test_lines_have_what_their_run_says() -> None:
    block = decode_block(*frame())
    assert block is not None

    assert lines_between(block, 0, 99, ["zero", "one"]) == [
        Line(10, 5000, "one", Stream.ERR, Level.ERROR, b"a"),
        Line(11, 5000, "one", Stream.ERR, Level.INFO, b"b", more=True, newline=False),
        Line(12, 7000, "source-40", Stream.OUT, Level.TRACE, b"\r", more=False, newline=False),
        Line(13, 6000, "zero", Stream.TTY, Level.FATAL, b"d"),
    ]


def test_any_window_is_a_slice_of_all() -> None:
    block = decode_block(*frame())
    assert block is not None
    everything = lines_between(block, 10, 14, [])

    for start in range(8, 16):
        for stop in range(8, 16):
            expected = [line for line in everything if start <= line.seq < stop]
            assert lines_between(block, start, stop, []) == expected


def test_contradictions_make_no_block() -> None:
    header, body = frame()

    assert decode_block(header._replace(lines=5), body) is None
    assert decode_block(header, body[:-2]) is None
    assert decode_block(header._replace(runs=0), body[48:]) is None


def test_an_unknown_source_has_a_number() -> None:
    assert (source_name(1, ["a", "b"]), source_name(2, ["a", "b"])) == ("b", "source-2")
