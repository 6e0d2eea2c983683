"""The decider: what happens to processes, as one pure function over one table.

`decide(state, input) -> (state, effects)` is total: an input that makes no sense in a state changes nothing,
is counted in `State.refused` and, where a person asked, answered with a `Tell`. Effects are values;
`brummer_rx.pipeline.supervisor` has them run and brings their results back as inputs.

Life of one incarnation (rows: state; an incarnation has *ended* when it exited and its output closed)::

    state       start            stop / restart            exited                 ended
    ----------  ---------------  ------------------------  ---------------------  ------------------------
    exited,     STARTING, spawn  refused / as start        -                      -
    failed      (output open: RESTARTING and TERM / STOPPING and TERM)
    starting    refused (runs)   remembered till started   -                      failed: could not start
    running,    refused (runs)   STOPPING / RESTARTING,    EXITED with 0,         leftovers are stopped
    ready                        TERM, timer(grace)        FAILED otherwise
    stopping    RESTARTING       refused / RESTARTING      stays                  EXITED (FAILED before stop)
    restarting  refused (runs)   STOPPING / refused        stays                  STARTING, spawn

The stop ladder is TERM, `grace` seconds, KILL, `CUT_AFTER` seconds; then the output is cut (a stranger may
hold it).
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from brummer_rx.pipeline.effect import (
    Cut,
    Effect,
    Input,
    SetTimer,
    Signal,
    SignalLeftovers,
    Spawn,
    Tell,
    TimerFired,
    TimerKind,
)
from brummer_rx.pipeline.event import ProcessEvent, ProcessEventKind
from brummer_rx.pipeline.process import (
    OVER,
    Command,
    CommandKind,
    ProcessInfo,
    ProcessSpec,
    ProcessState,
    ProcessTable,
)

__all__ = ["CUT_AFTER", "State", "decide", "exit_code", "initial"]

CUT_AFTER = 2.0
"""Seconds between KILL and giving up on an output that a stranger holds open."""


@dataclass(frozen=True, slots=True)
class State:
    """All that the decider knows; replaced as a whole."""

    table: ProcessTable
    grace: float
    """Seconds between TERM and KILL."""
    closing: bool = False
    """The run ends: nothing is started any more."""
    told_to_stop: frozenset[str] = frozenset()
    """Processes whose present incarnation ends because it was told to."""
    first_failure: int | None = None
    """Exit code of the first process that failed by itself."""
    refused: int = 0
    """Inputs that made no sense in the state they met."""


@dataclass(slots=True)
class _Step:
    """One decision in the making; local to `decide`."""

    state: State
    effects: list[Effect] = field(default_factory=list)

    def put(self, info: ProcessInfo) -> None:
        table = self.state.table
        rows = tuple(info if row.name == info.name else row for row in table.processes)
        self.state = replace(self.state, table=ProcessTable(table.version + 1, rows))

    def do(self, *effects: Effect) -> None:
        self.effects += effects

    def refuse(self, why: str = "") -> None:
        self.state = replace(self.state, refused=self.state.refused + 1)
        if why:
            self.do(Tell(why))

    def told(self, name: str, yes: bool) -> None:
        names = self.state.told_to_stop
        self.state = replace(self.state, told_to_stop=names | {name} if yes else names - {name})


def initial(specs: tuple[ProcessSpec, ...], *, grace: float) -> State:
    """Nothing was started yet: every process stands as exited, incarnation 0."""
    return State(ProcessTable(0, tuple(ProcessInfo(s, ProcessState.EXITED) for s in specs)), grace)


def exit_code(state: State) -> int:
    """What `--plain` ends with when nobody interrupts it: 0, or the code of the first to fail in time."""
    return state.first_failure or 0


def decide(state: State, what: Input) -> tuple[State, tuple[Effect, ...]]:
    """The next state and what is to be done; pure and total."""
    step = _Step(state)
    if isinstance(what, Command):
        _COMMANDS[what.kind](step, what)
    elif isinstance(what, ProcessEvent):
        _event(step, what)
    else:
        _timer(step, what)
    return step.state, tuple(step.effects)


# --- commands -----------------------------------------------------------------------------------------


def _known(step: _Step, name: str) -> ProcessInfo | None:
    info = step.state.table.get(name)
    if info is None:
        step.refuse(step.state.table.no_such(name))
    return info


def _start(step: _Step, command: Command) -> None:
    info = _known(step, command.name)
    if info is None:
        return
    if step.state.closing:
        step.refuse(f"{info.name} is not started: the run ends")
    elif info.ended:
        _spawn(step, info)
    elif info.state in OVER or info.state is ProcessState.STOPPING:
        _ladder(step, info, ProcessState.RESTARTING)
    else:
        step.refuse(f"{info.name} runs already" + (f" (pid {info.pid})" if info.pid else ""))


def _stop(step: _Step, command: Command) -> None:
    info = _known(step, command.name)
    if info is None:
        return
    if info.ended:
        step.refuse(f"{info.name} does not run")
    elif info.state is ProcessState.STOPPING:
        step.refuse()
    else:
        _ladder(step, info, ProcessState.STOPPING)


def _restart(step: _Step, command: Command) -> None:
    info = _known(step, command.name)
    if info is None:
        return
    if step.state.closing:
        step.refuse(f"{info.name} is not restarted: the run ends")
    elif info.ended:
        _spawn(step, info)
    elif info.state is ProcessState.RESTARTING:
        step.refuse()
    else:
        _ladder(step, info, ProcessState.RESTARTING)


def _stop_all(step: _Step, _: Command) -> None:
    step.state = replace(step.state, closing=True)
    for info in step.state.table.processes:
        if not info.ended and info.state is not ProcessState.STOPPING:
            _ladder(step, info, ProcessState.STOPPING)


def _kill_all(step: _Step, _: Command) -> None:
    step.state = replace(step.state, closing=True)
    for info in step.state.table.processes:
        if not info.ended:
            if info.exit_code is None:
                step.told(info.name, True)
            step.put(replace(info, state=ProcessState.STOPPING))
            _kill(step, info)


_COMMANDS: dict[CommandKind, Callable[[_Step, Command], None]] = {
    CommandKind.START: _start,
    CommandKind.STOP: _stop,
    CommandKind.RESTART: _restart,
    CommandKind.STOP_ALL: _stop_all,
    CommandKind.KILL_ALL: _kill_all,
}


def _spawn(step: _Step, info: ProcessInfo) -> None:
    again = info.incarnation > 0
    step.told(info.name, False)
    step.put(
        ProcessInfo(
            info.spec,
            ProcessState.STARTING,
            incarnation=info.incarnation + 1,
            restarts=info.restarts + again,
            output_open=True,
        )
    )
    step.do(Spawn(info.spec, info.incarnation + 1))


def _ladder(step: _Step, info: ProcessInfo, target: ProcessState) -> None:
    """First rung, once: TERM and the timer of the next; one that is starting gets it when it has a pid."""
    climbing = info.state in (ProcessState.STOPPING, ProcessState.RESTARTING)
    if info.exit_code is None:  # what failed by itself before it was told to stop has failed
        step.told(info.name, True)
    step.put(replace(info, state=target))
    if not climbing and info.state is not ProcessState.STARTING:
        _term(step, info)


def _term(step: _Step, info: ProcessInfo) -> None:
    step.do(
        Signal(info.name, info.incarnation, signal.SIGTERM),
        SetTimer(info.name, info.incarnation, TimerKind.KILL, step.state.grace),
    )


def _kill(step: _Step, info: ProcessInfo) -> None:
    step.do(
        Signal(info.name, info.incarnation, signal.SIGKILL),
        SetTimer(info.name, info.incarnation, TimerKind.CUT, CUT_AFTER),
    )


# --- events and timers --------------------------------------------------------------------------------


def _event(step: _Step, event: ProcessEvent) -> None:
    info = step.state.table.get(event.source)
    if info is None or event.incarnation != info.incarnation:
        step.refuse()
        return
    if event.kind is ProcessEventKind.STARTED:
        _started(step, info, event)
    elif event.kind is ProcessEventKind.EXITED:
        _exited(step, info, event)
    elif event.kind is ProcessEventKind.OUTPUT_CLOSED:
        _closed(step, info, event)
    else:
        step.refuse()


def _started(step: _Step, info: ProcessInfo, event: ProcessEvent) -> None:
    alive = replace(info, pid=event.pid, started_ns=event.time_ns)
    if info.state is ProcessState.STARTING:
        step.put(replace(alive, state=ProcessState.RUNNING))
    elif info.state in (ProcessState.STOPPING, ProcessState.RESTARTING):
        # It was told to end while it was being started: now there is somebody to tell.
        step.put(alive)
        _term(step, alive)
    else:
        step.refuse()


def _exited(step: _Step, info: ProcessInfo, event: ProcessEvent) -> None:
    if info.exit_code is not None or info.state in OVER:
        step.refuse()  # `exited` is final
        return
    code = event.exit_code if event.exit_code is not None else 0
    never_ran = info.pid is None and bool(event.detail)
    told = info.name in step.state.told_to_stop
    failed = never_ran or (code != 0 and not told)
    over = replace(info, exit_code=code, pid=None, ended_ns=event.time_ns, detail=event.detail)
    if never_ran:
        over = replace(over, output_open=False)
    if info.state in (ProcessState.STOPPING, ProcessState.RESTARTING):
        step.put(over)
    else:
        step.put(replace(over, state=ProcessState.FAILED if failed else ProcessState.EXITED))
    if failed and step.state.first_failure is None:
        step.state = replace(step.state, first_failure=code or 1)
    step.do(Tell(event.detail or _farewell(info.name, code), bad=failed))
    if not over.output_open:
        _ended(step, info.name, leftovers=not never_ran)


def _closed(step: _Step, info: ProcessInfo, event: ProcessEvent) -> None:
    if not info.output_open:
        step.refuse()
        return
    step.put(replace(info, output_open=False))
    if info.exit_code is not None:
        _ended(step, info.name, leftovers=True)


def _ended(step: _Step, name: str, *, leftovers: bool) -> None:
    """It exited and its output is closed: the state settles, or the next incarnation starts."""
    info = step.state.table.get(name)
    assert info is not None
    if leftovers:
        step.do(
            SignalLeftovers(name, info.incarnation, signal.SIGTERM),
            SetTimer(name, info.incarnation, TimerKind.LEFTOVERS, step.state.grace),
        )
    if info.state is ProcessState.RESTARTING and not step.state.closing:
        _spawn(step, info)
    elif info.state in (ProcessState.STOPPING, ProcessState.RESTARTING):
        by_itself = info.exit_code not in (None, 0) and name not in step.state.told_to_stop
        step.put(replace(info, state=ProcessState.FAILED if by_itself else ProcessState.EXITED))


def _timer(step: _Step, timer: TimerFired) -> None:
    if timer.kind is TimerKind.LEFTOVERS:
        step.do(SignalLeftovers(timer.name, timer.incarnation, signal.SIGKILL))
        return
    info = step.state.table.get(timer.name)
    if info is None or info.incarnation != timer.incarnation or info.ended:
        return  # it ended before its time: the usual case
    if timer.kind is TimerKind.KILL:
        _kill(step, info)
    else:
        step.do(Tell(f"{info.name}: output still held open after KILL, cut", bad=True))
        step.do(Cut(info.name, info.incarnation))


def _farewell(name: str, code: int) -> str:
    if code > 128:
        try:
            return f"{name} ended by {signal.Signals(code - 128).name} ({code})"
        except ValueError:
            return f"{name} exited with {code}"
    return f"{name} exited with {code}"
