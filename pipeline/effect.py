"""What the decider hears and what it wants done: values only (architecture.md section 5)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from brummer_rx.pipeline.event import ProcessEvent
from brummer_rx.pipeline.process import Command, ProcessSpec

__all__ = [
    "Cut",
    "Effect",
    "Input",
    "SetTimer",
    "Signal",
    "SignalLeftovers",
    "Spawn",
    "Tell",
    "TimerFired",
    "TimerKind",
]


class TimerKind(StrEnum):
    """What a timer is for: the next rung of the stop ladder, or of the leftovers' own."""

    KILL = "kill"
    CUT = "cut"
    LEFTOVERS = "leftovers"
    """What is left of an ended incarnation's group has had its grace."""


@dataclass(frozen=True, slots=True)
class TimerFired:
    """A timer that `SetTimer` asked for has come due; stale ones are recognised by their incarnation."""

    name: str
    incarnation: int
    kind: TimerKind


Input = Command | ProcessEvent | TimerFired


@dataclass(frozen=True, slots=True)
class Spawn:
    """Start this incarnation; comes back as STARTED, or as EXITED with a detail when it could not start."""

    spec: ProcessSpec
    incarnation: int


@dataclass(frozen=True, slots=True)
class Signal:
    """Signal the group of this incarnation and its descendants that left the group."""

    name: str
    incarnation: int
    signum: int


@dataclass(frozen=True, slots=True)
class SignalLeftovers:
    """The incarnation has ended: signal what is left of its group, if anything."""

    name: str
    incarnation: int
    signum: int


@dataclass(frozen=True, slots=True)
class Cut:
    """Give up on the output of this incarnation: its end is now."""

    name: str
    incarnation: int


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Bring `TimerFired` back after `delay` seconds."""

    name: str
    incarnation: int
    kind: TimerKind
    delay: float


@dataclass(frozen=True, slots=True)
class Tell:
    """Something people want to know."""

    text: str
    bad: bool = False


Effect = Spawn | Signal | SignalLeftovers | Cut | SetTimer | Tell
