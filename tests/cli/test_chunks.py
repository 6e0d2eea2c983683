"""Bulk reading equals reading line by line."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import pytest

from brummer_rx.cli.chunks import Chunk, chunks_at, chunks_between
from brummer_rx.pipeline.event import BatchFlag, Gap, GapReason, Level, Stream
from brummer_rx.pipeline.reader import Line, LineFilter
from brummer_rx.sinks.store.reader import RunReader, open_run
from tests.cli.storebox import StoredRun


def lines_of(parts: list[Chunk | Gap]) -> list[Line]:
    """Chunks as the lines that the snapshot's own reading gives."""
    found = []
    for part in parts:
        assert isinstance(part, Chunk)
        assert len(part.seqs) == len(part.lines) == len(part.levels) > 0
        last = len(part.lines) - 1
        for n, (seq, raw, level) in enumerate(zip(part.seqs, part.lines, part.levels, strict=True)):
            more, newline = (part.more, part.newline) if n == last else (False, True)
            found.append(Line(seq, part.time_ns, part.source, part.stream, Level(level), raw, more, newline))
    return found


@pytest.fixture(scope="module", params=[1 << 20, 2000])
def reader(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RunReader:
    """A run of 40 sources in one segment or in many."""
    run = StoredRun(tmp_path_factory.mktemp("runs"), segment_bytes=request.param, frame_bytes=600)
    for n in range(120):
        flags = BatchFlag.MORE if n % 7 == 0 else BatchFlag.UNTERMINATED if n % 11 == 0 else BatchFlag.NONE
        data = b"".join(b"%d line %d\n" % (n, k) for k in range(1 + n % 5))
        levels = [Level((n + k) % 6) for k in range(1 + n % 5)]
        run.add(f"s{n % 40}", data, levels, stream=Stream(n % 4), flags=flags)
        if n % 30 == 29:
            run.flush()
    run.end()
    return open_run(run.path)


FILTERS = [
    LineFilter(),
    LineFilter(frozenset({"s3"})),
    LineFilter(frozenset({"s35", "s39"}), Level.WARN),
    LineFilter(None, Level.FATAL),
    LineFilter(frozenset({"nobody"})),
]


@pytest.mark.parametrize("where", FILTERS)
@pytest.mark.parametrize(("start", "stop"), [(0, 9999), (17, 211), (50, 51), (60, 60), (0, 0), (5000, 9999)])
def test_between(reader: RunReader, where: LineFilter, start: int, stop: int) -> None:
    snapshot = reader.snapshot()
    expected = snapshot.read(snapshot.select(where, start, stop, 9999))

    assert lines_of(list(chunks_between(snapshot, where, start, stop))) == expected


@pytest.mark.parametrize("step", [1, 2, 37, 1000])
def test_at(reader: RunReader, step: int) -> None:
    snapshot = reader.snapshot()
    seqs = list(range(0, snapshot.end_seq, step))

    assert lines_of(list(chunks_at(snapshot, seqs))) == snapshot.read(seqs)
    assert list(chunks_at(snapshot, [])) == []


@pytest.mark.parametrize("every", [2, 9, 50])
def test_few_and_many_matches_in_a_long_run(tmp_path: Path, every: int) -> None:
    run = StoredRun(tmp_path)
    levels = [Level.ERROR if n % every == 0 else Level.INFO for n in range(200)]
    run.add("web", b"".join(b"line %d\n" % n for n in range(200)), levels, flags=BatchFlag.MORE)
    run.end()
    snapshot = open_run(run.path).snapshot()
    where = LineFilter(None, Level.ERROR)
    expected = snapshot.read(snapshot.select(where, 3, 197, 999))

    assert lines_of(list(chunks_between(snapshot, where, 3, 197))) == expected
    assert len(expected) > 1


def test_a_damaged_frame_is_a_gap(tmp_path: Path) -> None:
    run = StoredRun(tmp_path, frame_bytes=14)
    for n in range(3):
        run.add("web", b"line %d\nmore\n" % n)
        run.flush()
    run.end()
    (segment,) = run.path.glob("*.seg")
    data = bytearray(segment.read_bytes())
    at = data.index(b"line 1")
    data[at] ^= 1
    segment.write_bytes(data)
    reader = open_run(run.path)
    snapshot = reader.snapshot()

    parts = list(chunks_between(snapshot, LineFilter(), 0, 99))
    some = list(chunks_at(snapshot, [1, 2, 5]))

    gaps = [part for part in parts if isinstance(part, Gap)]
    assert [(gap.first_seq, gap.last_seq, gap.reason) for gap in gaps] == [(2, 3, GapReason.DAMAGE)]
    assert [type(part) for part in parts] == [Chunk, Gap, Chunk]
    assert [type(part) for part in some] == [Chunk, Gap, Chunk]


def test_a_segment_that_was_evicted_meanwhile_is_a_gap(tmp_path: Path) -> None:
    run = StoredRun(tmp_path, segment_bytes=100)
    for n in range(3):
        run.add("web", b"line %d\n" % n * 9)
        run.flush()
    run.end()
    reader = open_run(run.path)
    snapshot = reader.snapshot()
    sorted(run.path.glob("*.seg"))[0].unlink()

    parts = list(chunks_between(snapshot, LineFilter(), 0, 99))

    assert parts[0] == Gap("", 9, 63, GapReason.BUDGET, 0, 8)
    assert [*chain(*[p.seqs for p in parts if isinstance(p, Chunk)])] == list(range(9, 27))
