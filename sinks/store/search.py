"""Searching a run's log: hits of a pattern in the text of its lines, part by part, in the process that asks."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator

from brummer_rx.pipeline.reader import SearchProgress, SearchQuery
from brummer_rx.pipeline.text import text_of
from brummer_rx.sinks.store.keymask import compile_rule, frame_mask, matching
from brummer_rx.sinks.store.snapshot import StoreSnapshot

__all__ = ["scan"]


def scan(
    snapshot: StoreSnapshot, query: SearchQuery, cancelled: Callable[[], bool]
) -> Iterator[SearchProgress]:
    """The hits in `snapshot`, newest segment first unless asked otherwise; the last part has `done`.

    A bad pattern is told in `error`; when `cancelled` says so the answer ends without a part that has `done`.
    """
    stop = snapshot.end_seq if query.stop is None else query.stop
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pattern = re.compile(
                query.pattern if query.regex else re.escape(query.pattern),
                re.IGNORECASE if query.ignore_case else 0,
            )
    except (re.error, OverflowError, RecursionError) as error:
        yield SearchProgress(0, (), 0, True, f"bad pattern: {error}")
        return
    rule = compile_rule(query.where, snapshot.sources)
    total = 0
    segments = snapshot.segments
    for view in reversed(segments) if query.newest_first else segments:
        if view.end_seq <= query.start or view.first_seq >= stop or not matching(view, rule):
            continue
        numbers = range(len(view.frames))
        for frame in reversed(numbers) if query.newest_first else numbers:
            if cancelled():
                return
            block = view.block(frame)
            if block is None:
                continue
            marks = frame_mask(view, frame, rule)
            seqs = tuple(
                block.first_seq + n
                for n, line in enumerate(block.lines)
                if marks[n] and query.start <= block.first_seq + n < stop and pattern.search(text_of(line))
            )
            if seqs:
                room = max(0, query.max_hits - total)
                total += len(seqs)
                kept = seqs[-room:] if query.newest_first and room else seqs[:room]
                yield SearchProgress(0, kept, total, False)
    yield SearchProgress(0, (), total, True)
