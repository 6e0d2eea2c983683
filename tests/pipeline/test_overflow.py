"""The bounded queue and its books, without threads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.pipeline.errors import ConfigError
from brummer_rx.pipeline.event import LogBatch, Stream
from brummer_rx.pipeline.overflow import Backlog, Overflow, weight_of


def backlog(capacity: int = 4, max_bytes: int | None = None) -> Backlog[int]:
    return Backlog("b", capacity, max_bytes)


def test_which_choices_hold_their_upstream_back() -> None:
    assert {o for o in Overflow if o.holds_back} == {Overflow.BLOCK, Overflow.PARK, Overflow.ERROR}


def test_weight_of() -> None:
    assert weight_of(LogBatch("s", Stream.ERR, 0, 1, 0, b"12\n")) == 3
    assert weight_of(b"not a batch") == 0


@pytest.mark.parametrize(("capacity", "max_bytes"), [(0, None), (1, 0), (-1, 5)])
def test_a_bound_below_one_is_refused(capacity: int, max_bytes: int | None) -> None:
    with pytest.raises(ConfigError):
        backlog(capacity, max_bytes)


@pytest.mark.parametrize(("capacity", "low"), [(1, 0), (2, 1), (3, 2), (4, 3), (8, 6), (1024, 768)])
def test_the_low_mark_in_elements(capacity: int, low: int) -> None:
    books = backlog(capacity)
    for i in range(capacity):
        books.push(i, 0)
    while not books.is_low():
        books.take()
        books.settle()

    assert len(books.items) == low


def test_an_element_on_its_way_has_left_the_bound_but_not_the_books() -> None:
    books = backlog(1, 10)
    books.push(1, 10)
    assert not books.fits(0)
    assert books.take() == 1
    assert books.fits(10)
    books.push(2, 10)

    ledger = books.ledger(ended=False)
    assert (ledger.queued, ledger.queued_bytes, ledger.delivered) == (2, 20, 0)
    books.settle()
    books.settle()
    ledger = books.ledger(ended=False)
    assert (ledger.queued, ledger.queued_bytes, ledger.delivered) == (1, 10, 1)


def test_the_head_of_an_empty_queue_weighs_nothing() -> None:
    books = backlog()
    assert books.head_size() == 0
    books.push(1, 7)
    assert books.head_size() == 7


OPS = st.lists(
    st.tuples(
        st.sampled_from(["push", "take", "settle", "evict", "drop", "discard", "all"]), st.integers(0, 20)
    )
)


@given(OPS, st.integers(1, 5), st.none() | st.integers(1, 30))
def test_the_books_close_after_every_step(
    ops: list[tuple[str, int]], capacity: int, max_bytes: int | None
) -> None:
    books = backlog(capacity, max_bytes)
    for op, size in ops:
        if op == "push" and books.fits(size):
            books.push(0, size)
        elif op == "take" and len(books.items):
            books.settle()
            books.take()
        elif op == "settle":
            books.settle()
        elif op == "evict" and len(books.items):
            books.evict()
        elif op == "drop":
            books.drop_incoming()
        elif op == "discard":
            books.discard_incoming()
        elif op == "all":
            books.discard_all()
        ledger = books.ledger(ended=False)
        assert ledger.closes
        assert books.bytes == sum(size for _, size in books.items)
        assert len(books.items) <= capacity
        assert max_bytes is None or books.bytes <= max_bytes or len(books.items) == 1
