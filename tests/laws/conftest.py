"""Real pools for the tests of the laws, and quiet: what the laws provoke is logged by hundreds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import pytest
from loguru import logger

from brummer_rx.pipeline.clock import ClockThread
from brummer_rx.pipeline.scheduler import BoundedThreadPoolScheduler

Make = Callable[[int], BoundedThreadPoolScheduler]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logger.disable("brummer_rx")
    yield
    logger.enable("brummer_rx")


@pytest.fixture
def quick_switches() -> Iterator[None]:
    """Threads change at every chance they get."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def pools() -> Iterator[Make]:
    """Makes pools of so many workers; they have to end in time."""
    clock = ClockThread()
    made: list[BoundedThreadPoolScheduler] = []

    def make(workers: int) -> BoundedThreadPoolScheduler:
        made.append(BoundedThreadPoolScheduler(workers, clock=clock))
        return made[-1]

    yield make
    for pool in made:
        assert pool.dispose(drain=False, timeout=30)
    assert clock.close(30)
