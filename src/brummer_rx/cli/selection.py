"""Which lines `logs` prints: filters first, then --after-seq, then --tail or --limit. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from brummer_rx.cli.chunks import Chunk, chunks_at, chunks_between
from brummer_rx.cli.requests import LogsOptions
from brummer_rx.pipeline.errors import BrummerError
from brummer_rx.pipeline.event import Gap
from brummer_rx.pipeline.reader import LineFilter, SearchQuery
from brummer_rx.sinks.store.snapshot import StoreSnapshot

__all__ = ["FOLLOW_TAIL", "Window", "first_window", "later_window"]

FOLLOW_TAIL = 10
"""Lines that `-f` begins with when nothing else was said."""
_ALL = 1 << 62
_SPECIAL = frozenset(".^$*+?{}[]\\|()")


@dataclass(frozen=True, slots=True)
class Window:
    """Seqs from `start` to `stop` - 1."""

    start: int
    stop: int


def first_window(options: LogsOptions, snapshot: StoreSnapshot) -> Iterator[Chunk | Gap]:
    """What is printed of the lines that are there now, gaps in their places."""
    start = 0 if options.after_seq is None else options.after_seq + 1
    window = Window(start, snapshot.end_seq)
    tail = options.tail
    if tail is None and options.follow and options.after_seq is None:
        tail = FOLLOW_TAIL
    if tail is not None:
        return _some(options, snapshot, window, tail, newest=True)
    if options.limit is not None:
        return _some(options, snapshot, window, options.limit, newest=False)
    return later_window(options, snapshot, window)


def later_window(options: LogsOptions, snapshot: StoreSnapshot, window: Window) -> Iterator[Chunk | Gap]:
    """All lines of a window that match."""
    if options.grep is None:
        parts = chunks_between(snapshot, _where(options), window.start, window.stop)
    else:
        parts = _grep_all(options, snapshot, window)
    return _with_gaps(parts, _gaps(options, snapshot, window))


def _some(
    options: LogsOptions, snapshot: StoreSnapshot, window: Window, count: int, *, newest: bool
) -> Iterator[Chunk | Gap]:
    """The first or last `count` matching lines, with the gaps among them and at the window's near edge."""
    if count == 0:
        seqs: Sequence[int] = ()
    elif options.grep is None:
        seqs = snapshot.select(_where(options), window.start, window.stop, count, newest=newest)
    else:
        seqs = _grep_some(options, snapshot, window, count, newest=newest)
    if len(seqs) >= count:
        edge = window.stop if newest else window.start
        first = seqs[0] if seqs and newest else edge
        last = seqs[-1] + 1 if seqs and not newest else edge
        window = Window(first, last)
    plain = options.grep is None and _where(options) == LineFilter()
    if plain and seqs:
        parts = chunks_between(snapshot, LineFilter(), seqs[0], seqs[-1] + 1)
    else:
        parts = chunks_at(snapshot, seqs)
    return _with_gaps(parts, _gaps(options, snapshot, window))


def _where(options: LogsOptions) -> LineFilter:
    sources = None if options.sources is None else frozenset(options.sources)
    return LineFilter(sources, options.level)


def _query(options: LogsOptions, window: Window, *, newest: bool) -> SearchQuery:
    pattern = options.grep or ""
    return SearchQuery(
        pattern,
        regex=not _SPECIAL.isdisjoint(pattern),  # a pattern without operators is a plain substring
        where=_where(options),
        start=window.start,
        stop=window.stop,
        max_hits=_ALL,
        newest_first=newest,
    )


def _hits(
    options: LogsOptions, snapshot: StoreSnapshot, window: Window, *, newest: bool
) -> Iterator[tuple[int, ...]]:
    from brummer_rx.sinks.store.search import scan  # its engine costs start time, and few verbs search

    for progress in scan(snapshot, _query(options, window, newest=newest), _never):
        if progress.error:
            raise BrummerError(f"--grep {options.grep!r}: {progress.error}")
        if progress.seqs:
            yield progress.seqs


def _never() -> bool:
    return False


def _grep_all(options: LogsOptions, snapshot: StoreSnapshot, window: Window) -> Iterator[Chunk | Gap]:
    for seqs in _hits(options, snapshot, window, newest=False):
        yield from chunks_at(snapshot, seqs)


def _grep_some(
    options: LogsOptions, snapshot: StoreSnapshot, window: Window, count: int, *, newest: bool
) -> list[int]:
    found: list[int] = []
    for seqs in _hits(options, snapshot, window, newest=newest):
        found += seqs
        if len(found) >= count:
            break
    found.sort()
    return found[-count:] if newest else found[:count]


def _gaps(options: LogsOptions, snapshot: StoreSnapshot, window: Window) -> list[Gap]:
    """The gaps that reach into the window. One whose source is not known concerns every filter."""
    return [
        gap
        for gap in snapshot.gaps
        if gap.first_seq < window.stop
        and max(gap.first_seq, gap.last_seq) >= window.start
        and (options.sources is None or not gap.source or gap.source in options.sources)
    ]


def _with_gaps(parts: Iterator[Chunk | Gap], gaps: list[Gap]) -> Iterator[Chunk | Gap]:
    """Lines and gaps in the order of their seqs, each gap once (a damaged frame is met by both ways)."""
    covered = -1
    place = 0
    for part in parts:
        seq = part.first_seq if isinstance(part, Gap) else part.seqs[0]
        while place < len(gaps) and gaps[place].first_seq <= seq:
            covered = max(covered, gaps[place].last_seq)
            yield gaps[place]
            place += 1
        if isinstance(part, Gap) and part.first_seq <= covered:
            continue
        yield part
    yield from gaps[place:]
