"""Filling frames."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.sinks.store.format import MAX_DELTA_US, Run
from brummer_rx.sinks.store.pending import Pending, pieces_of, tally


@given(
    st.lists(st.binary(max_size=20).map(lambda raw: raw.replace(b"\n", b"") + b"\n"), min_size=1),
    st.integers(1, 40),
)
def test_pieces_are_whole_lines_within_the_bound(lines: list[bytes], bound: int) -> None:
    data = b"".join(lines)

    pieces = list(pieces_of(data, bound))

    assert b"".join(piece for piece, _ in pieces) == data
    for piece, count in pieces:
        assert piece.endswith(b"\n")
        assert piece.count(b"\n") == count
        assert len(piece) <= bound or count == 1
    for (first, _), (second, _) in pairwise(pieces):
        head = second.index(b"\n") + 1
        assert len(first) + head > bound  # nothing is split without need


def test_a_last_line_without_newline_is_a_piece_too() -> None:
    assert [piece for piece, _ in pieces_of(b"aaaa\nbbbb", 5)] == [b"aaaa\n", b"bbbb"]
    assert [piece for piece, _ in pieces_of(b"aaaabbbb", 5)] == [b"aaaabbbb"]


@given(st.lists(st.integers(0, 5), max_size=30), st.integers(0, 60))
def test_tally_counts_levels(levels: list[int], source: int) -> None:
    counts: dict[int, int] = {}
    keys = bytes(min(source, 31) << 3 | level for level in levels)

    mask = tally(counts, source, keys)

    assert counts == {source << 3 | level: levels.count(level) for level in set(levels)}
    assert mask == sum(1 << level for level in set(levels))


def test_keys_of_no_level_are_not_counted() -> None:
    counts: dict[int, int] = {}

    assert tally(counts, 0, bytes([7, 7, 2])) == 4
    assert counts == {2: 1}


def test_a_frame_takes_what_fits_in_bytes_and_in_time() -> None:
    pending = Pending(100)
    assert pending.fits(1000, 0)
    assert pending.take(1) is None

    pending.add(5, Run(0, 0, 1, 60, 10**12), b"\2", b"x" * 59 + b"\n")

    assert pending.first_seq == 5
    assert pending.fits(40, 10**12)
    assert not pending.fits(41, 10**12)
    assert pending.fits(1, 10**12 + MAX_DELTA_US)
    assert not pending.fits(1, 10**12 + MAX_DELTA_US + 1)
    assert not pending.fits(1, 10**12 - MAX_DELTA_US - 1)
    frame = pending.take(7)
    assert frame is not None
    assert (frame.header.first_seq, frame.header.mono_ns, frame.keys, frame.counts) == (5, 7, b"\2", {2: 1})
    assert frame.size == len(frame.head) + len(frame.body)
    assert pending.take(8) is None
