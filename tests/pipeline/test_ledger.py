"""Books of stages: identity, stages of one name, ended ones."""

from __future__ import annotations

import gc
import weakref
from dataclasses import fields

from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.pipeline.ledger import Ledger, Ledgers, merge

COUNTS = st.integers(0, 1000)


class Fake:
    def __init__(self, ledger: Ledger) -> None:
        self.now = ledger

    def ledger(self) -> Ledger:
        return self.now


def test_books_close_when_every_element_has_a_fate() -> None:
    assert Ledger("s").closes
    assert Ledger("s", offered=10, delivered=4, dropped=3, discarded=2, queued=1).closes
    assert not Ledger("s", offered=10, delivered=4, dropped=3, discarded=2).closes


@given(COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS)
def test_merged_books_close_as_the_parts_do(a: int, b: int, c: int, d: int, e: int, f: int) -> None:
    one = Ledger("s", offered=a + b, delivered=a, queued=b, high_water=e, ended=True)
    two = Ledger("s", offered=c + d, dropped=c, discarded=d, high_water=f, last_progress=2.0)
    both = merge(one, two)

    assert both.closes
    assert (both.offered, both.high_water, both.last_progress) == (a + b + c + d, max(e, f), 2.0)
    assert not both.ended


def test_merging_adds_every_count_and_keeps_the_highest_marks() -> None:
    numbers = [f.name for f in fields(Ledger) if f.name not in ("stage", "ended")]
    one = Ledger("s", **{name: 2 + i for i, name in enumerate(numbers)})
    two = Ledger("s", **{name: 100 + 3 * i for i, name in enumerate(numbers)})
    both = merge(one, two)

    for name in numbers:
        a, b = getattr(one, name), getattr(two, name)
        highest = name in ("high_water", "high_water_bytes", "last_progress")
        assert getattr(both, name) == (max(a, b) if highest else a + b), name


def test_a_snapshot_has_one_ledger_a_name_in_order() -> None:
    ledgers = Ledgers()
    stages = [Fake(Ledger("a", offered=1)), Fake(Ledger("b", offered=2)), Fake(Ledger("a", offered=4))]
    for stage in stages:
        ledgers.add(stage)

    assert [(b.stage, b.offered) for b in ledgers.snapshot()] == [("a", 5), ("b", 2)]


def test_those_that_have_not_ended_are_told() -> None:
    ledgers = Ledgers()
    one, two = Fake(Ledger("one")), Fake(Ledger("two"))
    ledgers.add(one)
    ledgers.add(two)
    ledgers.retire(one, one.ledger())

    assert ledgers.live() == (two,)


def test_an_ended_stage_leaves_its_numbers_and_is_forgotten() -> None:
    ledgers, stage = Ledgers(), Fake(Ledger("a", offered=3, discarded=3))
    ledgers.add(stage)
    ledgers.retire(stage, Ledger("a", offered=7, discarded=7, ended=True))
    ledgers.retire(stage, Ledger("a", offered=100))
    gone = weakref.ref(stage)
    del stage
    gc.collect()

    assert gone() is None
    assert ledgers.snapshot() == (Ledger("a", offered=7, discarded=7, ended=True),)


def test_what_comes_after_the_end_is_still_counted() -> None:
    ledgers, stage = Ledgers(), Fake(Ledger("a"))
    ledgers.add(stage)
    ledgers.late("a")
    ledgers.retire(stage, Ledger("a", offered=1, delivered=1, ended=True))
    ledgers.late("a")

    assert ledgers.snapshot() == (Ledger("a", offered=3, delivered=1, discarded=2, ended=True),)


def test_live_and_past_stages_of_one_name_are_one_row() -> None:
    ledgers, old, new = Ledgers(), Fake(Ledger("a")), Fake(Ledger("a", offered=2, queued=2))
    ledgers.add(old)
    ledgers.add(new)
    ledgers.retire(old, Ledger("a", offered=5, delivered=5, ended=True))

    assert ledgers.snapshot() == (Ledger("a", offered=7, delivered=5, queued=2),)
