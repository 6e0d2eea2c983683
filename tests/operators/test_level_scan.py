"""The law of the chunk engine: what `level_of` gives, line by line, with either set of byte tools."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.harness import block
from brummer_rx.operators.level_rules import level_of
from brummer_rx.operators.level_scan import classify
from brummer_rx.operators.level_words import WORDS
from brummer_rx.pipeline.event import Level
from brummer_rx.pipeline.fastbytes import PURE, ZILLA, ByteTools

CORPUS = Path(__file__).resolve().parents[1] / "corpus" / "errors"
ENGINES = [e for e in (PURE, ZILLA) if e is not None]

# Pieces of lines: a soup of them makes marks of every kind, near misses, and lines without any.
WORD_FORMS = [form for word in WORDS for form in (word, word.upper(), word.capitalize())]
GLUE = [
    *(
        b" ",
        b"  ",
        b":",
        b": ",
        b"[",
        b"]",
        b"(",
        b")",
        b"=",
        b'"',
        b"{",
        b"}",
        b"|",
        b" | ",
        b",",
        b"/",
        b".",
        b"\t",
    ),
    *(
        b"\r",
        b"\x1b[31m",
        b"\x1b[0m",
        b"\x1b]0;t\x07",
        b"\x1b",
        b"\0",
        b"\xff",
        "✗ ".encode(),
        "✓ ".encode(),
        b"\n",
    ),
    *(
        b"s",
        b"1",
        b"12:00:01 ",
        b"2026-11-23T15:04:05Z ",
        b"web | ",
        b"src/a.c:4:5: ",
        b"Nov 23 15:04:05 ",
        b"no ",
    ),
    *(
        b'"level":',
        b'{"level":"',
        b"level=",
        b"lvl=",
        b'"level": 50',
        b'{"level":30',
        b"severity=",
        b"hello ",
    ),
    *(
        b"TypeError",
        b"Exception",
        b"Traceback (most recent call last):",
        b"E/tag: ",
        b"E1123 15:04:05 a.cc:1] ",
    ),
    *(
        b"<3>",
        b"[E 15",
        b"W/a(1):",
        b"F0101 11:11:11]",
        b"*** ",
        b"** (",
        b"KeyError) ",
        b"npm ",
        b"thread 'a' ",
    ),
    b"panicked at",
    b"Segmentation fault",
    b"failed to x",
    b": not found",
    b": No such file or directory",
    *(
        b"x.rb:1:in `a': ",
        b" (XError)",
        b"Module not found:",
        b"FAIL",
        b"FAILED",
        b"Warning:",
        b"TS12:",
        b"[E0502]",
    ),
]
soup = st.lists(st.sampled_from(WORD_FORMS + GLUE * 3), max_size=30).map(b"".join)


def expected(data: bytes) -> bytes:
    lines = data.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    return bytes(level_of(line) for line in lines)


@pytest.mark.parametrize("engine", ENGINES, ids=lambda e: e.name)
@given(data=st.one_of(soup, st.lists(soup, max_size=5).map(b"\n".join), st.binary(max_size=200)))
def test_a_chunk_has_the_levels_of_its_lines(engine: ByteTools, data: bytes) -> None:
    want = expected(data)

    assert classify(data, len(want), engine) == want


def test_a_million_pieces_of_soup() -> None:
    """The same law over far more text than Hypothesis makes."""
    rng = random.Random(11)
    pieces = WORD_FORMS + GLUE * 3
    for _ in range(40):
        data = b"".join(rng.choices(pieces, k=5000))
        want = expected(data)
        assert classify(data, len(want)) == want


BEFORE = [
    b"",
    b" ",
    b"[",
    b"(",
    b"12:00 ",
    b"web | ",
    b"a.c:1:2: ",
    b"level=",
    b"lvl=",
    b'{"level":"',
    b"severity=",
]
BEFORE += [
    b'level="',
    b"level: ",
    b"level='",
    b"[core:",
    b"npm ",
    b"<",
    b"My",
    b"a.b.",
    b"PHP ",
    b"x ",
    b"\t",
    b'"',
    b"- ",
]
AFTER = [
    b"",
    b" ",
    b": x",
    b":",
    b"] x",
    b") x",
    b" x",
    b"  x",
    b'"}',
    b"!",
    b"[1]: x",
    b" 2: x",
    b",",
    b"=1",
    b"s",
    b"'",
]
MORE_FORMS = [
    b"TypeError",
    b"Exception",
    b"IOException",
    b"DeprecationWarning",
    b"10",
    b"50",
    b"3",
    b"Failed to",
]


def test_every_word_in_every_place() -> None:
    """The law, exhaustively over the forms of words, what stands before and what stands after them."""
    forms = [*WORD_FORMS, *MORE_FORMS, *(word[:1] + word[1:].upper() for word in WORDS)]
    lines = [before + form + after for form in forms for before in BEFORE for after in AFTER]
    got = classify(b"\n".join(lines), len(lines))

    assert [(lines[n], level) for n, level in enumerate(got) if level != level_of(lines[n])] == []


@pytest.mark.parametrize("engine", ENGINES, ids=lambda e: e.name)
@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.txt")), ids=lambda p: p.stem)
def test_real_outputs(engine: ByteTools, path: Path) -> None:
    data = path.read_bytes()
    want = expected(data)

    assert classify(data, len(want), engine) == want


@pytest.mark.parametrize("engine", ENGINES, ids=lambda e: e.name)
def test_the_lines_of_the_benchmarks(engine: ByteTools) -> None:
    data = block()
    levels = classify(data, 20_000, engine)

    assert levels == expected(data)
    assert {Level(level) for level in levels} == {Level.DEBUG, Level.INFO, Level.WARN, Level.ERROR}


@pytest.mark.parametrize("engine", ENGINES, ids=lambda e: e.name)
def test_borders(engine: ByteTools) -> None:
    assert classify(b"", 0, engine) == b""
    assert classify(b"\n", 1, engine) == bytes([Level.INFO])
    assert classify(b"\n\n\nERROR x\n\n", 5, engine) == bytes([2, 2, 2, 4, 2])
    assert classify(b"E/a: x\nE/a: x", 2, engine) == bytes([4, 4])
    assert classify(b"x error\nERROR", 2, engine) == bytes([2, 4])
    assert classify(b"x" * 100_000 + b"\nWARN x\n", 2, engine) == bytes([2, 3])


def test_an_escape_that_never_ends_ends_with_its_line() -> None:
    assert classify(b"\x1b]0;title\nERROR x\n\x1b[31\nWARN y\x1b\nDEBUG z\n", 5) == bytes([2, 4, 2, 3, 1])
