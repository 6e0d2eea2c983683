"""LS-1: per source complete and in order; every line is stored, evicted or dropped, exactly one of them."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from reactivex import Observable, abc
from reactivex.disposable import Disposable

from brummer_rx.pipeline.event import Event, GapReason, LogBatch, Stream
from brummer_rx.pipeline.flow import LineFlow, SinkSpec
from brummer_rx.pipeline.ledger import Ledger, Ledgers
from brummer_rx.pipeline.scheduler import BoundedThreadPoolScheduler
from brummer_rx.pipeline.stage import BoundedStage, Overflow
from brummer_rx.sinks.store.reader import open_run
from brummer_rx.sinks.store.snapshot import StoreSnapshot
from brummer_rx.sinks.store.store import LogStore, StoreOptions
from tests.pipeline.until import until
from tests.proof.seed import rng
from tests.properties.storerig import WAIT, LiveStore, contradictions

WRITERS, LINES, A_BATCH = 25, 4000, 32
BATCHES = WRITERS * LINES // A_BATCH
"""3,125 elements: three times what a stage holds."""
SMALL = StoreOptions(segment_bytes=32 * 1024, max_bytes=300 * 1024, frame_bytes=4096, gather_bytes=8192)
"""2 MB come, 700 KB where two thirds are dropped: much of it has to be evicted."""


def batches_of(writer: int) -> list[LogBatch]:
    found = []
    for first in range(0, LINES, A_BATCH):
        data = b"".join(b"writer %d line %d\n" % (writer, n) for n in range(first, first + A_BATCH))
        found.append(LogBatch(f"w{writer}", Stream.OUT, first, A_BATCH, 1_700_000_000_000_000_000, data))
    return found


class Journal:
    """What the store was given, in order; the store lane's."""

    def __init__(self, store: LogStore) -> None:
        self._store = store
        self.taken: list[tuple[str, int, int]] = []
        """Source, number of its first line, seq."""
        self.threads: set[int] = set()

    def append(self, event: Event) -> None:
        assert isinstance(event, LogBatch)
        self.threads.add(threading.get_ident())
        self.taken.append((event.source, event.first_line, self._store.append(event)))

    def by_source(self) -> dict[str, list[int]]:
        """Numbers of the lines of each source in the order of their seqs."""
        found: dict[str, list[int]] = defaultdict(list)
        for source, first, _ in sorted(self.taken, key=lambda entry: entry[2]):
            found[source] += range(first, first + A_BATCH)
        return found


def write_all(
    offer: Callable[[LogBatch], None], failures: list[BaseException], most: int = BATCHES
) -> list[threading.Thread]:
    """Start all writers at once; each offers `most` batches at most."""
    start = threading.Barrier(WRITERS)

    def write(writer: int) -> None:
        try:
            mine = batches_of(writer)
            start.wait()
            for batch in mine[:most]:
                offer(batch)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(n,), daemon=True) for n in range(WRITERS)]
    for thread in threads:
        thread.start()
    return threads


def join(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(WAIT)
        assert not thread.is_alive(), "a writer hangs"


def kept_of(snapshot: StoreSnapshot) -> dict[str, list[int]]:
    """The numbers of the lines that are still there, by source."""
    found: dict[str, list[int]] = defaultdict(list)
    for line in snapshot.lines(0, snapshot.end_seq):
        _, writer, _, number = line.raw.split()
        assert line.source == f"w{int(writer)}"
        found[line.source].append(int(number))
    return found


def check_books(live: LiveStore, journal: Journal, ledger: Ledger, dropped: int) -> None:
    """accepted = stored + evicted + dropped; each of the three from a place that does not know the others."""
    snapshot = live.store.snapshot()
    stats = live.store.stats
    stored = sum(map(len, kept_of(snapshot).values()))
    evicted = sum(gap.lines for gap in snapshot.gaps if gap.reason is GapReason.BUDGET)
    assert evicted > 0 and stored > 0, "the bound was never reached"
    assert all(gap.reason is GapReason.BUDGET for gap in snapshot.gaps)
    assert stored + evicted + dropped == WRITERS * LINES
    assert stored + evicted == stats.lines == stats.stored_lines == len(journal.taken) * A_BATCH
    assert (ledger.offered, ledger.dropped * A_BATCH, ledger.discarded) == (BATCHES, dropped, 0)
    assert ledger.delivered == len(journal.taken)
    assert ledger.closes and contradictions(snapshot) == []
    assert len(journal.threads) == 1
    with open_run(live.run.path) as reader:
        assert kept_of(reader.snapshot()) == kept_of(snapshot), "the files say something else"


def test_ls_1_25_writers_through_the_real_flow_lose_and_reorder_nothing(tmp_path: Path) -> None:
    live = LiveStore(tmp_path, SMALL)
    pool = BoundedThreadPoolScheduler(2, clock=live.clock)
    ledgers = Ledgers()
    journal = Journal(live.store)
    ended = threading.Event()
    ends: list[Exception | None] = []
    flow = LineFlow(pool, ledgers, lambda name, error: (ends.append(error), ended.set()))  # type: ignore[func-returns-value]
    entry: list[abc.ObserverBase[Event]] = []

    def subscribe(
        observer: abc.ObserverBase[Event], _: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        entry.append(observer)
        return Disposable()

    held = threading.Event()
    live.lane.submit(lambda: cast(None, held.wait(WAIT)))
    flow.connect(Observable(subscribe), (), (SinkSpec("store", live.lane, journal.append),))
    failures: list[BaseException] = []
    writers = write_all(entry[0].on_next, failures)

    def stuck() -> bool:
        books = {ledger.stage: ledger for ledger in ledgers.snapshot()}
        full = min(book.high_water for book in books.values()) >= 1024
        waits = books["lines"].blocked_count > 0
        return full and (waits or not any(writer.is_alive() for writer in writers))

    until(stuck, WAIT)  # the store stands still until both stages are full and writers wait
    held.set()
    join(writers)
    entry[0].on_completed()
    assert ended.wait(WAIT)
    live.end()

    assert (failures, ends) == ([], [None])
    books = {ledger.stage: ledger for ledger in ledgers.snapshot()}
    assert books["lines"].delivered == books["lines"].offered == BATCHES
    assert books["lines"].high_water <= 1024 and books["store"].high_water <= 1024
    assert books["lines"].overshoots == books["store"].overshoots == 0
    check_books(live, journal, books["store"], 0)
    assert journal.by_source() == {f"w{n}": list(range(LINES)) for n in range(WRITERS)}
    for source, numbers in kept_of(live.store.snapshot()).items():
        assert numbers == list(range(LINES - len(numbers), LINES)), f"{source}: not a suffix"
    assert pool.dispose(timeout=WAIT)


@pytest.mark.parametrize("held", [True, False], ids=["store-held", "store-runs"])
@pytest.mark.parametrize("overflow", [Overflow.DROP_OLDEST, Overflow.DROP_NEWEST])
def test_ls_1_what_a_full_stage_drops_is_counted_and_the_rest_is_in_order(
    tmp_path: Path, overflow: Overflow, held: bool
) -> None:
    live = LiveStore(tmp_path, SMALL)
    journal = Journal(live.store)
    lost: Counter[str] = Counter()
    lock = threading.Lock()
    failures: list[BaseException] = []

    def dropped(batch: LogBatch) -> None:
        with lock:
            lost[batch.source] += batch.lines

    stage: BoundedStage[LogBatch] = BoundedStage(
        live.lane, name="store", capacity=BATCHES // 3, overflow=overflow, on_drop=dropped
    )
    ended = threading.Event()
    gate = threading.Event()
    if held:
        live.lane.submit(lambda: cast(None, gate.wait(WAIT)))
    stage.output.subscribe(journal.append, failures.append, ended.set)
    join(write_all(stage.offer, failures))
    gate.set()
    stage.complete()
    assert ended.wait(WAIT)
    live.end()

    assert failures == []
    check_books(live, journal, stage.ledger(), lost.total())
    taken = journal.by_source()
    for writer in range(WRITERS):
        numbers = taken[f"w{writer}"]
        assert numbers == sorted(set(numbers)), "twice, or out of order"
        assert len(numbers) + lost[f"w{writer}"] == LINES
        if held:  # nothing left the stage while it was full: the newest are kept, or the oldest
            start = LINES - len(numbers) if overflow is Overflow.DROP_OLDEST else 0
            assert numbers == list(range(start, start + len(numbers)))
    for source, kept in kept_of(live.store.snapshot()).items():
        assert kept == taken[source][len(taken[source]) - len(kept) :], "what is left is not the newest"
    if held:
        assert lost.total() == (BATCHES - BATCHES // 3) * A_BATCH


def test_ls_1_order_holds_when_threads_change_as_often_as_they_can(tmp_path: Path) -> None:
    """The same on a stage of a few elements, so that writers wait and wake all the time."""
    import sys

    live = LiveStore(tmp_path, StoreOptions(segment_bytes=64 * 1024, frame_bytes=4096))
    journal = Journal(live.store)
    failures: list[BaseException] = []
    stage: BoundedStage[LogBatch] = BoundedStage(
        live.lane, name="store", capacity=rng("ls-1 capacity").randrange(2, 8), overflow=Overflow.PARK
    )
    ended = threading.Event()
    stage.output.subscribe(journal.append, failures.append, ended.set)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        join(write_all(stage.offer, failures, 40))
    finally:
        sys.setswitchinterval(before)
    stage.complete()
    assert ended.wait(WAIT)
    live.end()

    assert failures == []
    assert journal.by_source() == {f"w{n}": list(range(40 * A_BATCH)) for n in range(WRITERS)}
    assert kept_of(live.store.snapshot()) == journal.by_source()
