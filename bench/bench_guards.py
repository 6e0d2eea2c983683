"""(g) What the run-time guards cost: one hop through a stage, an append to the store, one lock; off and on.

Medians on 2 shared cores, Python 3.11, off and on: hop of one element 1.9 and 9.1 us, append 75 and 102 ns a
line, lock 0.22 and 0.87 us. Off is within the noise of before there were guards (hop 2.0-2.2 us then and
2.1-2.3 us after, side by side on a loaded machine).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.stores import classified, open_store
from brummer_rx.pipeline import guards
from brummer_rx.pipeline.stage import BoundedStage
from brummer_rx.pipeline.testing import HandLane
from brummer_rx.pipeline.violations import Mode

ELEMENTS = 20_000
AT_ONCE = 500
LINES = 400_000


@pytest.fixture(params=[Mode.OFF, Mode.COUNT], ids=["off", "on"])
def mode(request: pytest.FixtureRequest) -> Iterator[Mode]:
    """The guards while the benchmark runs."""
    before = guards.mode()
    guards.switch(request.param)
    yield request.param
    guards.switch(before)


def test_guarded_stage_single(benchmark: Any, per_line: Callable[[int], None], mode: Mode) -> None:
    """One element a call, on one thread: what a hop costs without the scheduling of threads."""
    per_line(ELEMENTS)
    lane = HandLane()
    stage: BoundedStage[int] = BoundedStage(lane, name="bench")
    stage.output.subscribe(lambda _: None)

    def work() -> None:
        for start in range(0, ELEMENTS, AT_ONCE):
            for n in range(start, start + AT_ONCE):
                stage.offer(n)
            lane.run_all()

    benchmark.pedantic(work, rounds=15, warmup_rounds=1)


def test_guarded_store_append(
    benchmark: Any, per_line: Callable[[int], None], mode: Mode, tmp_path: Path
) -> None:
    """Batches of 64 KiB, numbered, framed and written."""
    per_line(LINES)
    items = list(classified(LINES))
    with open_store(tmp_path) as opened:
        benchmark.pedantic(opened.append_all, args=(items,), rounds=7, warmup_rounds=1)


def test_guarded_lock(benchmark: Any, per_line: Callable[[int], None], mode: Mode) -> None:
    """Taken and given back 20,000 times by one thread."""
    per_line(ELEMENTS)
    lock = guards.lock("bench")

    def work() -> None:
        for _ in range(ELEMENTS):
            with lock:
                pass

    benchmark.pedantic(work, rounds=15, warmup_rounds=1)
