"""Each guard fires on a planted mistake, is silent in lawful work, and is not there when it is off."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from reactivex import Observer

from brummer_rx.pipeline import guards
from brummer_rx.pipeline.clock import ClockThread, TimerHeap
from brummer_rx.pipeline.errors import LockError, OwnershipError
from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.guards import Mode, calls_out, locked, owned, switch
from brummer_rx.pipeline.lockgraph import TrackedLock
from brummer_rx.pipeline.mainloop import MainLoop
from brummer_rx.pipeline.overflow import Backlog
from brummer_rx.pipeline.stage import BoundedStage
from brummer_rx.pipeline.supervisor import Supervisor
from brummer_rx.pipeline.testing import HandLane
from brummer_rx.pipeline.threads import Crew
from brummer_rx.pipeline.violations import Violation, expected
from brummer_rx.sinks.outlet import Outlet
from brummer_rx.sinks.store.growing import Growing
from brummer_rx.sinks.store.helper import SearchHelper
from brummer_rx.sinks.store.intake import Intake
from brummer_rx.sinks.store.pending import Pending
from brummer_rx.sinks.store.store import LogStore
from brummer_rx.sources.ingest import Ingest
from brummer_rx.tui.app import Viewer
from brummer_rx.tui.machine import Machine
from tests.pipeline.test_lockgraph import on_another_thread


@pytest.fixture
def found() -> Iterator[list[Violation]]:
    with expected() as planted:
        yield planted


@owned("its thread", "put", shared=("free",))
class Box:
    def __init__(self) -> None:
        self.items: list[int] = []
        self.total = 0
        self.free = 0

    def put(self, x: int) -> None:
        self.items.append(x)
        self.total += x


@owned("one job", "work", serial=True)
class Job:
    def __init__(self) -> None:
        self.done = 0

    def work(self, inside: Callable[[], None] = lambda: None) -> None:
        inside()
        self.done += 1


@locked("_lock", "count")
@calls_out("tell")
class Counter:
    def __init__(self) -> None:
        self._lock = guards.lock("counter of a test")
        self.count = 0
        self.other = 0

    def add(self) -> None:
        with self._lock:
            self.count += 1

    def tell(self) -> str:
        return "told"


# --- one owner ----------------------------------------------------------------------------------------


def test_a_write_from_a_foreign_thread_raises(found: list[Violation]) -> None:
    box = Box()
    box.put(1)

    error = on_another_thread(lambda: setattr(box, "total", 5))

    assert isinstance(error, OwnershipError)
    assert "Box.total belongs to the its thread" in str(error)
    assert box.total == 1


def test_a_foreign_call_of_an_entry_raises_before_anything_happened(found: list[Violation]) -> None:
    box = Box()
    box.put(1)

    assert isinstance(on_another_thread(lambda: box.put(2)), OwnershipError)
    assert box.items == [1]


def test_who_makes_it_is_not_yet_the_owner(found: list[Violation]) -> None:
    box = Box()
    stop, ready = threading.Event(), threading.Event()

    def own() -> None:
        box.put(1)
        ready.set()
        stop.wait(10)

    owner = threading.Thread(target=own)
    owner.start()
    assert ready.wait(10)
    with pytest.raises(OwnershipError):
        box.put(2)
    stop.set()
    owner.join(10)

    box.put(3)  # the owner has ended: it is ours now
    assert box.items == [1, 3]
    assert isinstance(on_another_thread(lambda: box.put(4)), OwnershipError)


def test_a_hand_over_frees_it() -> None:
    box = Box()
    box.put(1)
    guards.hand_over(box)

    assert on_another_thread(lambda: box.put(2)) is None


def test_shared_attributes_and_reads_are_free() -> None:
    box = Box()
    box.put(1)

    assert on_another_thread(lambda: setattr(box, "free", box.total)) is None
    assert box.free == 1


def test_a_new_object_at_an_old_address_has_no_owner() -> None:
    def make() -> None:
        for n in range(500):
            Box().put(n)

    make()
    assert on_another_thread(make) is None


def test_production_counts_and_goes_on(found: list[Violation]) -> None:
    before = guards.mode()
    switch(Mode.COUNT)
    try:
        box = Box()
        box.put(1)
        assert on_another_thread(lambda: box.put(2)) is None
    finally:
        switch(before)

    assert box.items == [1, 2]


# --- one at a time ------------------------------------------------------------------------------------


def test_two_threads_at_once_in_a_serial_one(found: list[Violation]) -> None:
    job = Job()

    with pytest.raises(OwnershipError, match=r"two threads at once in Job\.work"):
        job.work(lambda: _raise(on_another_thread(job.work)))


def test_serial_ones_may_change_the_thread_and_call_themselves() -> None:
    job = Job()
    job.work(job.work)

    assert on_another_thread(job.work) is None
    assert job.done == 3


def test_a_write_from_outside_of_the_serial_methods(found: list[Violation]) -> None:
    job = Job()

    with pytest.raises(OwnershipError, match="written from elsewhere"):
        job.done = 7


def _raise(error: BaseException | None) -> None:
    if error is not None:
        raise error


# --- under its lock -----------------------------------------------------------------------------------


def test_a_write_without_the_lock(found: list[Violation]) -> None:
    counter = Counter()
    counter.add()
    counter.other = 2

    with pytest.raises(OwnershipError, match=r"Counter\.count is written without counter of a test"):
        counter.count = 5


def test_a_write_under_somebody_elses_hold(found: list[Violation]) -> None:
    counter = Counter()

    with counter._lock:
        error = on_another_thread(lambda: setattr(counter, "count", 5))

    assert isinstance(error, OwnershipError)


def test_the_books_of_a_stage_are_guarded_by_the_stages_lock(found: list[Violation]) -> None:
    books: Backlog[int] = Backlog("free", 4, None)
    books.push(1, 0)
    guards.under(books, lock := guards.lock("stage of a test"))

    with lock:
        books.push(2, 0)
    with pytest.raises(OwnershipError, match="without stage of a test"):
        books.push(3, 0)


# --- calling out --------------------------------------------------------------------------------------


def test_a_marked_call_under_a_lock(found: list[Violation]) -> None:
    counter = Counter()
    assert counter.tell() == "told"

    with (
        guards.lock("outer of a test"),
        pytest.raises(LockError, match=r"held while calling out: Counter\.tell"),
    ):
        counter.tell()


def test_publishing_under_a_lock(found: list[Violation]) -> None:
    stage: BoundedStage[int] = BoundedStage(HandLane(), name="x")

    with guards.lock("state of a test"), pytest.raises(LockError, match=r"BoundedStage\.offer"):
        stage.offer(1)


def test_a_stage_that_calls_its_subscriber_under_its_lock(found: list[Violation]) -> None:
    lane = HandLane()
    stage: BoundedStage[int] = BoundedStage(lane, name="x")
    seen: list[int] = []
    stage.output.subscribe(seen.append)

    with stage._lock, pytest.raises(LockError, match="stage held while calling out: x"):
        assert stage._observer is not None
        stage._observer.on_next(1)
    assert seen == []


def test_a_wrapped_observer_passes_everything_on() -> None:
    said: list[Any] = []
    observer = guards.outside(Observer(said.append, said.append, lambda: said.append("end")), "x")

    observer.on_next(1)
    observer.on_completed()
    guards.outside(Observer(said.append, said.append), "x").on_error(ValueError("y"))

    assert said[:2] == [1, "end"]
    assert isinstance(said[2], ValueError)


# --- on and off ---------------------------------------------------------------------------------------


def test_off_a_lock_is_a_lock_and_classes_are_as_they_were(found: list[Violation]) -> None:
    before = guards.mode()
    guarded = dict(Box.__dict__), dict(BoundedStage.__dict__)
    switch(Mode.OFF)
    try:
        assert type(guards.lock("x")) is type(threading.Lock())
        assert not guards.on()
        for cls in (Box, BoundedStage, Backlog, LogStore, Supervisor, Ingest, Growing, TimerHeap):
            assert "__setattr__" not in cls.__dict__
        assert not hasattr(BoundedStage.offer, "__wrapped__")
        assert not hasattr(Box.__init__, "__wrapped__")
        observer = Observer()
        assert guards.outside(observer, "x") is observer
        box = Box()
        box.put(1)
        assert on_another_thread(lambda: box.put(2)) is None
    finally:
        switch(before)

    assert {**Box.__dict__}.keys() == guarded[0].keys()
    assert hasattr(BoundedStage.offer, "__wrapped__")


def test_a_class_that_is_defined_while_they_are_off_is_guarded_later(found: list[Violation]) -> None:
    before = guards.mode()
    switch(Mode.OFF)

    @owned("its thread", "put")
    class Late:
        def put(self) -> None:
            self.x = 1

    plain = Late()
    plain.put()
    switch(before)

    late = Late()
    late.put()
    assert isinstance(on_another_thread(late.put), OwnershipError)


def test_the_locks_of_the_product_are_tracked_by_name() -> None:
    clock = ClockThread()
    gate, heap, loop = Gate(), TimerHeap(), MainLoop()
    loop.close()
    crew = Crew("x", str, 1, None)

    names = [part._lock.name for part in (gate, heap, loop, crew) if isinstance(part._lock, TrackedLock)]
    assert names == ["gate", "timer heap", "main loop", "crew"]
    assert {"gate", "timer heap", "main loop", "crew", "thread census"} <= set(guards.graph().names)
    assert guards.graph().cycles == ()
    clock.close(1)


@pytest.mark.parametrize(
    ("cls", "entry"),
    [
        (Supervisor, "_decided"),
        (LogStore, "flush"),
        (Intake, "add"),
        (Growing, "add"),
        (Pending, "add"),
        (Ingest, "_round"),
        (Machine, "feed"),
        (Viewer, "dispatch"),
        (Outlet, "write"),
        (SearchHelper, "submit"),
        (ClockThread, "_run_due"),
        (Crew, "put"),
    ],
)
def test_the_owned_states_of_the_product_are_marked(cls: type, entry: str) -> None:
    assert hasattr(cls.__dict__[entry], "__wrapped__")


OWNED = (
    Supervisor,
    LogStore,
    Intake,
    Growing,
    Pending,
    Ingest,
    Machine,
    Viewer,
    Outlet,
    SearchHelper,
    TimerHeap,
)


@pytest.mark.parametrize("cls", [*OWNED, MainLoop, Backlog, BoundedStage])
def test_their_attributes_are_watched(cls: type) -> None:
    assert cls.__setattr__ is not object.__setattr__


def test_no_product_lock_is_made_elsewhere() -> None:
    root = Path(__file__).resolve().parents[2]
    folders = ("pipeline", "operators", "sources", "sinks", "tui", "src/brummer_rx/cli")
    makers = {
        path.relative_to(root).as_posix(): text.count("threading.Lock()") + text.count("threading.RLock()")
        for folder in folders
        for path in (root / folder).rglob("*.py")
        if "Lock()" in (text := path.read_text()) and "threading." in text
    }

    # The recorder itself, and the bells of idle threads, which others release.
    assert {path: n for path, n in makers.items() if n} == {
        "pipeline/guards.py": 1,
        "pipeline/lockgraph.py": 1,
        "pipeline/threads.py": 1,
    }
