"""The frame index."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.sinks.store.format import Run, encode_frame
from brummer_rx.sinks.store.index import FrameColumns, Frames


def columns_of(frames: list[tuple[int, int]]) -> FrameColumns:
    """Frames of (seqs skipped before it, lines)."""
    columns, seq, offset = FrameColumns(), 0, 0
    for skipped, lines in frames:
        seq += skipped
        header, _ = encode_frame(seq, 0, [Run(0, 0, lines, lines, 1)], [b"k" * lines], [b"\n" * lines], 3, 5)
        columns.append(header, offset)
        seq, offset = seq + lines, offset + header.size
    return columns


FRAMES = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 5)), max_size=12)


@given(FRAMES)
def test_seqs_offsets_and_keys_find_their_frame(frames: list[tuple[int, int]]) -> None:
    columns = columns_of(frames)
    rows = Frames(columns, len(frames))
    held = {seq: n for n, row in enumerate(rows) for seq in range(row.first_seq, row.end_seq)}

    for seq in range(max(held, default=0) + 3):
        after = [n for n, row in enumerate(rows) if row.end_seq > seq]
        assert rows.at_seq(seq) == (after[0] if after else len(rows))
    for n, row in enumerate(rows):
        for offset in (row.offset, row.raw_offset, row.end_offset - 1):
            assert rows.at_offset(offset) == n
        for key in range(row.key_at, row.key_at + row.lines):
            assert rows.at_key(key) == n
    if frames:
        assert rows.at_offset(rows[-1].end_offset) == len(rows)


@given(FRAMES)
def test_spans_are_the_lines_without_holes(frames: list[tuple[int, int]]) -> None:
    rows = Frames(columns_of(frames), len(frames))
    spans = rows.spans()

    seqs = [seq for first, _, lines in spans for seq in range(first, first + lines)]
    assert seqs == [seq for row in rows for seq in range(row.first_seq, row.end_seq)]
    assert all(a[0] + a[2] < b[0] and a[1] + a[2] == b[1] for a, b in pairwise(spans))


def test_a_view_does_not_see_what_is_added_later() -> None:
    columns = columns_of([(0, 2), (0, 3)])
    view = Frames(columns, 2)
    header, _ = encode_frame(5, 0, [Run(0, 0, 1, 1, 1)], [b"k"], [b"\n"], 0, 0)

    columns.append(header, 999)

    assert len(view) == 2
    assert view.at_seq(5) == 2
    with pytest.raises(IndexError):
        view[2]


def test_it_is_a_sequence() -> None:
    view = Frames(columns_of([(0, 1), (0, 1), (0, 1)]), 3)

    assert view[-1] == view[2]
    assert view[1:] == [view[1], view[2]]
    assert (view[0].has_escape, view[0].has_pieces, view[0].level_mask) == (True, True, 5)
    with pytest.raises(IndexError):
        view[-4]
