"""Queries and answers survive the way between the processes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.pipeline.event import Level
from brummer_rx.pipeline.reader import LineFilter, SearchProgress, SearchQuery
from brummer_rx.sinks.store.search_wire import (
    combine,
    decode_part,
    decode_request,
    encode_cancel,
    encode_parts,
    encode_request,
)

numbers = st.integers(0, 1 << 62)
words = st.text(st.characters(exclude_categories=()))
queries = st.builds(
    SearchQuery,
    words,
    st.booleans(),
    st.booleans(),
    st.builds(LineFilter, st.none() | st.frozensets(st.text(max_size=5), max_size=3), st.sampled_from(Level)),
    numbers,
    st.none() | numbers,
    numbers,
    st.booleans(),
    st.none() | numbers,
)
seq_tuples = st.frozensets(st.integers(0, 5000), max_size=1200).map(lambda seqs: tuple(sorted(seqs)))
answers = st.builds(
    SearchProgress, st.integers(0, 9), seq_tuples, numbers, st.booleans(), st.text(max_size=20)
)


@given(numbers, queries)
def test_a_query_arrives_as_it_was_sent(token: int, query: SearchQuery) -> None:
    line = encode_request(token, query)

    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert decode_request(line) == (token, query)
    assert decode_request(line)[1] == query
    assert isinstance(query.where.min_level, Level)


def test_a_cancel_is_a_token_without_a_query() -> None:
    assert decode_request(encode_cancel(7)) == (7, None)


@given(answers, st.booleans())
def test_an_answer_arrives_in_short_lines_and_is_put_together_again(
    part: SearchProgress, newest_first: bool
) -> None:
    lines = list(encode_parts(part, newest_first=newest_first))

    assert all(len(line) < 4096 + 600 for line in lines)
    parts = [decode_part(line) for line in lines]
    assert [bool(p.done) for p in parts[:-1]] == [False] * (len(parts) - 1)
    assert combine(parts) == [part]
    firsts = [p.seqs[0] for p in parts if p.seqs]
    assert firsts == sorted(firsts, reverse=newest_first)


def test_parts_of_several_searches_and_overlapping_ones_stay_apart() -> None:
    parts = [
        SearchProgress(1, (5, 6), 2, False),
        SearchProgress(1, (1, 2), 4, False),
        SearchProgress(1, (), 4, False),
        SearchProgress(1, (9,), 5, False),
        SearchProgress(1, (6, 7), 6, False),
        SearchProgress(1, (8,), 7, True, "why"),
        SearchProgress(1, (20,), 8, False),
        SearchProgress(2, (21,), 1, True),
    ]

    assert combine(parts) == [
        SearchProgress(1, (1, 2, 5, 6, 9), 5, False),
        SearchProgress(1, (6, 7, 8), 7, True, "why"),
        SearchProgress(1, (20,), 8, False),
        SearchProgress(2, (21,), 1, True),
    ]


def test_a_long_error_is_cut() -> None:
    (line,) = encode_parts(SearchProgress(1, (), 0, True, "x" * 10_000), newest_first=True)

    assert decode_part(line).error == "x" * 500


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"{}", b"7", b"null", b'{"token":"x"}', b"\xff"])
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        decode_part(line)
    with pytest.raises((ValueError, KeyError, TypeError)):
        decode_request(line)
