"""Faults x scheduler, clock, lanes: what was accepted runs or is booked, timers come, failures are told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from loguru import logger

from brummer_rx.pipeline import clock as clock_module
from brummer_rx.pipeline.clock import ClockThread
from brummer_rx.pipeline.errors import BufferOverflow, ThreadError
from brummer_rx.pipeline.scheduler import BoundedThreadPoolScheduler
from brummer_rx.pipeline.testing import VirtualClock
from brummer_rx.pipeline.threads import Crew, Lane, start_thread
from tests.pipeline.until import until
from tests.proof.faultports import FaultyClock, FaultyHandler, FaultyThreads, FaultyWall
from tests.proof.faults import (
    FOR_EVER,
    Fault,
    FaultPlan,
    Hangs,
    Injector,
    Jumps,
    NoThread,
    Raises,
    Slow,
    plan,
)
from tests.proof.seed import rng

DEADLINE = 10.0
RECOVERY = 5.0
HOUR = 3600.0


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logger.disable("brummer_rx")
    yield
    logger.enable("brummer_rx")


class Bench:
    """A clock and a pool of two workers, admission 8, that fail by plan."""

    def __init__(self, played: FaultPlan) -> None:
        self.faults = Injector(played)
        threads = FaultyThreads(self.faults)
        self.wall = FaultyWall(self.faults)
        self.clock = ClockThread(wall=self.wall, start_thread=threads)
        self.errors: list[BaseException] = []
        self.pool = BoundedThreadPoolScheduler(
            2, clock=self.clock, admission=8, on_error=self.errors.append, start_thread=threads
        )

    def job(self, then: Callable[[], None] = lambda: None) -> Callable[..., None]:
        handler = FaultyHandler(self.faults, then)
        return lambda scheduler, state=None: handler()

    def close(self) -> None:
        self.faults.calm()
        assert self.pool.dispose(drain=True, timeout=DEADLINE)
        assert self.clock.close(DEADLINE)
        counts = self.pool.statistics()
        assert (counts.waiting_jobs, counts.waiting_drains, counts.timed) == (0, 0, 0)


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    made = Bench(request.param)
    yield made
    made.close()


class Count:
    """How often it was called, by any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.n = 0

    def __call__(self, *_: object) -> None:
        with self._lock:
            self.n += 1


# --- scheduler ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bench",
    [plan(Fault("handler", Raises(), 3)), plan(Fault("handler", Raises(SystemExit), 2, 4))],
    indirect=True,
    ids=str,
)
def test_scheduler_handler_raises(bench: Bench) -> None:
    ran = Count()
    for n in range(8):
        bench.pool.schedule(bench.job(ran))
        until(lambda n=n: bench.faults.calls["handler"] == n + 1, RECOVERY)
    future = bench.pool.executor.submit(int, "no number")
    with pytest.raises(ValueError, match="invalid literal"):
        future.result(DEADLINE)

    bad = bench.faults.injected["handler"]
    until(lambda: bench.pool.statistics().faults == bad + 1, RECOVERY)
    assert ran.n == 8 - bad
    assert len(bench.errors) == bad + 1


@pytest.mark.parametrize("bench", [plan(Fault("handler", Hangs(), 1))], indirect=True, ids=str)
def test_scheduler_handler_hangs(bench: Bench) -> None:
    ran = Count()
    bench.pool.schedule(bench.job(ran))
    assert bench.faults.hanging.wait(DEADLINE)
    for _ in range(50):
        bench.pool.executor.submit(ran).result(DEADLINE)  # the other worker
    assert ran.n == 50

    assert not bench.pool.dispose(drain=True, timeout=0.05)  # said, and not waited for
    bench.faults.release()
    until(lambda: ran.n == 51, RECOVERY)


@pytest.mark.parametrize("bench", [plan(Fault("handler", Hangs(), 1, 2))], indirect=True, ids=str)
def test_scheduler_queue_full(bench: Bench) -> None:
    bench.clock.start()
    ran, refused, here = Count(), Count(), threading.get_ident()
    for _ in range(2):
        bench.pool.schedule(bench.job(ran))
    until(lambda: bench.faults.injected["handler"] == 2, RECOVERY)
    bench.pool.schedule_relative(0.01, bench.job(ran))
    for _ in range(8):
        bench.pool.schedule(bench.job(ran))
    places: list[int] = []

    foreign = threading.Thread(
        target=lambda: bench.pool.schedule(lambda *_: places.append(threading.get_ident()))
    )
    foreign.start()
    foreign.join(DEADLINE)
    assert places and places[0] not in (here, None)  # on its caller's thread

    def ours() -> None:
        try:
            bench.pool.schedule(bench.job(ran))
        except BufferOverflow:
            refused()

    start_thread("io", ours).join(DEADLINE)
    assert refused.n == 1
    until(lambda: bench.pool.statistics().delayed > 0, RECOVERY)  # the timer comes again

    bench.faults.release()
    until(lambda: ran.n == 11, RECOVERY)
    counts = bench.pool.statistics()
    assert (counts.caller_runs, counts.overflows, counts.discarded) == (1, 1, 0)


@pytest.mark.parametrize(
    "bench", [plan(Fault("handler", Slow(0.0005), 1, FOR_EVER, chance=0.01))], indirect=True, ids=str
)
def test_scheduler_flood(bench: Bench) -> None:
    ran, each = Count(), 1500
    job = bench.job(ran)

    def flood() -> None:
        for _ in range(each):
            bench.pool.schedule(job)

    threads = [threading.Thread(target=flood) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    until(lambda: ran.n == 4 * each, RECOVERY)

    until(lambda: bench.pool.statistics().ran == 4 * each, RECOVERY)
    assert bench.pool.statistics().high_water_jobs <= 8
    assert bench.pool.statistics().workers <= 2


@pytest.mark.parametrize(
    "bench",
    [plan(Fault("thread.pool-1", NoThread(), 1, 3)), plan(Fault("thread.pool-2", NoThread(), 1, 3))],
    indirect=True,
    ids=["no-first-thread", "no-second-thread"],
)
def test_scheduler_thread_start_failure(bench: Bench) -> None:
    """Without a thread the job is refused aloud; with one all run there; later it grows again."""
    first = bench.faults.plan.faults[0].where == "thread.pool-1"
    ran, go = Count(), threading.Event()
    if first:
        for _ in range(3):
            with pytest.raises(ThreadError, match="pool could not start a thread"):
                bench.pool.schedule(bench.job(ran))
    bench.pool.schedule(lambda *_: go.wait(DEADLINE))
    for _ in range(5):
        bench.pool.schedule(bench.job(ran))
    if not first:
        assert bench.faults.injected["thread.pool-2"] == 3
    until(lambda: bench.pool.statistics().workers == 2, RECOVERY)  # the fault is over
    until(lambda: ran.n == 5, RECOVERY)
    go.set()
    assert bench.pool.statistics().discarded == 0


JUMPS = [
    plan(Fault("wall", Jumps(HOUR), 5)),
    plan(Fault("wall", Jumps(-HOUR), 5)),
    plan(
        Fault("wall", Jumps(-1.0), 1, FOR_EVER, chance=0.3),
        Fault("wall", Jumps(1.0), 1, FOR_EVER, chance=0.3),
        name="wall:trembles",
    ),
]


@pytest.mark.parametrize("bench", JUMPS, indirect=True, ids=str)
def test_scheduler_clock_jump(bench: Bench) -> None:
    """Relative and periodic work knows no wall clock; absolute work is reckoned when it is asked for."""
    bench.clock.start()
    order: list[str] = []
    began = time.monotonic()
    bench.pool.schedule_relative(0.06, lambda *_: order.append("relative"))
    bench.pool.schedule_absolute(bench.pool.now + timedelta(days=30), lambda *_: order.append("far"))
    ticks = Count()
    periodic = bench.pool.schedule_periodic(0.01, ticks)
    until(lambda: ticks.n >= 1, RECOVERY)
    assert len({bench.pool.now for _ in range(30)}) > 1  # it jumps meanwhile
    seen = ticks.n
    until(lambda: "relative" in order and ticks.n >= seen + 3, RECOVERY)
    periodic.dispose()

    assert time.monotonic() - began >= 0.06
    assert order == ["relative"]
    assert bench.faults


# --- clock ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bench", [plan(Fault("handler", Raises(), 2, 3))], indirect=True, ids=str)
def test_clock_handler_raises(bench: Bench) -> None:
    bench.clock.start()
    ran = Count()
    for n in range(10):
        bench.clock.call_later(n * 0.001, FaultyHandler(bench.faults, ran))
    until(lambda: bench.faults.calls["handler"] == 10, RECOVERY)
    until(lambda: ran.n == 7 and bench.clock.faults == 3, RECOVERY)
    assert bench.clock.pending() == 0


@pytest.mark.parametrize("bench", [plan(Fault("handler", Hangs(), 1))], indirect=True, ids=str)
def test_clock_handler_hangs(bench: Bench) -> None:
    """No action may block; one that does delays the others, and loses none."""
    bench.clock.start()
    order: list[int] = []
    bench.clock.call_later(0, FaultyHandler(bench.faults))
    assert bench.faults.hanging.wait(DEADLINE)
    for n in (3, 1, 2):
        bench.clock.call_later(n * 0.01, lambda n=n: order.append(n))
    assert order == []

    bench.faults.release()
    until(lambda: len(order) == 3, RECOVERY)
    assert order == [1, 2, 3]


@pytest.mark.parametrize("bench", [plan(Fault("handler", Hangs(), 1))], indirect=True, ids=str)
def test_clock_close_does_not_wait_for_a_hanging_action(bench: Bench) -> None:
    bench.clock.start()
    bench.clock.call_later(0, FaultyHandler(bench.faults))
    bench.clock.call_later(HOUR, lambda: None)
    assert bench.faults.hanging.wait(DEADLINE)

    assert not bench.clock.close(0.02)
    assert bench.clock.forgotten == 1
    with pytest.raises(ThreadError):
        bench.clock.call_later(0, lambda: None)


@pytest.mark.parametrize("bench", [plan(name="flood")], indirect=True, ids=str)
def test_clock_flood(bench: Bench) -> None:
    bench.clock.start()
    ran, random = Count(), rng("faults/clock flood")
    wanted = 0
    for _ in range(10_000):
        timer = bench.clock.call_later(random.random() * 0.05, ran)
        if random.random() < 0.5:
            timer.cancel()
        else:
            wanted += 1
    until(lambda: bench.clock.pending() == 0, RECOVERY)
    until(lambda: ran.n >= wanted, RECOVERY)
    assert ran.n - wanted <= 10_000 - wanted  # one that ran before it was called off counts as run
    assert bench.clock.faults == 0


@pytest.mark.parametrize("bench", [plan(Fault("thread.clock", NoThread(), 1, 2))], indirect=True, ids=str)
def test_clock_thread_start_failure(bench: Bench) -> None:
    ran = Count()
    bench.clock.call_later(0, ran)
    for _ in range(2):
        with pytest.raises(ThreadError, match="could not be started"):
            bench.clock.start()
    assert ran.n == 0 and bench.clock.pending() == 1

    bench.clock.start()  # there are threads again: nothing was forgotten
    until(lambda: ran.n == 1, RECOVERY)


@pytest.mark.parametrize("bench", JUMPS, indirect=True, ids=str)
def test_clock_clock_jump(bench: Bench) -> None:
    bench.clock.start()
    fired: list[float] = []
    began, random = time.monotonic(), rng("faults/clock jump")
    due = sorted(random.random() * 0.05 for _ in range(30))
    for delay in due:
        bench.clock.call_later(delay, lambda: fired.append(time.monotonic() - began))
        bench.clock.time_ns()
    until(lambda: len(fired) == 30, RECOVERY)

    assert bench.faults
    assert fired == sorted(fired)
    assert all(when >= delay for when, delay in zip(fired, due, strict=True))


def test_clock_that_jumps_never_touches_monotonic_time() -> None:
    virtual = VirtualClock()
    faulty = FaultyClock(Injector(plan(Fault("wall", Jumps(-HOUR), 1, FOR_EVER))), virtual)
    before = virtual.time_ns()
    virtual.advance(5.0)

    assert faulty.now() == 5.0
    assert faulty.time_ns() == before + 5 * 10**9 - 3600 * 10**9
    assert faulty.now() == 5.0


@pytest.mark.parametrize(
    "name", ["stage", "drain", "gate", "overflow", "ledger", "threads", "mainloop", "lane"]
)
def test_who_knows_no_wall_clock_is_hit_by_none_of_its_jumps(name: str) -> None:
    """The cells clock jump x stage and x lanes: there is nothing that could jump."""
    text = (Path(clock_module.__file__).parent / f"{name}.py").read_text()

    assert "time_ns" not in text and "time.time(" not in text and "datetime" not in text


# --- lanes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "played",
    [
        plan(Fault("thread.store", NoThread(), 1, 2)),
        plan(Fault("handler", Raises(), 1, 2)),
        plan(name="none"),
    ],
    ids=str,
)
def test_lane_faults(played: FaultPlan) -> None:
    faults = Injector(played)
    lane = Lane("store", capacity=4, start_thread=FaultyThreads(faults))
    ran = Count()
    for _ in range(faults.plan.faults[0].times if played.name.startswith("thread") else 0):
        with pytest.raises(ThreadError, match="store could not start a thread"):
            lane.submit(ran)
    for _ in range(4):
        lane.submit(FaultyHandler(faults, ran))
    until(lambda: lane.counts().ran == 4, RECOVERY)
    assert lane.close(DEADLINE)
    assert ran.n == 4 - faults.injected["handler"]
    assert lane.counts().faults == faults.injected["handler"]


def test_a_crew_that_cannot_grow_says_so_once() -> None:
    """Under a flood each task tries to start the missing thread; the log must not be flooded with it."""
    logger.enable("brummer_rx")
    told: list[str] = []
    sink = logger.add(told.append, level="WARNING", format="{message}")
    go, faults = threading.Event(), Injector(plan(Fault("thread.x-1", NoThread(), 1, FOR_EVER)))
    crew = Crew("x", lambda n: f"x-{n}", 2, None, FaultyThreads(faults))
    for _ in range(100):
        crew.put(lambda: go.wait(DEADLINE) and None)
    go.set()
    assert crew.close(DEADLINE) == (True, 0)
    logger.remove(sink)

    assert faults.injected["thread.x-1"] > 50
    assert [text.strip() for text in told] == [
        "x goes on with 1 threads: the thread could not be started: can't start new thread"
    ]
