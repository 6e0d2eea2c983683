"""What the tests of the laws have in common: rigs, probes, rooms, threads that are waited for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.ledger import Ledger, Ledgers
from brummer_rx.pipeline.stage import BoundedStage, Overflow
from brummer_rx.pipeline.testing import HandLane
from tests.pipeline.until import until

ALL = list(Overflow)
WAITING = [Overflow.BLOCK, Overflow.PARK]
"""Whose edge producers wait, so that nothing is lost."""
HOLDING = [*WAITING, Overflow.ERROR]
"""Whose upstream has to ask first."""
DROPPING = [Overflow.DROP_OLDEST, Overflow.DROP_NEWEST, Overflow.LATEST]


def soon(holds: Callable[[], bool]) -> None:
    """Poll until it holds, for so long that a busy machine is no excuse."""
    until(holds, 30)


class Boom(Exception):
    """What a test raises where it wants a fault."""


class Rig:
    """A stage on a lane driven by hand, with a subscriber that writes down what it hears."""

    def __init__(
        self,
        overflow: Overflow,
        *,
        capacity: int = 4,
        subscriber: Callable[[Any], None] | None = None,
        on_drop: Callable[[Any], None] | None = None,
        **options: Any,
    ) -> None:
        self.overflow = overflow
        self.capacity = 1 if overflow is Overflow.LATEST else capacity
        self.lane = HandLane()
        self.heard: list[Any] = []
        self.dropped: list[Any] = []
        self.faults: list[BaseException] = []
        self.ledgers = Ledgers()
        self.gate = Gate()
        self.stage: BoundedStage[Any] = BoundedStage(
            self.lane,
            name="rig",
            capacity=capacity,
            overflow=overflow,
            on_drop=on_drop or self.dropped.append,
            on_fault=self.faults.append,
            joins=self.gate,
            ledgers=self.ledgers,
            **options,
        )
        self.stage.output.subscribe(
            subscriber or self.heard.append,
            lambda error: self.heard.append(type(error).__name__),
            lambda: self.heard.append("done"),
        )

    def fill(self) -> list[int]:
        """As many elements as fit: 0, 1, …"""
        for i in range(self.capacity):
            self.stage.offer(i)
        return list(range(self.capacity))

    def books(self) -> Ledger:
        ledger = self.stage.ledger()
        assert ledger.closes, ledger
        return ledger

    def end(self, how: str) -> None:
        """End the stage by "complete", "error", "dispose", or what its subscriber raises ("fault")."""
        if how == "complete":
            self.stage.complete()
        elif how == "error":
            self.stage.error(Boom())
        elif how == "dispose":
            self.stage.dispose()
        else:
            assert how == "fault"
            assert self.lane.run_one()

    def from_worker(self, call: Callable[[], None]) -> None:
        """Make the call on a thread that serves another lane."""
        other = HandLane("other")
        other.submit_drain(call)
        other.run_all()


def fail(_: object) -> None:
    """A subscriber that raises."""
    raise Boom


class Room:
    """Something behind a gate that takes elements of at most `free` bytes (None: any, -1: none)."""

    def __init__(self, free: int | None = None) -> None:
        self.free = free
        self.parked: list[Callable[[], None]] = []
        self.opens_when_asked = False
        """`has_room` says no, and until `park` is asked there is room again: the race of every gate."""

    def has_room(self, size: int = 0) -> bool:
        return not self.opens_when_asked and self.takes(size)

    def takes(self, size: int) -> bool:
        return self.free is None or size <= self.free

    def park(self, resume: Callable[[], None], size: int = 0) -> bool:
        self.opens_when_asked = False
        if self.takes(size):
            return False
        self.parked.append(resume)
        return True

    def open(self) -> None:
        self.free = None
        parked, self.parked = self.parked, []
        for resume in parked:
            resume()


class Probe:
    """A subscriber that notices overlapping calls and signals after the end."""

    def __init__(self) -> None:
        self.got: list[tuple[int, int]] = []
        self.signals: list[str] = []
        self.inside = self.overlaps = 0
        self.after_end = 0
        self.ended = threading.Event()

    def __call__(self, x: tuple[int, int]) -> None:
        self._enter()
        self.after_end += bool(self.signals)
        self.got.append(x)
        self.inside -= 1

    def on_error(self, error: Exception) -> None:
        self._end(type(error).__name__)

    def on_completed(self) -> None:
        self._end("done")

    def listen(self, stage: BoundedStage[tuple[int, int]]) -> None:
        stage.output.subscribe(self, self.on_error, self.on_completed)

    def _enter(self) -> None:
        self.inside += 1
        self.overlaps += self.inside != 1

    def _end(self, signal: str) -> None:
        self._enter()
        self.signals.append(signal)
        self.inside -= 1
        self.ended.set()


def run_threads(bodies: list[Callable[[], None]], seconds: float = 60) -> None:
    """Start all at once, wait for all; what one raises fails the test."""
    raised: list[BaseException] = []
    line = threading.Barrier(len(bodies))

    def guarded(body: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            try:
                line.wait(30)
                body()
            except BaseException as error:
                raised.append(error)

        return run

    threads = [threading.Thread(target=guarded(body), daemon=True) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds)
    assert [thread for thread in threads if thread.is_alive()] == []
    assert raised == []


class Background:
    """A call on a thread of its own: whether it has returned, and what it raised."""

    def __init__(self, call: Callable[[], None]) -> None:
        self.raised: BaseException | None = None
        self.returned = threading.Event()
        self._call = call
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            self._call()
        except BaseException as error:
            self.raised = error
        self.returned.set()

    def wait(self, seconds: float = 30) -> BaseException | None:
        """What the call raised, once it has returned."""
        assert self.returned.wait(seconds), "it does not return"
        return self.raised
