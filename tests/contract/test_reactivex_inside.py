"""The insides of reactivex that our scheduler, stage, drain, guarded, flow and machine are built on."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import reactivex
from reactivex import Observable, Subject, abc
from reactivex import operators as ops
from reactivex.disposable import Disposable, SingleAssignmentDisposable
from reactivex.observer import AutoDetachObserver
from reactivex.scheduler import NewThreadScheduler, ThreadPoolScheduler
from reactivex.scheduler.scheduler import Scheduler

from brummer_rx.pipeline.scheduler import BoundedThreadPoolScheduler
from tests.contract.facts import fact, no_thread_is_left, worker_pool

__all__ = ["no_thread_is_left"]

POOL = "pipeline/scheduler.py overrides every way into the pool; a new one would start threads of its own"
DRAIN = "pipeline/drain.py: a subscriber that raises is told on_error by the stage, after that"
CONNECT = "pipeline/drain.py: `connect` is given to Observable as its subscribe function"


class Recorded(Exception):
    """Raised on purpose."""


# --- ThreadPoolScheduler and its executor -------------------------------------------------------------


@fact(POOL)
def test_these_are_all_ways_to_schedule_and_we_override_them() -> None:
    ways = {
        name
        for name in dir(ThreadPoolScheduler)
        if name.startswith("schedule") and name != "schedule_required"
    }

    assert ways == {"schedule", "schedule_relative", "schedule_absolute", "schedule_periodic"}
    assert {*ways, "now"} <= set(vars(BoundedThreadPoolScheduler))


@fact(POOL)
def test_the_pool_keeps_nothing_but_an_executor_and_a_factory() -> None:
    with worker_pool(2) as pool:
        assert set(vars(pool)) == {"executor", "thread_factory"}
        assert type(pool.executor) is ThreadPoolExecutor
        assert issubclass(ThreadPoolScheduler, NewThreadScheduler)


@fact("pipeline/scheduler.py puts an executor of its own in the place of reactivex's after __init__")
def test_the_factory_asks_for_the_executor_when_it_starts() -> None:
    class Fake:
        def __init__(self) -> None:
            self.got: list[Any] = []

        def submit(self, target: Callable[[], None]) -> None:
            self.got.append(target)

    fake, pool = Fake(), ThreadPoolScheduler(1)
    pool.executor.shutdown()
    pool.executor = fake  # type: ignore[assignment]
    pool.thread_factory(print).start()

    assert fake.got == [print]


@fact("pipeline/scheduler.py: reactivex's own executor is made, thrown away, and must have cost no thread")
def test_neither_pool_nor_executor_starts_a_thread_before_work_comes() -> None:
    before = threading.active_count()
    pool = ThreadPoolScheduler(4)

    assert threading.active_count() == before
    assert len(pool.executor._threads) == 0


@fact("pipeline/scheduler.py: `_Executor` overrides submit and shutdown; map has to come through submit")
def test_these_are_all_ways_into_an_executor() -> None:
    class Counted(ThreadPoolExecutor):
        calls = 0

        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            return super().submit(fn, *args, **kwargs)

    assert {n for n in dir(ThreadPoolExecutor) if not n.startswith("_")} == {"submit", "map", "shutdown"}
    with Counted(1) as executor:
        assert list(executor.map(str, [1, 2])) == ["1", "2"]
        assert executor.calls == 2


@fact("pipeline/scheduler.py: `_Job` invokes its action by invoke_action and disposes what it gave back")
def test_invoke_action_passes_the_scheduler_and_gives_back_a_disposable() -> None:
    given, inner = list[Any](), Disposable()
    with worker_pool(1) as pool:
        assert pool.invoke_action(lambda s, state: given.append((s, state)) or inner, 7) is inner
        assert isinstance(pool.invoke_action(lambda *_: None), abc.DisposableBase)
        assert given == [(pool, 7)]


@fact("pipeline/scheduler.py: times are aware and UTC, so that due - now is a timedelta")
def test_times_are_converted_to_seconds_and_utc() -> None:
    moment = datetime(2026, 11, 23, tzinfo=UTC)

    assert Scheduler.to_seconds(timedelta(seconds=1.5)) == 1.5
    assert Scheduler.to_seconds(2) == 2
    assert Scheduler.to_datetime(moment) is moment
    assert Scheduler.to_datetime(0.0) == datetime(1970, 1, 1, tzinfo=UTC)
    assert Scheduler.to_datetime(timedelta(seconds=5)).tzinfo is UTC
    assert Scheduler.to_seconds(moment) == moment.timestamp()


# --- disposables --------------------------------------------------------------------------------------


@fact("pipeline/drain.py: `follow` may get its subscription after the stage has ended; then it is disposed")
def test_a_single_assignment_disposes_what_comes_late_and_refuses_a_second_one() -> None:
    disposed = list[str]()
    late, twice = SingleAssignmentDisposable(), SingleAssignmentDisposable()
    late.dispose()
    late.disposable = Disposable(lambda: disposed.append("late"))
    twice.disposable = Disposable(lambda: disposed.append("first"))
    with pytest.raises(Exception, match="already been assigned"):
        twice.disposable = Disposable()
    assert disposed == ["late"]
    twice.dispose()
    twice.dispose()

    assert disposed == ["late", "first"]


@fact("pipeline/drain.py: `Disposable(self.dispose)` ends the stage once")
def test_a_disposable_runs_its_action_once() -> None:
    ran = list[int]()
    disposable = Disposable(lambda: ran.append(1))
    disposable.dispose()
    disposable.dispose()

    assert ran == [1]


# --- Observable and AutoDetachObserver ----------------------------------------------------------------


@fact(CONNECT)
def test_observable_calls_its_function_with_a_detaching_observer_before_subscribe_returns() -> None:
    calls = list[tuple[Any, Any, int]]()

    def connect(observer: Any, scheduler: Any = None) -> abc.DisposableBase:
        calls.append((observer, scheduler, threading.get_ident()))
        return Disposable()

    for made in (Observable(connect), reactivex.create(connect)):
        made.subscribe(lambda _: None)
        with worker_pool(1) as pool:
            made.subscribe(lambda _: None, scheduler=pool)
            assert calls[-1][1] is pool, "`follow` hands a scheduler on"

    assert [type(observer) for observer, _, _ in calls] == [AutoDetachObserver] * 4
    assert calls[0][1] is None
    assert {ident for _, _, ident in calls} == {threading.get_ident()}


@fact(CONNECT)
def test_what_is_disposed_or_ended_hears_no_more_and_lets_go_of_its_source() -> None:
    for end in ("dispose", "on_completed", "on_error"):
        seen, gone, kept = list[object](), list[int](), list[Any]()

        def connect(observer: Any, _: Any = None, kept: Any = kept, gone: Any = gone) -> abc.DisposableBase:
            kept.append(observer)
            return Disposable(lambda: gone.append(1))

        subscription = Observable(connect).subscribe(
            seen.append, lambda error: seen.append(error), lambda: seen.append("completed")
        )
        error = Recorded()
        {
            "dispose": subscription.dispose,
            "on_completed": kept[0].on_completed,
            "on_error": lambda: kept[0].on_error(error),
        }[end]()
        kept[0].on_next(1)
        kept[0].on_completed()
        kept[0].on_error(Recorded())
        subscription.dispose()

        assert seen == {"dispose": [], "on_completed": ["completed"], "on_error": [error]}[end]
        assert gone == [1]


@fact("pipeline/drain.py: a stage with a backlog may deliver before `connect` has returned its disposable")
def test_an_end_inside_of_the_subscribe_function_still_disposes_what_it_returns() -> None:
    gone, seen = list[int](), list[object]()

    def connect(observer: Any, _: Any = None) -> abc.DisposableBase:
        observer.on_next(1)
        observer.on_completed()
        return Disposable(lambda: gone.append(1))

    Observable(connect).subscribe(seen.append, on_completed=lambda: seen.append("completed"))

    assert seen == [1, "completed"]
    assert gone == [1]


@fact(DRAIN)
def test_what_a_subscriber_raises_comes_out_of_on_next_and_leaves_it_subscribed() -> None:
    kept, seen = list[Any](), list[object]()

    def bad(_: int) -> None:
        raise Recorded

    Observable(lambda observer, _=None: kept.append(observer) or Disposable()).subscribe(bad, seen.append)
    with pytest.raises(Recorded):
        kept[0].on_next(1)
    error = Recorded()
    kept[0].on_error(error)

    assert seen == [error]


@fact("pipeline/drain.py: the second subscriber of a stage is told by on_error that there is one already")
def test_what_the_subscribe_function_raises_becomes_on_error() -> None:
    def connect(*_: Any) -> abc.DisposableBase:
        raise Recorded

    seen = list[type]()
    Observable(connect).subscribe(on_error=lambda error: seen.append(type(error)))
    assert seen == [Recorded]
    with pytest.raises(Recorded):  # without on_error it comes out
        Observable(connect).subscribe(lambda _: None)


@fact("pipeline/guarded.py, pipeline/flow.py: elements pass straight through, on the thread of on_next")
def test_map_filter_and_scan_are_synchronous() -> None:
    source, seen = Subject[int](), list[tuple[int, int]]()
    source.pipe(
        ops.map(lambda n: n + 1), ops.filter(lambda n: n != 2), ops.scan(lambda total, n: total + n, 0)
    ).subscribe(lambda n: seen.append((n, threading.get_ident())))
    for n in (0, 1, 2):
        source.on_next(n)

    assert seen == [(1, threading.get_ident()), (4, threading.get_ident())]


@fact("tui/machine.py: the reducer's exception is caught inside, since scan ends on one")
def test_scan_ends_with_what_its_function_raises() -> None:
    source, seen = Subject[int](), list[object]()
    source.pipe(ops.scan(lambda total, n: total // n, 8)).subscribe(
        seen.append, lambda error: seen.append(type(error))
    )
    for n in (2, 0, 1):
        source.on_next(n)

    assert seen == [4, ZeroDivisionError]


# --- Subject ------------------------------------------------------------------------------------------


@fact("pipeline/flow.py: the hub takes a flow's elements and end, and hands them to all sinks in their order")
def test_a_subject_is_an_observer_and_fans_out_in_order_of_subscription() -> None:
    source, hub, seen = Subject[int](), Subject[int](), list[object]()
    for name in "ab":
        hub.subscribe(
            lambda n, name=name: seen.append((name, n)), on_completed=lambda name=name: seen.append(name)
        )
    source.subscribe(hub)
    source.on_next(1)
    source.on_completed()
    hub.on_next(2)

    assert seen == [("a", 1), ("b", 1), "a", "b"]
    assert hub.observers == []


@fact("pipeline/flow.py: a sink that is detached does not touch the others, also from inside of an element")
def test_disposing_one_subscriber_leaves_the_others() -> None:
    source, seen = Subject[int](), list[object]()
    first = source.subscribe(lambda n: (seen.append(("a", n)), first.dispose()))
    source.subscribe(lambda n: seen.append(("b", n)))
    source.on_next(1)
    source.on_next(2)

    assert seen == [("a", 1), ("b", 1), ("b", 2)]


@fact("pipeline/flow.py is wired from its last station on: who comes after the end hears of the end only")
def test_a_late_subscriber_of_a_subject_misses_elements_and_hears_the_end() -> None:
    source, seen = Subject[int](), list[object]()
    source.on_next(1)
    source.on_completed()
    source.subscribe(seen.append, on_completed=lambda: seen.append("completed"))

    assert seen == ["completed"]


@fact("rule `public_subjects`, sources/outbox.py: as_observable hides the way in")
def test_as_observable_has_no_on_next() -> None:
    shown = Subject[int]().pipe(ops.as_observable())

    assert not isinstance(shown, abc.ObserverBase | Subject)
    assert not hasattr(shown, "on_next")


@fact("pipeline/stage.py: `offer`, `error`, `complete` are handed to subscribe as they are")
def test_subscribe_takes_three_callbacks_and_a_scheduler_by_name() -> None:
    parameters = list(inspect.signature(Observable.subscribe).parameters.values())

    assert [p.name for p in parameters] == ["self", "on_next", "on_error", "on_completed", "scheduler"]
    assert parameters[-1].kind is inspect.Parameter.KEYWORD_ONLY
