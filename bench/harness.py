"""What the benchmarks share: realistic lines, writers, and batches.

The mix is the one of the design's measurements: 68 bytes a line on average, 80.7 % info, 13.5 % debug, 4.4 %
warn, 1.5 % error. Everything is made from one seed, so two runs see the same bytes.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from brummer_rx.pipeline.event import LogBatch, Stream

BLOCK_LINES = 20_000
NEEDLE = b"needle-7f3a"
"""The rare literal of the filled stores."""

PATHS = ("/api/users", "/api/orders", "/static/app.js", "/login", "/health", "/api/items/search")
WORDS = ("connect", "session", "cache", "worker", "queue", "render", "commit", "fetch", "parse", "retry")


def one_line(rng: random.Random, number: int) -> bytes:
    """A line of a web application's log, without its newline."""
    roll = rng.random()
    if roll < 0.015:
        return b"ERROR %s failed: timeout after %d ms (attempt %d)" % (
            rng.choice(WORDS).encode(), rng.randrange(10, 9000), number % 5,
        )  # fmt: skip
    if roll < 0.059:
        return b"WARN slow %s took %d ms, budget is 200 ms" % (
            rng.choice(WORDS).encode(),
            rng.randrange(200, 4000),
        )
    if roll < 0.194:
        return b"DEBUG %s id=%012x state=%s depth=%d" % (
            rng.choice(WORDS).encode(), rng.getrandbits(48), rng.choice(WORDS).encode(), rng.randrange(64),
        )  # fmt: skip
    return b"INFO GET %s/%d 200 in %dms user=%05d trace=%016x" % (
        rng.choice(PATHS).encode(), rng.randrange(9999), rng.randrange(1, 400), rng.randrange(99999),
        rng.getrandbits(64),
    )  # fmt: skip


@lru_cache(maxsize=4)
def block(lines: int = BLOCK_LINES, seed: int = 7) -> bytes:
    """`lines` lines as one piece of bytes."""
    rng = random.Random(seed)
    return b"".join(one_line(rng, n) + b"\n" for n in range(lines))


def write_lines(path: Path, lines: int) -> None:
    """A file of `lines` lines."""
    body = block()
    with path.open("wb") as file:
        for start in range(0, lines, BLOCK_LINES):
            piece = body if lines - start >= BLOCK_LINES else b"".join(body.splitlines(True)[: lines - start])
            file.write(piece)


def batches(lines: int, *, sources: int = 8, lines_a_batch: int = 960) -> Iterator[LogBatch]:
    """The same lines as batches of about 64 KiB, round robin over `sources`."""
    body = block().splitlines(keepends=True)
    pieces = [
        (b"".join(body[at : at + lines_a_batch]), len(body[at : at + lines_a_batch]))
        for at in range(0, BLOCK_LINES, lines_a_batch)
    ]
    sent, number = 0, 0
    counts = [0] * sources
    while sent < lines:
        data, n = pieces[number % len(pieces)]
        source = number % sources
        if n > lines - sent:
            n = lines - sent
            data = b"".join(data.splitlines(keepends=True)[:n])
        yield LogBatch(
            f"app{source}", Stream.OUT, counts[source], n, 1_700_000_000_000_000_000 + number, data
        )
        counts[source] += n
        sent += n
        number += 1
