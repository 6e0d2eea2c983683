"""The process table answers for itself."""

from __future__ import annotations

from brummer_rx.pipeline.process import ProcessInfo, ProcessSpec, ProcessState, ProcessTable

SPEC = ProcessSpec("web", ("true",), "true", ".")


def table(*infos: ProcessInfo) -> ProcessTable:
    return ProcessTable(1, infos)


def test_a_process_has_ended_only_when_its_output_closed_too() -> None:
    open_still = ProcessInfo(SPEC, ProcessState.EXITED, output_open=True)
    closed = ProcessInfo(SPEC, ProcessState.EXITED, output_open=False)

    assert not open_still.ended
    assert closed.ended


def test_a_failed_start_has_ended() -> None:
    assert ProcessInfo(SPEC, ProcessState.FAILED).ended


def test_rows_are_found_by_name() -> None:
    row = ProcessInfo(SPEC, ProcessState.RUNNING)

    assert table(row).get("web") is row
    assert table(row).get("db") is None


def test_all_ended_waits_for_the_last_one() -> None:
    running = ProcessInfo(SPEC, ProcessState.RUNNING, output_open=True)
    done = ProcessInfo(SPEC, ProcessState.EXITED)

    assert not table(running, done).all_ended
    assert table(done).all_ended
