"""The queue of workers, the pool's admission and their end (L12, L13, L15, L20), in every schedule.

The crew's threads are the explorer's: what it would start is handed to a worker, which runs its body.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from brummer_rx.pipeline.errors import BrummerError, ThreadError
from brummer_rx.pipeline.scheduler import BoundedThreadPoolScheduler
from brummer_rx.pipeline.testing import VirtualClock
from brummer_rx.pipeline.threads import Closed, Crew
from tests.laws.races.explorer import BOTH, Strategy, holds

both = pytest.mark.parametrize("strategy", BOTH)


@pytest.fixture(autouse=True)
def _bells(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bell is a lock that its owner takes twice and another thread gives back: to the explorer a deadlock.

    The same bell, said so that it understands.
    """
    bells = SimpleNamespace(**{**vars(threading), "Lock": lambda: threading.Semaphore(1)})
    monkeypatch.setattr("brummer_rx.pipeline.threads.threading", bells)


LONG = 60.0
"""Virtual seconds: they pass only when nobody can run, so a crew that needs them has lost a wake-up."""


class HandThread:
    """A thread that one of the explorer's workers runs."""

    def __init__(self, _name: str, body: Callable[[], None]) -> None:
        self._body = body
        self._ended = threading.Event()

    def run(self) -> None:
        self._body()
        self._ended.set()

    def join(self, timeout: float) -> None:
        self._ended.wait(timeout)

    def is_alive(self) -> bool:
        return not self._ended.is_set()


class Task:
    def __init__(self, team: Team, name: str) -> None:
        self.team, self.name = team, name

    def __call__(self) -> None:
        self.team.ran.append(self.name)

    def abandon(self, _: BaseException) -> None:
        self.team.abandoned.append(self.name)


class Team:
    """A crew with `held` tasks, and so with up to `size` threads."""

    def __init__(self, size: int = 1, held: int = 1) -> None:
        self.threads: list[HandThread] = []
        self.crew = Crew("pool", str, size, None, self._start)  # type: ignore[arg-type]
        self.ran: list[str] = []
        self.abandoned: list[str] = []
        self.refused: list[str] = []
        self.admitted: list[bool] = []
        self.ends: list[Closed] = []
        for n in range(held):
            self.put(f"held-{n}")

    def _start(self, name: str, body: Callable[[], None]) -> HandThread:
        self.threads.append(HandThread(name, body))
        return self.threads[-1]

    def put(self, name: str, limit: int | None = None) -> None:
        try:
            self.admitted.append(self.crew.put(Task(self, name), limit))
        except ThreadError:
            self.refused.append(name)

    def close(self, *, drain: bool, timeout: float = LONG) -> None:
        self.ends.append(self.crew.close(timeout, drain=drain))

    def accounted(self, tasks: int) -> bool:
        counts = self.crew.counts()
        assert counts.discarded == len(self.abandoned), f"{counts} {self.abandoned}"
        assert counts.ran == len(self.ran), f"{counts} {self.ran}"
        gone = [*self.ran, *self.abandoned, *self.refused]
        assert len(gone) == len(set(gone)) == tasks, gone
        return True


def first(team: Team) -> None:
    team.threads[0].run()


@both
def test_l20_a_crew_that_drains_runs_all_and_ends(strategy: Strategy) -> None:
    def put_and_close(team: Team) -> None:
        team.put("a")
        team.close(drain=True)

    def all_ran(team: Team) -> bool:
        team.accounted(2)
        assert team.ran == ["held-0", "a"]
        assert team.ends == [Closed(True, 0)]
        return True

    holds(Team, [first, put_and_close], all_ran, strategy, bound=1)


@both
def test_l20_a_crew_that_does_not_drain_tells_what_it_discards(strategy: Strategy) -> None:
    def ended(team: Team) -> bool:
        team.accounted(1)
        (end,) = team.ends
        assert end == Closed(True, len(team.abandoned))
        return True

    holds(Team, [first, lambda team: team.close(drain=False)], ended, strategy, bound=1)


@both
def test_l20_a_task_that_meets_the_end_runs_or_is_refused_or_discarded(strategy: Strategy) -> None:
    holds(
        Team,
        [lambda team: team.put("a"), lambda team: team.close(drain=False, timeout=0.0)],
        lambda team: team.accounted(2),
        strategy,
    )


@both
def test_l15_l20_two_threads_find_out_together_that_all_is_done(strategy: Strategy) -> None:
    """The last one ends the crew; the other, asleep or not yet, must hear of it."""

    def draining() -> Team:
        team = Team(size=2, held=2)
        team.crew._begin_end(True)
        return team

    def all_ran(team: Team) -> bool:
        team.accounted(2)
        assert sorted(team.ran) == ["held-0", "held-1"]
        assert not any(thread.is_alive() for thread in team.threads)
        return True

    holds(draining, [first, lambda team: team.threads[1].run()], all_ran, strategy, bound=1)


@both
def test_l4_two_jobs_meet_at_the_last_place_of_the_admission(strategy: Strategy) -> None:
    def one(team: Team) -> bool:
        assert sorted(team.admitted) == [False, True]
        assert team.crew.counts().high_water == team.crew.counts().waiting == 1
        return True

    holds(lambda: Team(held=0), [lambda team: team.put("a", 1), lambda team: team.put("b", 1)], one, strategy)


class Pool:
    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.pool = BoundedThreadPoolScheduler(
            1,
            clock=self.clock,
            admission=1,
            start_thread=HandThread,  # type: ignore[arg-type]
        )
        self.ran: list[Any] = []
        self.refused = 0
        self.timed = self.pool.schedule_relative(1.0, self.action, "timed")
        self.job: Any = self.pool.schedule(self.action, "job")

    def action(self, _scheduler: object, state: object = None) -> None:
        self.ran.append(state)

    def schedule(self, name: str) -> None:
        try:
            self.pool.schedule(self.action, name)
        except BrummerError:
            self.refused += 1

    def run_waiting(self) -> None:
        crew = self.pool._crew
        while len(crew._queue):
            task, _ = crew._queue.popleft()
            task()


@both
def test_l5_a_full_pool_s_jobs_are_run_by_their_callers_or_refused(strategy: Strategy) -> None:
    def each_once(pool: Pool) -> bool:
        books = pool.pool.statistics()
        assert books.high_water_jobs == 1
        assert books.caller_runs + books.overflows == 2
        pool.run_waiting()
        assert len(pool.ran) + pool.refused == 3
        return True

    holds(
        Pool, [lambda pool: pool.schedule("a"), lambda pool: pool.schedule("b")], each_once, strategy, bound=1
    )


@both
def test_l11_a_job_that_is_disposed_runs_as_it_was_or_not_at_all(strategy: Strategy) -> None:
    def as_it_was(pool: Pool) -> bool:
        assert pool.ran in ([], ["job"]), pool.ran
        return True

    holds(Pool, [lambda pool: pool.job(), lambda pool: pool.job.dispose()], as_it_was, strategy)


@both
def test_l11_a_timed_job_is_disposed_while_it_comes_due(strategy: Strategy) -> None:
    def once_or_never(pool: Pool) -> bool:
        pool.clock.advance(1.0)
        pool.run_waiting()
        pool.clock.advance(1.0)
        pool.run_waiting()
        assert pool.ran in (["job"], ["job", "timed"])
        assert pool.pool.statistics().timed == 0
        return True

    holds(
        Pool,
        [lambda pool: pool.clock.advance(1.0), lambda pool: pool.timed.dispose()],
        once_or_never,
        strategy,
        bound=1,
    )
