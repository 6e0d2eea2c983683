"""reactivex's subjects and operators under two producers (reactive.md sections 0.7 and 5).

Inside a segment exactly one thread is at work; these are the reasons. The interleavings are made by doors and
barriers in callbacks, so that they happen each time.
"""

from __future__ import annotations

import threading
from typing import Any

import pytest
import reactivex
from reactivex import GroupedObservable, Subject
from reactivex import operators as ops
from reactivex.subject import BehaviorSubject, ReplaySubject

from tests.contract.facts import Door, fact, in_thread, no_thread_is_left, script

__all__ = ["no_thread_is_left"]

ONE_THREAD = "pipeline/stage.py: inside a segment one thread at a time; many producers enter by a stage"
UNDER_LOCK = "rule `calls_under_lock`, pipeline/drain.py: no lock is held while others are called"


def both(first: Any, second: Any) -> None:
    """Two calls on two threads at once."""
    with in_thread(first), in_thread(second):
        pass


@fact(ONE_THREAD)
def test_a_subject_does_not_serialise_its_producers() -> None:
    source, meet, seen = Subject[int](), threading.Barrier(2), list[int]()

    def take(n: int) -> None:
        meet.wait(20)  # only passes when two are inside at once
        seen.append(n)

    source.subscribe(take)
    both(lambda: source.on_next(1), lambda: source.on_next(2))

    assert sorted(seen) == [1, 2]


@fact(ONE_THREAD)
def test_scan_loses_an_element_under_two_producers() -> None:
    source, meet, seen = Subject[int](), threading.Barrier(2), list[int]()

    def add(total: int, n: int) -> int:
        meet.wait(20)
        return total + n

    source.pipe(ops.scan(add, 0)).subscribe(seen.append)
    both(lambda: source.on_next(1), lambda: source.on_next(1))

    assert seen == [1, 1], "the sum of both is 2"


@fact(ONE_THREAD)
def test_take_lets_two_of_one_through_under_two_producers() -> None:
    meet = threading.Barrier(2)

    class Slow(int):
        """A count that two threads compare at once."""

        def __gt__(self, other: int) -> bool:
            greater = int(self) > other
            meet.wait(20)
            return greater

    def take(n: int) -> None:
        meet.wait(20)  # before either of them completes
        seen.append(n)

    source, seen = Subject[int](), list[int]()
    source.pipe(ops.take(Slow(1))).subscribe(take)
    both(lambda: source.on_next(1), lambda: source.on_next(2))

    assert sorted(seen) == [1, 2]


@fact(ONE_THREAD)
def test_take_completes_while_its_subscriber_is_still_called() -> None:
    source, door, seen = Subject[int](), Door(), list[object]()

    def take(n: int) -> None:
        if n == 1:
            door.pass_through()
        seen.append(n)

    source.pipe(ops.take(2)).subscribe(take, on_completed=lambda: seen.append("completed"))
    with in_thread(source.on_next, 1):
        door.reached()
        source.on_next(2)
        door.open()

    assert seen == [2, "completed", 1]


@fact(ONE_THREAD)
def test_group_by_makes_two_groups_of_one_key_under_two_producers() -> None:
    source, meet, groups = Subject[int](), threading.Barrier(2), list[object]()

    def make() -> Subject[int]:
        meet.wait(20)
        return Subject()

    def note(group: GroupedObservable[str, int]) -> None:
        groups.append(group.key)

    source.pipe(ops.group_by(lambda _: "key", None, make)).subscribe(note)
    both(lambda: source.on_next(1), lambda: source.on_next(2))

    assert groups == ["key", "key"]


@fact(ONE_THREAD)
def test_a_shared_generator_raises_to_the_second_producer() -> None:
    """What map_indexed, flat_map_indexed and buffer_with_count are made of."""
    source, door, seen = Subject[int](), Door(), list[object]()

    def numbers() -> Any:
        door.pass_through()
        yield from range(10)

    source.pipe(ops.zip_with_iterable(numbers())).subscribe(seen.append, seen.append)
    with in_thread(source.on_next, 1):
        door.reached()
        with pytest.raises(ValueError, match="generator already executing"):
            source.on_next(2)
        door.open()

    assert seen == [(1, 0)]


@fact("pipeline/stage.py delivers the terminal behind the backlog, never beside an element")
def test_completion_overtakes_an_element_and_drops_one_inside_map() -> None:
    source, in_map, in_take, seen = Subject[int](), Door(), Door(), list[object]()

    def slow(n: int) -> int:
        if n == 2:
            in_map.pass_through()
        return n

    def take(n: int) -> None:
        in_take.pass_through()
        seen.append(n)

    source.pipe(ops.map(slow)).subscribe(take, on_completed=lambda: seen.append("completed"))
    with in_thread(source.on_next, 1), in_thread(source.on_next, 2):
        in_take.reached()
        in_map.reached()
        source.on_completed()
        in_take.open()
        in_map.open()

    assert seen == ["completed", 1], "2 is gone"


@fact("rule `replaying_subjects`: state is published as snapshots")
def test_a_behavior_subject_shows_an_old_value_last() -> None:
    source, door, seen = BehaviorSubject(0), Door(), list[int]()
    source.subscribe(lambda n: door.pass_through() if n == 1 else None)
    source.subscribe(seen.append)
    with in_thread(source.on_next, 1):
        door.reached()
        source.on_next(2)
        door.open()

    assert seen == [0, 2, 1]
    assert source.value == 2


@fact("rule `replaying_subjects`: late readers read the store")
def test_a_replay_subject_keeps_everything() -> None:
    source: ReplaySubject[int] = ReplaySubject()
    for n in range(5000):
        source.on_next(n)

    assert len(source.queue) == 5000


@fact("rule `boundary_buffers`: batches are made at the edge, by the reader")
@pytest.mark.parametrize("operator", ["buffer", "buffer_when"])
def test_a_buffer_loses_what_comes_while_its_subscriber_runs(operator: str) -> None:
    source, ticks, seen = Subject[int](), Subject[int](), list[list[int]]()
    batches = ops.buffer(ticks) if operator == "buffer" else ops.buffer_when(lambda: ticks)

    def take(batch: list[int]) -> None:
        if not seen:
            with in_thread(source.on_next, 2):
                pass  # another producer, while we run
        seen.append(batch)

    source.pipe(batches).subscribe(take)
    source.on_next(1)
    ticks.on_next(0)
    source.on_next(3)
    ticks.on_next(0)
    source.on_completed()

    assert [1] in seen
    assert 3 in [n for batch in seen for n in batch]
    assert 2 not in [n for batch in seen for n in batch]


@fact(UNDER_LOCK)
@pytest.mark.parametrize("operator", ["merge", "zip", "combine_latest", "with_latest_from"])
def test_combining_operators_hold_a_lock_while_they_call_downstream(operator: str) -> None:
    a, b, inside, got_through = Subject[int](), Subject[int](), list[bool](), threading.Event()
    flow: Any = {
        "merge": reactivex.merge(a, b),
        "zip": reactivex.zip(a, b),
        "combine_latest": reactivex.combine_latest(a, b),
        "with_latest_from": reactivex.with_latest_from(a, b),
    }[operator]

    def other() -> None:
        b.on_next(2)
        got_through.set()

    helpers: list[threading.Thread] = []

    def take(_: object) -> None:
        if not helpers:
            helpers.append(threading.Thread(target=other, daemon=True))
            helpers[0].start()
            inside.append(got_through.wait(0.3))

    flow.subscribe(take)
    if operator != "merge":
        b.on_next(0)
    a.on_next(1)
    helpers[0].join(20)

    assert inside == [False], "the other producer waits for our callback"
    assert got_through.is_set()


@fact(UNDER_LOCK)
def test_two_merges_that_feed_each_other_deadlock() -> None:
    text = """
import os, reactivex, threading
from reactivex import Subject
a, b, to_one, to_two = Subject(), Subject(), Subject(), Subject()
both, passed = threading.Barrier(2), []
def feed(other):
    def take(x):
        if x == 'first':
            both.wait(20)
            passed.append(1)
            other.on_next('second')
    return take
reactivex.merge(a, to_one).subscribe(feed(to_two))
reactivex.merge(b, to_two).subscribe(feed(to_one))
threads = [threading.Thread(target=s.on_next, args=('first',), daemon=True) for s in (a, b)]
for t in threads: t.start()
while len(passed) < 2: pass
for t in threads: t.join(0.3)
print(sum(t.is_alive() for t in threads), flush=True)
os._exit(0)
"""
    with script(text) as process:
        assert process.communicate()[0].split() == ["2"], "both are past the barrier, and stuck"


@fact("pipeline/drain.py: `_guard` around every dispose of an upstream")
def test_dispose_raises_when_completion_comes_in_between() -> None:
    source, seen = Subject[int](), list[int]()
    subscription = source.subscribe(seen.append)

    class Raced(list[Any]):
        """The moment between the look and the removal."""

        def __contains__(self, x: object) -> bool:
            found = super().__contains__(x)
            with in_thread(source.on_completed):
                pass
            return found

    source.observers = Raced(source.observers)
    with pytest.raises(ValueError, match="not in list"):
        subscription.dispose()


@fact("tui/machine.py: what effects feed waits in an inbox; pipeline/stage.py: re-entrant offers are queued")
def test_a_re_entrant_element_overtakes_for_the_second_subscriber() -> None:
    source, seen = Subject[int](), list[int]()
    source.subscribe(lambda n: source.on_next(2) if n == 1 else None)
    source.subscribe(seen.append)
    source.on_next(1)

    assert seen == [2, 1]


@fact("as above: a feedback loop needs a stage")
def test_a_feedback_loop_ends_in_a_recursion_error() -> None:
    source, deepest = Subject[int](), [0]

    def feed(n: int) -> None:
        deepest[0] = n
        source.on_next(n + 1)

    source.subscribe(feed)
    with pytest.raises(RecursionError):
        source.on_next(1)

    assert deepest[0] < 400, "five frames an element"
