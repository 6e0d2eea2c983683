"""The engine finds what a loop over all lines finds: `re.search` on the text of each, pieces joined."""

from __future__ import annotations

import random
import re
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from brummer_rx.pipeline.event import BatchFlag, Level, LogBatch, Stream
from brummer_rx.pipeline.reader import Line, LineFilter, SearchProgress, SearchQuery
from brummer_rx.pipeline.testing import VirtualClock
from brummer_rx.sinks.store.ports import StoreOptions
from brummer_rx.sinks.store.reader import open_run
from brummer_rx.sinks.store.runs import create_run
from brummer_rx.sinks.store.search import scan
from brummer_rx.sinks.store.snapshot import StoreSnapshot
from brummer_rx.sinks.store.store import LogStore


class AtOnce:
    """A lane whose actions run where they are submitted."""

    def submit(self, action: Callable[[], None]) -> None:
        action()

    def is_current(self) -> bool:
        return False


Batch = tuple[str, bytes, BatchFlag]


def stored(folder: Path, batches: list[Batch], *, each: bool = False, **options: int) -> StoreSnapshot:
    """A run with these batches, written (with `each` in so many frames), sealed and opened again."""
    run = create_run(folder, project="shop", command="test")
    lane = AtOnce()
    store = LogStore(
        run,
        lane=lane,
        sync=lane,
        clock=VirtualClock(wall_ns=10**18),
        options=StoreOptions(**options),  # type: ignore[arg-type]
    )
    counts: dict[str, int] = {}
    for source, data, flags in batches:
        lines = data.count(b"\n")
        first = counts.get(source, 0)
        counts[source] = first + lines
        levels = bytes((first + n) % 6 for n in range(lines))
        store.append(LogBatch(source, Stream.OUT, first, lines, 10**18, data, flags, levels))
        if each:
            store.flush()
    assert store.close(5.0)
    with open_run(run.path) as reader:
        return reader.snapshot()


def answer(snapshot: StoreSnapshot, query: SearchQuery) -> tuple[list[int], SearchProgress]:
    parts = list(scan(snapshot, query, lambda: False))
    for part in parts:
        assert list(part.seqs) == sorted(set(part.seqs))
    assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True]
    return sorted(seq for part in parts for seq in part.seqs), parts[-1]


def logical(lines: list[Line]) -> list[list[Line]]:
    """Lines, the pieces of one together."""
    open_: dict[tuple[str, Stream], list[Line]] = {}
    found = []
    for line in lines:
        key = (line.source, line.stream)
        whole = open_.setdefault(key, [])
        whole.append(line)
        if not line.more:
            found.append(open_.pop(key))
    return [*found, *open_.values()]


def oracle(snapshot: StoreSnapshot, query: SearchQuery) -> list[int]:
    """The slow way. In a line of several pieces those are hits in which a match can begin."""
    pattern = re.compile(
        query.pattern if query.regex else re.escape(query.pattern), re.IGNORECASE if query.ignore_case else 0
    )
    found = set()
    for pieces in logical(snapshot.lines(0, snapshot.end_seq)):
        text = replace(pieces[0], raw=b"".join(piece.raw for piece in pieces)).text
        if len(pieces) == 1:
            found |= {pieces[0].seq} if pattern.search(text) else set()
            continue
        places = [n for n in range(len(text) + 1) if pattern.match(text, n)]
        borders = [sum(len(piece.text) for piece in pieces[:n]) for n in range(len(pieces))]
        for place in places:
            found.add(pieces[max(n for n, border in enumerate(borders) if border <= place)].seq)
    stop = snapshot.end_seq if query.stop is None else query.stop
    where = query.where
    return sorted(
        line.seq
        for line in snapshot.read(sorted(found))
        if query.start <= line.seq < stop
        and line.level >= where.min_level
        and (where.sources is None or line.source in where.sources)
    )


PIECES = [
    *[
        b"ab",
        b"AB",
        b"b",
        b"a",
        b"\x1b[31m",
        b"\x1b[0m",
        b"\x1b",
        b"\r",
        b" ",
        b"m",
        b"1",
        b"\xff",
        b"\xe2\x82",
        b"s",
        b"S",
    ],
    *[c.encode() for c in "sSéÉſKkİıißǅ€\ufffd"],
]
pieces = st.sampled_from(PIECES)
text_lines = st.lists(pieces, max_size=8).map(b"".join).map(lambda line: line + b"\n")
batch_lists = st.lists(
    st.tuples(st.sampled_from(["web", "api"]), st.lists(text_lines, min_size=1, max_size=6).map(b"".join)),
    min_size=1,
    max_size=8,
)
literals = st.text("abAB 1msSkKiIéſK\u0130\u0131\r\ufffdm[", max_size=4)
REGEXES = [
    "ab",
    "a+b",
    "^ab",
    "b$",
    "(ab|ba)+",
    "(?i)ab",
    "(?i:s)b",
    "a.b",
    "[ab]{2}",
    "a(?=b)",
    "(?<=a)b",
    "x*",
    "",
    "ab?",
    "(?:ab){2}",
    "ab|1m",
    "é",
    "\ufffd",
    r"\bab\b",
    r"a\s?b",
    "(a)(b)\\1",
    "(?s:.)ab",
    "ab\n",
    "(?>ab)",
    "(?x) a b # c",
    "(?i)[s]",
    "m{0}ab",
    "[^a]b",
    "k|i|s",
    "(?i)\u212a",
    "(ab){0,2}b",
    "\r",
    "(?:|ab)",
    "(?!ab)a",
]
regexes = st.sampled_from(REGEXES)


@settings(deadline=None, max_examples=40)
@given(
    batches=batch_lists,
    pattern=st.one_of(literals.map(lambda p: (p, False)), regexes.map(lambda p: (p, True))),
    ignore_case=st.booleans(),
    newest=st.booleans(),
    window=st.tuples(st.integers(0, 12), st.one_of(st.none(), st.integers(0, 30))),
    level=st.sampled_from(list(Level)),
    sources=st.sampled_from([None, frozenset({"web"}), frozenset({"nobody"})]),
)
@example(
    batches=[("web", b"a\x1b[31mb\n")], pattern=("ab", False), ignore_case=False, newest=True,
    window=(0, None), level=Level.TRACE, sources=None,
)  # fmt: skip
def test_the_engine_finds_what_a_loop_finds(
    batches: list[tuple[str, bytes]],
    pattern: tuple[str, bool],
    ignore_case: bool,
    newest: bool,
    window: tuple[int, int | None],
    level: Level,
    sources: frozenset[str] | None,
) -> None:
    query = SearchQuery(
        pattern[0],
        pattern[1],
        ignore_case,
        LineFilter(sources, level),
        window[0],
        window[1],
        newest_first=newest,
    )
    with tempfile.TemporaryDirectory() as folder:
        plain: list[Batch] = [(name, data, BatchFlag.NONE) for name, data in batches]
        snapshot = stored(Path(folder), plain, segment_bytes=400, frame_bytes=64)
        want = oracle(snapshot, query)
        got, last = answer(snapshot, query)

    assert got == want
    assert last.total == len(want)
    assert last.error == ""


@settings(deadline=None, max_examples=40)
@given(
    parts=st.lists(
        st.tuples(st.sampled_from(["web", "api"]), st.text("abAB é", min_size=1, max_size=6), st.booleans()),
        min_size=1,
        max_size=12,
    ),
    pattern=st.sampled_from(
        [("ab", False), ("b a", False), ("a.*b", True), ("é", False), ("x*", True), ("", False)]
    ),
    ignore_case=st.booleans(),
)
def test_pieces_are_searched_as_one_line(
    parts: list[tuple[str, str, bool]], pattern: tuple[str, bool], ignore_case: bool
) -> None:
    query = SearchQuery(pattern[0], pattern[1], ignore_case)
    batches: list[Batch] = [
        (name, text.encode() + b"\n", BatchFlag.MORE if more else BatchFlag.NONE)
        for name, text, more in parts
    ]
    with tempfile.TemporaryDirectory() as folder:
        snapshot = stored(Path(folder), batches, segment_bytes=500, frame_bytes=32)
        want = oracle(snapshot, query)
        got, _ = answer(snapshot, query)

    assert got == want


@pytest.fixture(scope="module")
def soup(tmp_path_factory: pytest.TempPathFactory) -> StoreSnapshot:
    """Several segments of lines made of the pieces above, some of them cut into pieces."""
    rng = random.Random(3)
    batches: list[Batch] = []
    for _ in range(60):
        lines = [
            b"".join(rng.choices(PIECES, k=rng.randrange(12))) + b"\n" for _ in range(rng.randrange(1, 40))
        ]
        more = BatchFlag.MORE if rng.random() < 0.2 else BatchFlag.NONE
        if more:  # whole characters and escapes up to the border: the oracle counts piece by piece
            lines[-1] = rng.choice([b"ab", b"a", b"1", b"x ab a"]) + b"\n"
        batches.append((rng.choice(["web", "api", "db"]), b"".join(lines), more))
    return stored(tmp_path_factory.mktemp("soup"), batches, each=True, segment_bytes=6000)


WORDS = [
    "ab",
    "AB",
    "a",
    "1m",
    "ba",
    "é",
    "k",
    "s",
    "is",
    "\ufffd",
    "€",
    "m",
    "[3",
    " ",
    "",
    "abb",
    "1 ",
    "sS",
    "\r",
    "b\r",
]


@pytest.mark.parametrize("ignore_case", [False, True])
@pytest.mark.parametrize(
    ("pattern", "regex"), [*((word, False) for word in WORDS), *((pattern, True) for pattern in REGEXES)]
)
def test_every_pattern_over_several_segments(
    soup: StoreSnapshot, pattern: str, regex: bool, ignore_case: bool
) -> None:
    assert len(soup.segments) > 2
    query = SearchQuery(pattern, regex, ignore_case)
    want = oracle(soup, query)

    assert answer(soup, query)[0] == want
    warned = replace(query, where=LineFilter(frozenset({"web", "db"}), Level.WARN), start=100, stop=700)
    assert answer(soup, warned)[0] == oracle(soup, warned)


LINES = b"".join(b"line %d %s\n" % (n, b"odd" if n % 2 else b"even") for n in range(1000))


@pytest.fixture(scope="module")
def thousand(tmp_path_factory: pytest.TempPathFactory) -> StoreSnapshot:
    lines = LINES.splitlines(keepends=True)
    batches: list[Batch] = [("web", b"".join(lines[n : n + 20]), BatchFlag.NONE) for n in range(0, 1000, 20)]
    return stored(tmp_path_factory.mktemp("run"), batches, each=True, segment_bytes=4000)


def test_the_newest_come_first_and_the_limits_hold(thousand: StoreSnapshot) -> None:
    assert len(thousand.segments) > 3
    got, last = answer(thousand, SearchQuery("odd", max_hits=30))
    assert got == list(range(941, 1000, 2))
    assert last.total == 500
    got, last = answer(thousand, SearchQuery("odd", max_hits=30, newest_first=False))
    assert got == list(range(1, 60, 2))
    got, last = answer(thousand, SearchQuery("odd", stop_after=7))
    assert (got, last.total) == (list(range(987, 1000, 2)), 7)
    got, last = answer(thousand, SearchQuery("odd", stop_after=7, newest_first=False))
    assert (got, last.total) == (list(range(1, 15, 2)), 7)
    parts = list(scan(thousand, SearchQuery("line"), lambda: False))
    firsts = [part.seqs[0] for part in parts if part.seqs]
    assert firsts == sorted(firsts, reverse=True)


def test_a_cancelled_search_ends_without_an_end(thousand: StoreSnapshot) -> None:
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked > 6

    for pattern, regex in (("odd", False), ("o.d|x*", True)):
        asked = 0
        parts = list(scan(thousand, SearchQuery(pattern, regex), cancelled))
        assert not any(part.done for part in parts)
        assert len(parts) < 10


@pytest.mark.parametrize("pattern", ["(", "a{2", "[", "(?P<a", "*", "(?<=a*)b", "a" * 3 + "{99999999999}"])
def test_a_bad_pattern_is_told(thousand: StoreSnapshot, pattern: str) -> None:
    parts = list(scan(thousand, SearchQuery(pattern, regex=True), lambda: False))

    if parts[0].error:
        assert len(parts) == 1
        assert parts[0].done
        assert parts[0].error.startswith("bad pattern: ")
    else:
        re.compile(pattern)


def test_words_in_headers_and_tables_are_no_hits(tmp_path: Path) -> None:
    snapshot = stored(tmp_path, [("web", b"nothing\n", BatchFlag.NONE)])

    assert answer(snapshot, SearchQuery("BRXF"))[0] == []
    assert answer(snapshot, SearchQuery("\0", ignore_case=True))[0] == []


def test_a_word_among_the_key_bytes_does_not_hide_the_line_behind_them(tmp_path: Path) -> None:
    """The key byte of source 12 at level debug is an a; that of source 1 at level info is a newline."""
    batches: list[Batch] = [(f"s{n}", b"x\n", BatchFlag.NONE) for n in range(12)]
    snapshot = stored(tmp_path, [*batches, ("s12", b"a\na a\nb\na\n" * 3, BatchFlag.NONE)])
    query = SearchQuery("a")

    assert answer(snapshot, query)[0] == oracle(snapshot, query)
    assert b"a" in snapshot.segments[0].keys(0)


def test_a_literal_with_a_newline_matches_nothing(tmp_path: Path) -> None:
    snapshot = stored(tmp_path, [("web", b"a\nb\n", BatchFlag.NONE)])

    assert answer(snapshot, SearchQuery("a\nb"))[0] == []


def test_a_damaged_frame_has_no_hits_and_a_lost_segment_none(tmp_path: Path) -> None:
    batches: list[Batch] = [("web", b"needle %d\n" % n, BatchFlag.NONE) for n in range(40)]
    snapshot = stored(tmp_path, batches, each=True, segment_bytes=600)
    first, second = snapshot.segments[:2]
    with first.path.open("r+b") as file:
        file.seek(first.frames[0].raw_offset + 3)
        file.write(b"\xff")
    second.path.unlink()
    got, _ = answer(snapshot, SearchQuery("needle"))
    lost = set(range(first.first_seq, first.frames[0].end_seq)) | set(range(second.first_seq, second.end_seq))

    assert got == [seq for seq in range(40) if seq not in lost]


def test_a_segment_that_was_cut_short(tmp_path: Path) -> None:
    snapshot = stored(
        tmp_path, [("web", b"needle %d\n" % n, BatchFlag.NONE) for n in range(9)], frame_bytes=8
    )
    view = snapshot.segments[0]
    with view.path.open("r+b") as file:
        file.truncate(view.frames[len(view.frames) - 1].raw_offset)
    got, _ = answer(snapshot, SearchQuery("needle"))

    assert got == list(range(view.first_seq, view.frames[len(view.frames) - 1].first_seq))


def test_a_very_long_line_is_joined_across_every_border(tmp_path: Path) -> None:
    """More pieces than are joined at once; the word lies across each border."""
    parts: list[Batch] = [("web", b"dle" + b"x" * 50 + b"nee\n", BatchFlag.MORE) for _ in range(40)]
    snapshot = stored(
        tmp_path, [*parts, ("web", b"dle end\n", BatchFlag.NONE)], segment_bytes=700, frame_bytes=64
    )

    assert answer(snapshot, SearchQuery("needle"))[0] == list(range(40))
    assert answer(snapshot, SearchQuery("NEEDLE", ignore_case=True))[0] == list(range(40))
    assert answer(snapshot, SearchQuery("dle end"))[0] == [40]
