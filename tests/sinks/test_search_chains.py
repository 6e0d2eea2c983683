"""Lines in pieces: which belong together, and in which of them a match begins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from brummer_rx.pipeline.event import BatchFlag, Gap, GapReason, Level, Stream
from brummer_rx.pipeline.reader import LineFilter, SearchQuery
from brummer_rx.pipeline.text import strip_escapes, text_of
from brummer_rx.sinks.store import search_chains
from brummer_rx.sinks.store.keymask import compile_rule
from brummer_rx.sinks.store.search import scan
from brummer_rx.sinks.store.search_chains import Chains, piece_hits
from brummer_rx.sinks.store.search_plan import plan_for
from brummer_rx.sinks.store.snapshot import StoreSnapshot
from tests.sinks.storekit import Kit, batch_of

MORE = BatchFlag.MORE
Put = Callable[..., int]


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    kit = Kit(tmp_path)
    yield kit
    kit.close()


def put(kit: Kit, *raws: bytes, more: bool = False, source: str = "web", stream: Stream = Stream.OUT) -> int:
    """Store these lines in a frame of their own; the seq of the last one."""
    flags = MORE if more else BatchFlag.NONE
    seq = kit.store.append(batch_of(*raws, source=source, stream=stream, flags=flags)) + len(raws) - 1
    kit.flush()
    return seq


def hits(snapshot: StoreSnapshot, pattern: str, **query: object) -> list[int]:
    asked = SearchQuery(pattern, regex=True, **query)  # type: ignore[arg-type]
    return sorted(seq for part in scan(snapshot, asked, lambda: False) for seq in part.seqs)


def chains(snapshot: StoreSnapshot, where: LineFilter = LineFilter()) -> list[int]:
    rule = compile_rule(where, snapshot.sources)
    plan = plan_for(SearchQuery("x"))
    return Chains(snapshot, plan, rule, 0, snapshot.end_seq, lambda: False).seqs


def test_a_match_across_a_border_is_a_hit_of_the_piece_where_it_begins(kit: Kit) -> None:
    first = put(kit, b"before", b"one nee", more=True)
    put(kit, b"foreign", source="api")
    second = put(kit, b"dle two nee", more=True)
    put(kit, b"on the other stream", stream=Stream.ERR)
    third = put(kit, b"dle three", b"after")

    snapshot = kit.flush()

    assert hits(snapshot, "needle") == [first, second]
    assert hits(snapshot, "^one.*three$") == [first]
    assert hits(snapshot, "^dle") == []
    assert hits(snapshot, "three$") == [third - 1]
    assert hits(snapshot, "o") == [first - 1, first, first - 1 + 2, second, *hits(snapshot, "on the other")]


def test_an_escape_sequence_across_a_border_is_no_text(kit: Kit) -> None:
    first = put(kit, b"nee\x1b[3", more=True)
    put(kit, b"1mdle")

    assert hits(kit.flush(), "needle") == [first]
    assert hits(kit.flush(), "1m") == []


def test_a_character_across_a_border_belongs_to_where_it_begins(kit: Kit) -> None:
    first = put(kit, b"caf\xc3", more=True)
    second = put(kit, b"\xa9 noir")

    assert hits(kit.flush(), "é") == [first]
    assert hits(kit.flush(), " noir") == [second]


def test_a_line_that_never_ended_is_a_line(kit: Kit) -> None:
    seq = put(kit, b"prompt> ", more=True)

    assert hits(kit.flush(), "prompt> $") == [seq]
    assert chains(kit.flush()) == []


def test_a_gap_of_the_same_source_ends_the_line(kit: Kit) -> None:
    put(kit, b"nee", more=True)
    kit.store.append(Gap("web", 3, 9, GapReason.OVERFLOW, 0, 0))
    put(kit, b"dle")

    assert hits(kit.flush(), "needle") == []


def test_a_gap_of_another_source_does_not(kit: Kit) -> None:
    put(kit, b"x", source="api")
    seq = put(kit, b"nee", more=True)
    kit.store.append(Gap("api", 3, 9, GapReason.OVERFLOW, 0, 0))
    put(kit, b"dle")

    assert hits(kit.flush(), "needle") == [seq]


def test_a_window_cuts_a_line(kit: Kit) -> None:
    first = put(kit, b"nee", more=True)
    second = put(kit, b"dle", more=True)
    put(kit, b" end")
    snapshot = kit.flush()

    assert hits(snapshot, "^needle end$") == [first]
    assert hits(snapshot, "^dle", start=second) == [second]
    assert hits(snapshot, "needle$", stop=second + 1) == [first]
    assert hits(snapshot, "needle", stop=second) == []


def test_a_batch_may_end_one_line_and_begin_the_next(kit: Kit) -> None:
    first = put(kit, b"nee", more=True)
    last = put(kit, b"dle", b"whole", b"nee", more=True)
    put(kit, b"dle")

    assert hits(kit.flush(), "needle") == [first, last]


def test_a_window_cuts_a_line_within_a_frame(kit: Kit) -> None:
    for text in (b"nee", b"dle", b" nee", b"dle"):
        last = kit.store.append(batch_of(text, flags=MORE))
    snapshot = kit.flush()
    assert len(snapshot.segments[0].frames) == 1

    assert hits(snapshot, "needle") == [last - 3, last - 1]
    assert hits(snapshot, "needle", stop=last) == [last - 3]
    assert hits(snapshot, "needle", start=last - 2) == [last - 1]


def test_filters_look_at_each_piece(kit: Kit) -> None:
    error = batch_of(b"nee", levels=[Level.ERROR], flags=MORE)
    first = kit.store.append(error)
    put(kit, b"dle needle")
    snapshot = kit.flush()

    assert hits(snapshot, "needle") == [first, first + 1]
    assert hits(snapshot, "needle", where=LineFilter(None, Level.ERROR)) == [first]
    assert hits(snapshot, "needle", where=LineFilter(frozenset({"api"}))) == []
    assert chains(snapshot, LineFilter(frozenset({"api"}))) == []


def test_a_line_goes_on_in_a_later_segment_of_many(kit: Kit) -> None:
    first = put(kit, b"nee", more=True)
    for _ in range(12):
        put(kit, *[b"x" * 400], source="api")
    last = put(kit, b"dle")
    snapshot = kit.flush()
    assert len(snapshot.segments) > 1

    assert chains(snapshot) == [first, last]
    assert hits(snapshot, "needle") == [first]
    assert hits(snapshot, "needle", newest_first=False, stop_after=1) == [first]


def test_a_very_long_line_is_joined_part_by_part(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_chains, "JOIN_BYTES", 8)
    seqs = [put(kit, text, more=True) for text in (b"aab", b"baab", b"baab")]
    put(kit, b"b")

    assert hits(kit.flush(), "bb") == [seqs[0], seqs[2]]


def test_a_piece_in_a_damaged_frame_cuts_the_line(kit: Kit) -> None:
    first = put(kit, b"nee", more=True)
    put(kit, b"x" * 500, more=True)
    last = put(kit, b"dle needle")
    for _ in range(10):
        put(kit, b"y" * 400, source="api")
    snapshot = kit.flush()
    view = snapshot.segments[0]
    row = view.frames[view.frame_at_seq(first + 1)]
    data = bytearray(view.path.read_bytes())
    data[row.raw_offset + 5] ^= 1
    view.path.write_bytes(data)

    assert hits(snapshot, "^nee$") == [first]
    assert hits(snapshot, "needle") == [last]
    assert any(gap.reason is GapReason.DAMAGE for gap in snapshot.gaps)


def test_pieces_in_an_evicted_segment_are_left_out(kit: Kit) -> None:
    put(kit, b"nee", more=True)
    for _ in range(20):
        put(kit, b"y" * 400, source="api")
    last = put(kit, b"dle needle")
    snapshot = kit.flush()
    snapshot.segments[0].path.unlink()

    assert hits(snapshot, "needle") == [last]


@given(
    st.lists(
        st.lists(
            st.sampled_from(
                [
                    b"a",
                    b"b",
                    b"ab",
                    b"\x1b",
                    b"[1m",
                    b"]0;t",
                    b"\x07",
                    b"\\",
                    b"\r",
                    b"\xe2",
                    b"\x82",
                    b"\xac",
                ]
            ),
            max_size=4,
        ).map(b"".join),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from(["ab", "a", "a.*b", "^", "$", "\ufffd", "(?<=a)b", "€", "^b"]),
)
@example([b"\xf0", b"\x80a"], "\ufffd")
@example([b"\x1b]0;t\x1b", b"\\ab"], "^ab")
def test_pieces_against_the_joined_text(raws: list[bytes], pattern: str) -> None:
    plan = plan_for(SearchQuery(pattern, regex=True))
    text = text_of(b"".join(raws))
    starts = [len(strip_escapes(b"".join(raws[:n])).decode("utf-8", "replace")) for n in range(len(raws))]
    wanted = []
    for n, start in enumerate(starts):
        match = plan.search(text, start)
        if match is not None and (n + 1 == len(raws) or match.start() < starts[n + 1]):
            wanted.append(n)

    assert list(piece_hits(raws, plan)) == wanted
