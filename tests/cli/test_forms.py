"""Text, raw bytes and objects."""

from __future__ import annotations

import json

from brummer_rx.cli.chunks import Chunk
from brummer_rx.cli.forms import AsJson, AsRaw, AsText, Form
from brummer_rx.pipeline.event import Gap, GapReason, Stream
from brummer_rx.sinks.clocktext import local_clock
from brummer_rx.sinks.plaintext import TextForm

NOW = 1_764_028_741_042_000_000
HEAD = local_clock(NOW) + " web | "
GAP = Gap("web", 2, 9, GapReason.DISK, 4, 5)


def chunk(lines: list[bytes], first: int = 0, *, more: bool = False, newline: bool = True) -> Chunk:
    seqs = range(first, first + len(lines))
    return Chunk("web", Stream.OUT, NOW, seqs, lines, b"\2" * len(lines), more, newline)


PARTS = [
    chunk([b"a", b"\x1b[1mb\r"]),
    GAP,
    chunk([b"long "], 6, more=True, newline=False),
    chunk([b"line"], 7),
    chunk([b"end"], 8, newline=False),
]


def render(form: Form) -> bytes:
    parts = [form.gap(p) if isinstance(p, Gap) else form.chunk(p) for p in PARTS]
    return b"".join([*parts, form.finish()])


def test_raw_is_what_was_written() -> None:
    form = AsRaw()

    assert render(form) == b"a\n\x1b[1mb\r\nlong line\nend"
    assert form.gaps == ["-- 2 lines of web missing (disk), seq 4 to 5 --"]


def test_text_reads_as_plain_does() -> None:
    assert render(AsText(TextForm(["web"]))).decode() == (
        f"{HEAD}a\n{HEAD}b\n-- 2 lines of web missing (disk), seq 4 to 5 --\n{HEAD}long line\n{HEAD}end\n"
    )


def test_objects_are_one_a_line() -> None:
    rows = [json.loads(row) for row in render(AsJson()).splitlines()]

    assert [(row.get("seq"), row.get("text"), row.get("more"), "gap" in row) for row in rows] == [
        (0, "a", None, False),
        (1, "b", None, False),
        (None, None, None, True),
        (6, "long ", True, False),
        (7, "line", None, False),
        (8, "end", None, False),
    ]
