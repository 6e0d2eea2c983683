"""Questions to a snapshot, against plain lists."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brummer_rx.pipeline.event import Gap, GapReason, Level
from brummer_rx.pipeline.reader import Line, LineFilter
from brummer_rx.sinks.store.reader import open_run
from brummer_rx.sinks.store.snapshot import EMPTY, StoreSnapshot
from tests.sinks.storekit import SMALL, Kit, Oracle, all_lines, batch_of, some_batches


def matches(line: Line, where: LineFilter) -> bool:
    return line.level >= where.min_level and (where.sources is None or line.source in where.sources)


class Stored:
    """The same lines three times: in the writer, sealed, and from a reader of files only."""

    def __init__(self, folder: Path, sources: int) -> None:
        kit = Kit(folder, replace(SMALL, segment_bytes=8000))
        batches = some_batches(300, sources=sources, seed=sources)
        kit.put(batches[:150])
        kit.store.append(Gap("s0", 50, 500, GapReason.OVERFLOW, -1, -1))
        kit.put(batches[150:])
        first = Oracle.of(batches[:150]).lines
        self.lines = first + Oracle.of(batches[150:], len(first) + 50).lines
        self.snapshots = [kit.flush(), kit.close(), open_run(kit.run.path).snapshot()]
        self.sources = sources


@pytest.fixture(scope="module", params=[4, 45])
def stored(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Stored:
    return Stored(tmp_path_factory.mktemp("stored"), request.param)


FILTERS = st.builds(
    LineFilter,
    st.none() | st.frozensets(st.sampled_from([f"s{n}" for n in range(46)]), max_size=30),
    st.sampled_from(Level),
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    FILTERS, st.integers(0, 1600), st.integers(0, 1600), st.integers(0, 400), st.booleans(), st.integers(0, 2)
)
def test_filters_answer_like_a_plain_list(
    stored: Stored, where: LineFilter, start: int, stop: int, limit: int, newest: bool, which: int
) -> None:
    snapshot = stored.snapshots[which]
    hits = [line.seq for line in stored.lines if start <= line.seq < stop and matches(line, where)]

    assert snapshot.count(where, start, stop) == len(hits)
    expected = hits[-limit:] if newest and limit else hits[:limit]
    assert snapshot.select(where, start, stop, limit, newest=newest) == expected


@settings(max_examples=40, deadline=None)
@given(st.integers(-5, 1600), st.integers(-5, 1600), st.integers(0, 2))
def test_any_window_is_a_slice(stored: Stored, start: int, stop: int, which: int) -> None:
    expected = [line for line in stored.lines if start <= line.seq < stop]

    assert stored.snapshots[which].lines(start, stop) == expected


@settings(max_examples=40, deadline=None)
@given(st.sets(st.integers(0, 1700), max_size=50), st.integers(0, 2))
def test_single_lines_are_read_and_missing_ones_left_out(stored: Stored, seqs: set[int], which: int) -> None:
    expected = [line for line in stored.lines if line.seq in seqs]

    assert stored.snapshots[which].read(sorted(seqs)) == expected


def test_counts_per_source_and_level(stored: Stored) -> None:
    for snapshot in stored.snapshots:
        by_source = {name: sum(line.source == name for line in stored.lines) for name in snapshot.sources}
        by_level = {level: sum(line.level == level for line in stored.lines) for level in Level}
        assert snapshot.source_counts() == by_source
        assert snapshot.level_counts() == by_level
        assert snapshot.count(LineFilter()) == len(stored.lines)


def test_what_a_snapshot_says_of_itself(stored: Stored) -> None:
    for snapshot in stored.snapshots:
        assert snapshot.first_seq == 0
        assert snapshot.end_seq == stored.lines[-1].seq + 1
        assert [(gap.source, gap.lines, gap.reason) for gap in snapshot.gaps] == [
            ("s0", 50, GapReason.OVERFLOW)
        ]
        assert set(snapshot.sources) == {line.source for line in stored.lines}
        paths = [view.path for view in snapshot.segments]
        sizes = [path.stat().st_size for path in paths]
        keys = [path.with_suffix(".key").stat().st_size for path in paths]
        assert sum(sizes) <= snapshot.bytes_on_disk <= sum(sizes) + sum(keys)


def test_an_empty_snapshot() -> None:
    assert (EMPTY.first_seq, EMPTY.end_seq, EMPTY.gaps, EMPTY.segments, EMPTY.bytes_on_disk) == (
        0,
        0,
        (),
        (),
        0,
    )
    assert all_lines(EMPTY) == []
    assert EMPTY.read([0, 1]) == []
    assert EMPTY.select(LineFilter(), 0, 10, 10) == []
    assert EMPTY.count(LineFilter()) == 0
    assert EMPTY.source_counts() == {}


def test_the_snapshot_stays_as_it_was_while_the_log_grows(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.put([batch_of(b"a", source="x")])
    before = kit.flush()

    kit.put([batch_of(b"b", source="y", levels=[5])] * 100)
    kit.flush()

    assert (before.end_seq, before.sources, len(all_lines(before))) == (1, ("x",), 1)
    assert before.count(LineFilter(min_level=Level.FATAL)) == 0
    kit.close()


def damaged(tmp_path: Path) -> tuple[StoreSnapshot, list[Line]]:
    kit = Kit(tmp_path)
    batches = some_batches(300)
    kit.put(batches)
    kit.close()
    snapshot = open_run(kit.run.path).snapshot()
    view = snapshot.segments[1]
    row = view.frames[1]
    data = bytearray(view.path.read_bytes())
    data[row.raw_offset] ^= 1
    view.path.write_bytes(data)
    return snapshot, [
        line for line in Oracle.of(batches).lines if not row.first_seq <= line.seq < row.end_seq
    ]


def test_a_damaged_frame_becomes_a_gap_when_it_is_read_and_leaves_the_answers(tmp_path: Path) -> None:
    snapshot, left = damaged(tmp_path)
    assert snapshot.gaps == ()

    assert all_lines(snapshot) == left

    (gap,) = snapshot.gaps
    assert (gap.reason, gap.lines) == (GapReason.DAMAGE, snapshot.end_seq - len(left))
    everything = LineFilter()
    assert snapshot.count(everything) == len(left)
    assert snapshot.select(everything, 0, snapshot.end_seq, 10**6) == [line.seq for line in left]
    warn = LineFilter(min_level=Level.WARN)
    expected = [line.seq for line in left if line.level >= Level.WARN]
    assert snapshot.select(warn, 0, snapshot.end_seq, 10**6, newest=True) == expected
    assert snapshot.count(warn) == len(expected)
    assert snapshot.read(range(snapshot.end_seq)) == left


def test_lines_evicted_after_the_snapshot_are_left_out(tmp_path: Path) -> None:
    snapshot, _ = damaged(tmp_path)
    gone = snapshot.segments[0]
    gone.path.unlink()

    assert all_lines(snapshot)[0].seq == gone.end_seq
    assert all(gap.first_seq >= gone.end_seq for gap in snapshot.gaps)
