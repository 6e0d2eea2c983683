"""The ledger checker finds each kind of fault and names exactly what is wrong."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brummer_rx.pipeline.event import Gap, GapReason, LogBatch, Stream
from brummer_rx.pipeline.ledger import Ledger
from brummer_rx.pipeline.stage import BoundedStage, EmitResult, Overflow
from brummer_rx.pipeline.testing import HandLane
from tests.proof.journal import (
    Books,
    Entry,
    Fate,
    Journal,
    Range,
    Record,
    Tally,
    assert_clean,
    by_line,
    by_seq,
    check,
)


def offers(count: int, source: str = "a", fate: Fate = Fate.OFFERED) -> list[Entry]:
    return [Entry(fate, source, seq, 1, seq, seq) for seq in range(count)]


def hears(seqs: list[int], source: str = "a", lines: int = 1) -> list[Entry]:
    return [
        Entry(Fate.HEARD, source, seq, lines, 1000 + 10 * at, 1005 + 10 * at) for at, seq in enumerate(seqs)
    ]


def record(offered: list[Entry], *books: Books) -> Record:
    return Record(tuple(offered), books)


def one(offered: list[Entry], heard: list[Entry], **more: object) -> Record:
    return record(offered, Books("s", tuple(heard), **more))  # type: ignore[arg-type]


def books_of(count: int) -> Ledger:
    return Ledger("s", offered=count, accepted=count, delivered=count)


# --- each kind of fault, by hand ----------------------------------------------------------------------


def test_a_clean_journal_is_clean_and_says_so() -> None:
    report = assert_clean(one(offers(3), hears([0, 1, 2])), {"s": books_of(3)})

    assert (report.events, report.lines, report.of("s").events) == (3, 3, 3)
    assert report.faults == ()
    assert str(report).splitlines()[0].startswith("offered 3 events (3 lines), dropped 0")
    assert "s: heard 3 (3 lines)" in str(report)
    assert str(report).endswith("clean")
    hash(report)  # frozen all the way down


def test_loss_is_found_and_named() -> None:
    report = check(one(offers(6), hears([0, 1, 5])))

    assert report.of("s").missing == (Range("a", 2, 4),)
    assert report.faults == ("s: 3 lines missing (gaps account for 0): a:2-4",)
    with pytest.raises(AssertionError, match="FAULT s: 3 lines missing"):
        assert_clean(one(offers(6), hears([0, 1, 5])))


def test_a_subscriber_that_heard_nothing_lost_everything() -> None:
    assert check(one(offers(4), [])).of("s").missing == (Range("a", 0, 3),)


def test_duplicates_are_found_and_named() -> None:
    report = check(one(offers(3), hears([0, 1, 1, 2, 0])))

    assert report.of("s").duplicates == (Range("a", 1, 1), Range("a", 0, 0))
    assert report.of("s").inversions == ()
    assert report.faults == ("s: 2 lines heard more than once or told as lost: a:1, a:0",)


def test_inversions_are_found_and_named() -> None:
    report = check(one(offers(4), hears([0, 2, 1, 3])))

    assert report.of("s").inversions == (Range("a", 1, 1),)
    assert len(report.faults) == 1


def test_order_is_asked_for_within_a_source_only() -> None:
    heard = [Entry(Fate.HEARD, s, n, 1, at, at) for at, (s, n) in enumerate([("b", 0), ("a", 0), ("b", 1)])]

    assert check(record([*offers(1), *offers(2, "b")], Books("s", tuple(heard)))).clean


def test_what_was_never_offered_is_found() -> None:
    report = check(one(offers(2), [*hears([0, 1, 2]), *hears([9], "stranger")]))

    assert set(report.of("s").invented) == {Range("a", 2, 2), Range("stranger", 9, 9)}


def test_overlapping_calls_are_found_nested_ones_too() -> None:
    entries = [
        Entry(Fate.HEARD, "a", 0, 1, 10, 50, 0),
        Entry(Fate.HEARD, "a", 1, 1, 20, 30, 1),
        Entry(Fate.HEARD, "a", 2, 1, 40, 60, 1),
        Entry(Fate.HEARD, "a", 3, 1, 60, 70, 0),
    ]

    report = check(one(offers(4), entries))
    assert report.of("s").overlaps == 2
    assert report.faults == ("s: 2 calls overlap",)


def test_calls_after_the_end_and_a_second_end_are_found() -> None:
    report = check(one(offers(2), hears([0, 1]), ends=(1007, 2000)))

    assert report.of("s").after_end == 1
    assert report.faults == ("s: 1 calls after the end", "s: 1 terminal signals too many")


def test_calls_after_the_unsubscription_are_found() -> None:
    report = check(one(offers(9), hears([4, 5]), silent_from=1007, partial=True))

    assert report.of("s").late == 1
    assert report.faults == ("s: 1 calls after the unsubscription",)


def test_what_is_both_heard_and_told_as_dropped_is_found() -> None:
    report = check(one([*offers(2), *offers(1, fate=Fate.DROPPED)], hears([0, 1])))

    assert report.of("s").duplicates == (Range("a", 0, 0),)


def test_dropped_discarded_and_left_ones_are_no_loss() -> None:
    told = [
        Entry(fate, "a", n, 1, 9, 9) for n, fate in ((1, Fate.DROPPED), (2, Fate.DISCARDED), (3, Fate.LEFT))
    ]
    books = Ledger("s", offered=3, accepted=2, delivered=1, dropped=1, discarded=1, refused=1)

    report = assert_clean(one([*offers(4), *told], hears([0])), {"s": books})
    assert (report.dropped, report.discarded, report.left, report.events) == (1, 1, 1, 3)


def test_an_event_left_with_its_producer_and_offered_again_counts_once() -> None:
    again = [*offers(2), Entry(Fate.LEFT, "a", 1, 1, 5, 5), Entry(Fate.OFFERED, "a", 1, 1, 6, 6)]
    books = Ledger("s", offered=2, accepted=2, delivered=2, refused=1)

    assert_clean(one(again, hears([0, 1])), {"s": books})


def test_a_number_offered_twice_is_a_fault_of_the_producers() -> None:
    assert check(one([*offers(2), *offers(1)], hears([0, 1]))).faults == (
        "producers: 1 lines offered more than once: a:0",
    )


@pytest.mark.parametrize("counter", ["offered", "delivered", "dropped", "discarded", "refused", "queued"])
@pytest.mark.parametrize("by", [1, -1])
def test_a_counter_that_is_off_by_one_is_found(counter: str, by: int) -> None:
    told = [
        Entry(fate, "a", n, 1, 9, 9) for n, fate in ((1, Fate.DROPPED), (2, Fate.DISCARDED), (3, Fate.LEFT))
    ]
    journals = one([*offers(6), *told], hears([0, 4]))
    books = Ledger("s", offered=5, delivered=2, dropped=1, discarded=1, refused=1, queued=1)
    assert_clean(journals, {"s": books})

    wrong = replace(books, **{counter: getattr(books, counter) + by})
    if counter != "refused":
        # The books may even close: the journals know better.
        shifted = replace(wrong, queued=wrong.queued + wrong.offered - sum(
            (wrong.delivered, wrong.dropped, wrong.discarded, wrong.queued)))  # fmt: skip
        if counter != "queued" and counter != "discarded":
            assert not check(journals, {"s": shifted}).clean
    assert not check(journals, {"s": wrong}).clean


def test_a_ledger_excuses_exactly_as_many_as_it_says() -> None:
    heard = one(offers(5), hears([0, 1]))
    assert_clean(heard, {"s": Ledger("s", offered=5, delivered=2, discarded=2, queued=1)})

    report = check(heard, {"s": Ledger("s", offered=5, delivered=2, discarded=1, queued=1)})
    assert "missing (3 events, the ledger accounts for 2)" in str(report)
    assert "does not close" in str(report)


def test_a_ledger_for_a_subscriber_without_a_journal_is_a_fault() -> None:
    assert not check(one(offers(1), hears([0])), {"other": books_of(1)}).clean


def test_latency_is_from_offer_to_call() -> None:
    offered = [Entry(Fate.OFFERED, "a", n, 1, 0, 0) for n in range(100)]
    heard = [Entry(Fate.HEARD, "a", n, 1, (n + 1) * 1_000_000, (n + 1) * 1_000_000) for n in range(100)]

    latency = check(one(offered, heard)).of("s").latency
    assert (latency.p50, latency.p99, latency.max) == (0.05, 0.099, 0.1)
    assert str(latency) == "p50 50.000 ms, p99 99.000 ms, max 100.000 ms"


# --- batches and gaps ---------------------------------------------------------------------------------


def batch(first: int, lines: int, source: str = "web", seq: int | None = None) -> LogBatch:
    return LogBatch(source, Stream.OUT, first, lines, 0, b"x\n" * lines, first_seq=seq)


def gap(lines: int, source: str = "web", first: int = -1) -> Gap:
    return Gap(source, lines, lines * 2, GapReason.OVERFLOW, first, first + lines - 1 if first >= 0 else -1)


def hear_all(journal: Journal, offered: list[object], heard: list[object]) -> Record:
    ear = journal.listener("s")
    for event in offered:
        journal.offered(event)
    for event in heard:
        ear(event)
    return journal.freeze()


def test_batches_count_by_lines_however_they_are_cut() -> None:
    report = assert_clean(
        hear_all(Journal(), [batch(0, 10), batch(10, 5)], [batch(0, 3), batch(3, 9), batch(12, 3)])
    )
    assert (report.lines, report.of("s").lines, report.of("s").events) == (15, 15, 3)


def test_part_of_a_batch_missing_and_part_repeated() -> None:
    report = check(hear_all(Journal(), [batch(0, 10)], [batch(0, 4), batch(3, 3), batch(8, 2)]))

    assert report.of("s").missing == (Range("web", 6, 7),)
    assert report.of("s").duplicates == (Range("web", 3, 3),)


@pytest.mark.parametrize(("told", "clean"), [(3, True), (2, False), (4, False), (0, False)])
def test_a_gap_accounts_for_exactly_its_lines(told: int, clean: bool) -> None:
    heard: list[object] = [batch(0, 4), batch(7, 3)]
    record_ = hear_all(Journal(by_line), [batch(0, 10)], [*heard, *([gap(told)] if told else [])])

    assert check(record_).clean is clean
    assert check(record_).of("s").missing == (Range("web", 4, 6),)


def test_a_gap_of_one_source_does_not_excuse_another() -> None:
    offered: list[object] = [batch(0, 2), batch(0, 2, "db")]

    assert not check(hear_all(Journal(), offered, [batch(0, 2), gap(2, "web")])).clean
    assert check(hear_all(Journal(), offered, [batch(0, 2), gap(2, "db")])).clean
    assert check(hear_all(Journal(), offered, [batch(0, 2), gap(2, "")])).clean
    assert not check(hear_all(Journal(), offered, [batch(0, 2), gap(1, "")])).clean
    assert not check(hear_all(Journal(), offered, [batch(0, 2), batch(0, 2, "db"), gap(1, "")])).clean


def test_a_gap_that_was_offered_explains_nothing() -> None:
    offered: list[object] = [batch(0, 2), gap(5)]

    assert check(hear_all(Journal(), offered, [batch(0, 2), gap(5)])).clean
    assert not check(hear_all(Journal(), offered, [gap(5)])).clean


@pytest.mark.parametrize(("first", "clean"), [(4, True), (3, False), (5, False)])
def test_by_seq_a_gap_names_its_lines(first: int, clean: bool) -> None:
    offered: list[object] = [batch(0, 4, seq=0), batch(0, 3, "db", 4), batch(4, 3, seq=7)]
    heard: list[object] = [batch(0, 4, seq=0), batch(4, 3, seq=7), gap(3, "", first)]

    assert check(hear_all(Journal(by_seq), offered, heard)).clean is clean


# --- laws ---------------------------------------------------------------------------------------------


@st.composite
def clean_orders(draw: st.DrawFn) -> list[tuple[str, int]]:
    """What a subscriber of some sources hears: each source in order, mixed at will."""
    counts = {name: draw(st.integers(1, 12)) for name in "abc"[: draw(st.integers(1, 3))]}
    slots = draw(st.permutations([name for name, n in counts.items() for _ in range(n)]))
    seen: Counter[str] = Counter()
    order = []
    for name in slots:
        order.append((name, seen[name]))
        seen[name] += 1
    return order


def as_record(order: list[tuple[str, int]], heard: list[tuple[str, int]]) -> Record:
    offered = [Entry(Fate.OFFERED, s, n, 1, 0, 0) for s, n in order]
    entries = [Entry(Fate.HEARD, s, n, 1, 10 * at + 10, 10 * at + 15) for at, (s, n) in enumerate(heard)]
    return record(offered, Books("s", tuple(entries)))


def numbers(ranges: tuple[Range, ...]) -> list[tuple[object, int]]:
    return [(r.source, n) for r in ranges for n in range(r.first, r.last + 1)]


@settings(max_examples=60, deadline=None)
@given(clean_orders(), st.randoms())
def test_any_mixture_of_ordered_sources_is_clean(order: list[tuple[str, int]], random: object) -> None:
    journal = as_record(order, order)
    entries = list(journal.offers)
    random.shuffle(entries)  # type: ignore[attr-defined]  # pages of threads come in any order
    assert_clean(replace(journal, offers=tuple(entries)))


@settings(max_examples=60, deadline=None)
@given(clean_orders(), st.data())
def test_what_is_taken_out_repeated_and_moved_is_reported_exactly(
    order: list[tuple[str, int]], data: st.DataObject
) -> None:
    lost = data.draw(st.sets(st.sampled_from(order)), "lost")
    heard = [x for x in order if x not in lost]
    repeated = data.draw(st.lists(st.sampled_from(heard)) if heard else st.just([]), "repeated")
    for x in repeated:
        heard.insert(data.draw(st.integers(heard.index(x) + 1, len(heard)), "at"), x)
    if data.draw(st.booleans(), "moved") and heard:
        heard.insert(
            data.draw(st.integers(0, len(heard) - 1)), heard.pop(data.draw(st.integers(0, len(heard) - 1)))
        )

    late, first_time, top = [], set(), Counter[str]()
    for source, seq in heard:
        if (source, seq) not in first_time and seq < top[source]:
            late.append((source, seq))
        first_time.add((source, seq))
        top[source] = max(top[source], seq)
    found = check(as_record(order, heard))
    one_ = found.of("s")

    assert sorted(numbers(one_.missing)) == sorted(lost)
    assert sorted(numbers(one_.duplicates)) == sorted(repeated)
    assert numbers(one_.inversions) == late
    assert one_.invented == ()
    assert one_.overlaps == 0
    assert found.clean is not bool(lost or repeated or late)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 8)), max_size=12), st.integers(1, 48))
def test_ranges_of_lines_are_compared_as_sets_of_lines(heard: list[tuple[int, int]], total: int) -> None:
    journal = Journal(lambda x: x)  # type: ignore[arg-type,return-value]
    journal_record = record(
        [Entry(Fate.OFFERED, "a", 0, total, 0, 0)],
        Books("s", tuple(Entry(Fate.HEARD, "a", f, n, 10 * at, 10 * at) for at, (f, n) in enumerate(heard))),
    )
    every = Counter(n for first, lines in heard for n in range(first, first + lines))
    found = check(journal_record).of("s")

    assert {n for _, n in numbers(found.missing)} == set(range(total)) - set(every)
    assert {n for _, n in numbers(found.invented)} == set(every) - set(range(total))
    assert Counter(n for _, n in numbers(found.duplicates)) == every - Counter(set(every))
    assert journal.freeze() == Record()


@settings(max_examples=60, deadline=None)
@given(clean_orders(), st.data())
def test_the_tally_finds_what_the_checker_finds(order: list[tuple[str, int]], data: st.DataObject) -> None:
    lost = data.draw(st.sets(st.sampled_from(order)), "lost")
    heard = [x for x in order if x not in lost]
    if data.draw(st.booleans(), "repeat") and heard:
        heard.append(data.draw(st.sampled_from(heard)))
    if data.draw(st.booleans(), "move") and heard:
        heard.insert(0, heard.pop())
    told = data.draw(st.booleans(), "told")
    tally = Tally()
    for source, seq in heard:
        tally.heard(source, seq)
    if told:
        for source, _ in lost:
            tally.gap(source, 1)
    exact = check(as_record(order, heard)).of("s")

    assert tally.report(Counter(s for s, _ in order)).clean is not bool(
        exact.duplicates or exact.inversions or (lost and not told)
    )


def test_the_tally_in_bounded_memory_says_what_is_wrong() -> None:
    tally = Tally("log")
    for n in range(1000):
        tally.feed(batch(2 * n, 2))
    tally.feed(batch(1999, 2))
    tally.feed(gap(3, "db"))
    assert tally.lines("web") == 2002
    assert tally.lines("unknown") == 0
    assert tally.sources() == ("web", "db")

    report = tally.report({"web": 2001, "db": 5})
    assert report.faults == (
        "log: 1 lines of web came again or late (web: 1999 came where 2000 was due)",
        "log: lines missing: 2 of db; gaps without a source stand for 0",
    )
    assert "FAULT" in str(report)
    words = str(tally.report({"web": 2000, "db": 2}))
    assert "lines up to 2000 of web were heard, 2000 were written" in words
    assert "1 lines of db too many were heard or told as missing" in words


# --- the writing half ---------------------------------------------------------------------------------


def test_the_journal_of_a_stage_agrees_with_its_books_for_each_overflow_choice() -> None:
    for overflow in Overflow:
        lane, journal = HandLane(), Journal()
        stage: BoundedStage[tuple[str, int]] = BoundedStage(
            lane, name="s", capacity=2, overflow=overflow, on_drop=journal.dropped
        )
        ear = journal.listener("s")
        ear.listen(stage.output)
        results = [journal.try_emit(stage, ("a", n)) for n in range(5)]
        lane.run_all()
        stage.complete()
        results.append(journal.try_emit(stage, ("a", 5)))
        journal.offer(stage, ("a", 6))  # silently discarded: only the ledger knows
        lane.run_all()

        assert results[-1] is EmitResult.CLOSED
        assert ear.ended.is_set()
        assert ear.error is None
        report = assert_clean(journal.freeze(), {"s": stage.ledger()})
        assert report.of("s").events == ear.heard == (1 if overflow is Overflow.LATEST else 2)
        assert report.of("s").excused == 1


def test_a_callback_that_raises_has_heard_and_the_exception_goes_on() -> None:
    journal = Journal()

    def refuse(_: object) -> None:
        raise ValueError

    ear = journal.listener("s", refuse)
    journal.offered(("a", 0))
    with pytest.raises(ValueError):
        ear(("a", 0))
    ear.failed(ValueError())
    assert isinstance(ear.error, ValueError)
    assert check(journal.freeze()).clean


def test_what_offer_raises_is_journalled_and_goes_on() -> None:
    journal, stage = Journal(), BoundedStage[tuple[str, int]](
        HandLane(), name="s", capacity=1, overflow=Overflow.BLOCK, timeout=0.0
    )  # fmt: skip
    journal.offer(stage, ("a", 0))
    with pytest.raises(Exception, match="no room"):
        journal.offer(stage, ("a", 1))

    report = check(journal.freeze())
    assert (report.events, report.discarded) == (2, 1)


def test_threads_write_into_pages_of_their_own() -> None:
    journal = Journal()
    ear = journal.listener("s")
    turn = threading.Lock()

    def work(name: str) -> Callable[[], None]:
        def body() -> None:
            for n in range(500):
                journal.offered((name, n))
                with turn:  # what a stage does: one call at a time
                    ear((name, n))

        return body

    threads = [threading.Thread(target=work(name)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    frozen = journal.freeze()

    assert_clean(frozen)
    assert {(e.thread, e.source) for e in frozen.offers} == {
        (number, source) for number, source in {e.thread: e.source for e in frozen.offers}.items()
    }
    assert len({e.thread for e in frozen.hearings[0].entries}) == 4
