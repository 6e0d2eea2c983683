"""The fault plan: which calls to the system go wrong, and how.

A `FaultPlan` is a value: where, at which calls (or with which chance, drawn from the run's seed), what. An
`Injector` plays one plan; the faulty ports (`faultports`) ask it before they do the real thing. It counts
what it did, so that a test can demand that its fault happened at all.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections import Counter
from dataclasses import dataclass

from brummer_rx.pipeline.errors import ThreadError
from tests.proof.seed import rng

__all__ = [
    "FOR_EVER",
    "Fails",
    "Fault",
    "FaultPlan",
    "Hangs",
    "Injector",
    "Jumps",
    "NoThread",
    "Raises",
    "Short",
    "Slow",
    "plan",
]

FOR_EVER = 1 << 60
"""Calls: until `Injector.calm`."""
LONGEST_HANG = 30.0
"""Seconds after which a hang that nobody released ends by an error: a test must not hang with it."""


@dataclass(frozen=True, slots=True)
class Fails:
    """The system answers with this errno."""

    number: int

    def __str__(self) -> str:
        return errno.errorcode[self.number]


@dataclass(frozen=True, slots=True)
class Short:
    """Only so many bytes are taken or given."""

    most: int = 1

    def __str__(self) -> str:
        return f"short-{self.most}"


@dataclass(frozen=True, slots=True)
class Hangs:
    """It does not come back before `Injector.release`."""

    def __str__(self) -> str:
        return "hangs"


@dataclass(frozen=True, slots=True)
class Slow:
    """It takes so many seconds."""

    seconds: float

    def __str__(self) -> str:
        return "slow"


@dataclass(frozen=True, slots=True)
class Raises:
    """A mistake of the code that is called."""

    error: type[BaseException] = ValueError

    def __str__(self) -> str:
        return "raises"


@dataclass(frozen=True, slots=True)
class Jumps:
    """The wall clock is set: forward, or back."""

    seconds: float

    def __str__(self) -> str:
        return f"jumps{self.seconds:+g}s"


@dataclass(frozen=True, slots=True)
class NoThread:
    """The system gives no thread."""

    def __str__(self) -> str:
        return "no-thread"


What = Fails | Short | Hangs | Slow | Raises | Jumps | NoThread


@dataclass(frozen=True, slots=True)
class Fault:
    """`what` happens at `where`: at the calls number `first` … `first + times - 1` (the first is 1)."""

    where: str
    what: What
    first: int = 1
    times: int = 1
    chance: float = 1.0
    """Of each of those calls."""

    def __str__(self) -> str:
        at = f"@{self.first}" if self.first > 1 else ""
        times = "x*" if self.times == FOR_EVER else f"x{self.times}" if self.times > 1 else ""
        chance = f"~{self.chance:g}" if self.chance < 1 else ""
        return f"{self.where}:{self.what}{at}{times}{chance}"


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """What goes wrong in one test."""

    name: str
    faults: tuple[Fault, ...]

    def __str__(self) -> str:
        return self.name


def plan(*faults: Fault, name: str = "") -> FaultPlan:
    """A plan, named after its faults."""
    return FaultPlan(name or ",".join(map(str, faults)), faults)


class Injector:
    """Plays one plan. Any thread."""

    def __init__(self, played: FaultPlan) -> None:
        self.plan = played
        self._random = rng(f"faults/{played.name}")
        self._lock = threading.Lock()
        self._released = threading.Event()
        self._calm = False
        self.calls: Counter[str] = Counter()
        """Calls, by place."""
        self.injected: Counter[str] = Counter()
        """Faults that happened, by place."""
        self.hanging = threading.Event()
        """Set when somebody hangs."""

    def __bool__(self) -> bool:
        """Whether anything went wrong at all."""
        return bool(self.injected)

    def calm(self) -> None:
        """From now on nothing goes wrong any more, and who hangs goes on."""
        self._calm = True
        self._released.set()

    def pause(self) -> None:
        """Nothing goes wrong until `strike`; calls are counted."""
        self._calm = True

    def strike(self) -> None:
        """The plan holds (again)."""
        self._calm = False

    def release(self) -> None:
        """Who hangs goes on, now and later; all other faults go on happening."""
        self._released.set()

    def draw(self, where: str) -> What | None:
        """Count a call; what is to go wrong with it. Hangs and delays happen in here, exceptions come out."""
        with self._lock:
            self.calls[where] += 1
            number = self.calls[where]
            what = None if self._calm else self._chosen(where, number)
            if what is not None:
                self.injected[where] += 1
        if isinstance(what, Fails):
            raise OSError(what.number, os.strerror(what.number))
        if isinstance(what, Raises):
            raise what.error(f"injected at {where}")
        if isinstance(what, NoThread):
            raise ThreadError("the thread could not be started: can't start new thread")
        if isinstance(what, Slow):
            time.sleep(what.seconds)
        if isinstance(what, Hangs):
            self.hanging.set()
            if not self._released.wait(LONGEST_HANG):
                raise AssertionError(f"nobody released {where}")
        return what

    def _chosen(self, where: str, number: int) -> What | None:
        for fault in self.plan.faults:
            reached = fault.where == where and fault.first <= number < fault.first + fault.times
            if reached and (fault.chance >= 1 or self._random.random() < fault.chance):
                return fault.what
        return None

    def most(self, where: str, size: int) -> int:
        """Of `size` bytes, how many pass at this call."""
        what = self.draw(where)
        return min(size, what.most) if isinstance(what, Short) else size
