"""The checker behind `journal.check`: pure functions from a frozen record to a frozen report."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from brummer_rx.pipeline.ledger import Ledger
from tests.proof.entries import UNKNOWN, Books, Entry, Fate, Hearing, Latency, Range, Record, Report
from tests.proof.spans import Spans

__all__ = ["assert_clean", "check"]


def _ranges(source: Hashable, spans: Iterable[tuple[int, int]]) -> list[Range]:
    return [Range(source, first, end - 1) for first, end in spans]


def _size(ranges: Sequence[Range]) -> int:
    return sum(r.last - r.first + 1 for r in ranges)


def _told(ranges: Sequence[Range], what: str) -> str:
    shown = ", ".join(map(str, ranges[:5])) + (", …" if len(ranges) > 5 else "")
    return f"{_size(ranges)} lines {what}: {shown}"


@dataclass(slots=True)
class _Offers:
    """The producers' half, sorted out once for all subscribers."""

    spans: dict[Hashable, Spans] = field(default_factory=dict)
    gone: list[Entry] = field(default_factory=list)
    """Dropped and discarded."""
    times: dict[tuple[Hashable, int], int] = field(default_factory=dict)
    counts: dict[Fate, int] = field(default_factory=lambda: dict.fromkeys(Fate, 0))
    lines: int = 0
    twice: list[Range] = field(default_factory=list)
    loose: dict[Hashable, int] = field(default_factory=dict)
    """Lines of gaps without seqs that were themselves offered, by source."""
    loose_events: int = 0


def _sort_out(entries: Iterable[Entry]) -> _Offers:
    offers = _Offers()
    left: dict[tuple[Hashable, int], int] = {}
    offered = []
    for entry in entries:
        offers.counts[entry.fate] += 1
        if entry.fate is Fate.OFFERED:
            offered.append(entry)
        elif entry.fate is Fate.LEFT:
            left[entry.source, entry.first] = left.get((entry.source, entry.first), 0) + 1
        else:
            offers.gone.append(entry)
    for entry in offered:
        if entry.first == UNKNOWN:
            offers.loose[entry.source] = offers.loose.get(entry.source, 0) + entry.lines
            offers.loose_events += 1
            continue
        name = (entry.source, entry.first)
        if left.get(name, 0):  # an attempt that came back; the one that stayed, if any, counts
            left[name] -= 1
            continue
        known = offers.spans.setdefault(entry.source, Spans()).add(entry.first, entry.first + entry.lines)
        offers.twice += _ranges(entry.source, known)
        offers.times[name] = entry.began
        offers.lines += entry.lines
    return offers


@dataclass(slots=True)
class _Source:
    """One source as one subscriber heard it."""

    seen: Spans = field(default_factory=Spans)
    top: int = 0


def _hear(
    books: Books, offers: _Offers
) -> tuple[dict[Hashable, _Source], list[Range], list[Range], dict[Hashable, int]]:
    """What was heard, in its order: per source, duplicates, inversions, and lines of gaps without seqs."""
    sources: dict[Hashable, _Source] = {}
    duplicates: list[Range] = []
    inversions: list[Range] = []
    loose: dict[Hashable, int] = {}
    for entry in sorted(books.entries, key=lambda e: e.began):
        if entry.first == UNKNOWN:
            loose[entry.source] = loose.get(entry.source, 0) + entry.lines
            continue
        source = sources.setdefault(entry.source, _Source())
        end = entry.first + entry.lines
        known = source.seen.add(entry.first, end)
        duplicates += _ranges(entry.source, known)
        if entry.fate is Fate.GAP:
            continue  # told whenever it became known
        if entry.first < source.top and sum(b - a for a, b in known) < entry.lines:
            inversions.append(Range(entry.source, entry.first, end - 1))
        source.top = max(source.top, end)
    for entry in offers.gone:
        source = sources.setdefault(entry.source, _Source())
        known = source.seen.add(entry.first, entry.first + entry.lines)
        duplicates += _ranges(entry.source, known)
    return sources, duplicates, inversions, loose


def _overlaps(entries: Sequence[Entry]) -> int:
    found = latest = 0
    for entry in sorted(entries, key=lambda e: (e.began, e.ended)):
        found += entry.began < latest
        latest = max(latest, entry.ended)
    return found


def _latency(entries: Sequence[Entry], times: Mapping[tuple[Hashable, int], int]) -> Latency:
    waits = sorted(
        e.began - times[e.source, e.first]
        for e in entries
        if e.fate is Fate.HEARD and (e.source, e.first) in times
    )
    if not waits:
        return Latency()
    last = len(waits) - 1
    return Latency(waits[last // 2] / 1e9, waits[round(last * 0.99)] / 1e9, waits[-1] / 1e9)


def _missing_events(missing: Sequence[Range], offers: _Offers) -> int:
    """How many of the offered events lie in missing lines."""
    firsts: dict[Hashable, list[int]] = {}
    for source, first in offers.times:
        firsts.setdefault(source, []).append(first)
    for numbers in firsts.values():
        numbers.sort()
    return sum(
        bisect_right(firsts[r.source], r.last) - bisect_left(firsts[r.source], r.first) for r in missing
    )


def _reconcile(books: Books, offers: _Offers, missing: int, ledger: Ledger) -> list[str]:
    """Where a stage's ledger and the journals disagree. `missing`: events."""
    counts = offers.counts
    heard = sum(e.fate is Fate.HEARD for e in books.entries)
    pairs = {
        "offered": (ledger.offered, counts[Fate.OFFERED] - counts[Fate.LEFT]),
        "refused": (ledger.refused, counts[Fate.LEFT]),
        "dropped": (ledger.dropped, counts[Fate.DROPPED]),
        "delivered": (ledger.delivered, heard + sum(e.fate is Fate.GAP for e in books.entries)),
        "discarded + queued": (ledger.discarded + ledger.queued, counts[Fate.DISCARDED] + missing),
    }
    faults = [
        f"ledger {ledger.stage} says {what} {said}, the journals {found}"
        for what, (said, found) in pairs.items()
        if said != found
    ]
    if not ledger.closes:
        faults.append(f"ledger {ledger.stage} does not close: {ledger}")
    return faults


def _judge(books: Books, offers: _Offers, ledger: Ledger | None) -> Hearing:
    sources, duplicates, inversions, loose = _hear(books, offers)
    empty = Spans()
    missing: list[Range] = []
    invented: list[Range] = []
    for name in {**offers.spans, **sources}:
        told = offers.spans.get(name, empty)
        seen = sources[name].seen if name in sources else empty
        missing += _ranges(name, told.minus(seen))
        invented += _ranges(name, seen.minus(told))
    excused, faults = _excuse(missing, loose, offers, books, ledger)
    heard = [e for e in books.entries if e.fate is Fate.HEARD]
    hearing = Hearing(
        books.name,
        events=len(heard),
        lines=sum(e.lines for e in heard),
        missing=tuple(missing),
        excused=excused,
        duplicates=tuple(duplicates),
        invented=tuple(invented),
        inversions=tuple(inversions),
        overlaps=_overlaps(books.entries),
        after_end=sum(e.began > min(books.ends) for e in books.entries) if books.ends else 0,
        ends=len(books.ends),
        late=0 if books.silent_from is None else sum(e.began > books.silent_from for e in books.entries),
        gap_lines=sum(e.lines for e in books.entries if e.fate is Fate.GAP),
        latency=_latency(books.entries, offers.times),
    )
    faults += _words(hearing)
    return replace(hearing, faults=tuple(f"{books.name}: {fault}" for fault in faults))


def _excuse(
    missing: Sequence[Range],
    loose: Mapping[Hashable, int],
    offers: _Offers,
    books: Books,
    ledger: Ledger | None,
) -> tuple[int, list[str]]:
    """How many of the missing lines are accounted for, and what is wrong with that."""
    if ledger is not None:
        loose_heard = sum(e.fate is Fate.GAP and e.first == UNKNOWN for e in books.entries)
        events = _missing_events(missing, offers) + max(0, offers.loose_events - loose_heard)
        faults = _reconcile(books, offers, events, ledger)
        unknown = ledger.discarded - offers.counts[Fate.DISCARDED] + ledger.queued
        if events != unknown:
            faults.append(_told(missing, f"missing ({events} events, the ledger accounts for {unknown})"))
            return 0, faults
        return _size(missing), faults
    if books.partial:
        return _size(missing), []
    return _by_gaps(missing, loose, offers)


def _by_gaps(
    missing: Sequence[Range], loose: Mapping[Hashable, int], offers: _Offers
) -> tuple[int, list[str]]:
    """Missing lines against gaps without seqs, per source; those of the source "" stand for any."""
    by_source: dict[Hashable, list[Range]] = {}
    for r in missing:
        by_source.setdefault(r.source, []).append(r)
    told = {source: max(0, n - offers.loose.get(source, 0)) for source, n in loose.items()}
    shared = told.pop("", 0)
    faults = []
    open_: list[Range] = []
    for source in {**by_source, **told}:
        ranges, gaps = by_source.get(source, []), told.get(source, 0)
        lines = _size(ranges)
        if gaps > lines:
            faults.append(f"gaps of {source} stand for {gaps} lines, {lines} are missing")
        elif gaps and gaps < lines:
            faults.append(_told(ranges, f"missing (gaps account for {gaps})"))
        elif lines and not gaps:
            open_ += ranges
    if _size(open_) > shared:
        faults.append(_told(open_, f"missing (gaps account for {shared})"))
    elif _size(open_) < shared:
        faults.append(f"gaps without a source stand for {shared} lines, {_size(open_)} are missing")
    return (0 if faults else _size(missing)), faults


def _words(hearing: Hearing) -> list[str]:
    lists = {
        "heard more than once or told as lost": hearing.duplicates,
        "heard and never offered": hearing.invented,
        "out of order": hearing.inversions,
    }
    numbers = {
        "calls overlap": hearing.overlaps,
        "calls after the end": hearing.after_end,
        "calls after the unsubscription": hearing.late,
        "terminal signals too many": max(0, hearing.ends - 1),
    }
    return [_told(ranges, what) for what, ranges in lists.items() if ranges] + [
        f"{number} {what}" for what, number in numbers.items() if number
    ]


def check(record: Record, ledgers: Mapping[str, Ledger] | None = None) -> Report:
    """The verdict on a journal; `ledgers` holds, by subscriber's name, the books of the stage behind it.

    With a ledger every counter must agree exactly, and lines may be missing only as many as it says were
    discarded or wait. Without one, every line that was offered must have been heard, dropped, discarded, left
    or told as a gap (per source).
    """
    ledgers = ledgers or {}
    offers = _sort_out(record.offers)
    hearings = tuple(_judge(books, offers, ledgers.get(books.name)) for books in record.hearings)
    faults = [fault for hearing in hearings for fault in hearing.faults]
    unheard = sorted(set(ledgers) - {books.name for books in record.hearings})
    faults += [f"a ledger is for {name}, who has no journal" for name in unheard]
    if offers.twice:
        faults.append("producers: " + _told(offers.twice, "offered more than once"))
    counts = offers.counts
    return Report(
        events=counts[Fate.OFFERED] - counts[Fate.LEFT],
        lines=offers.lines,
        dropped=counts[Fate.DROPPED],
        discarded=counts[Fate.DISCARDED],
        left=counts[Fate.LEFT],
        hearings=hearings,
        faults=tuple(faults),
    )


def assert_clean(record: Record, ledgers: Mapping[str, Ledger] | None = None) -> Report:
    """The report, which must be clean."""
    report = check(record, ledgers)
    assert report.clean, f"\n{report}"
    return report
