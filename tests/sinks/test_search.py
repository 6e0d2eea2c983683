"""A search finds what Python's `re` finds in the text of each line: on everything that a store can hold."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brummer_rx.pipeline.event import BatchFlag, Gap, GapReason, Level, LogBatch, Stream
from brummer_rx.pipeline.reader import Line, LineFilter, SearchProgress, SearchQuery
from brummer_rx.pipeline.text import strip_escapes, text_of
from brummer_rx.sinks.store import search
from brummer_rx.sinks.store.ports import StoreOptions
from brummer_rx.sinks.store.reader import open_run
from brummer_rx.sinks.store.search import scan
from brummer_rx.sinks.store.snapshot import EMPTY, StoreSnapshot
from tests.sinks.storekit import Kit, batch_of

BIG = StoreOptions()
"""Frames of up to 256 KiB."""


def never() -> bool:
    return False


def found(snapshot: StoreSnapshot, query: SearchQuery) -> list[int]:
    """All hits, ascending; checks what must hold of every answer."""
    parts = list(scan(snapshot, query, never))
    assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True]
    assert not parts[-1].error
    assert all(list(part.seqs) == sorted(set(part.seqs)) for part in parts)
    pieces = [part.seqs for part in parts if part.seqs]
    ordered = pieces[::-1] if query.newest_first else pieces
    seqs = [seq for piece in ordered for seq in piece]
    assert seqs == sorted(set(seqs))
    assert [part.total for part in parts] == sorted(part.total for part in parts)
    if len(seqs) < query.max_hits:
        assert parts[-1].total == len(seqs)
    return seqs


# --- the oracle: plain Python over plain lines -----------------------------------------------------


def logical_lines(lines: Sequence[Line], gaps: Iterable[Gap]) -> list[list[Line]]:
    whole: list[list[Line]] = []
    begun: dict[tuple[str, Stream], list[Line]] = {}
    for line in lines:
        key = (line.source, line.stream)
        pieces = begun.get(key)
        if pieces and any(
            pieces[-1].seq < gap.first_seq <= line.seq and gap.source in ("", line.source) for gap in gaps
        ):
            pieces = None
        if pieces is None:
            pieces = []
            whole.append(pieces)
        pieces.append(line)
        begun.pop(key, None)
        if line.more:
            begun[key] = pieces
    return whole


def hits_of(pieces: list[Line], pattern: re.Pattern[str]) -> list[int]:
    raws = [piece.raw for piece in pieces]
    text = text_of(b"".join(raws))
    starts = [len(strip_escapes(b"".join(raws[:n])).decode("utf-8", "replace")) for n in range(len(raws))]
    ends = [*starts[1:], len(text) + 1]
    found = []
    for piece, start, end in zip(pieces, starts, ends, strict=True):
        match = pattern.search(text, start)
        if match is not None and (start <= match.start() < end or piece is pieces[-1]):
            found.append(piece.seq)
    return found


def expected(snapshot: StoreSnapshot, query: SearchQuery) -> list[int]:
    stop = snapshot.end_seq if query.stop is None else query.stop
    lines = snapshot.lines(query.start, stop)
    flags = re.IGNORECASE if query.ignore_case else 0
    pattern = re.compile(query.pattern if query.regex else re.escape(query.pattern), flags)
    admitted = {
        line.seq
        for line in lines
        if line.level >= query.where.min_level
        and (query.where.sources is None or line.source in query.where.sources)
    }
    hits = [seq for whole in logical_lines(lines, snapshot.gaps) for seq in hits_of(whole, pattern)]
    return sorted(seq for seq in hits if seq in admitted)


# --- what a store can hold -------------------------------------------------------------------------

SOURCES = ["web", "api", *(f"extra{n}" for n in range(33))]
BITS = [
    *(b"a", b"b", b"A", b"B", b"k", b"K", b"s", b"i", b"ab", b"aab", b"kab", b" "),
    *(b"\x1b[31m", b"\x1b[0m", b"\x1b]0;ab\x07", b"\x1b]0;a", b"\x1b", b"\x1b[", b"\\", b"\x1b\\", b"m"),
    *(b"\r", b"\xff", b"\xe2", b"\x82", b"\xac", b"\xf0\x90", b"\0"),
    *("é".encode(), "É".encode(), "\u212a".encode(), "ſ".encode(), "ı".encode(), "İ".encode(), "€".encode()),
]
raw_lines = st.lists(st.sampled_from(BITS), max_size=8).map(b"".join)


@st.composite
def batches(draw: st.DrawFn) -> list[LogBatch | Gap]:
    found: list[LogBatch | Gap] = []
    few = draw(st.booleans())
    for _ in range(draw(st.integers(0, 14))):
        source = draw(st.sampled_from(SOURCES[:2] if few else SOURCES))
        if draw(st.integers(0, 9)) == 0:
            lost = draw(st.integers(0, 3))
            found.append(Gap(draw(st.sampled_from(["", source])), lost, 5, GapReason.OVERFLOW, 0, 0))
            continue
        raws = draw(st.lists(raw_lines, min_size=1, max_size=12))
        if draw(st.booleans()):
            raws = raws * draw(st.integers(1, 6))
        found.append(
            batch_of(
                *raws,
                source=source,
                stream=draw(st.sampled_from([Stream.OUT, Stream.OUT, Stream.ERR])),
                levels=draw(st.lists(st.sampled_from(Level), min_size=len(raws), max_size=len(raws))),
                flags=draw(st.sampled_from([BatchFlag.NONE, BatchFlag.MORE, BatchFlag.UNTERMINATED])),
            )
        )
    return found


literals = st.text("abABkKsiİıéÉ€ſ\u212a \r\ufffdm\\[0", max_size=4)
atoms = st.sampled_from(
    [
        *("a", "b", "ab", "aab", "k", "K", "s", "é", "€", ".", r"\w", r"\s", "[ab]", "[^a]", r"\b", "^", "$"),
        *("(?:ab|k)", "(a|é)", "(?=b)", "(?!a)", "(?<=a)", "(?i:ka)", "(?-i:s)", "(?>ab)", r"\ufffd", r"\r"),
    ]
)
regexes = st.lists(
    st.tuples(atoms, st.sampled_from(["", "", "", "+", "*", "?", "{2}", "+?"])), min_size=1, max_size=4
).map(lambda parts: "".join(atom if atom in ("^", "$", r"\b") else f"{atom}{often}" for atom, often in parts))


@st.composite
def queries(draw: st.DrawFn) -> SearchQuery:
    regex = draw(st.booleans())
    names = draw(st.one_of(st.none(), st.frozensets(st.sampled_from([*SOURCES, "nobody"]), max_size=3)))
    return SearchQuery(
        draw(regexes) if regex else draw(literals),
        regex=regex,
        ignore_case=draw(st.booleans()),
        where=LineFilter(names, draw(st.sampled_from([Level.TRACE, Level.TRACE, *Level]))),
        start=draw(st.sampled_from([0, 0, 0, 1, 7, 40])),
        stop=draw(st.sampled_from([None, None, 0, 5, 33, 500])),
        newest_first=draw(st.booleans()),
    )


def is_pattern(query: SearchQuery) -> bool:
    try:
        re.compile(query.pattern if query.regex else "")
    except re.error:
        return False
    return True


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(batches(), st.lists(queries().filter(is_pattern), min_size=1, max_size=8), st.booleans())
def test_a_search_finds_what_re_finds_in_each_line(
    events: list[LogBatch | Gap], asked: list[SearchQuery], flush_often: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        kit = Kit(Path(folder))
        for event in events:
            kit.store.append(event)
            if flush_often:
                kit.flush()
        snapshot = kit.flush()
        with open_run(kit.run.path, mend=False) as reader:
            foreign = reader.snapshot()
            for query in asked:
                wanted = expected(snapshot, query)
                assert found(snapshot, query) == wanted
                assert found(foreign, query) == wanted
        kit.close()


# --- bounds and order ------------------------------------------------------------------------------


@pytest.fixture
def many(tmp_path: Path) -> StoreSnapshot:
    """1,000 lines in several segments; every tenth has the needle, the last one is 999."""
    kit = Kit(tmp_path)
    for start in range(0, 1000, 10):
        raws = [f"line {n} {'needle' if n % 10 == 9 else 'hay'}".encode() for n in range(start, start + 10)]
        kit.store.append(batch_of(*raws))
        kit.flush()
    snapshot = kit.close()
    assert len(snapshot.segments) > 3
    return snapshot


def test_max_hits_bounds_what_is_told_and_the_count_goes_on(many: StoreSnapshot) -> None:
    parts = list(scan(many, SearchQuery("needle", max_hits=5), never))

    assert sorted(seq for part in parts for seq in part.seqs) == [959, 969, 979, 989, 999]
    assert parts[-1].total == 100


def test_the_oldest_come_first_when_asked(many: StoreSnapshot) -> None:
    parts = list(scan(many, SearchQuery("needle", max_hits=3, newest_first=False), never))

    assert [seq for part in parts for seq in part.seqs] == [9, 19, 29]


@pytest.mark.parametrize(
    ("newest", "seqs"), [(True, [979, 989, 999]), (False, [9, 19, 29])], ids=["newest", "oldest"]
)
def test_a_search_for_so_many_ends_with_so_many(many: StoreSnapshot, newest: bool, seqs: list[int]) -> None:
    query = SearchQuery("needle", stop_after=3, newest_first=newest)

    parts = list(scan(many, query, never))

    assert sorted(seq for part in parts for seq in part.seqs) == seqs
    assert parts[-1] == SearchProgress(0, (), 3, True)


def test_a_search_for_no_hit_at_all_ends_at_once(many: StoreSnapshot) -> None:
    assert list(scan(many, SearchQuery("needle", stop_after=0), never)) == [SearchProgress(0, (), 0, True)]


def test_a_search_for_few_common_hits_looks_at_few_frames(many: StoreSnapshot) -> None:
    asked = 0

    def count() -> bool:
        nonlocal asked
        asked += 1
        return False

    list(scan(many, SearchQuery("line", stop_after=10), count))

    assert asked < 10


def test_a_search_for_something_rare_takes_large_slices(
    many: StoreSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "_SHORT", 1e9)  # however slow this machine is
    frames = sum(len(view.frames) for view in many.segments)

    parts = list(scan(many, SearchQuery("nothing"), never))

    assert len(parts) < frames


@pytest.mark.parametrize("pattern", ["needle", r"n\w+e\b", r"\d5", "nothing"])
def test_a_cancelled_search_ends_without_a_done_part(many: StoreSnapshot, pattern: str) -> None:
    for limit in (0, 1, 3):
        calls = 0

        def cancelled() -> bool:
            nonlocal calls
            calls += 1
            return calls > limit

        parts = list(scan(many, SearchQuery(pattern, regex=True), cancelled))

        assert not any(part.done for part in parts)
        assert calls == limit + 1


@pytest.mark.parametrize("pattern", ["(", "[", "*", "(?P<x>a)(?P<x>b)", "a{99999999999}", "(" * 3000])
def test_a_bad_pattern_is_told(many: StoreSnapshot, pattern: str) -> None:
    (part,) = scan(many, SearchQuery(pattern, regex=True), never)

    assert part.done
    assert part.error.startswith("bad pattern: ")


def test_an_empty_store_has_no_hits() -> None:
    assert found(EMPTY, SearchQuery("a")) == []


@pytest.mark.parametrize("pattern", ["a\nb", "\x1b", "\x1b[31m"])
def test_what_no_text_contains_is_not_found(tmp_path: Path, pattern: str) -> None:
    kit = Kit(tmp_path)
    kit.store.append(batch_of(b"a", b"b\x1b[31m", b"\x1b"))

    assert found(kit.flush(), SearchQuery(pattern)) == []
    kit.close()


def test_an_argument_that_is_no_utf8_matches_nothing(many: StoreSnapshot) -> None:
    assert found(many, SearchQuery("\udcff")) == []
    assert found(many, SearchQuery("needle\udcff?$", regex=True)) == list(range(9, 1000, 10))


# --- dense and sparse hits take different ways -----------------------------------------------------


@pytest.mark.parametrize("every", [1, 2, 3, 7, 40, 300])
@pytest.mark.parametrize("pattern", ["needle", "NEEDLE", r"nee\w+ \d", "(?i)Needle", "needle|thread"])
@pytest.mark.parametrize("colour", [False, True])
def test_every_density_of_hits(tmp_path: Path, every: int, pattern: str, colour: bool) -> None:
    mark = b"nee\x1b[1mdle" if colour else b"needle"
    kit = Kit(tmp_path, options=BIG)
    for _ in range(3):
        raws = [b"x" * 30 + b" %s %d needle" % (mark, n) if n % every == 0 else b"y" * 50 for n in range(700)]
        kit.store.append(batch_of(*raws))
    snapshot = kit.flush()

    query = SearchQuery(pattern, regex=True)

    assert found(snapshot, query) == expected(snapshot, query)
    assert bool(expected(snapshot, query)) == (pattern != "NEEDLE")
    kit.close()


# --- what is damaged or gone -----------------------------------------------------------------------


def test_lines_of_a_damaged_frame_are_no_hits_and_become_a_gap(many: StoreSnapshot) -> None:
    view = many.segments[0]
    row = view.frames[0]
    data = bytearray(view.path.read_bytes())
    data[row.raw_offset] ^= 1
    view.path.write_bytes(data)

    for query in (SearchQuery("needle"), SearchQuery("lin[e]? \\d+ needl.", regex=True), SearchQuery("")):
        seqs = found(many, query)

        assert seqs
        assert min(seqs) >= row.end_seq
    assert [gap.reason for gap in many.gaps] == [GapReason.DAMAGE]


def test_a_segment_that_was_cut_is_searched_as_far_as_it_goes(many: StoreSnapshot) -> None:
    view = many.segments[0]
    last = view.frames[len(view.frames) - 1]
    view.path.write_bytes(view.path.read_bytes()[: last.end_offset - 3])

    for pattern in ("needle", "e|d"):
        seqs = found(many, SearchQuery(pattern, regex=True))
        assert not set(seqs) & set(range(last.first_seq, last.end_seq))
        assert set(seqs) > {999}


def test_evicted_segments_are_left_out(many: StoreSnapshot) -> None:
    view = many.segments[1]
    view.path.unlink()

    seqs = found(many, SearchQuery("needle"))

    assert seqs == [n for n in range(9, 1000, 10) if not view.first_seq <= n < view.end_seq]
