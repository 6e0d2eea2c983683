"""The ways through a frame: whatever the kind of the frame and of the pattern, the same lines are found."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from brummer_rx.pipeline.event import GapReason, Level
from brummer_rx.pipeline.reader import LineFilter, SearchQuery
from brummer_rx.sinks.store.keymask import compile_rule
from brummer_rx.sinks.store.ports import StoreOptions
from brummer_rx.sinks.store.search_frames import CancelledError, FrameSearch
from brummer_rx.sinks.store.search_plan import plan_for
from brummer_rx.sinks.store.segment import SegmentView
from brummer_rx.sinks.store.snapshot import StoreSnapshot
from tests.sinks.storekit import Kit, batch_of

PLAIN, COLOURED, FOREIGN, BOTH = range(4)
"""The frames."""


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    kit = Kit(tmp_path, options=StoreOptions())
    yield kit
    kit.close()


@pytest.fixture
def snapshot(kit: Kit) -> StoreSnapshot:
    """Frames of 300 lines: plain, with escape sequences, with other than ASCII characters, with both."""
    lines = [b"%d %s kiss\r" % (n, b"needle" if n % 50 == 7 else b"hay") for n in range(300)]
    coloured = [line.replace(b"needle", b"n\x1b[1mee\x1b[0mdle") for line in lines]
    foreign = [line.replace(b"kiss", "\u212aiss é".encode()) for line in lines]
    for raws in (lines, coloured, foreign, [line.replace(b"hay", b"\x1b[2mhay") for line in foreign]):
        kit.store.append(batch_of(*raws, levels=[n % 6 for n in range(300)]))
        kit.flush()
    return kit.flush()


def search(
    snapshot: StoreSnapshot,
    query: SearchQuery,
    frames: tuple[int, int] = (0, 4),
    pieces: tuple[int, ...] = (),
    stop_at: int = -1,
) -> list[int]:
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked == stop_at

    view: SegmentView = snapshot.segments[0]
    rule = compile_rule(query.where, snapshot.sources)
    window = (query.start, snapshot.end_seq if query.stop is None else query.stop)
    with view.mapped() as mapped, memoryview(mapped) as data:
        found = FrameSearch(view, data, plan_for(query), rule, window, pieces, snapshot.damage, cancelled)
        return found.hits(*frames)


QUERIES = [
    SearchQuery("needle"),
    SearchQuery("NEEDLE", ignore_case=True),
    SearchQuery("kiss", ignore_case=True),
    SearchQuery("kiss"),
    SearchQuery("é"),
    SearchQuery("É", ignore_case=True),
    SearchQuery(r"needle|^1\d ", regex=True),
    SearchQuery(r"nee\w+ k", regex=True),
    SearchQuery(r"\d7 [^h]", regex=True),
    SearchQuery(r"^\d$|7 ", regex=True),
    SearchQuery(r"kiss$", regex=True),
    SearchQuery(r"[^\r]$", regex=True),
    SearchQuery(r"[nx]e?[ez][dx]", regex=True),
    SearchQuery("nothing here"),
    SearchQuery("needle kiss", where=LineFilter(None, Level.WARN)),
    SearchQuery("", where=LineFilter(frozenset({"web"}), Level.FATAL), start=10, stop=777),
    SearchQuery("needle", start=8, stop=608),
]


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: f"{query.pattern!r}-{query.where.min_level}")
def test_every_way_finds_the_lines(snapshot: StoreSnapshot, query: SearchQuery) -> None:
    flags = re.IGNORECASE if query.ignore_case else 0
    pattern = re.compile(query.pattern if query.regex else re.escape(query.pattern), flags)
    stop = snapshot.end_seq if query.stop is None else query.stop
    lines = [line for line in snapshot.lines(query.start, stop) if line.level >= query.where.min_level]
    wanted = [line.seq for line in lines if pattern.search(line.text)]

    assert search(snapshot, query) == wanted
    assert [seq for n in range(4) for seq in search(snapshot, query, (n, n + 1))] == wanted
    left = search(snapshot, query, pieces=tuple(range(0, 1200, 2)))
    assert left == [seq for seq in wanted if seq % 2]


@pytest.mark.parametrize("frame", [PLAIN, COLOURED, FOREIGN, BOTH])
@pytest.mark.parametrize("pattern", [r"nee\w+ k", r"\d7 [^h]", r"kis+"])
def test_every_way_can_be_stopped(snapshot: StoreSnapshot, frame: int, pattern: str) -> None:
    query = SearchQuery(pattern, regex=True, ignore_case=True)

    with pytest.raises(CancelledError):
        search(snapshot, query, (frame, frame + 1), stop_at=1)


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: f"{query.pattern!r}-{query.where.min_level}")
@pytest.mark.parametrize("frame", [PLAIN, COLOURED, FOREIGN, BOTH])
def test_a_damaged_frame_has_no_hits_whatever_was_damaged(
    snapshot: StoreSnapshot, query: SearchQuery, frame: int
) -> None:
    view = snapshot.segments[0]
    row = view.frames[frame]
    wanted = [seq for seq in search(snapshot, query) if not row.first_seq <= seq < row.end_seq]
    intact = view.path.read_bytes()
    for offset, value in ((row.raw_offset + 2, b"\n\n\n"), (row.keys_offset, b"\xff"), (row.offset, b"X")):
        data = intact[:offset] + value + intact[offset + len(value) :]
        view.path.write_bytes(data)

        assert search(snapshot, query) == wanted
    for gap in snapshot.gaps:
        assert gap.reason is GapReason.DAMAGE
        assert (gap.first_seq, gap.lines) == (row.first_seq, 300)


def test_a_hit_in_headers_and_keys_is_none(kit: Kit) -> None:
    kit.store.append(batch_of(*[b"x"] * 50, levels=[Level.ERROR] * 50))
    kit.flush()
    kit.store.append(batch_of(b"BRXF", b"\x04\x04"))
    snapshot = kit.flush()

    assert search(snapshot, SearchQuery("BRXF"), (0, 2)) == [50]
    assert search(snapshot, SearchQuery("\x04\x04"), (0, 2)) == [51]
    assert search(snapshot, SearchQuery("F\x01"), (0, 2)) == []


def test_a_needle_across_two_frames_is_none(kit: Kit) -> None:
    kit.store.append(batch_of(b"tail"))
    kit.flush()
    kit.store.append(batch_of(b"head"))
    snapshot = kit.flush()

    assert search(snapshot, SearchQuery("tail\nBRXF", regex=True), (0, 2)) == []
    assert search(snapshot, SearchQuery("l\n|head", regex=True), (0, 2)) == [1]
