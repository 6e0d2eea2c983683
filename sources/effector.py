"""Runs the decider's effects on the system: spawn, signal, cut, stop what is left over.

Called by the stage "processes", one call at a time; the children are this object's and nobody else's. Waiting
is the clock's: nothing here waits for longer than a fork and exec.
"""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable

import psutil

from brummer_rx.pipeline import guards
from brummer_rx.pipeline.clock import Clock
from brummer_rx.pipeline.effect import Cut, Effect, Signal, SignalLeftovers, Spawn
from brummer_rx.pipeline.errors import SourceError
from brummer_rx.pipeline.event import ProcessEvent, ProcessEventKind
from brummer_rx.pipeline.process import ProcessSpec
from brummer_rx.sources import ladder
from brummer_rx.sources.child import Child
from brummer_rx.sources.ingest import Ingest
from brummer_rx.sources.spawn import StartProcess, pipe_share, spawn

__all__ = ["ProcessEffector", "sweep"]

_STEP = 0.02

Deliver = Callable[[ProcessEvent], None]


@guards.owned('stage "processes"', "run", serial=True, shared=("_size",))
@guards.calls_out("run")
class ProcessEffector:
    """One run's hands. `run` is called by one thread at a time.

    :param pty: what children without a wish of their own run on
    :param size: columns and rows of their terminals
    :param expected: how many processes the run has; their pipes share the system's buffers
    """

    def __init__(
        self,
        ingest: Ingest,
        *,
        clock: Clock,
        run_id: str,
        pty: bool,
        size: tuple[int, int] = (80, 24),
        expected: int = 1,
        pipe_buffer: int | None = None,
        start: StartProcess = subprocess.Popen,
    ) -> None:
        self._start = start
        self._ingest = ingest
        self._clock = clock
        self.run_id = run_id
        """The tag of its children."""
        self._pty = pty
        self._size = size
        self._pipe_size = pipe_buffer or pipe_share(2 * expected)
        self._children: dict[tuple[str, int], Child] = {}  # until nothing is left of it

    def run(self, effect: Effect, deliver: Deliver) -> None:
        """See `brummer_rx.pipeline.supervisor.Effector`."""
        if isinstance(effect, Spawn):
            self._spawn(effect, deliver)
        elif isinstance(effect, Signal):
            child = self._children.get((effect.name, effect.incarnation))
            if child is not None:
                ladder.signal_child(child, effect.signum)
        elif isinstance(effect, SignalLeftovers):
            self._signal_leftovers(effect)
        elif isinstance(effect, Cut):
            self._ingest.cut(effect.name, effect.incarnation)

    def resize(self, columns: int, rows: int) -> None:
        """Terminals of children that start from now on have this size. Any thread."""
        self._size = (columns, rows)

    def _spawn(self, effect: Spawn, deliver: Deliver) -> None:
        spec = effect.spec
        pty = self._pty if spec.pty is None else spec.pty
        try:
            child = spawn(
                spec,
                incarnation=effect.incarnation,
                pty=pty,
                run_id=self.run_id,
                pipe_size=self._pipe_size,
                cols=self._size[0],
                rows=self._size[1],
                start=self._start,
            )
        except SourceError as error:
            deliver(self._event(spec, effect, ProcessEventKind.EXITED, code=error.exit_code, why=str(error)))
            return
        self._children[spec.name, effect.incarnation] = child
        # STARTED goes in before the ingest thread can see an exit.
        deliver(self._event(spec, effect, ProcessEventKind.STARTED, pid=child.pid))
        self._ingest.add(child)

    def _event(
        self,
        spec: ProcessSpec,
        effect: Spawn,
        kind: ProcessEventKind,
        *,
        pid: int | None = None,
        code: int | None = None,
        why: str = "",
    ) -> ProcessEvent:
        return ProcessEvent(spec.name, kind, self._clock.time_ns(), effect.incarnation, pid, code, why)

    def _signal_leftovers(self, effect: SignalLeftovers) -> None:
        key = (effect.name, effect.incarnation)
        last = effect.signum == signal.SIGKILL
        child = self._children.pop(key, None) if last else self._children.get(key)
        if child is not None:
            ladder.signal_group(child, effect.signum)


def sweep(run_id: str, grace: float, *, hurry: Callable[[], bool] = lambda: False) -> tuple[str, ...]:
    """The run is over: end everything that still carries its tag. TERM, `grace` seconds, KILL; waits as long.

    `hurry` is asked while it waits; true: at once. Returns what had to be ended ("name (pid)"). Called by the
    main thread when nothing else runs any more.
    """
    left = ladder.leftovers(run_id)
    if not left:
        return ()
    told = tuple(f"{_name(p)} ({p.pid})" for p in left)
    ladder.signal_processes(left, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while (left := ladder.leftovers(run_id)) and time.monotonic() < deadline and not hurry():
        time.sleep(_STEP)
    ladder.signal_processes(left, signal.SIGKILL)
    return told


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.Error:  # it ended while it was being named
        return "?"
