"""Gap records and what holes mean."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.pipeline.event import Gap, GapReason
from brummer_rx.sinks.store.gaps import (
    RECORD_SIZE,
    decode_gaps,
    encode_gap,
    explain,
    holes_between,
    join,
    sorted_gaps,
)

NAMES = tuple(f"n{i}" for i in range(40))
GAPS = st.builds(
    lambda first, lines, size, reason: Gap("", lines, size, reason, first, first + lines - 1),
    st.integers(0, 60), st.integers(0, 20), st.integers(0, 1000), st.sampled_from(GapReason),
)  # fmt: skip


@given(GAPS, st.integers(0, 39))
def test_a_record_comes_back_with_its_source(gap: Gap, source: int) -> None:
    data = encode_gap(gap, [source], level=3, seconds=9)

    assert len(data) == RECORD_SIZE == 40
    assert decode_gaps(data, NAMES) == [
        Gap(NAMES[source], gap.lines, gap.bytes, gap.reason, gap.first_seq, gap.last_seq)
    ]


def test_several_sources_are_nobody() -> None:
    gap = Gap("x", 2, 3, GapReason.AGE, 5, 6)

    assert decode_gaps(encode_gap(gap, [1, 2], level=0, seconds=0), NAMES)[0].source == ""
    assert decode_gaps(encode_gap(gap, [], level=0, seconds=0), NAMES)[0].source == ""


def test_large_counts_stop_at_the_most_a_record_holds() -> None:
    gap = Gap("", 2**40, 2**40, GapReason.DISK, 0, 2**40 - 1)

    (found,) = decode_gaps(encode_gap(gap, [], level=9, seconds=2**40), ())
    assert (found.lines, found.bytes, found.last_seq) == (2**32 - 1, 2**32 - 1, 2**40 - 1)


@given(st.lists(GAPS, max_size=5), st.binary(max_size=60), st.integers(0, 4))
def test_damage_between_records_is_stepped_over(gaps: list[Gap], noise: bytes, where: int) -> None:
    records = [encode_gap(gap, [], level=0, seconds=0) for gap in gaps]
    records.insert(min(where, len(records)), noise)

    found = decode_gaps(b"".join(records), ())

    assert [gap for gap in found if gap in gaps] == gaps


@given(st.lists(GAPS, min_size=1, max_size=4), st.integers(0, 39), st.integers(1, 255))
def test_a_flipped_byte_costs_one_record(gaps: list[Gap], at: int, change: int) -> None:
    data = bytearray(b"".join(encode_gap(gap, [], level=0, seconds=0) for gap in gaps))
    data[at] ^= change

    assert decode_gaps(bytes(data), ()) == gaps[1:]


def test_neighbours_of_one_kind_join() -> None:
    a, b = Gap("x", 2, 10, GapReason.DISK, 0, 1), Gap("x", 3, 5, GapReason.DISK, 2, 4)

    assert join(a, b) == Gap("x", 5, 15, GapReason.DISK, 0, 4)
    assert join(b, a) is None
    assert sorted_gaps([b, a]) == (Gap("x", 5, 15, GapReason.DISK, 0, 4),)
    other = Gap("y", 3, 5, GapReason.DISK, 2, 4)
    assert sorted_gaps([other, a]) == (a, other)


@given(st.sets(st.integers(0, 60)), st.lists(GAPS, max_size=8), st.integers(0, 70))
def test_gaps_explain_exactly_the_missing_lines(there: set[int], logged: list[Gap], end: int) -> None:
    end = max([end, *(seq + 1 for seq in there)])
    spans = [(seq, 1) for seq in sorted(there)]

    found = explain(holes_between(spans, end), logged)

    counted = [gap for gap in found if gap.lines]
    missing = [seq for gap in counted for seq in range(gap.first_seq, gap.last_seq + 1)]
    assert missing == [seq for seq in range(end) if seq not in there]
    told = {seq for gap in logged for seq in range(gap.first_seq, gap.last_seq + 1)}
    for gap in counted:
        if gap.reason is GapReason.DAMAGE:
            continue
        assert set(range(gap.first_seq, gap.last_seq + 1)) <= told
    assert all(gap.lines == gap.last_seq + 1 - gap.first_seq for gap in found)


def test_the_first_record_wins_where_two_tell_of_the_same_line() -> None:
    disk = Gap("a", 2, 20, GapReason.DISK, 4, 5)
    budget = Gap("", 8, 800, GapReason.BUDGET, 0, 9)

    assert explain([(0, 10)], [disk, budget]) == (
        Gap("", 4, 320, GapReason.BUDGET, 0, 3),
        disk,
        Gap("", 4, 320, GapReason.BUDGET, 6, 9),
    )


def test_a_record_whose_lines_still_exist_is_ignored() -> None:
    assert explain([], [Gap("", 5, 50, GapReason.BUDGET, 0, 4)]) == ()
