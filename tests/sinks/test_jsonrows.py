"""JSON rows made in bulk say what `json` would say, line by line."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.pipeline.event import Gap, GapReason, Level, Stream
from brummer_rx.pipeline.text import text_of
from brummer_rx.sinks.jsonrows import gap_row, json_rows

NOW = 1_764_028_741_042_000_000
LINES = st.lists(
    st.binary(max_size=30).map(lambda b: b.replace(b"\n", b""))
    | st.text(max_size=20).map(lambda t: t.encode("utf-8", "replace").replace(b"\n", b""))
    | st.sampled_from(
        [b'say "x"', b"back\\slash", b"tab\t", b"\\n", b"\x00\x1f\x7f\xc2\x85", b"\x1b[31mred"]
    ),
    min_size=1,
    max_size=8,
)


@given(LINES, st.integers(0, 2**63), st.sampled_from(Stream), st.text(max_size=8), st.booleans(), st.data())
def test_rows_are_what_json_says(
    lines: list[bytes], first: int, stream: Stream, source: str, more: bool, data: st.DataObject
) -> None:
    levels = bytes(data.draw(st.lists(st.sampled_from(Level), min_size=len(lines), max_size=len(lines))))
    seqs = range(first, first + len(lines))
    text = json_rows(source, stream, NOW, seqs, b"\n".join(lines) + b"\n", levels, more)

    rows = [json.loads(row) for row in text.split("\n")[:-1]]
    expected: list[dict[str, object]] = [
        {
            "seq": first + n,
            "time": "2025-11-24T23:59:01.042Z",
            "source": source,
            "stream": {0: "out", 1: "err", 2: "tty", 3: "system"}[stream],
            "level": Level(levels[n]).name.lower(),
            "text": text_of(line),
        }
        for n, line in enumerate(lines)
    ]
    if more:
        expected[-1]["more"] = True
    assert rows == expected
    assert text.endswith("}\n")
    assert text.encode().isascii() or text.encode().decode() == text
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in text.replace("\n", ""))


def test_the_shape_to_the_byte() -> None:
    assert json_rows("web", Stream.ERR, NOW, [7], b'a "b"\n', bytes([Level.ERROR])) == (
        '{"seq":7,"time":"2025-11-24T23:59:01.042Z","source":"web","stream":"err","level":"error",'
        '"text":"a \\"b\\""}\n'
    )


def test_lines_that_are_not_stored_have_no_seq_and_no_levels() -> None:
    text = json_rows("web", Stream.OUT, NOW, None, b"a\nb\n", None, True)
    rows = [json.loads(row) for row in text.splitlines()]

    assert [list(row) for row in rows] == [
        ["time", "source", "stream", "level", "text"],
        ["time", "source", "stream", "level", "text", "more"],
    ]
    assert {row["level"] for row in rows} == {"info"}


def test_a_row_for_each_seq_or_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        json_rows("web", Stream.OUT, NOW, [1, 2], b"a\n", b"\2")


def test_gaps() -> None:
    assert gap_row(Gap("web", 3, 90, GapReason.DAMAGE, 4, 6)) == (
        '{"gap":{"source":"web","lines":3,"bytes":90,"reason":"damage","first_seq":4,"last_seq":6}}\n'
    )
    assert "source" not in json.loads(gap_row(Gap("", 1, 1, GapReason.AGE, 0, 0)))["gap"]
    assert gap_row(Gap("\udc80", 1, 1, GapReason.AGE, 0, 0)).isascii()
