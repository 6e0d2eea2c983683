"""The operator `levels`: every line gets its level.

::

    in   --A---------p--B-------|      A, B: LogBatch with levels=None; p: any other event
            levels()
    out  --A'--------p--B'------|      A', B': the same batches with one Level byte a line

One batch in, one batch out, on the thread that delivers; order, completion and errors pass untouched. It
keeps no state, so one operator serves many subscriptions. The rules are those of `level_of`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from reactivex import Observable
from reactivex import operators as ops

from brummer_rx.operators.level_scan import classify
from brummer_rx.pipeline.event import Event, LogBatch

__all__ = ["levels"]


def levels() -> Callable[[Observable[Event]], Observable[Event]]:
    """Give each `LogBatch` its `levels`; other events, and batches that have them, pass as they are.

    >>> import reactivex as rx
    >>> from brummer_rx.pipeline.event import LogBatch, Stream
    >>> batch = LogBatch("web", Stream.OUT, 0, 2, 0, b"ERROR no disk\\n0 errors\\n")
    >>> rx.of(batch).pipe(levels()).subscribe(lambda e: print(list(e.levels))).dispose()
    [4, 2]
    """
    return ops.map(_with_levels)


def _with_levels(event: Event) -> Event:
    if isinstance(event, LogBatch) and event.levels is None:
        return replace(event, levels=classify(event.data, event.lines))
    return event
