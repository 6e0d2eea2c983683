"""Which lines: filters, then --after-seq, then --tail or --limit, gaps in their places."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from brummer_rx.cli.chunks import Chunk
from brummer_rx.cli.requests import LogsOptions
from brummer_rx.cli.selection import first_window
from brummer_rx.pipeline.event import Gap, GapReason, Level
from brummer_rx.sinks.store.reader import RunReader, open_run
from tests.cli.storebox import StoredRun, place

TEXTS = ["alpha", "beta", "gamma 42", "delta", "Alpha"]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> RunReader:
    """300 lines of three sources with two gaps (20..24 of web, 160 of nobody known) in several segments."""
    run = StoredRun(tmp_path_factory.mktemp("runs"), segment_bytes=2500, frame_bytes=500)
    n = 0
    while n < 300:
        if n == 20:
            run.lose(Gap("web", 5, 50, GapReason.DISK, 0, 0))
            n = 25
        if n == 160:
            run.lose(Gap("", 1, 7, GapReason.OVERFLOW, 0, 0))
            n = 161
        run.add(source(n), (TEXTS[n % 5] + f" #{n}\n").encode(), [level(n)])
        n += 1
        if n % 40 == 0:
            run.flush()
    run.end()
    return open_run(run.path)


def source(n: int) -> str:
    return ("web", "api", "db")[n % 3]


def level(n: int) -> Level:
    return Level(n % 6)


SEQS = [n for n in range(300) if not 20 <= n < 25 and n != 160]
GAPS = [(20, 24, "web"), (160, 160, "")]


def expected(**o: Any) -> tuple[list[int], list[int]]:
    """The oracle: seqs of lines, first seqs of gaps."""
    after = o.get("after_seq", -1)
    seqs = [n for n in SEQS if n > after]
    if o.get("sources"):
        seqs = [n for n in seqs if source(n) in o["sources"]]
    seqs = [n for n in seqs if level(n) >= o.get("level", Level.TRACE)]
    if "grep" in o:
        seqs = [n for n in seqs if re.search(o["grep"], TEXTS[n % 5] + f" #{n}")]
    low, high = after + 1, 300
    tail = o.get("tail", 10 if o.get("follow") and "after_seq" not in o else None)
    if tail is not None:
        if len(seqs) >= tail:
            seqs = seqs[len(seqs) - tail :]
            low = seqs[0] if seqs else high
    elif "limit" in o and len(seqs) >= o["limit"]:
        seqs = seqs[: o["limit"]]
        high = seqs[-1] + 1 if seqs else low
    gaps = [
        first
        for first, last, name in GAPS
        if first < high and last >= low and (not o.get("sources") or not name or name in o["sources"])
    ]
    return seqs, gaps


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"sources": ("web",)},
        {"sources": ("api", "db")},
        {"level": Level.WARN},
        {"sources": ("db",), "level": Level.ERROR},
        {"after_seq": -1},
        {"after_seq": 21},
        {"after_seq": 299},
        {"after_seq": 5000},
        {"tail": 0},
        {"tail": 3},
        {"tail": 140},
        {"tail": 10_000},
        {"limit": 0},
        {"limit": 3},
        {"limit": 25},
        {"limit": 10_000},
        {"limit": 4, "after_seq": 18},
        {"tail": 4, "after_seq": 18, "sources": ("web",)},
        {"tail": 4, "after_seq": 297},
        {"limit": 9, "level": Level.FATAL, "sources": ("api", "db")},
        {"tail": 9, "level": Level.FATAL, "after_seq": 30},
        {"follow": True},
        {"follow": True, "after_seq": 280},
        {"follow": True, "tail": 2},
        {"grep": "alpha"},
        {"grep": "(?i)alpha"},
        {"grep": "^gamma"},
        {"grep": "nothing has this"},
        {"grep": "#1.$", "tail": 4},
        {"grep": "a", "limit": 30},
        {"grep": "a", "tail": 0},
        {"grep": "eta", "sources": ("web",), "level": Level.INFO, "after_seq": 40, "limit": 5},
    ],
    ids=str,
)
def test_against_the_oracle(stored: RunReader, tmp_path: Path, options: dict[str, Any]) -> None:
    parts = list(first_window(LogsOptions(place(tmp_path), **options), stored.snapshot()))

    seqs = [seq for part in parts if isinstance(part, Chunk) for seq in part.seqs]
    gaps = [part.first_seq for part in parts if isinstance(part, Gap)]
    assert (seqs, gaps) == expected(**options)
    order = [part.first_seq if isinstance(part, Gap) else part.seqs[0] for part in parts]
    assert order == sorted(order)
    for part in parts:
        if isinstance(part, Chunk):
            assert [f"{TEXTS[n % 5]} #{n}".encode() for n in part.seqs] == part.lines


def test_damage_is_told_once_however_it_is_met(tmp_path: Path) -> None:
    run = StoredRun(tmp_path / "runs", frame_bytes=14)
    for n in range(4):
        run.add("web", b"line %d\nmore\n" % n)
        run.flush()
    run.end()
    (segment,) = run.path.glob("*.seg")
    data = bytearray(segment.read_bytes())
    for n in (1, 2):
        data[data.index(b"line %d" % n)] ^= 1
    segment.write_bytes(data)
    reader = open_run(run.path)
    options = LogsOptions(place(tmp_path))

    first = list(first_window(options, reader.snapshot()))
    again = list(first_window(options, reader.snapshot()))

    assert [p.first_seq for p in first if isinstance(p, Gap)] == [2, 4]
    gaps = [(p.first_seq, p.last_seq) for p in again if isinstance(p, Gap)]
    assert gaps == [(2, 5)]  # known now, and joined
    assert [seq for p in again if isinstance(p, Chunk) for seq in p.seqs] == [0, 1, 6, 7]
