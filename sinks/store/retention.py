"""What has to go.

Whole runs by age and budget, oldest first, then the oldest segments of the own live run. Pure.

A run of another process that still lives is never touched, and counts towards the budget only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from brummer_rx.pipeline.event import Gap, GapReason, Level
from brummer_rx.sinks.store.block import source_name
from brummer_rx.sinks.store.segment import SegmentView

__all__ = ["RunSize", "gap_of", "runs_to_delete", "segments_to_evict", "worst_level"]


@dataclass(frozen=True, slots=True)
class RunSize:
    """A run of the project, as retention sees it."""

    id: str
    started_ns: int
    last_ns: int
    """When it ended, or was last written to. Wall clock, ns."""
    bytes: int
    live: bool


def runs_to_delete(runs: Iterable[RunSize], *, max_bytes: int, max_age: float, now_ns: int) -> list[str]:
    """Ids of ended runs to delete: those that are too old, then the oldest until all together fit."""
    runs = sorted(runs, key=lambda run: (run.started_ns, run.id))
    total = sum(run.bytes for run in runs)
    chosen: list[str] = []
    for run in runs:
        too_old = now_ns - run.last_ns > max_age * 1e9
        if not run.live and (too_old or total > max_bytes):
            chosen.append(run.id)
            total -= run.bytes
    return chosen


def segments_to_evict(
    sealed: Sequence[tuple[SegmentView, int]],
    live_bytes: int,
    *,
    max_bytes: int,
    max_age: float,
    now_ns: int,
) -> list[tuple[SegmentView, GapReason]]:
    """The oldest sealed segments of the own run that must go, with why.

    `sealed`: each with when it was written (ns; not the lines' times: imported ones are old from the start).
    `live_bytes`: what is not sealed yet.
    """
    total = live_bytes + sum(view.data_end + view.key_file_size for view, _ in sealed)
    chosen: list[tuple[SegmentView, GapReason]] = []
    for view, written_ns in sealed:
        too_old = now_ns - written_ns > max_age * 1e9
        if not too_old and total <= max_bytes:
            break
        chosen.append((view, GapReason.AGE if too_old else GapReason.BUDGET))
        total -= view.data_end + view.key_file_size
    return chosen


def gap_of(view: SegmentView, reason: GapReason, names: Sequence[str]) -> tuple[Gap, tuple[int, ...]]:
    """The gap that a segment leaves, and the ids of the sources it held."""
    ids = tuple(sorted({pair >> 3 for pair in view.counts}))
    source = source_name(ids[0], names) if len(ids) == 1 else ""
    return Gap(source, view.lines, view.raw_bytes, reason, view.first_seq, view.end_seq - 1), ids


def worst_level(view: SegmentView) -> int:
    """The highest level of its lines."""
    return max((pair & 7 for pair in view.counts), default=int(Level.INFO))
