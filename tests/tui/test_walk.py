from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from brummer_rx.pipeline.event import Level
from brummer_rx.pipeline.reader import LineFilter
from brummer_rx.tui.state import Place
from brummer_rx.tui.walk import (
    Field,
    after,
    before,
    bounds,
    down,
    fill,
    fill_up,
    gap_at,
    heights,
    last_place,
    seen_gaps,
    up,
)
from tests.tui.fakelog import FakeLog, numbered

GAPS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 6)), max_size=3)
WHERE = st.builds(
    LineFilter,
    st.none() | st.frozensets(st.sampled_from(["web", "api", "db"])),
    st.sampled_from([Level.TRACE, Level.INFO, Level.ERROR]),
)


def log_with(gaps: list[tuple[int, int]], count: int = 40) -> FakeLog:
    log, free = numbered(count), 0
    for first, size in sorted(gaps):
        if first >= free and first < count:
            last = min(first + size, count - 1)
            log, free = log.without(first, last, source="web" if size % 2 else ""), last + 1
    return log


def all_keys(field: Field) -> list[int]:
    """What a reader would see from top to bottom: the plain definition."""
    wanted = field.where
    lines = [
        x.seq
        for x in field.log.lines(0, field.log.end_seq)
        if x.level >= wanted.min_level and (wanted.sources is None or x.source in wanted.sources)
    ]
    return sorted({*lines, *(g.first_seq for g in seen_gaps(field))})


@given(GAPS, WHERE, st.integers(-2, 45), st.integers(0, 12))
@example([(4, 6)], LineFilter(), 11, 1)  # the gap begins before the start and reaches beyond it
def test_after_and_before_agree_with_the_definition(
    gaps: list[tuple[int, int]], where: LineFilter, key: int, limit: int
) -> None:
    field = Field(log_with(gaps), where)
    keys = all_keys(field)

    assert after(field, key, limit) == [k for k in keys if k >= key][:limit]
    assert before(field, key, limit) == ([k for k in keys if k < key][-limit:] if limit else [])
    assert before(field, key, limit, start=10) == (
        [k for k in keys if 10 <= k < key][-limit:] if limit else []
    )


def rows_of(raw: bytes) -> int:
    """Lines of one to three rows."""
    return 1 + raw[-1] % 3


def all_places(field: Field) -> list[Place]:
    keys = all_keys(field)
    return [Place(k, sub) for k, rows in zip(keys, heights(field, keys), strict=True) for sub in range(rows)]


@given(GAPS, WHERE, st.booleans(), st.integers(0, 200), st.integers(1, 12))
def test_walking_rows_agrees_with_the_definition(
    gaps: list[tuple[int, int]], where: LineFilter, wrapped: bool, at: int, rows: int
) -> None:
    field = Field(log_with(gaps), where, rows_of if wrapped else None)
    places = all_places(field)
    if not places:
        assert fill(field, Place(0), rows) == ()
        assert down(field, Place(3), rows) == Place(3)
        assert last_place(field, rows) is None
        return
    here = at % len(places)

    assert list(fill(field, places[here], rows)) == places[here : here + rows]
    assert up(field, places[here], rows) == places[max(0, here - rows)]
    assert down(field, places[here], rows) == places[min(len(places) - 1, here + rows)]
    assert list(fill_up(field, all_keys(field), rows)) == places[-rows:]
    assert last_place(field, rows) == places[-rows:][0]


def test_a_screen_of_a_long_log_reads_only_what_it_shows() -> None:
    log = numbered(5000)
    field = Field(log)

    assert after(field, 2500, 40) == list(range(2500, 2540))
    assert before(field, 2500, 40) == list(range(2460, 2500))
    assert log.asked == {}


def test_a_walk_up_stops_at_the_first_row() -> None:
    field = Field(numbered(5), LineFilter(), rows_of)

    assert up(field, Place(0, 1), 9) == Place(0, 0)
    assert up(field, Place(2, 1), 0) == Place(2, 1)


def test_gaps_at_both_ends_widen_the_bounds() -> None:
    log = numbered(10).without(0, 3).without(8, 9)

    assert log.first_seq == 4
    assert bounds(log) == (0, 10)
    assert after(Field(log), 0, 3) == [0, 4, 5]
    assert gap_at(Field(log), 8) is not None
    assert gap_at(Field(log), 5) is None
    assert fill_up(Field(log), [1, 2], 0) == ()
