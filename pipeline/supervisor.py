"""The owner of the process table: one stage, one `scan(decide)`, effects run behind it.

Commands and process events enter the bounded stage "processes"; its drain folds them with `decide`, publishes
the new table and runs the effects through an `Effector`. Results come back as events through the same door,
so the table is only ever written by this one stage (architecture.md section 5).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from loguru import logger
from reactivex import operators as ops

from brummer_rx.pipeline import guards
from brummer_rx.pipeline.clock import Clock
from brummer_rx.pipeline.decider import State, decide, initial
from brummer_rx.pipeline.effect import Effect, Input, SetTimer, Tell, TimerFired
from brummer_rx.pipeline.errors import BrummerError, BufferOverflow
from brummer_rx.pipeline.event import ProcessEvent
from brummer_rx.pipeline.lane import DrainLane
from brummer_rx.pipeline.ledger import Ledgers
from brummer_rx.pipeline.process import Command, ProcessSpec, ProcessTable
from brummer_rx.pipeline.stage import BoundedStage, EmitResult, Overflow

__all__ = ["Effector", "Supervisor"]

RETRY = 0.05
"""Seconds until an event that found the stage full is offered again; events are never dropped."""

_Decision = tuple[State, tuple[Effect, ...]]


class Effector(Protocol):
    """Runs effects on the system; called by one thread at a time, must not wait."""

    def run(self, effect: Effect, deliver: Callable[[ProcessEvent], None]) -> None:
        """Do it; results are delivered as events. May raise: the failure is told and the run goes on."""
        ...


@guards.owned('stage "processes"', "_decided", serial=True, shared=("_on_tell", "_on_change"))
@guards.calls_out("_decided")
class Supervisor:
    """One run's processes. `send` and `deliver` from any thread; the table is an immutable snapshot.

    `on_failed` is called once when no decision is made any more, because the stage or the decider failed.
    Lives as long as the run; `close` ends it (running children are the ladder's business, not of `close`).
    """

    def __init__(
        self,
        specs: tuple[ProcessSpec, ...],
        *,
        grace: float,
        lane: DrainLane,
        clock: Clock,
        effector: Effector,
        on_tell: Callable[[Tell], None],
        on_change: Callable[[], None],
        on_failed: Callable[[], None] = lambda: None,
        ledgers: Ledgers | None = None,
    ) -> None:
        self._clock = clock
        self._effector = effector
        self._on_tell = on_tell
        self._on_change = on_change
        self._on_failed = on_failed
        self._stage: BoundedStage[Input] = BoundedStage(
            lane, name="processes", capacity=1024, overflow=Overflow.BLOCK, batch=16, ledgers=ledgers
        )
        first = initial(specs, grace=grace)
        self._state = first  # written by the stage's drain only; read as a whole by anyone
        self._closed = threading.Event()
        seed: _Decision = (first, ())

        def fold(decision: _Decision, what: Input) -> _Decision:
            return decide(decision[0], what)

        self._stage.output.pipe(ops.scan(fold, seed)).subscribe(self._decided, self._failed)

    @property
    def table(self) -> ProcessTable:
        """All processes as of now."""
        return self._state.table

    @property
    def state(self) -> State:
        """The decider's whole state as of now."""
        return self._state

    def send(self, command: Command) -> None:
        """Ask for something; `BufferOverflow` when 1,024 wishes wait already. Any thread, never blocks."""
        if self._stage.try_emit(command) is EmitResult.OVERFLOW:
            raise BufferOverflow(f"{command.kind} {command.name}: too many commands wait, try again")

    def deliver(self, event: Input) -> None:
        """Report what happened, or insist on a command: never lost, a full stage is tried again.

        Any thread, never blocks.
        """
        if self._stage.try_emit(event) is EmitResult.OVERFLOW and not self._closed.is_set():
            self._clock.call_later(RETRY, lambda: self.deliver(event))

    def close(self) -> None:
        """No more decisions."""
        self._closed.set()
        self._stage.dispose()

    def _decided(self, decision: _Decision) -> None:
        before, (self._state, effects) = self._state, decision
        for effect in effects:
            self._run(effect)
        if self._state.table is not before.table or self._state.closing is not before.closing:
            self._on_change()

    def _run(self, effect: Effect) -> None:
        if isinstance(effect, Tell):
            self._on_tell(effect)
        elif isinstance(effect, SetTimer):
            due = TimerFired(effect.name, effect.incarnation, effect.kind)
            self._clock.call_later(effect.delay, lambda: self.deliver(due))
        else:
            try:
                self._effector.run(effect, self.deliver)
            except (OSError, ValueError, BrummerError) as error:
                logger.opt(exception=error).error("effect {} failed", effect)
                self._on_tell(Tell(f"{type(effect).__name__}: {error}", bad=True))

    def _failed(self, error: Exception) -> None:
        logger.opt(exception=error).error("the decider failed")
        self._on_tell(Tell(f"process control failed: {error!r}", bad=True))
        self._on_failed()
