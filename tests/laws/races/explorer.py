"""How the tests of this folder explore schedules: frontrun, both ways, and nothing but a full proof counts.

"dpor" visits every schedule that differs in the order of two accesses that matter; "random" sees what dpor
cannot (truthiness of a deque), with the seed of the run. The workers are threads of the explorer: what the
product would start itself (a lane's worker, the clock) is a list of drains, or a body that a worker calls.

Left alone, dpor never lets another worker than the first take its lock first (test_explorer_has_teeth.py
shows it), which would prove half of nothing. So each worker begins with a write to one shared place; whose is
first is explored then, and with it every order of what follows.

The product must be imported after the explorer has put its locks in place of the interpreter's (conftest.py).
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

import frontrun
from loguru import logger

from tests.proof.seed import rng

__all__ = ["BOTH", "RUNS", "TRACED", "Strategy", "counterexample", "holds"]

S = TypeVar("S")
Strategy = Literal["dpor", "random"]
BOTH: tuple[Strategy, ...] = ("dpor", "random")
TRACED = ["reactivex*"]
"""Traced beside what is always traced: all code outside of the interpreter's library and its packages."""
ATTEMPTS = 5
"""Random schedules per test and run; each run has others."""
MOST = 1500
"""A search that needs more is no proof yet: the scenario must become smaller."""
SECONDS = 20.0

logger.remove()  # a log line is no part of any law, and its lock would be one more point to explore


@dataclass(frozen=True, slots=True)
class Run:
    """One exploration, for the table at the end."""

    test: str
    strategy: Strategy
    explored: int
    seconds: float


RUNS: list[Run] = []


class _Start(Generic[S]):
    """The state of one schedule, and the place where its workers start."""

    def __init__(self, state: S) -> None:
        self.state = state
        self.gun = 0


def _from_start(worker: Callable[[S], None]) -> Callable[[_Start[S]], None]:
    def work(start: _Start[S]) -> None:
        start.gun = 0
        worker(start.state)

    return work


@contextmanager
def _no_collection() -> Iterator[None]:
    """A collection runs in the worker that happens to cause it; no schedule may depend on that."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def explore(
    setup: Callable[[], S],
    workers: list[Callable[[S], None]],
    invariant: Callable[[S], bool],
    strategy: Strategy,
    *,
    bound: int | None = None,
    attempts: int = ATTEMPTS,
    clock: Literal["virtual", "real", "explored"] = "virtual",
) -> Any:
    """Explore; `bound` is the most preemptions per schedule (dpor), None: all schedules."""
    name = os.environ.get("PYTEST_CURRENT_TEST", "?").rsplit(" ", 1)[0].rsplit("/", 1)[-1]
    options: dict[str, Any]
    if strategy == "dpor":
        options = {"preemption_bound": bound, "max_executions": MOST}
    else:
        options = {"max_attempts": attempts, "max_ops": 600, "seed": rng(name).randrange(2**31)}
    began = time.perf_counter()
    with _no_collection():
        result = frontrun.explore(
            setup=lambda: _Start(setup()),
            workers=[_from_start(worker) for worker in workers],
            invariant=lambda start: invariant(start.state),
            strategy=strategy,
            clock=clock,
            detect_io=False,
            trace_packages=TRACED,
            timeout_per_run=SECONDS,
            deadlock_timeout=SECONDS,
            reproduce_on_failure=0,
            **options,
        )
    RUNS.append(Run(name, strategy, result.num_explored, time.perf_counter() - began))
    return result


def holds(
    setup: Callable[[], S],
    workers: list[Callable[[S], None]],
    invariant: Callable[[S], bool],
    strategy: Strategy,
    **options: Any,
) -> None:
    """The invariant holds in every schedule, and the search was not cut short."""
    result = explore(setup, workers, invariant, strategy, **options)
    assert result.property_holds is True, (
        f"{result.property_holds}: {result.inconclusive_reason or result.explanation}"
    )
    if strategy == "dpor":
        assert result.num_explored < MOST, f"more than {MOST} schedules: not explored fully"


def counterexample(
    setup: Callable[[], S],
    workers: list[Callable[[S], None]],
    invariant: Callable[[S], bool],
    strategy: Strategy,
    **options: Any,
) -> str:
    """Some schedule breaks the invariant; returns how."""
    result = explore(setup, workers, invariant, strategy, **options)
    assert result.property_holds is False, f"not found in {result.num_explored} schedules"
    return str(result.explanation)
