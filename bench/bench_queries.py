"""(d) Queries over 10^6 and 10^7 lines, warm; and the writer's rate while a search runs."""

from __future__ import annotations

import random
import select
from pathlib import Path
from typing import Any

import pytest

from bench.harness import NEEDLE
from bench.stores import Filled, classified, open_store
from brummer_rx.pipeline.event import Level
from brummer_rx.pipeline.reader import LineFilter, SearchQuery
from brummer_rx.sinks.store.helper import SearchHelper
from brummer_rx.sinks.store.search import scan

ERRORS = LineFilter(min_level=Level.ERROR)
ONE_SOURCE = LineFilter(sources=frozenset({"app3"}))
REGEX = r"timeout after \d{4} ms \(attempt 3\)"

SEARCHES = {
    "rare literal": SearchQuery(NEEDLE.decode()),
    "rare literal, any case": SearchQuery(NEEDLE.decode().upper(), ignore_case=True),
    "regex with a literal": SearchQuery(REGEX, regex=True),
}


@pytest.fixture(params=["million", "large"])
def filled(request: pytest.FixtureRequest) -> Filled:
    """Both sizes, one after the other."""
    found: Filled = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize("name", SEARCHES)
def test_search_all(name: str, filled: Filled, benchmark: Any) -> None:
    """Every hit of the whole run."""
    snapshot = filled.reader.snapshot()
    query = SEARCHES[name]

    def run() -> int:
        return [progress.total for progress in scan(snapshot, query, lambda: False)][-1]

    assert benchmark.pedantic(run, rounds=7, warmup_rounds=1) > 0


def test_common_literal_limit_100(filled: Filled, benchmark: Any) -> None:
    """The newest hundred lines with a word that is everywhere."""
    snapshot = filled.reader.snapshot()

    def run() -> int:
        found: list[int] = []
        for progress in scan(snapshot, SearchQuery("GET", max_hits=100), lambda: False):
            found += progress.seqs
            if len(found) >= 100:
                break
        return len(found)

    assert benchmark.pedantic(run, rounds=15, warmup_rounds=1) >= 100


def test_level_filter_count(filled: Filled, benchmark: Any) -> None:
    """How many lines of level error."""
    snapshot = filled.reader.snapshot()
    assert benchmark.pedantic(lambda: snapshot.count(ERRORS), rounds=15, warmup_rounds=1) > 0


def test_level_filter_newest_100(filled: Filled, benchmark: Any) -> None:
    """The newest hundred errors, read."""
    snapshot = filled.reader.snapshot()

    def run() -> int:
        return len(snapshot.read(snapshot.select(ERRORS, 0, snapshot.end_seq, 100, newest=True)))

    assert benchmark.pedantic(run, rounds=15, warmup_rounds=1) == 100


def test_source_filter_page(filled: Filled, benchmark: Any) -> None:
    """Hundred lines of one source from a random place."""
    snapshot = filled.reader.snapshot()
    rng = random.Random(1)

    def run() -> int:
        start = rng.randrange(snapshot.end_seq // 2)
        return len(snapshot.read(snapshot.select(ONE_SOURCE, start, snapshot.end_seq, 100)))

    assert benchmark.pedantic(run, rounds=25, warmup_rounds=1) == 100


def test_tail(filled: Filled, benchmark: Any) -> None:
    """The last hundred lines."""
    snapshot = filled.reader.snapshot()
    end = snapshot.end_seq
    assert len(benchmark.pedantic(lambda: snapshot.lines(end - 100, end), rounds=25, warmup_rounds=1)) == 100


def test_random_page(filled: Filled, benchmark: Any) -> None:
    """Hundred lines from a random place."""
    snapshot = filled.reader.snapshot()
    rng = random.Random(2)

    def run() -> int:
        start = rng.randrange(snapshot.end_seq - 100)
        return len(snapshot.lines(start, start + 100))

    assert benchmark.pedantic(run, rounds=25, warmup_rounds=1) == 100


@pytest.mark.parametrize("searching", [False, True], ids=["alone", "while searching"])
def test_writer_rate(searching: bool, large: Filled, benchmark: Any, tmp_path: Path) -> None:
    """The store alone, and beside a helper that searches 10^7 lines of another run without a pause."""
    items = list(classified(1_600_000))
    benchmark.extra_info["lines"] = 1_600_000
    helper = SearchHelper(large.path)
    runs = iter(range(1000))

    def run() -> None:
        with open_store(tmp_path / str(next(runs))) as opened:
            for start in range(0, len(items), 50):
                if searching:
                    _keep_busy(helper)
                opened.append_all(items[start : start + 50])

    try:
        if searching:
            helper.submit(SEARCHES["rare literal"])
        benchmark.pedantic(run, rounds=5, warmup_rounds=1)
    finally:
        helper.close()


def _keep_busy(helper: SearchHelper) -> None:
    """Take what the helper found; when it is through, ask again."""
    fd = helper.fileno()
    if fd < 0 or not select.select([fd], [], [], 0)[0]:
        return
    if any(progress.done for progress in helper.receive()):
        helper.submit(SEARCHES["rare literal"])
