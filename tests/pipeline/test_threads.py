"""Named threads, crews and lanes: order, bounds, what raises, and ends within their deadline."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator

import pytest
from loguru import logger

from brummer_rx.pipeline import threads
from brummer_rx.pipeline.errors import BufferOverflow, ThreadError
from brummer_rx.pipeline.lane import serving
from brummer_rx.pipeline.threads import Crew, Lane, is_ours, live_threads, start_thread, thread_high_water
from tests.pipeline.until import until


class Stop:
    """A task that occupies its thread until it is let go."""

    def __init__(self) -> None:
        self.inside, self.go = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self.inside.set()
        self.go.wait(20)


@pytest.fixture
def lane() -> Iterator[Lane]:
    made = Lane("store", capacity=4)
    yield made
    assert made.close(5)


def crew(size: int = 2) -> Crew:
    return Crew("crew", lambda n: f"crew-{n}", size, None)


# --- start_thread -----------------------------------------------------------------------------------


def test_a_thread_is_named_counted_and_forgotten_when_it_ends() -> None:
    stop = Stop()
    thread = start_thread("ingest", stop)
    assert stop.inside.wait(5)
    assert thread.daemon
    assert thread.name == "ingest"
    assert live_threads().count("ingest") == 1

    stop.go.set()
    thread.join(5)
    assert "ingest" not in live_threads()


def test_the_high_water_is_taken_when_threads_are_created() -> None:
    before = thread_high_water()
    stops = [Stop() for _ in range(before - len(live_threads()) + 5)]
    started = [start_thread("x", stop) for stop in stops]
    for stop in stops:
        stop.go.set()
    for thread in started:
        thread.join(5)
    # Asked only now, when none of them lives any more.
    assert thread_high_water() == before + 5


def test_an_exception_that_ends_a_thread_is_counted() -> None:
    before = threads._census.crashes
    start_thread("x", lambda: 1 // 0).join(5)

    assert threads._census.crashes == before + 1
    assert "x" not in live_threads()


def test_a_thread_that_cannot_start_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(ThreadError, match="the thread x could not be started: can't start new thread"):
        start_thread("x", lambda: None)
    assert "x" not in live_threads()
    with pytest.raises(ThreadError, match="crew could not start a thread"):
        crew().put(lambda: None)


def test_which_threads_are_ours() -> None:
    seen: list[bool] = []
    start_thread("x", lambda: seen.append(is_ours())).join(5)
    foreign = threading.Thread(target=lambda: seen.append(is_ours()))
    foreign.start()
    foreign.join(5)

    assert seen == [True, False]
    assert is_ours()


# --- crews ------------------------------------------------------------------------------------------


def test_a_crew_grows_only_while_nobody_is_idle() -> None:
    mine = crew(3)
    for _ in range(5):
        done = threading.Event()
        mine.put(done.set)
        assert done.wait(5)
        until(lambda: mine.counts().idle == 1)
    assert mine.counts().threads == 1

    stops = [Stop() for _ in range(3)]
    for stop in stops:
        mine.put(stop)
    assert all(stop.inside.wait(5) for stop in stops)
    assert mine.counts().threads == 3
    for stop in stops:
        stop.go.set()
    assert mine.close(5) == (True, 0)


def test_tasks_on_many_threads_all_run() -> None:
    mine, ran = crew(4), []
    for i in range(500):
        mine.put(lambda i=i: ran.append(i))
    assert mine.close(10) == (True, 0)

    assert sorted(ran) == list(range(500))
    assert mine.counts().ran == 500


def test_while_it_drains_accepted_work_may_go_on() -> None:
    mine, steps = crew(2), []
    stop = Stop()

    def chain(left: int) -> None:
        steps.append(left)
        if left:
            mine.put(lambda: chain(left - 1), 10)

    mine.put(stop)
    mine.put(lambda: chain(20), 10)
    closed: list[threads.Closed] = []
    closer = threading.Thread(target=lambda: closed.append(mine.close(10)))
    closer.start()
    until(lambda: refused(mine))
    mine.put(lambda: steps.append(-1))  # a drain, from outside
    stop.go.set()
    closer.join(10)

    assert sorted(steps) == [-1, *range(21)]
    assert closed == [(True, 0)]


def refused(mine: Crew) -> bool:
    try:
        mine.put(lambda: None, 10)
    except ThreadError:
        return True
    return False


def test_without_draining_what_waits_is_discarded_and_told() -> None:
    class Drain:
        def __init__(self) -> None:
            self.reasons: list[BaseException] = []

        def __call__(self) -> None:
            self.reasons.append(AssertionError("ran"))

        def abandon(self, reason: BaseException) -> None:
            self.reasons.append(reason)

    mine, stop, drain = crew(1), Stop(), Drain()
    mine.put(stop)
    assert stop.inside.wait(5)
    mine.put(drain)
    mine.put(lambda: None, 10)
    threading.Timer(0.02, stop.go.set).start()

    assert mine.close(5, drain=False) == (True, 2)
    assert [type(r) for r in drain.reasons] == [ThreadError]
    assert mine.close(5, drain=False) == (True, 2)
    with pytest.raises(ThreadError):
        mine.put(lambda: None)


def test_at_the_deadline_the_rest_is_discarded() -> None:
    mine, stop, ran = crew(1), Stop(), []
    mine.put(stop)
    assert stop.inside.wait(5)
    mine.put(lambda: ran.append(1))
    began = time.monotonic()

    assert mine.close(0.05) == (False, 1)
    assert time.monotonic() - began < 2
    stop.go.set()
    assert mine.close(5).joined
    assert ran == []


def test_a_crew_without_threads_closes() -> None:
    mine = crew()
    assert mine.close(0) == (True, 0)
    with pytest.raises(ThreadError, match="crew takes nothing"):
        mine.put(lambda: None)


def test_many_crews_come_and_go_without_a_thread_left() -> None:
    before = len(live_threads())
    for _ in range(50):
        mine = crew(3)
        for _ in range(6):
            mine.put(lambda: None)
        assert mine.close(5).joined
    until(lambda: len(live_threads()) == before)


def test_the_books_of_threads_start_empty_and_count_each_crash() -> None:
    fresh, before = threads._Census(), threads._census.crashes
    for _ in range(3):
        start_thread("x", lambda: 1 // 0).join(5)

    assert (fresh.live, fresh.high_water, fresh.crashes) == ({}, 0, 0)
    assert threads._census.crashes == before + 3


def test_a_start_that_was_interrupted_is_no_lack_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: threading.Thread) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupt)
    with pytest.raises(KeyboardInterrupt):
        start_thread("x", lambda: None)
    assert "x" not in live_threads()


class Cargo:
    """Something that a task holds."""

    def __call__(self) -> None:
        pass


def test_a_thread_that_ended_keeps_nothing_of_its_task() -> None:
    cargo = Cargo()
    gone = weakref.ref(cargo)
    thread = start_thread("x", cargo)
    thread.join(5)
    del cargo
    gc.collect()

    assert gone() is None
    assert thread.name == "x"


def test_an_idle_thread_keeps_nothing_of_its_last_task() -> None:
    mine, cargo = crew(1), Cargo()
    gone = weakref.ref(cargo)
    mine.put(cargo)
    until(lambda: mine.counts().idle == 1)
    del cargo
    gc.collect()

    assert gone() is None
    assert mine.close(5).joined


def test_a_crew_that_gets_no_second_thread_goes_on_with_one_and_tries_again() -> None:
    asked: list[str] = []

    def scarce(name: str, target: Callable[[], None]) -> threading.Thread:
        asked.append(name)
        if len(asked) in (2, 3):
            raise ThreadError("no more")
        return start_thread(name, target)

    mine, stop, done = Crew("crew", lambda n: f"crew-{n}", 2, None, scarce), Stop(), threading.Event()
    mine.put(stop)
    assert stop.inside.wait(5)
    assert mine.put(lambda: None)
    assert mine.put(lambda: None)
    assert mine.counts().threads == 1
    assert mine.put(done.set)
    assert done.wait(5)
    assert asked == ["crew-0", "crew-1", "crew-1", "crew-1"]
    stop.go.set()
    assert mine.close(5) == (True, 0)


def test_scarcity_is_said_once_until_it_is_over() -> None:
    lines: list[str] = []
    refuse = [False, True, True, False, True]

    def scarce(name: str, target: Callable[[], None]) -> threading.Thread:
        if refuse.pop(0):
            raise ThreadError("no more")
        return start_thread(name, target)

    mine, stops = Crew("crew", lambda n: f"crew-{n}", 3, None, scarce), [Stop() for _ in range(5)]
    sink = logger.add(lines.append, level="WARNING", format="{message}")
    try:
        for stop in stops:  # the first one's thread, twice none, a second one, none
            mine.put(stop)
            until(lambda: mine.counts().idle == 0)
    finally:
        logger.remove(sink)
    for stop in stops:
        stop.go.set()

    assert [str(line).strip() for line in lines] == [
        "crew goes on with 1 threads: no more",
        "crew goes on with 2 threads: no more",
    ]
    assert mine.close(5) == (True, 0)


def test_a_crew_that_ended_has_no_thread_of_its_own_any_more() -> None:
    mine = crew(2)
    for _ in range(4):
        mine.put(lambda: None)
    assert mine.close(5).joined

    assert mine._idents == set()  # the system gives idents again


def test_while_one_is_busy_the_others_do_not_end_the_crew() -> None:
    """What the busy one goes on with is accepted until it has ended, however often others look."""
    mine, stop, ran = crew(2), Stop(), threading.Event()

    def busy() -> None:
        stop()
        mine.put(ran.set)

    other = threading.Event()
    mine.put(busy)
    assert stop.inside.wait(5)
    mine.put(other.set)
    assert other.wait(5)
    until(lambda: mine.counts().idle == 1)
    mine._begin_end(True)
    until(
        lambda: mine.counts().idle == 1
    )  # woken, it looked and went back to sleep, or never woke: asked below
    looked = threading.Event()
    mine.put(looked.set)
    assert looked.wait(5)
    until(lambda: mine.counts().idle == 1)
    stop.go.set()

    assert ran.wait(5)
    assert mine.close(5) == (True, 0)


def test_what_was_cut_off_is_counted_although_a_thread_hangs() -> None:
    mine, stop = crew(1), Stop()
    mine.put(stop)
    assert stop.inside.wait(5)
    mine.put(lambda: None)
    mine.put(lambda: None, 10)

    assert mine.close(0.01, drain=False) == (False, 2)
    assert (mine.counts().waiting, mine.counts().drains) == (0, 0)
    stop.go.set()
    assert mine.close(5) == (True, 2)


def test_closing_again_while_it_drains_cuts_nothing_off() -> None:
    mine, stop, ran = crew(1), Stop(), list[int]()
    mine.put(stop)
    assert stop.inside.wait(5)
    mine.put(lambda: ran.append(1))
    assert mine._begin_end(True) == []
    assert mine._begin_end(True) == []
    stop.go.set()

    assert mine.close(5) == (True, 0)
    assert ran == [1]


def test_past_the_deadline_no_thread_is_waited_for() -> None:
    asked: list[float] = []

    class Hung(threading.Thread):
        def join(self, timeout: float | None = None) -> None:
            assert timeout is not None
            asked.append(timeout)

        def is_alive(self) -> bool:
            return True

    mine = crew(2)
    mine._threads += [Hung(), Hung()]
    assert not mine._join(time.monotonic() - 1)

    assert asked == [0.0, 0.0]


# --- lanes ------------------------------------------------------------------------------------------


def test_a_lane_runs_actions_and_drains_in_order_on_its_one_thread(lane: Lane) -> None:
    ran: list[tuple[int, str, str | None, bool]] = []
    done = threading.Event()

    def note(i: int) -> Callable[[], None]:
        return lambda: ran.append((i, threading.current_thread().name, serving(), lane.is_current()))

    for i in range(4):
        (lane.submit if i % 2 else lane.submit_drain)(note(i))
    lane.submit_drain(done.set)
    assert done.wait(5)

    assert ran == [(i, "store", "store", True) for i in range(4)]
    assert not lane.is_current()


def test_a_lane_refuses_actions_beyond_its_capacity_but_takes_drains(lane: Lane) -> None:
    stop = Stop()
    lane.submit(stop)
    assert stop.inside.wait(5)
    for _ in range(4):
        lane.submit(lambda: None)
    with pytest.raises(BufferOverflow, match="4 actions wait on store"):
        lane.submit(lambda: None)
    lane.submit_drain(lambda: None)

    counts = lane.counts()
    assert (counts.threads, counts.waiting, counts.high_water, counts.drains) == (1, 4, 4, 1)
    stop.go.set()


def test_what_raises_on_a_lane_is_counted_and_told_and_the_lane_goes_on() -> None:
    errors: list[BaseException] = []

    def hook(error: BaseException) -> None:
        errors.append(error)
        raise RuntimeError("the hook, too")

    lane, done = Lane("sync", on_error=hook), threading.Event()
    lane.submit(lambda: 1 // 0)
    lane.submit(exit)
    lane.submit(done.set)
    assert done.wait(5)

    assert [type(e) for e in errors] == [ZeroDivisionError, SystemExit]
    assert lane.counts().faults == 2
    assert lane.close(5)


def test_a_closed_lane_ran_what_was_accepted_and_takes_no_more() -> None:
    lane, ran = Lane("store"), []
    for i in range(100):
        lane.submit(lambda i=i: ran.append(i))
    assert lane.close(5)
    assert lane.close(5)

    assert ran == list(range(100))
    for submit in (lane.submit, lane.submit_drain):
        with pytest.raises(ThreadError):
            submit(lambda: None)


def test_a_lane_cannot_wait_for_itself(lane: Lane) -> None:
    raised: list[BaseException] = []
    done = threading.Event()

    def close() -> None:
        try:
            lane.close(1)
        except ThreadError as error:
            raised.append(error)
        done.set()

    lane.submit(close)
    assert done.wait(5)
    assert len(raised) == 1


def test_an_idle_lane_sleeps(lane: Lane) -> None:
    lane.submit(lambda: None)
    began = time.process_time()
    time.sleep(0.1)
    assert time.process_time() - began < 0.05
