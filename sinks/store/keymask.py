"""Level and source filters over key bytes: whole segments per call, no text is read, no object per line.

A mask has one byte a line: 1 it matches, 0 it does not. Sources from the 32nd on share a slot; where a
filter names one of them, the run tables of the frames concerned settle it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from brummer_rx.pipeline.event import Level
from brummer_rx.pipeline.reader import LineFilter
from brummer_rx.sinks.store.format import SLOT_OTHER, slot_of
from brummer_rx.sinks.store.segment import SegmentView

__all__ = ["Rule", "compile_rule", "frame_mask", "mask", "matching"]

_NO, _YES, _ASK = b"\0", b"\1", b"\2"


@dataclass(frozen=True, slots=True)
class Rule:
    """A `LineFilter` compiled for a run's sources."""

    table: bytes
    """For `bytes.translate`: key byte -> 1 match, 0 none, 2 ask the run table."""
    wanted: frozenset[int] | None
    """Source ids; None means all."""
    min_level: int

    @property
    def everything(self) -> bool:
        """Whether every line matches."""
        return self.wanted is None and self.min_level <= Level.TRACE

    def admits(self, source: int, level: int) -> bool:
        """Whether a line of this source id and level matches."""
        return self.min_level <= level <= Level.FATAL and (self.wanted is None or source in self.wanted)


def compile_rule(where: LineFilter, sources: Sequence[str]) -> Rule:
    """The rule of a filter; names that are no source match nothing."""
    names = where.sources
    wanted = None if names is None else frozenset(n for n, name in enumerate(sources) if name in names)
    answers = dict.fromkeys(range(SLOT_OTHER + 1), _YES[0]) if wanted is None else {}
    for source in wanted or ():
        slot = slot_of(source)
        answers[slot] = _ASK[0] if slot == SLOT_OTHER else _YES[0]
    table = bytes(
        answers.get(key >> 3, 0) if where.min_level <= key & 7 <= Level.FATAL else 0 for key in range(256)
    )
    return Rule(table, wanted, where.min_level)


def mask(view: SegmentView, rule: Rule, start: int, stop: int) -> bytes:
    """The mask of the lines at key positions [start, stop) of a segment."""
    found = view.keys_between(start, stop).translate(rule.table)
    return _settle(view, rule, found, start) if _ASK in found else found


def frame_mask(view: SegmentView, frame: int, rule: Rule) -> bytes:
    """The mask of one frame's lines."""
    row = view.frames[frame]
    return mask(view, rule, row.key_at, row.key_at + row.lines)


def matching(view: SegmentView, rule: Rule) -> int:
    """How many lines of the segment match, by its counters alone; 0 means: skip it."""
    return sum([n for pair, n in view.counts.items() if rule.admits(pair >> 3, pair & 7)])


def _settle(view: SegmentView, rule: Rule, found: bytes, start: int) -> bytes:
    settled = bytearray(found)
    wanted = rule.wanted or frozenset()
    for source, first, last in _runs_between(view, start, start + len(found)):
        answer = _YES if source in wanted else _NO
        settled[first - start : last - start] = found[first - start : last - start].replace(_ASK, answer)
    return bytes(settled.replace(_ASK, _NO))  # what is left stands in frames whose run table cannot be read


def _runs_between(view: SegmentView, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """(source id, first key position, last + 1) of slot 31's runs that overlap [start, stop)."""
    for frame in range(view.frames.at_key(start), len(view.frames)):
        at = view.frames[frame].key_at
        if at >= stop:
            return
        for run in view.runs(frame):
            end = at + run.lines
            if run.source >= SLOT_OTHER and end > start and at < stop:
                yield run.source, max(at, start), min(end, stop)
            at = end
