"""A frame's body taken apart for reading: runs, key bytes, lines.

Pure; lines are made here and nowhere earlier.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from brummer_rx.pipeline.event import Level
from brummer_rx.pipeline.reader import Line
from brummer_rx.sinks.store.format import RUN_SIZE, Header, Run, decode_runs

__all__ = ["Block", "decode_block", "lines_between", "source_name"]


class Block(NamedTuple):
    """One frame, decoded."""

    first_seq: int
    runs: list[Run]
    ends: list[int]
    """Lines up to the end of each run."""
    keys: bytes
    lines: list[bytes]
    """Without their newlines."""


def decode_block(header: Header, body: bytes) -> Block | None:
    """The block of a whole body, or None when its parts contradict each other."""
    table = header.runs * RUN_SIZE
    raw_at = table + header.lines
    runs = decode_runs(body[:table], header.wall_ns)
    lines = body[raw_at:].split(b"\n")
    lines.pop()
    ends = list(accumulate(run.lines for run in runs))
    if not ends or ends[-1] != header.lines or len(lines) != header.lines:
        return None
    return Block(header.first_seq, runs, ends, body[table:raw_at], lines)


def source_name(source: int, names: Sequence[str]) -> str:
    """The name of a source id; one that the manifest does not know is shown by its number."""
    return names[source] if source < len(names) else f"source-{source}"


def lines_between(block: Block, start: int, stop: int, names: Sequence[str]) -> list[Line]:
    """The block's lines with start <= seq < stop."""
    at = max(0, start - block.first_seq)
    end = min(len(block.lines), stop - block.first_seq)
    found: list[Line] = []
    index = bisect_right(block.ends, at)
    while at < end:
        run, run_end = block.runs[index], block.ends[index]
        until = min(end, run_end)
        name, stream, time_ns, seq = (
            source_name(run.source, names),
            run.stream,
            run.time_us * 1000,
            block.first_seq,
        )
        found += [
            Line(seq + n, time_ns, name, stream, Level(min(block.keys[n] & 7, 5)), block.lines[n])
            for n in range(at, until)
        ]
        if until == run_end and not run.newline:
            last = found[-1]
            found[-1] = Line(
                last.seq, time_ns, name, stream, last.level, last.raw, more=run.more, newline=False
            )
        at, index = until, index + 1
    return found
