"""What each overflow choice does at each event: the truth table of the design, cell by cell.

Where the table leaves a choice, the stage's docstrings settle it, and this is what they say:
- an edge producer of PARK waits as one of BLOCK does; on a thread that serves a lane BLOCK raises, PARK
  admits beyond its bound and counts the overshoot;
- a wait that ends by its timeout raises `BufferOverflow` in the caller; the stage lives on;
- errors come behind the backlog, that of an overflow, too;
- LATEST replaces, it does not fold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from reactivex.subject import Subject

from brummer_rx.pipeline.errors import BufferOverflow, ThreadError
from brummer_rx.pipeline.stage import BoundedStage, EmitResult, Overflow
from brummer_rx.pipeline.testing import HandLane
from tests.laws.lawkit import ALL, DROPPING, HOLDING, WAITING, Background, Boom, Rig, fail, soon

BLOCK, PARK, ERROR = Overflow.BLOCK, Overflow.PARK, Overflow.ERROR
NEWEST, OLDEST, LATEST = Overflow.DROP_NEWEST, Overflow.DROP_OLDEST, Overflow.LATEST
ENDS = ("complete", "error", "dispose", "fault")


@dataclass(frozen=True, slots=True)
class Cell:
    """What is to be seen once nothing moves any more; the stage takes 4 elements (LATEST: 1)."""

    offered: int
    heard: tuple[Any, ...]
    dropped: tuple[Any, ...] = ()
    discarded: int = 0
    accepted: int | None = None
    """None: all that were offered."""
    raised: type[BaseException] | None = None
    """In the producer of the last element."""
    waited: int = 0
    """Producers that had to wait."""
    overshoots: int = 0
    faults: int = 0
    ended: bool = False
    disposed: bool = False
    """The upstream that the stage follows."""
    parks: int = 0
    """Of the upstream behind the gate."""


@dataclass(slots=True)
class Seen:
    """What an event leaves behind beside the stage's books."""

    rig: Rig
    raised: BaseException | None = None
    source: Subject[Any] = field(default_factory=Subject)
    parks: int = 0


FIRST = {choice: (0,) if choice is LATEST else (0, 1, 2, 3) for choice in ALL}
"""What fills the stage."""
N = {choice: len(first) for choice, first in FIRST.items()}


# --- the events -----------------------------------------------------------------------------------


def offer_room(seen: Seen) -> None:
    """offer, n < c"""
    seen.rig.fill()


def offer_full(seen: Seen) -> None:
    """offer, n = c, from a thread that may wait"""
    rig = seen.rig
    rig.fill()
    late = Background(lambda: seen.source.on_next("new"))
    if rig.overflow in WAITING:
        soon(lambda: rig.books().blocked_count == 1)
        assert not late.returned.is_set()
        assert rig.books().queued == 4
    else:
        late.wait()
    assert (seen.source.observers == []) == (rig.overflow is ERROR)  # at once, not behind the backlog
    rig.lane.run_all()
    seen.raised = late.wait()


def offer_full_worker(seen: Seen) -> None:
    """offer, n = c, from a thread that serves a lane"""
    seen.rig.fill()
    try:
        seen.rig.from_worker(lambda: seen.rig.stage.offer("new"))
    except ThreadError as error:
        seen.raised = error


def offer_full_inside(seen: Seen) -> None:
    """offer, n = c, from the subscriber itself: element 0 makes the place for "a", "new" finds none"""
    rig = seen.rig

    def deliver(x: Any) -> None:
        rig.heard.append(x)
        if x == 0:
            for more in ("a", "new"):
                try:
                    rig.stage.offer(more)
                except ThreadError as error:
                    seen.raised = error

    deliveries.append(deliver)
    rig.fill()
    rig.lane.run_all()


def offer_full_upstream(seen: Seen) -> None:
    """the element behind a full stage, from an upstream that asks at the gate"""
    rig, lane = seen.rig, HandLane("front")
    front: BoundedStage[Any] = BoundedStage(lane, name="front", capacity=16, feeds=rig.gate)
    front.output.subscribe(rig.stage.offer)
    for x in (*FIRST[rig.overflow], "new"):
        front.offer(x)
    lane.run_all()
    assert rig.books().high_water == N[rig.overflow]
    rig.lane.run_all()
    lane.run_all()
    seen.parks = front.ledger().parks


def offer_ended(how: str) -> Callable[[Seen], None]:
    """offer after t or x"""

    def event(seen: Seen) -> None:
        rig = seen.rig
        if how == "fault":
            deliveries.append(fail)
            rig.stage.offer("bad")
        rig.end(how)
        for delivered in (False, True):
            if delivered:
                rig.lane.run_all()
            seen.raised = Background(lambda: rig.stage.offer("late")).wait()
            assert rig.stage.try_emit("later") is EmitResult.CLOSED

    return event


def offer_waits(how: str) -> Callable[[Seen], None]:
    """an offer waits for room when x or t arrives (where nobody waits: it comes just before)"""

    def event(seen: Seen) -> None:
        rig = seen.rig
        if how == "fault":
            deliveries.append(fail)
        rig.fill()
        late = Background(lambda: rig.stage.offer("new"))
        if rig.overflow in WAITING:
            soon(lambda: rig.books().blocked_count == 1)
            assert not late.returned.is_set()
        else:
            late.wait()
        rig.end(how)
        seen.raised = late.wait()

    return event


def offer_timeout(seen: Seen) -> None:
    """an offer finds no room within its timeout"""
    seen.rig.fill()
    seen.raised = Background(lambda: seen.rig.stage.offer("new")).wait()


def complete_backlog(seen: Seen) -> None:
    """complete with n > 0; again, and an error, say nothing more"""
    seen.rig.fill()
    for _ in range(2):
        seen.rig.stage.complete()
    seen.rig.stage.error(Boom())
    assert seen.rig.heard == []


def error_backlog(seen: Seen) -> None:
    """error with n > 0; again, and a completion, say nothing more"""
    seen.rig.fill()
    for _ in range(2):
        seen.rig.stage.error(Boom())
    seen.rig.stage.complete()
    assert seen.rig.heard == []


def subscriber_raises(seen: Seen) -> None:
    """the subscriber raises on the first element, while an upstream is parked"""
    woken: list[bool] = []

    def deliver(_: Any) -> None:
        seen.rig.stage.offer("more")  # full again
        park_in_front(seen, woken)
        raise Boom

    deliveries.append(deliver)
    seen.rig.fill()
    seen.rig.lane.run_all()
    check_woken(seen, woken)


def dispose(seen: Seen) -> None:
    """dispose with n > 0, twice"""
    woken: list[bool] = []
    seen.rig.fill()
    park_in_front(seen, woken)
    for _ in range(2):
        seen.rig.stage.dispose()
    check_woken(seen, woken)


def park_in_front(seen: Seen, woken: list[bool]) -> None:
    """An upstream parks at the full stage; `woken` says what it finds when it is called again."""
    rig = seen.rig
    parked = rig.gate.park(lambda: woken.append(rig.stage.has_room() and rig.stage.ledger().ended))
    assert parked == (rig.overflow in HOLDING)
    assert woken == []


def check_woken(seen: Seen, woken: list[bool]) -> None:
    """Who was parked was told once and saw the stage closed, and the gate forgot it."""
    assert woken == [True] * (seen.rig.overflow in HOLDING)
    assert seen.rig.gate.stages == ()


deliveries: list[Callable[[Any], None]] = []
"""What the subscriber of the case does instead of writing down; the last one counts."""


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    deliveries.clear()
    yield
    deliveries.clear()


# --- the table ------------------------------------------------------------------------------------

EVENTS: dict[str, Callable[[Seen], None]] = {
    "offer-room": offer_room,
    "offer-full": offer_full,
    "offer-full-worker": offer_full_worker,
    "offer-full-inside": offer_full_inside,
    "offer-full-upstream": offer_full_upstream,
    **{f"offer-after-{how}": offer_ended(how) for how in ENDS},
    **{f"offer-waits-{how}": offer_waits(how) for how in ENDS},
    "offer-timeout": offer_timeout,
    "complete-backlog": complete_backlog,
    "error-backlog": error_backlog,
    "subscriber-raises": subscriber_raises,
    "dispose": dispose,
}

# An element too many, for those who neither wait nor refuse an exception; the others differ by event.
LOST: dict[Overflow, Cell] = {
    NEWEST: Cell(5, (0, 1, 2, 3), dropped=("new",), accepted=4),
    OLDEST: Cell(5, (1, 2, 3, "new"), dropped=(0,)),
    LATEST: Cell(2, ("new",), dropped=(0,)),
}
OVERFLOWN = Cell(5, (0, 1, 2, 3, "BufferOverflow"), discarded=1, accepted=4, ended=True, disposed=True)
FITS = {choice: Cell(N[choice], FIRST[choice]) for choice in ALL}
TOO_MUCH = Cell(5, (0, 1, 2, 3), discarded=1, accepted=4)  # refused with an exception


def backlog(signal: str) -> dict[Overflow, Cell]:
    return {c: Cell(N[c], (*FIRST[c], signal), ended=True, disposed=True) for c in ALL}


def waits(how: str) -> dict[Overflow, Cell]:
    """The end comes while one waits (BLOCK, PARK), or has been lost, or has ended the stage (ERROR)."""
    signal = {"complete": ("done",), "error": ("Boom",), "dispose": (), "fault": ("Boom",)}[how]
    delivers, fault = how in ("complete", "error"), how == "fault"
    row = {c: replace(TOO_MUCH, heard=(0, 1, 2, 3), waited=1) for c in WAITING} | LOST
    row[ERROR] = replace(OVERFLOWN, heard=(0, 1, 2, 3))
    cells = {}
    for choice, cell in row.items():
        last = ("BufferOverflow",) if choice is ERROR and delivers else signal
        waiting = N[choice] - fault  # a fault takes the element that was being delivered
        cells[choice] = replace(
            cell,
            heard=(cell.heard if delivers else ()) + last,
            discarded=cell.discarded + (0 if delivers else waiting),
            faults=int(fault),
            ended=True,
            disposed=True,
        )
    return cells


TABLE: dict[str, dict[Overflow, Cell]] = {
    "offer-room": FITS,
    "offer-full": LOST | {c: Cell(5, (0, 1, 2, 3, "new"), waited=1) for c in WAITING} | {ERROR: OVERFLOWN},
    "offer-full-worker": LOST
    | {
        BLOCK: replace(TOO_MUCH, raised=ThreadError),
        PARK: Cell(5, (0, 1, 2, 3, "new"), overshoots=1),
        ERROR: OVERFLOWN,
    },
    "offer-full-inside": {
        BLOCK: Cell(6, (0, 1, 2, 3, "a"), discarded=1, accepted=5, raised=ThreadError),
        PARK: Cell(6, (0, 1, 2, 3, "a", "new"), overshoots=1),
        NEWEST: Cell(6, (0, 1, 2, 3, "a"), dropped=("new",), accepted=5),
        OLDEST: Cell(6, (0, 2, 3, "a", "new"), dropped=(1,)),
        LATEST: Cell(3, (0, "new"), dropped=("a",)),
        ERROR: replace(OVERFLOWN, offered=6, heard=(0, 1, 2, 3, "a", "BufferOverflow"), accepted=5),
    },
    "offer-full-upstream": LOST | {c: Cell(5, (0, 1, 2, 3, "new"), parks=1) for c in HOLDING},
    **{
        f"offer-after-{how}": {
            c: Cell(
                4 + (how == "fault"),
                heard,
                discarded=4,
                accepted=int(how == "fault"),
                faults=int(how == "fault"),
                ended=True,
                disposed=True,
            )
            for c in ALL
        }
        for how, heard in zip(ENDS, (("done",), ("Boom",), (), ("Boom",)), strict=True)
    },
    **{f"offer-waits-{how}": waits(how) for how in ENDS},
    "offer-timeout": LOST
    | {c: replace(TOO_MUCH, raised=BufferOverflow, waited=1) for c in WAITING}
    | {ERROR: OVERFLOWN},
    "complete-backlog": backlog("done"),
    "error-backlog": backlog("Boom"),
    "subscriber-raises": {
        c: Cell(N[c] + 1, ("Boom",), discarded=N[c], faults=1, ended=True, disposed=True) for c in ALL
    },
    "dispose": {c: Cell(N[c], (), discarded=N[c], ended=True, disposed=True) for c in ALL},
}
CELLS = [pytest.param(event, choice, id=f"{event}-{choice.name}") for event in EVENTS for choice in ALL]


@pytest.mark.parametrize(("event", "choice"), CELLS)
def test_cell(event: str, choice: Overflow) -> None:
    cell = TABLE[event][choice]

    def deliver(x: Any) -> None:
        (deliveries[-1] if deliveries else rig.heard.append)(x)

    timeout = 0.02 if event == "offer-timeout" else None
    rig = Rig(choice, subscriber=deliver, timeout=timeout)
    seen = Seen(rig)
    rig.stage.follow(seen.source)
    EVENTS[event](seen)
    rig.lane.run_all()
    books = rig.books()

    assert tuple(rig.heard) == cell.heard
    assert tuple(rig.dropped) == cell.dropped
    assert (None if seen.raised is None else type(seen.raised)) == cell.raised
    assert (books.dropped, books.discarded) == (len(cell.dropped), cell.discarded)
    assert books.offered == cell.offered
    assert books.accepted == (cell.offered if cell.accepted is None else cell.accepted)
    assert (books.blocked_count, books.overshoots) == (cell.waited, cell.overshoots)
    assert (books.blocked_seconds > 0) == (cell.waited > 0)
    assert (books.faults, len(rig.faults)) == (cell.faults, cell.faults)
    assert (books.ended, seen.source.observers == []) == (cell.ended, cell.disposed)
    assert books.high_water <= rig.capacity + cell.overshoots
    assert seen.parks == cell.parks
    # The identity at rest:
    assert (books.queued, books.queued_bytes) == (0, 0)
    assert books.offered == books.delivered + books.dropped + books.discarded
    if choice not in DROPPING:
        assert books.dropped == 0


def test_the_table_has_no_hole() -> None:
    assert {(event, choice) for event, row in TABLE.items() for choice in row} == {
        (event, choice) for event in EVENTS for choice in ALL
    }


@pytest.mark.parametrize("choice", ALL, ids=lambda c: c.name)
def test_counters_of_a_whole_life(choice: Overflow) -> None:
    """Every counter that the table asks for, in a run that moves each that this choice can move."""
    rig = Rig(choice, batch=2)
    began = rig.books().last_progress
    for _ in range(3):
        rig.fill()
        rig.lane.run_all()
    rig.stage.complete()
    rig.lane.run_all()
    books, n = rig.books(), 3 * rig.capacity

    assert (books.offered, books.accepted, books.delivered) == (n, n, n)
    assert (books.dropped, books.discarded, books.refused, books.parks) == (0, 0, 0, 0)
    assert books.high_water == rig.capacity
    assert books.hops == (4 if choice is LATEST else 7)  # two a round (LATEST: one), and one for the end
    assert books.last_progress > began


def test_the_error_of_an_overflow_says_who_was_full() -> None:
    rig, errors = Rig(ERROR), list[Exception]()
    other: BoundedStage[int] = BoundedStage(rig.lane, name="named", capacity=1, overflow=ERROR)
    other.output.subscribe(lambda _: None, errors.append)
    other.offer(1)
    other.offer(2)
    rig.lane.run_all()

    assert [str(e) for e in errors] == ["stage named is full (1 elements)"]
