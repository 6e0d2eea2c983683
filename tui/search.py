"""Searching: what to ask the search service, and what its answers mean. Pure; the service is an effect.

The service scans in another process, newest lines first. Hits come in parts meanwhile, so the count grows.
Lines that arrive after a search began are asked for in a further search of just their range (`catch_up`).
"""

from __future__ import annotations

import re
import warnings
from bisect import bisect_left, bisect_right
from dataclasses import replace
from functools import lru_cache

from brummer_rx.pipeline.reader import SearchProgress, SearchQuery
from brummer_rx.tui.acts import Reduced
from brummer_rx.tui.filter import where
from brummer_rx.tui.intents import CancelSearch, Search
from brummer_rx.tui.moves import to_line
from brummer_rx.tui.state import Found, State

__all__ = [
    "HERE",
    "MAX_HITS",
    "again",
    "answered",
    "begin",
    "catch_up",
    "catch_up_due",
    "compiled",
    "drop",
    "failed",
    "go",
    "hit_number",
    "is_hit",
    "merge",
    "smart_case",
    "started",
    "wrong_with",
]

MAX_HITS = 100_000
"""Seqs kept; the count goes on."""
CATCH_UP_NS = 250_000_000
"""New lines are asked for at most this often."""

SMALL_PART = 4_096
"""Parts are joined up to this size, so that a search that follows the log for hours stays in few of them."""
HERE = 2
"""The jump to the nearest hit, the cursor's own line included."""

Parts = tuple[tuple[int, ...], ...]


def smart_case(pattern: str, regex: bool) -> bool:
    """Whether to ignore case: when the pattern has no upper-case letter (classes like \\S do not count)."""
    plain = re.sub(r"\\.", "", pattern) if regex else pattern
    return plain == plain.lower()


@lru_cache(maxsize=64)
def compiled(pattern: str, regex: bool, ignore_case: bool) -> re.Pattern[str]:
    """The pattern for marking hits in a text; raises `re.error` for a bad one."""
    with warnings.catch_warnings():  # a warning about the user's pattern must not reach the screen
        warnings.simplefilter("ignore")
        return re.compile(pattern if regex else re.escape(pattern), re.IGNORECASE if ignore_case else 0)


def wrong_with(pattern: str) -> str:
    """Why that is no regular expression; empty when it is one."""
    try:
        compiled(pattern, True, False)
    except (re.error, OverflowError, RecursionError) as error:
        return str(error) or type(error).__name__
    return ""


def begin(state: State, pattern: str, regex: bool, jump: int = 0) -> Reduced:
    """Search the whole log (as filtered) for `pattern`; an empty one drops the search."""
    if not pattern:
        return drop(state)
    end = state.snap.log.end_seq if state.snap is not None else 0
    ignore = smart_case(pattern, regex)
    found = Found(
        pattern, regex, ignore, where(state.logs.filter), upto=end, jump=jump, asked_ns=state.now_ns
    )
    if regex and (wrong := wrong_with(pattern)):
        return _with(state, replace(found, error=f"bad pattern: {wrong}")), (CancelSearch(),)
    return _with(state, replace(found, asked=True)), (Search(_query(found, 0, end)),)


def _query(found: Found, start: int, stop: int) -> SearchQuery:
    return SearchQuery(found.pattern, found.regex, found.ignore_case, found.where, start, stop, MAX_HITS)


def _with(state: State, found: Found | None) -> State:
    return replace(state, logs=replace(state.logs, found=found))


def drop(state: State) -> Reduced:
    """No search any more."""
    running = state.logs.found is not None and state.logs.found.asked
    return _with(state, None), ((CancelSearch(),) if running else ())


def again(state: State) -> Reduced:
    """The same search with the filter as it is now; nothing when there is none."""
    found = state.logs.found
    if found is None or found.where == where(state.logs.filter):
        return state, ()
    return begin(state, found.pattern, found.regex)


def started(state: State, token: int) -> State:
    """The service took the query."""
    found = state.logs.found
    return _with(state, replace(found, token=token)) if found is not None and found.asked else state


def failed(state: State, error: str) -> State:
    """The service did not take the query."""
    found = state.logs.found
    if found is None:
        return state
    return _with(state, replace(found, asked=False, token=None, jump=0, error=error or "search failed"))


def answered(state: State, part: SearchProgress) -> tuple[State, str]:
    """A part of an answer; parts of other searches are dropped. Also what to say about it."""
    found = state.logs.found
    if found is None or found.token != part.token or not found.asked:
        return state, ""
    parts = _newest(merge(found.parts, part.seqs))
    found = replace(found, parts=parts, total=found.total_before + part.total, error=part.error)
    if part.done:
        found = replace(found, asked=False, token=None, total_before=found.total)
    state = _with(state, found)
    if found.jump:
        return _jump(state, found)
    return state, ""


def _jump(state: State, found: Found) -> tuple[State, str]:
    """Do the jump that waits for a hit, if it can be done now; give up when the search is over."""
    seq = _nearest(found, state.logs.cursor, found.jump)
    if seq is None and found.asked:
        return state, ""
    return go(_with(state, replace(found, jump=0)), found.jump)


def merge(parts: Parts, new: tuple[int, ...]) -> Parts:
    """The parts with a new one at its place; melted into its neighbours where they overlap or are small."""
    if not new:
        return parts
    at = bisect_left(parts, new)
    first = at - 1 if at > 0 and _joins(parts[at - 1], new) else at
    last = at
    while last < len(parts) and _joins(new, parts[last]):
        last += 1
    if first == last:
        return (*parts[:at], new, *parts[at:])
    melted = tuple(sorted({*new, *(seq for part in parts[first:last] for seq in part)}))
    return (*parts[:first], melted, *parts[last:])


def _joins(low: tuple[int, ...], high: tuple[int, ...]) -> bool:
    """Whether two neighbours become one part."""
    return low[-1] >= high[0] or len(low) + len(high) <= SMALL_PART


def _newest(parts: Parts) -> Parts:
    """Without the oldest parts when more than twice MAX_HITS are kept (the count of hits goes on)."""
    kept = sum(map(len, parts))
    while kept - len(parts[0]) >= 2 * MAX_HITS if parts else False:
        kept -= len(parts[0])
        parts = parts[1:]
    return parts


def is_hit(found: Found, seq: int) -> bool:
    """Whether that line is a known hit."""
    return _at_or_before(found, seq) == seq


def _at_or_before(found: Found, seq: int) -> int | None:
    at = bisect_right(found.parts, seq, key=lambda part: part[0]) - 1
    if at < 0:
        return None
    part = found.parts[at]
    return part[bisect_right(part, seq) - 1]


def _at_or_after(found: Found, seq: int) -> int | None:
    at = bisect_left(found.parts, seq, key=lambda part: part[-1])
    if at == len(found.parts):
        return None
    part = found.parts[at]
    return part[bisect_left(part, seq)]


def _nearest(found: Found, cursor: int, jump: int) -> int | None:
    """The known hit that a jump goes to, without going round.

    Hits come newest first, so the first known one at or before the cursor is the nearest one there is.
    """
    if jump == HERE:
        return _at_or_before(found, cursor)
    return _at_or_after(found, cursor + 1) if jump > 0 else _at_or_before(found, cursor - 1)


def go(state: State, jump: int) -> tuple[State, str]:
    """To the next hit down (1) or up (-1), going round at the ends, or to the nearest one (`HERE`).

    When no such hit is known yet, the jump is done as soon as one is. Also returns what to say.
    """
    found = state.logs.found
    if found is None:
        return state, "no search: / starts one"
    if found.error:
        return state, ""  # the status line says it as long as the search stands
    seq = _nearest(found, state.logs.cursor, jump)
    if seq is not None:
        return to_line(state, seq), ""
    if found.asked:
        return _with(state, replace(found, jump=jump)), ""
    if not found.parts:
        return state, f"no hit for {found.pattern}"
    if jump == HERE:
        return to_line(state, found.parts[0][0]), ""
    round_to = found.parts[0][0] if jump > 0 else found.parts[-1][-1]
    return to_line(state, round_to), "went on from the top" if jump > 0 else "went on from the bottom"


def hit_number(found: Found, cursor: int) -> int:
    """Which hit the cursor is on or after, from 1; 0: before the first.

    Right also while older ones still come in: it counts from the newest, which are found first.
    """
    newer = 0
    for part in reversed(found.parts):
        if part[0] > cursor:
            newer += len(part)
            continue
        newer += len(part) - bisect_right(part, cursor)
        break
    return max(0, found.total - newer)


def catch_up_due(state: State, end: int) -> int | None:
    """When new lines should be searched, in ns; None when nothing is to be done."""
    found = state.logs.found
    if found is None or found.asked or found.error or end <= found.upto:
        return None
    return found.asked_ns + CATCH_UP_NS


def catch_up(state: State) -> Reduced:
    """Search the lines that came since, not too often."""
    found, snap = state.logs.found, state.snap
    if found is None or snap is None:
        return state, ()
    end = snap.log.end_seq
    due = catch_up_due(state, end)
    if due is None or state.now_ns < due:
        return state, ()
    asked = replace(found, asked=True, token=None, asked_ns=state.now_ns, upto=end)
    return _with(state, asked), (Search(_query(found, found.upto, end)),)
