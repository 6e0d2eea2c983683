"""(c) One hop between threads: ours, single and in batches of 256, beside reactivex's observe_on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from reactivex import Observable, Subject
from reactivex import operators as ops
from reactivex.scheduler import ThreadPoolScheduler

from brummer_rx.pipeline.clock import ClockThread
from brummer_rx.pipeline.scheduler import BoundedThreadPoolScheduler
from brummer_rx.pipeline.stage import observe_on_bounded

ELEMENTS = 20_000
HOPS = 256

Hop = Callable[[Observable[Any]], Observable[Any]]


def push(hop: Hop, items: list[Any]) -> None:
    """Send all items through one hop and wait for the end."""
    done = threading.Event()
    source: Subject[Any] = Subject()
    source.pipe(hop).subscribe(lambda _: None, on_completed=done.set)
    for item in items:
        source.on_next(item)
    source.on_completed()
    done.wait()


def ours(benchmark: Any, items: list[Any]) -> None:
    """Our stage between the caller and a pool of four."""
    clock = ClockThread()
    clock.start()
    pool = BoundedThreadPoolScheduler(4, clock=clock)
    hop: Hop = observe_on_bounded(pool, name="bench", batch=256)
    benchmark.pedantic(lambda: push(hop, items), rounds=15, warmup_rounds=1)
    pool.dispose(True, 5)
    clock.close(5)


def theirs(benchmark: Any, items: list[Any]) -> None:
    """reactivex's observe_on on its ThreadPoolScheduler of four."""
    pool = ThreadPoolScheduler(4)
    benchmark.pedantic(lambda: push(ops.observe_on(pool), items), rounds=7, warmup_rounds=1)
    pool.executor.shutdown()


def test_bounded_stage_single(benchmark: Any, per_line: Callable[[int], None]) -> None:
    """One element a call."""
    per_line(ELEMENTS)
    ours(benchmark, list(range(ELEMENTS)))


def test_bounded_stage_lists_of_256(benchmark: Any, per_line: Callable[[int], None]) -> None:
    """Lists of 256 elements, as the edge makes them."""
    per_line(ELEMENTS * HOPS)
    items = list(range(HOPS))
    ours(benchmark, [items] * ELEMENTS)


def test_reactivex_observe_on_single(benchmark: Any, per_line: Callable[[int], None]) -> None:
    """The library's own hop, one element a call."""
    per_line(ELEMENTS)
    theirs(benchmark, list(range(ELEMENTS)))
