"""A gap in words: what the reader of a log sees where lines are missing."""

from __future__ import annotations

from brummer_rx.pipeline.event import Gap, GapReason

__all__ = ["gap_text"]

_WHY = {
    GapReason.BUDGET: "removed: the log had reached its size limit",
    GapReason.AGE: "removed: too old",
    GapReason.OVERFLOW: "dropped: a queue was full",
    GapReason.DAMAGE: "damaged on disk",
    GapReason.DISK: "not written: the disk was full or failed",
    GapReason.CUT: "cut at the shutdown",
}


def gap_text(gap: Gap) -> str:
    """`1,204 lines of web missing (cut at the shutdown)`."""
    lines = f"{gap.lines:,} line{'' if gap.lines == 1 else 's'}"
    whose = f" of {gap.source}" if gap.source else ""
    return f"{lines}{whose} missing ({_WHY.get(gap.reason, str(gap.reason))})"
