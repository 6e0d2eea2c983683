"""The watchdog of progress: a stage that has work and delivers nothing for 2 s is said, with all stacks.

It runs on the clock's timers (no thread of its own) while the guards are on. What it finds goes to `report`,
by default into the tool's log, once an episode:

- a *hang*: the subscriber or the lane does not come back, or the drain is parked although there is room. The
  stacks of all threads and the books of all stages follow;
- *held back*: the drain is parked because somebody behind it has no room (a reader of the terminal that takes
  nothing, or a stage that hangs: that one is reported itself), or nobody has subscribed yet. One line.

It looks at the io loop as well (`loopwatch`). A clock that hangs is the one thing it cannot see.
"""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from brummer_rx.pipeline import guards, loopwatch
from brummer_rx.pipeline.clock import Clock
from brummer_rx.pipeline.errors import ThreadError
from brummer_rx.pipeline.ledger import Ledger, Ledgers, Stage
from brummer_rx.pipeline.violations import note

__all__ = ["STALL", "Parking", "Watchdog", "all_stacks", "watch"]

STALL = 2.0
"""Seconds with work and without a delivery after which it is said."""
LOOK_EVERY = 0.25
"""Seconds between two looks at the stages."""
NOBODY = "nobody"


@runtime_checkable
class Parking(Protocol):
    """A stage that may have to wait for others (`Drained`)."""

    def held_back_by(self) -> tuple[str, ...]:
        """Who has no room for it, if that is why it delivers nothing."""
        ...


@dataclass(slots=True)
class _Seen:
    """One stage in one episode."""

    delivered: int
    still: float = 0.0
    """Seconds without a delivery, as far as we looked: a stopped process or a late clock is nobody's hang."""
    told: bool = False


class Watchdog:
    """Owner: the clock thread (before `start`: who made it).

    :param report: is given what was found, on the clock's thread; must be short
    """

    def __init__(
        self,
        clock: Clock,
        ledgers: Ledgers,
        *,
        report: Callable[[str], None] = note,
        stall: float | None = None,
    ) -> None:
        self._clock = clock
        self._ledgers = ledgers
        self._report = report
        self._stall = STALL if stall is None else stall
        self._seen: dict[int, _Seen] = {}
        self._last = clock.now()
        self.hangs = 0
        """Episodes of stages that hung."""
        self.held_back = 0
        """Episodes of stages that had to wait for others."""

    def start(self) -> None:
        """Look from now on, until the clock ends."""
        self._again(LOOK_EVERY, self._look_at_stages)
        self._again(loopwatch.LOOK_EVERY, self._look_at_loops)

    def _again(self, delay: float, look: Callable[[], None]) -> None:
        def due() -> None:
            look()
            self._again(delay, look)

        if guards.on():
            try:
                self._clock.call_later(delay, due)
            except ThreadError:  # the run is over
                self._seen.clear()

    def _look_at_loops(self) -> None:
        now = self._clock.now()
        for loop in loopwatch.live():
            loop.look(now)

    def _look_at_stages(self) -> None:
        now = self._clock.now()
        passed, self._last = min(now - self._last, 2 * LOOK_EVERY), now
        stages = self._ledgers.live()
        self._seen = {id(stage): self._look(stage, self._seen.get(id(stage)), passed) for stage in stages}

    def _look(self, stage: Stage, seen: _Seen | None, passed: float) -> _Seen:
        ledger = stage.ledger()
        if seen is None or not ledger.queued or ledger.delivered != seen.delivered or ledger.ended:
            return _Seen(ledger.delivered)
        seen.still += passed
        if seen.still >= self._stall and not seen.told:
            seen.told = True
            self._tell(stage, ledger, seen.still)
        return seen

    def _tell(self, stage: Stage, ledger: Ledger, seconds: float) -> None:
        who = stage.held_back_by() if isinstance(stage, Parking) else ()
        what = f"watchdog: stage {ledger.stage} has {ledger.queued} and delivered nothing for {seconds:.1f} s"
        if who and NOBODY not in who:
            self.held_back += 1
            self._report(f"{what}: held back by {', '.join(who)}\n{ledger}")
            return
        self.hangs += 1
        why = "it is parked although there is room" if who else "it hangs"
        books = "\n".join(map(str, self._ledgers.snapshot()))
        self._report(f"{what}: {why}\n{ledger}\nall stages:\n{books}\n{all_stacks()}")


def all_stacks() -> str:
    """Where every thread is now."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return "\n".join(
        f"--- thread {names.get(ident, ident)}\n{''.join(traceback.format_stack(frame))}"
        for ident, frame in sys._current_frames().items()
    )


def watch(clock: Clock, ledgers: Ledgers) -> Watchdog | None:
    """A watchdog that has been started; None (and nothing) while the guards are off."""
    if not guards.on():
        return None
    dog = Watchdog(clock, ledgers)
    dog.start()
    return dog
