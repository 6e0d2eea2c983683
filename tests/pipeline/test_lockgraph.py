"""The lock recorder: a possible deadlock is found without one, and lawful work is silent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from brummer_rx.pipeline import guards, lockgraph
from brummer_rx.pipeline.errors import LockError
from brummer_rx.pipeline.lockgraph import Edge, LockGraph, TrackedLock, calling_out, held
from brummer_rx.pipeline.violations import Mode, Violation, expected


@pytest.fixture
def graph() -> LockGraph:
    return LockGraph()


@pytest.fixture
def found() -> Iterator[list[Violation]]:
    """The block of the test, with its violations collected; what is left is asserted by the test."""
    with expected() as planted:
        yield planted


def on_another_thread(action: Callable[[], None]) -> BaseException | None:
    """Run `action` to its end on a thread of its own: what it raised."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            action()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(10)
    assert not thread.is_alive(), "it hangs"
    return raised[0] if raised else None


def take(*locks: TrackedLock) -> None:
    if locks:
        with locks[0]:
            take(*locks[1:])


def test_a_circle_is_found_though_nothing_hung(graph: LockGraph, found: list[Violation]) -> None:
    a, b = TrackedLock("a", graph), TrackedLock("b", graph)
    take(a, b)

    error = on_another_thread(lambda: take(b, a))

    assert isinstance(error, LockError)
    assert "b -> a -> b" in str(error)
    assert graph.cycles == ("b -> a -> b",)
    assert not a.locked()
    assert not b.locked()


def test_a_circle_of_three_by_three_threads(graph: LockGraph, found: list[Violation]) -> None:
    a, b, c = (TrackedLock(name, graph) for name in "abc")
    assert on_another_thread(lambda: take(a, b)) is None
    assert on_another_thread(lambda: take(b, c)) is None

    assert isinstance(on_another_thread(lambda: take(c, a)), LockError)
    assert graph.cycles == ("c -> a -> b -> c",)


def test_a_known_circle_is_told_each_time(graph: LockGraph, found: list[Violation]) -> None:
    a, b = TrackedLock("a", graph), TrackedLock("b", graph)
    take(a, b)

    for _ in range(2):
        with pytest.raises(LockError, match="circle"):
            take(b, a)


def test_locks_of_one_place_count_as_one_in_the_graph(graph: LockGraph, found: list[Violation]) -> None:
    """Two stages' locks around a third in either order are a circle of places, though not of these locks."""
    take(TrackedLock("stage", graph), TrackedLock("gate", graph))

    with pytest.raises(LockError, match="circle"):
        take(TrackedLock("gate", graph), TrackedLock("stage", graph))


def test_two_of_one_place_at_once(graph: LockGraph, found: list[Violation]) -> None:
    with pytest.raises(LockError, match="two locks of one place are held: stage"):
        take(TrackedLock("stage", graph), TrackedLock("stage", graph))


def test_nesting_of_a_place_can_be_allowed(graph: LockGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lockgraph, "NESTED", frozenset({"stage"}))

    take(TrackedLock("stage", graph), TrackedLock("stage", graph))

    assert graph.edges == ()


def test_a_lock_taken_again_raises_instead_of_hanging(graph: LockGraph, found: list[Violation]) -> None:
    a = TrackedLock("a", graph)

    error = on_another_thread(lambda: take(a, a))

    assert isinstance(error, LockError)
    assert "taken again" in str(error)
    assert not a.locked()


def test_it_raises_for_that_even_when_violations_are_only_counted(graph: LockGraph) -> None:
    a = TrackedLock("a", graph)
    before = guards.mode()
    with expected() as found:
        guards.switch(Mode.COUNT)
        try:
            error = on_another_thread(lambda: take(a, a))
            with a:
                assert a.acquire(blocking=False) is False
        finally:
            guards.switch(before)

    assert isinstance(error, LockError)
    assert [v.kind for v in found] == ["LockError", "LockError"]


def test_held_while_calling_out(graph: LockGraph, found: list[Violation]) -> None:
    a, b = TrackedLock("a", graph), TrackedLock("b", graph)

    with a, b, pytest.raises(LockError, match="a, b held while calling out: the subscriber"):
        calling_out("the subscriber")
    calling_out("with nothing in hand")


def test_what_others_hold_is_no_matter(graph: LockGraph) -> None:
    with TrackedLock("a", graph):
        assert on_another_thread(lambda: calling_out("from elsewhere")) is None
        assert held() == ("a",)
    assert held() == ()


def test_only_the_holder_releases(graph: LockGraph, found: list[Violation]) -> None:
    a = TrackedLock("a", graph)
    a.acquire()

    assert isinstance(on_another_thread(a.release), LockError)
    assert a.is_mine()
    a.release()


def test_it_is_a_lock(graph: LockGraph) -> None:
    a = TrackedLock("a", graph)
    count = [0]

    def work() -> None:
        for _ in range(2_000):
            with a:
                seen = count[0]
                count[0] = seen + 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert count == [8_000]
    assert a.acquire(timeout=0.1)
    assert on_another_thread(lambda: _not(a.acquire(timeout=0.01))) is None
    a.release()
    assert not a.locked()
    assert not a.is_mine()


def _not(taken: bool) -> None:
    assert not taken


def test_the_graph_can_be_read(graph: LockGraph) -> None:
    a, b, c = (TrackedLock(name, graph) for name in "cab")
    take(a, b)
    take(a, c)
    take(a, b)

    assert graph.names == ("a", "b", "c")
    assert [(edge.held, edge.taken) for edge in graph.edges] == [("c", "a"), ("c", "b")]
    assert all("test_lockgraph.py" in edge.place for edge in graph.edges)
    assert all("test_lockgraph.py" in where for where in graph.places.values())
    assert isinstance(graph.edges[0], Edge)
    assert graph.cycles == ()


def test_of_two_threads_that_close_a_circle_together_one_sees_it(found: list[Violation]) -> None:
    for _ in range(200):
        graph = LockGraph()
        meet = threading.Barrier(2)

        def enter(held: str, taken: str, graph: LockGraph = graph, meet: threading.Barrier = meet) -> None:
            meet.wait(10)
            graph.enter(held, taken)

        threads = [threading.Thread(target=enter, args=pair) for pair in (("a", "b"), ("b", "a"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)

        assert graph.cycles
