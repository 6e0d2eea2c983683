"""The decider: each cell of its transition table, and laws over any sequence of inputs."""

from __future__ import annotations

import signal
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.pipeline.decider import CUT_AFTER, State, decide, exit_code, initial
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
from brummer_rx.pipeline.process import Command, CommandKind, ProcessInfo, ProcessSpec, ProcessState

WEB = ProcessSpec("web", ("true",), "true", ".")
API = ProcessSpec("api", ("true",), "true", ".")

START = Command(CommandKind.START, "web")
STOP = Command(CommandKind.STOP, "web")
RESTART = Command(CommandKind.RESTART, "web")
STOP_ALL = Command(CommandKind.STOP_ALL)
KILL_ALL = Command(CommandKind.KILL_ALL)


def started(incarnation: int = 1, name: str = "web") -> ProcessEvent:
    return ProcessEvent(name, ProcessEventKind.STARTED, 10, incarnation, pid=100 + incarnation)


def exited(code: int = 0, incarnation: int = 1, name: str = "web", detail: str = "") -> ProcessEvent:
    return ProcessEvent(name, ProcessEventKind.EXITED, 20, incarnation, exit_code=code, detail=detail)


def closed(incarnation: int = 1, name: str = "web") -> ProcessEvent:
    return ProcessEvent(name, ProcessEventKind.OUTPUT_CLOSED, 30, incarnation)


def after(*inputs: Input) -> tuple[State, list[Effect]]:
    """The state after these inputs, and the effects of the last one."""
    state = initial((WEB, API), grace=10.0)
    effects: tuple[Effect, ...] = ()
    for one in inputs:
        state, effects = decide(state, one)
    return state, list(effects)


def web(state: State) -> ProcessInfo:
    info = state.table.get("web")
    assert info is not None
    return info


def spawns(effects: Iterable[Effect]) -> list[Spawn]:
    return [e for e in effects if isinstance(e, Spawn)]


LEFTOVERS = [
    SignalLeftovers("web", 1, signal.SIGTERM),
    SetTimer("web", 1, TimerKind.LEFTOVERS, 10.0),
]
TERM = [Signal("web", 1, signal.SIGTERM), SetTimer("web", 1, TimerKind.KILL, 10.0)]


def test_nothing_runs_at_first_and_all_has_ended() -> None:
    state = initial((WEB, API), grace=1.0)

    assert state.table.all_ended
    assert exit_code(state) == 0


def test_a_start_spawns_the_next_incarnation() -> None:
    state, effects = after(START)

    assert effects == [Spawn(WEB, 1)]
    assert (web(state).state, web(state).output_open) == (ProcessState.STARTING, True)


def test_started_makes_it_run_with_its_pid() -> None:
    state, _ = after(START, started())

    assert (web(state).state, web(state).pid, web(state).started_ns) == (ProcessState.RUNNING, 101, 10)


def test_a_start_of_what_runs_is_refused_with_its_pid() -> None:
    state, effects = after(START, started(), START)

    assert effects == [Tell("web runs already (pid 101)")]
    assert state.refused == 1


def test_an_unknown_name_is_refused_and_the_known_ones_are_named() -> None:
    for kind in (CommandKind.START, CommandKind.STOP, CommandKind.RESTART):
        _, effects = after(Command(kind, "wbe"))

        assert effects == [Tell("no process 'wbe' in this run; there are: web, api")]


def test_exit_and_end_of_output_are_two_events_in_either_order() -> None:
    state, effects = after(START, started(), exited(0))
    assert web(state).state is ProcessState.EXITED
    assert not web(state).ended
    assert effects == [Tell("web exited with 0")]

    state, effects = after(START, started(), exited(0), closed())
    assert web(state).ended
    assert effects == LEFTOVERS

    state, effects = after(START, started(), closed(), exited(3))
    assert web(state).ended
    assert web(state).state is ProcessState.FAILED
    assert effects[-2:] == LEFTOVERS


def test_exited_is_final() -> None:
    state, effects = after(START, started(), exited(0), exited(9))

    assert web(state).exit_code == 0
    assert effects == []


def test_the_first_failure_in_time_gives_the_exit_code() -> None:
    start_api = Command(CommandKind.START, "api")
    state, _ = after(START, start_api, started(), started(name="api"), exited(3, name="api"), exited(5))

    assert exit_code(state) == 3


def test_what_cannot_start_has_failed_and_ended() -> None:
    state, effects = after(START, exited(127, detail="web: no such command: nix"))

    assert web(state).ended
    assert web(state).state is ProcessState.FAILED
    assert exit_code(state) == 127
    assert effects == [Tell("web: no such command: nix", bad=True)]


def test_a_stop_climbs_the_ladder_term_grace_kill_cut() -> None:
    _, effects = after(START, started(), STOP)
    assert effects == TERM

    _, effects = after(START, started(), STOP, TimerFired("web", 1, TimerKind.KILL))
    assert effects == [Signal("web", 1, signal.SIGKILL), SetTimer("web", 1, TimerKind.CUT, CUT_AFTER)]

    _, effects = after(START, started(), STOP, exited(137), TimerFired("web", 1, TimerKind.CUT))
    assert Cut("web", 1) in effects


def test_a_second_stop_sends_no_second_signal() -> None:
    _, effects = after(START, started(), STOP, STOP)

    assert effects == []


def test_a_stop_while_starting_is_remembered_until_there_is_a_pid() -> None:
    state, effects = after(START, STOP)
    assert effects == []
    assert web(state).state is ProcessState.STOPPING

    _, effects = after(START, STOP, started())
    assert effects == TERM


def test_what_was_told_to_stop_has_not_failed() -> None:
    state, _ = after(START, started(), STOP, exited(143), closed())

    assert web(state).state is ProcessState.EXITED
    assert exit_code(state) == 0


def test_what_failed_before_the_stop_has_failed() -> None:
    state, effects = after(START, started(), exited(2), STOP)
    assert effects == TERM  # the grandchildren that hold the output

    state, _ = after(START, started(), exited(2), STOP, closed())
    assert web(state).state is ProcessState.FAILED


def test_a_restart_stops_first_and_spawns_when_all_has_ended() -> None:
    _, effects = after(START, started(), RESTART)
    assert effects == TERM

    _, effects = after(START, started(), RESTART, exited(143))
    assert spawns(effects) == []

    state, effects = after(START, started(), RESTART, exited(143), closed())
    assert spawns(effects) == [Spawn(WEB, 2)]
    assert web(state).restarts == 1


def test_a_start_while_stopping_starts_again_after_the_end() -> None:
    _, effects = after(START, started(), STOP, START)
    assert effects == []  # TERM went out already

    _, effects = after(START, started(), STOP, START, exited(0), closed())
    assert spawns(effects) == [Spawn(WEB, 2)]


def test_a_start_while_a_grandchild_holds_the_output_ends_it_first() -> None:
    _, effects = after(START, started(), exited(0), START)
    assert effects == TERM

    _, effects = after(START, started(), exited(0), START, closed())
    assert spawns(effects) == [Spawn(WEB, 2)]


def test_events_of_an_older_incarnation_change_nothing() -> None:
    before, _ = after(START, started(), RESTART, exited(0), closed(), started(2))
    state, effects = decide(before, exited(1, incarnation=1))

    assert state.table == before.table
    assert effects == ()


def test_stop_all_stops_what_runs_and_nothing_starts_after_it() -> None:
    _, effects = after(START, started(), STOP_ALL)
    assert effects == TERM

    _, effects = after(START, started(), STOP_ALL, START)
    assert effects == [Tell("web is not started: the run ends")]

    _, effects = after(START, started(), RESTART, STOP_ALL, exited(0), closed())
    assert spawns(effects) == []


def test_kill_all_skips_the_grace() -> None:
    _, effects = after(START, started(), STOP_ALL, KILL_ALL)

    assert Signal("web", 1, signal.SIGKILL) in effects


def test_a_timer_of_the_past_does_nothing() -> None:
    _, effects = after(START, started(), STOP, exited(0), closed(), TimerFired("web", 1, TimerKind.KILL))

    assert effects == []


def test_leftovers_are_killed_after_their_grace_whatever_runs_by_then() -> None:
    _, effects = after(
        START, started(), RESTART, exited(0), closed(), TimerFired("web", 1, TimerKind.LEFTOVERS)
    )

    assert effects == [SignalLeftovers("web", 1, signal.SIGKILL)]


def test_a_signal_is_named_in_the_farewell() -> None:
    _, effects = after(START, started(), exited(139))

    assert effects == [Tell("web ended by SIGSEGV (139)", bad=True)]


NAMES = st.sampled_from(["web", "api", "no"])
INCARNATIONS = st.integers(1, 3)
INPUTS: st.SearchStrategy[Input] = st.one_of(
    st.builds(Command, st.sampled_from(CommandKind), NAMES),
    st.builds(
        ProcessEvent,
        NAMES,
        st.sampled_from(ProcessEventKind),
        st.integers(0, 9),
        INCARNATIONS,
        st.one_of(st.none(), st.integers(2, 99)),
        st.one_of(st.none(), st.integers(0, 255)),
        st.sampled_from(["", "why"]),
    ),
    st.builds(TimerFired, NAMES, INCARNATIONS, st.sampled_from(TimerKind)),
)


@given(st.lists(INPUTS, max_size=40))
def test_the_decider_is_total_and_keeps_its_laws(inputs: list[Input]) -> None:
    state = initial((WEB, API), grace=1.0)
    seen: set[tuple[str, int]] = set()
    closing = False
    for one in inputs:
        before = state
        state, effects = decide(state, one)

        assert [p.name for p in state.table.processes] == ["web", "api"]
        assert state.table.version >= before.table.version
        assert state.table.version > before.table.version or state.table == before.table
        for effect in spawns(effects):
            key = (effect.spec.name, effect.incarnation)
            old = before.table.get(effect.spec.name)
            assert key not in seen, "an incarnation is spawned once"
            assert old is not None
            assert not closing, "nothing is spawned once the run ends"
            seen.add(key)
        closing = state.closing
        for info in state.table.processes:
            if info.state is ProcessState.RUNNING:
                assert info.exit_code is None
