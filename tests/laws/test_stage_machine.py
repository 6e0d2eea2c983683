"""One stage, driven by hand through whatever Hypothesis thinks of, against a model that counts by itself.

After every step: L1 grammar, L3 order, L4 bound, L5 books, L6 demand, L12 no lost wake-up, L13 one drain. The
run's seed decides which programs are tried (`PROOF_SEED=N` tries the same ones again); no example database.
What fails is shown as it was found; `PROOF_SHRINK=1` looks for a shorter program (minutes).
"""

from __future__ import annotations

import os
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from brummer_rx.pipeline.errors import BufferOverflow, ThreadError
from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.lane import abandon_drain
from brummer_rx.pipeline.ledger import Ledgers
from brummer_rx.pipeline.stage import BoundedStage, Overflow
from brummer_rx.pipeline.testing import HandLane
from tests.laws.lawkit import ALL, Boom, Room
from tests.laws.stagemodel import Element, StageModel, Waiter
from tests.proof.seed import SEED, rng

SHRINK = (Phase.shrink,) if os.environ.get("PROOF_SHRINK") else ()
RUN = settings(
    phases=(Phase.generate, *SHRINK),
    report_multiple_bugs=False,
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
SIZES = st.integers(0, 6)
ACTS = st.sampled_from(
    ["offer", "offer", "emit", "park", "shut", "opening"] * 3
    + ["complete", "error", "dispose", "raise", "refuse"]
)
NOTHING = st.just(())
SCRIPTS = st.one_of(NOTHING, NOTHING, NOTHING, st.lists(ACTS, min_size=1, max_size=3).map(tuple))
SELDOM = st.sampled_from([False, False, False, True])
"""For what ends a life: without it most programs are about stages that have ended."""

LIFE = {
    "capacity": st.integers(1, 6),
    "max_bytes": st.none() | st.integers(1, 12),
    "batch": st.integers(1, 4),
    "rooms": st.integers(0, 3),
    "late": st.booleans(),
    "bad": st.sampled_from(["", "", "", "drop", "end"]),
}


class WillfulLane(HandLane):
    """A lane that may also end without running what waits."""

    def give_up(self) -> int:
        waiting = list(self._queue)
        self._queue.clear()
        for task in waiting:
            abandon_drain(task, ThreadError("the lane ended"))
        return len(waiting)


class StageMachine(RuleBasedStateMachine):
    """See the module; `overflow` is set by a subclass."""

    overflow: Overflow

    @initialize(**LIFE)
    def start(self, **life: Any) -> None:
        self.lives = 0
        self.live(**life)

    def again(self) -> None:
        """What is left of a program that has ended a stage is about another one."""
        self.teardown()
        self.lives += 1
        random = rng(f"life {self.lives} of {self.made}")
        self.live(
            random.randint(1, 6),
            random.choice([None, *range(1, 13)]),
            random.randint(1, 4),
            random.randint(0, 3),
            random.random() < 0.2,
            random.choice(["", "", "", "drop", "end"]),
        )

    def live(
        self, capacity: int, max_bytes: int | None, batch: int, rooms: int, late: bool, bad: str
    ) -> None:
        self.dead = 0
        self.lane, self.other = WillfulLane(), HandLane("other")
        self.rooms = [Room() for _ in range(rooms)]
        self.heard: list[Any] = []
        self.dropped: list[int] = []
        self.told: list[BaseException] = []
        self.made: list[Element] = []
        self.resumed: list[Waiter] = []
        self.bad = bad
        self.ledgers = Ledgers()
        feeds = Gate()
        for room in self.rooms:
            feeds.join(room)
        self.stage: BoundedStage[Element] = BoundedStage(
            self.lane,
            name="s",
            capacity=capacity,
            max_bytes=max_bytes,
            overflow=self.overflow,
            batch=batch,
            timeout=0.0,
            weigh=lambda x: x.size,
            feeds=feeds,
            on_drop=self.on_drop,
            on_fault=self.told.append,
            ledgers=self.ledgers,
        )
        self.capacity = 1 if self.overflow is Overflow.LATEST else capacity
        self.model = StageModel(
            self.overflow,
            self.capacity,
            float("inf") if max_bytes is None else max_bytes,
            batch,
            full=lambda size: any(not room.takes(size) for room in self.plan),
            refuses=lambda: self.plan_refuses,
            drop_raises=lambda _: bad == "drop",
            end_raises=bad == "end",
            act=self.act_in_model,
        )
        if not late:
            self.connect()

    # --- the world, twice: what the stage's callbacks do, and the same in the model ----------------
    # The model runs first, on `plan` (its picture of the rooms); the world follows. Elements that are made
    # inside are made by the model's run and handed out again, in the same order, in the stage's.

    @property
    def plan(self) -> list[Room]:
        return self.planned

    def predict(self) -> None:
        """Before each step: the model's picture of the world is the world."""
        self.planned = [Room(room.free) for room in self.rooms]
        self.plan_refuses = self.lane.refuse is not None
        self.inside: list[Any] = []

    def act_in_model(self, act: str) -> None:
        model = self.model
        if act in ("offer", "emit"):
            x = self.make(1, ())
            got = model.offer(x, may_wait=False) if act == "offer" else model.try_emit(x)
            self.inside.append((x, got))
        elif act in ("complete", "error"):
            model.finish("done" if act == "complete" else "KeyError")
        elif act == "dispose":
            model.dispose()
        elif act == "shut":
            for room in self.planned:
                room.free = -1
        elif act == "park":
            waiter = Waiter()
            self.inside.append((waiter, model.park(waiter, 0)))
        elif act == "refuse":
            self.plan_refuses = True

    def act(self, act: str) -> None:
        """What the subscriber does to the real stage."""
        if act == "raise":
            raise Boom
        if act in ("offer", "emit"):
            x, expected = self.inside.pop(0)
            got = self.offered(x) if act == "offer" else self.stage.try_emit(x)
            assert got == expected
        elif act == "complete":
            self.stage.complete()
        elif act == "error":
            self.stage.error(KeyError())
        elif act == "dispose":
            self.stage.dispose()
        elif act == "shut":
            for room in self.rooms:
                room.free = -1
        elif act == "opening":
            for room in self.rooms:
                room.opens_when_asked = True
        elif act == "park":
            waiter, expected = self.inside.pop(0)
            assert self.stage.park(self.resume(waiter)) == expected
        elif act == "refuse":
            self.lane.refuse = ThreadError("refused")

    def make(self, size: int, acts: tuple[str, ...]) -> Element:
        self.made.append(Element(len(self.made), size, acts))
        return self.made[-1]

    def offered(self, x: Element) -> str | None:
        try:
            self.stage.offer(x)
        except (BufferOverflow, ThreadError) as error:
            return type(error).__name__
        return None

    def resume(self, waiter: Waiter) -> Any:
        def call() -> None:
            self.out_of_the_lock()
            self.resumed.append(waiter)
            waiter.resumed += 1
            if waiter.offers is not None:
                self.stage.try_emit(waiter.offers)
            if waiter.raises:
                raise Boom

        return call

    def out_of_the_lock(self) -> None:
        """L14: on this one thread, a lock that is taken is taken by the stage that calls us."""
        assert not self.stage._lock.locked()

    def hear(self, x: Element) -> None:
        self.out_of_the_lock()
        self.heard.append(x.number)
        books = self.stage.ledger()
        assert books.closes
        assert books.queued >= 1  # this one
        assert self.outstanding == 0  # the drain that calls us is the one there is
        assert all(room.takes(x.size) for room in self.rooms)  # L6: nothing passes without room behind
        for act in x.acts:
            self.act(act)

    def on_drop(self, x: Element) -> None:
        self.out_of_the_lock()
        self.dropped.append(x.number)
        if self.bad == "drop":
            raise Boom

    def hear_end(self, signal: str) -> None:
        self.out_of_the_lock()
        self.heard.append(signal)
        if self.bad == "end":
            raise Boom

    @property
    def outstanding(self) -> int:
        """Drains that are queued, or parked with somebody who will call."""
        return self.lane.pending + sum(len(room.parked) for room in self.rooms)

    # --- steps ------------------------------------------------------------------------------------

    @precondition(lambda self: not self.model.connected)
    @rule()
    def connect(self) -> None:
        self.predict()
        self.model.connect()
        self.stage.output.subscribe(
            self.hear, lambda error: self.hear_end(type(error).__name__), lambda: self.hear_end("done")
        )

    @rule(size=SIZES, acts=SCRIPTS)
    def try_emit(self, size: int, acts: tuple[str, ...]) -> None:
        self.predict()
        x = self.make(size, acts)
        expected = self.model.try_emit(x)
        assert self.stage.try_emit(x) is expected

    @rule(sizes=st.lists(SIZES, min_size=1, max_size=8))
    def flood(self, sizes: list[int]) -> None:
        for size in sizes:
            self.try_emit(size, ())

    @rule(size=SIZES, acts=SCRIPTS, on_lane=st.booleans())
    def offer(self, size: int, acts: tuple[str, ...], on_lane: bool) -> None:
        self.predict()
        x = self.make(size, acts)
        expected = self.model.offer(x, may_wait=not on_lane)
        got: list[str | None] = []
        if on_lane:
            self.other.submit_drain(lambda: got.append(self.offered(x)))
            self.other.run_one()
        else:
            got.append(self.offered(x))
        assert got == [expected]

    @rule(turns=st.integers(1, 4))
    def serve(self, turns: int) -> None:
        for _ in range(turns):
            if self.lane.pending:
                self.drain()

    @precondition(lambda self: self.lane.pending)
    @rule()
    def drain(self) -> None:
        self.predict()
        self.model.run()
        self.lane.run_one()
        assert self.inside == []

    @rule(free=st.sampled_from([-1, 0, 2, 4, 6]), opening=st.booleans(), which=st.integers(0, 2))
    def shut(self, free: int, opening: bool, which: int) -> None:
        for room in self.rooms[which : which + 1]:
            room.free = free
            room.opens_when_asked = opening

    @rule(which=st.integers(0, 2))
    def open(self, which: int) -> None:
        for room in self.rooms[which : which + 1]:
            self.predict()
            if room.parked:
                self.planned[which].free = None
                self.model.resume()
            room.open()

    @rule(
        size=st.integers(0, 6),
        offers=st.none() | SIZES,
        raises=st.booleans(),
    )
    def park_in_front(self, size: int, offers: int | None, raises: bool) -> None:
        self.predict()
        waiter = Waiter(raises=raises)
        parked = self.model.park(waiter, size)
        assert self.stage.has_room(size) != parked
        assert self.stage.park(self.resume(waiter), size) == parked
        if parked and offers is not None:
            waiter.offers = self.make(offers, ())

    @rule(seldom=SELDOM, how=st.sampled_from(["complete", "complete", "error", "dispose", "gives up"]))
    def end_it(self, seldom: bool, how: str) -> None:
        if not seldom and not self.model.over:
            return
        self.predict()
        if how == "complete":
            self.model.finish("done")
            self.stage.complete()
        elif how == "error":
            self.model.finish("KeyError")
            self.stage.error(KeyError())
        elif how == "dispose":
            self.model.dispose()
            self.stage.dispose()
        elif self.lane.pending:
            if not self.model.over:  # one that had ended before has no fault
                self.model.fault("ThreadError")
            assert self.lane.give_up() == 1

    @rule(seldom=SELDOM)
    def lane_refuses(self, seldom: bool) -> None:
        self.lane.refuse = ThreadError("refused") if seldom else None

    # --- what always holds ------------------------------------------------------------------------

    @invariant()
    def l01_grammar(self) -> None:
        assert re.fullmatch(
            r"n*t?", "".join("n" if isinstance(signal, int) else "t" for signal in self.heard)
        )

    @invariant()
    def l03_order(self) -> None:
        numbers = [signal for signal in self.heard if isinstance(signal, int)]
        late = [w.offers.number for w in self.resumed if w.offers is not None]
        in_time = [number for number in numbers if number not in late]
        assert in_time == sorted(set(in_time))
        assert self.heard == self.model.heard

    @invariant()
    def l04_bound(self) -> None:
        books, model = self.stage.ledger(), self.model
        assert len(self.stage._books.items) == len(model.queue) <= self.capacity + model.overshoots
        assert (books.high_water, books.high_water_bytes) == (model.high_water, model.high_bytes)

    @invariant()
    def l05_books(self) -> None:
        books, model = self.stage.ledger(), self.model
        assert self.dropped == model.dropped
        assert books.queued_bytes == model.bytes
        assert (books.accepted, books.delivered, books.dropped, books.discarded, books.queued) == (
            model.accepted,
            model.delivered,
            len(model.dropped),
            model.discarded,
            len(model.queue),
        )
        # An element that waits for its producer's resume has not been offered.
        held = sum(1 for waiter in model.waiters if waiter.offers is not None)
        assert books.offered == len(self.made) - model.refused - held
        assert books.offered == books.delivered + books.dropped + books.discarded + books.queued
        assert (books.refused, books.overshoots, books.parks, books.hops) == (
            model.refused,
            model.overshoots,
            model.parks,
            model.hops,
        )
        assert (books.faults, len(self.told), books.blocked_count) == (
            model.faults,
            model.told,
            model.blocked,
        )
        (total,) = self.ledgers.snapshot()
        assert (total.offered, total.delivered, total.discarded) == (
            books.offered,
            books.delivered,
            books.discarded,
        )
        assert books.ended == model.over

    @invariant()
    def l06_demand(self) -> None:
        assert self.resumed == self.model.resumed
        assert all(waiter.resumed == 1 for waiter in self.resumed)

    @invariant()
    def l12_work_has_a_drain(self) -> None:
        if self.model.work:
            assert self.outstanding == 1

    @invariant()
    def l13_one_drain(self) -> None:
        assert self.outstanding <= 1
        if not self.model.over:
            assert (self.model.drain == "queued") == (self.lane.pending == 1)

    @invariant()
    def the_dead_make_room(self) -> None:
        self.dead += self.model.over
        if self.dead > 3:
            self.again()

    def teardown(self) -> None:
        """Given room and a willing lane, everything that is owed comes."""
        if not hasattr(self, "model"):
            return
        self.lane.refuse = None
        if not self.model.connected:
            self.connect()
        for _ in range(200):
            for which in range(len(self.rooms)):
                self.open(which)
            if not self.lane.pending:
                break
            self.drain()
            self.lane.refuse = None
            self.l12_work_has_a_drain()
            self.l13_one_drain()
        self.l03_order()
        self.l05_books()
        assert not self.model.work


@pytest.mark.parametrize("overflow", ALL, ids=lambda c: c.name)
def test_every_law_holds_after_every_step(overflow: Overflow) -> None:
    """L1, L3, L4, L5, L6, L8, L10, L12, L13."""
    machine = type("Machine", (StageMachine,), {"overflow": overflow})
    run_state_machine_as_test(seed(SEED)(machine), settings=RUN)
