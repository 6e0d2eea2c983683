"""The laws of reactive.md section 3.4 on one stage, driven by hand against a model (Hypothesis)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.ledger import Ledgers
from brummer_rx.pipeline.stage import BoundedStage, EmitResult, Overflow
from brummer_rx.pipeline.testing import HandLane


class Downstream:
    """A room behind the stage that is full when the test says so."""

    def __init__(self) -> None:
        self.full = False
        self.parked: list[Callable[[], None]] = []

    def has_room(self, size: int = 0) -> bool:
        return not self.full

    def park(self, resume: Callable[[], None], size: int = 0) -> bool:
        if self.full:
            self.parked.append(resume)
        return self.full

    def open(self) -> None:
        self.full = False
        parked, self.parked = self.parked, []
        for resume in parked:
            resume()


class StageMachine(RuleBasedStateMachine):
    """One stage of each overflow choice, with and without a gate behind it, against a plain deque."""

    @initialize(
        overflow=st.sampled_from(list(Overflow)),
        capacity=st.integers(1, 6),
        batch=st.integers(1, 4),
        poison=st.none() | st.integers(0, 20),
    )
    def start(self, overflow: Overflow, capacity: int, batch: int, poison: int | None) -> None:
        self.lane = HandLane()
        self.behind = Downstream()
        feeds = Gate()
        feeds.join(self.behind)
        self.overflow = overflow
        self.capacity = 1 if overflow is Overflow.LATEST else capacity
        self.batch = batch
        self.poison = poison
        self.ledgers = Ledgers()
        self.victims: list[int] = []
        self.stage: BoundedStage[int] = BoundedStage(
            self.lane,
            name="s",
            capacity=capacity,
            overflow=overflow,
            batch=batch,
            feeds=feeds,
            on_drop=self.victims.append,
            ledgers=self.ledgers,
        )
        self.heard: list[object] = []
        self.stage.output.subscribe(self.hear, lambda e: self.heard.append(e), lambda: self.heard.append("|"))
        # The model:
        self.next = 0
        self.queue: deque[int] = deque()
        self.expected: list[object] = []
        self.expected_victims: list[int] = []
        self.discarded = self.refused = self.delivered = 0
        self.end: object = None
        self.over = False
        self.resumed = self.registered = 0

    def hear(self, x: int) -> None:
        self.heard.append(x)
        assert self.stage.ledger().closes
        assert self.stage.ledger().queued >= 1  # the one in flight
        if x == self.poison:
            raise ValueError(x)

    def model_offer(self, x: int, emit: bool) -> EmitResult:
        if self.over or self.end is not None:
            self.discarded += 1
            return EmitResult.CLOSED
        if len(self.queue) < self.capacity:
            self.queue.append(x)
            return EmitResult.OK
        if self.overflow is Overflow.DROP_NEWEST:
            self.expected_victims.append(x)
            return EmitResult.OVERFLOW
        if self.overflow in (Overflow.DROP_OLDEST, Overflow.LATEST):
            self.expected_victims.append(self.queue.popleft())
            self.queue.append(x)
            return EmitResult.OK
        if emit:
            self.refused += 1
        else:  # ERROR, by on_next
            self.discarded += 1
            self.end = "overflow"
        return EmitResult.OVERFLOW

    @rule()
    def try_emit(self) -> None:
        x, self.next = self.next, self.next + 1
        assert self.stage.try_emit(x) is self.model_offer(x, emit=True)

    @precondition(lambda self: self.overflow not in (Overflow.BLOCK, Overflow.PARK))
    @rule()
    def offer(self) -> None:
        x, self.next = self.next, self.next + 1
        self.stage.offer(x)
        self.model_offer(x, emit=False)

    @rule()
    def drain(self) -> None:
        ran = self.lane.run_one()
        if not ran or self.over:
            return
        for _ in range(self.batch):
            if not self.queue or self.behind.full:
                break
            x = self.queue.popleft()
            self.expected.append(x)
            self.delivered += 1
            if x == self.poison:
                self.over = True
                self.discarded += len(self.queue)
                self.queue.clear()
                self.expected.append(ValueError)
                return
        if not self.queue and self.end is not None:
            self.expected.append(self.end)
            self.over = True

    @rule()
    def fill_behind(self) -> None:
        self.behind.full = True

    @rule()
    def open_behind(self) -> None:
        self.behind.open()

    @rule()
    def park_in_front(self) -> None:
        def resume() -> None:
            self.resumed += 1

        full = not self.over and self.end is None and len(self.queue) >= self.capacity
        parked = self.stage.park(resume)
        assert parked == (full and self.overflow in (Overflow.BLOCK, Overflow.PARK, Overflow.ERROR))
        assert self.stage.has_room() != parked
        self.registered += parked

    @rule(error=st.booleans())
    def finish(self, error: bool) -> None:
        self.stage.error(KeyError()) if error else self.stage.complete()
        if not self.over and self.end is None:
            self.end = KeyError if error else "|"

    @rule()
    def dispose(self) -> None:
        self.stage.dispose()
        if not self.over:
            self.over = True
            self.discarded += len(self.queue)
            self.queue.clear()

    @invariant()
    def signals_are_those_of_the_model(self) -> None:
        """L1, L3, L6, L9, L10."""
        names = [
            "overflow" if type(h).__name__ == "BufferOverflow" else type(h) if isinstance(h, Exception) else h
            for h in self.heard
        ]
        assert names == self.expected
        assert self.victims == self.expected_victims

    @invariant()
    def books_close(self) -> None:
        """L4, L5."""
        books = self.stage.ledger()
        assert books.closes
        assert books.high_water <= self.capacity
        assert (books.delivered, books.dropped, books.discarded, books.refused, books.queued) == (
            self.delivered,
            len(self.expected_victims),
            self.discarded,
            self.refused,
            len(self.queue),
        )
        total = self.ledgers.snapshot()[0]
        assert total.closes
        assert total.offered == books.offered

    @invariant()
    def work_has_a_drain(self) -> None:
        """L12, L13: exactly one drain is queued or parked while there is something to do."""
        outstanding = self.lane.pending + len(self.behind.parked)
        assert outstanding <= 1
        if not self.over and (self.queue or self.end is not None):
            assert outstanding == 1

    @invariant()
    def who_is_parked_hears_of_room(self) -> None:
        assert self.resumed <= self.registered
        low = self.capacity - max(1, self.capacity // 4)
        if self.over or self.end is not None or len(self.queue) <= low:
            assert self.resumed == self.registered


StageMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestStage = StageMachine.TestCase
