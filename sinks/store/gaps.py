"""Gaps: the 40-byte records of `gaps.log`, and what a hole in the seqs means. Pure.

::

    first seq 8, last seq 8, lines 4, bytes 4, source slot mask 4, reason 1, highest level 1, source id + 1 2,
    seconds since the run's start 4, crc 4

Counts stop at 2^32 - 1. A record that was cut or damaged is stepped over, byte by byte, to the next sound
one. A hole that no record explains is damage; a record whose lines still exist is ignored (the tool died
between writing the record and removing the lines).
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from zlib import crc32

from brummer_rx.pipeline.event import Gap, GapReason
from brummer_rx.sinks.store.block import source_name
from brummer_rx.sinks.store.format import SLOT_OTHER, slot_of

__all__ = ["RECORD_SIZE", "decode_gaps", "encode_gap", "explain", "holes_between", "join", "sorted_gaps"]

_RECORD = struct.Struct("<qqIIIBBHI")
RECORD_SIZE = _RECORD.size + 4
_MOST = 0xFFFF_FFFF
_REASONS = (
    GapReason.BUDGET, GapReason.AGE, GapReason.OVERFLOW, GapReason.DAMAGE, GapReason.DISK, GapReason.CUT,
)  # fmt: skip

Hole = tuple[int, int]
"""First missing seq and the seq after the last missing one."""


def encode_gap(gap: Gap, ids: Iterable[int], *, level: int, seconds: int) -> bytes:
    """The record of a gap that concerns these source ids (none: not known).

    `level` is the highest lost one.
    """
    sources = list(ids)
    mask = 0
    for source in sources:
        mask |= 1 << slot_of(source)
    one = sources[0] + 1 if len(sources) == 1 and sources[0] < _MOST >> 16 else 0
    record = _RECORD.pack(
        gap.first_seq, gap.last_seq, min(gap.lines, _MOST), min(gap.bytes, _MOST), mask,
        _REASONS.index(gap.reason), level, one, max(0, min(seconds, _MOST)),
    )  # fmt: skip
    return record + crc32(record).to_bytes(4, "little")


def decode_gaps(data: bytes, names: Sequence[str]) -> list[Gap]:
    """The gaps in the order they were logged."""
    found: list[Gap] = []
    at = 0
    while at + RECORD_SIZE <= len(data):
        record = data[at : at + _RECORD.size]
        if crc32(record) != int.from_bytes(data[at + _RECORD.size : at + RECORD_SIZE], "little"):
            at += 1
            continue
        at += RECORD_SIZE
        first, last, lines, size, mask, reason, _, one, _ = _RECORD.unpack(record)
        if reason < len(_REASONS):
            found.append(Gap(_name(mask, one, names), lines, size, _REASONS[reason], first, last))
    return found


def _name(mask: int, one: int, names: Sequence[str]) -> str:
    if one:
        return source_name(one - 1, names)
    single = mask and not mask & (mask - 1)
    slot = mask.bit_length() - 1
    return source_name(slot, names) if single and slot != SLOT_OTHER else ""


def join(earlier: Gap, later: Gap) -> Gap | None:
    """Both as one, when they touch and have the same reason and source."""
    if (
        earlier.last_seq + 1 != later.first_seq
        or earlier.reason != later.reason
        or earlier.source != later.source
    ):
        return None
    lines, size = earlier.lines + later.lines, earlier.bytes + later.bytes
    return Gap(earlier.source, lines, size, earlier.reason, earlier.first_seq, later.last_seq)


def sorted_gaps(gaps: Iterable[Gap]) -> tuple[Gap, ...]:
    """Ascending, neighbours joined."""
    found: list[Gap] = []
    for gap in sorted(gaps, key=lambda gap: (gap.first_seq, gap.last_seq)):
        joined = join(found[-1], gap) if found else None
        if joined is None:
            found.append(gap)
        else:
            found[-1] = joined
    return tuple(found)


def holes_between(spans: Iterable[tuple[int, int]], end_seq: int) -> list[Hole]:
    """What is missing in [0, end_seq) beside these (first seq, lines), which ascend."""
    holes: list[Hole] = []
    expected = 0
    for first, lines in spans:
        if first > expected:
            holes.append((expected, first))
        expected = max(expected, first + lines)
    if end_seq > expected:
        holes.append((expected, end_seq))
    return holes


def explain(holes: Sequence[Hole], logged: Iterable[Gap]) -> tuple[Gap, ...]:
    """The gaps of a run: logged ones as far as their lines are missing, DAMAGE for every other hole."""
    rest = list(holes)
    found: list[Gap] = []
    for gap in logged:
        if gap.last_seq < gap.first_seq:  # lines unknown: nothing that could still exist
            found.append(gap)
            continue
        at = max(0, bisect_left(rest, (gap.first_seq, 0)) - 1)
        while at < len(rest) and rest[at][0] <= gap.last_seq:
            first, end = rest[at]
            begin, stop = max(first, gap.first_seq), min(end, gap.last_seq + 1)
            if begin >= stop:
                at += 1
                continue
            found.append(_part(gap, begin, stop))
            left = [hole for hole in ((first, begin), (stop, end)) if hole[0] < hole[1]]
            rest[at : at + 1] = left
            at += len(left)
    found += [Gap("", end - first, 0, GapReason.DAMAGE, first, end - 1) for first, end in rest]
    return sorted_gaps(found)


def _part(gap: Gap, begin: int, stop: int) -> Gap:
    if begin == gap.first_seq and stop == gap.last_seq + 1:
        return gap
    lines = stop - begin
    span = gap.last_seq + 1 - gap.first_seq
    return Gap(gap.source, lines, gap.bytes * lines // span, gap.reason, begin, stop - 1)
