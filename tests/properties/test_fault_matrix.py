"""The fault matrix: every fault x every component has its cell, and each cell names the tests that hold it.

A cell is a test function (its cases are the ways in which that fault comes), or the reason why that component
cannot meet that fault. A cell that names a test which does not exist fails here; so does a test of the matrix
that no cell names.
"""

from __future__ import annotations

import importlib
import inspect

import pytest

MODULES = ("stage", "pool", "ingest", "store", "outlet", "session")
COMPONENTS = ("stage", "flow", "scheduler", "clock", "ingest", "store", "outlet", "console", "session")
NO_FILES = "-: it opens, reads and writes nothing"
NO_CHILD = "-: it starts no process"
NO_WALL = "test_who_knows_no_wall_clock_is_hit_by_none_of_its_jumps"
NO_THREAD = "-: it has no thread of its own; see session"

_DISK = "test_store_disk_refuses test_store_loses_nothing_by_a_passing_fault"
_OUT = "test_outlet_write_fails test_outlet_that_fails_calls_whoever_waits_for_it"
_CONSOLE = "test_console_write_fails"

MATRIX: dict[str, dict[str, str]] = {
    "handler raises": {
        "stage": "test_stage_handler_raises test_stage_handler_raises_while_producers_wait",
        "flow": "test_flow_handler_raises test_flow_operator_raises",
        "scheduler": "test_scheduler_handler_raises test_lane_faults",
        "clock": "test_clock_handler_raises",
        "ingest": "test_ingest_handler_raises",
        "store": "test_store_handler_raises",
        "outlet": "-: it is a handler; see console",
        "console": "test_console_handler_raises",
        "session": "test_session_sink_raises_or_is_slow test_session_operator_raises",
    },
    "handler hangs": {
        "stage": "test_stage_handler_hangs",
        "flow": "test_flow_sink_hangs_or_is_slow test_flow_sink_that_hangs_is_let_go",
        "scheduler": "test_scheduler_handler_hangs",
        "clock": "test_clock_handler_hangs test_clock_close_does_not_wait_for_a_hanging_action",
        "ingest": "test_ingest_queue_full_and_slow_consumer",
        "store": "test_store_disk_hangs_is_slow_or_fails_under_a_flood test_store_disk_that_hung_goes_on",
        "outlet": "test_outlet_queue_full",
        "console": "test_console_queue_full",
        "session": "test_session_sink_hangs_until_it_is_stopped test_session_disk_hangs",
    },
    "slow consumer": {
        "stage": "test_stage_slow_consumer",
        "flow": "test_flow_sink_hangs_or_is_slow",
        "scheduler": "test_scheduler_flood",
        "clock": "-: its actions only enqueue; one that does not is the case of handler hangs",
        "ingest": "test_ingest_queue_full_and_slow_consumer",
        "store": "test_store_disk_hangs_is_slow_or_fails_under_a_flood",
        "outlet": "test_outlet_queue_full",
        "console": "test_console_loses_nothing_by_a_passing_fault",
        "session": "test_session_sink_raises_or_is_slow",
    },
    "queue full": {
        "stage": "test_stage_queue_full",
        "flow": "test_flow_sink_hangs_or_is_slow",
        "scheduler": "test_scheduler_queue_full",
        "clock": "-: timers are not bounded; who sets them is",
        "ingest": "test_ingest_queue_full_and_slow_consumer",
        "store": "test_store_queue_full",
        "outlet": "test_outlet_queue_full",
        "console": "test_console_queue_full",
        "session": "test_session_disk_hangs",
    },
    "flood": {
        "stage": "test_stage_flood",
        "flow": "test_flow_flood",
        "scheduler": "test_scheduler_flood test_a_crew_that_cannot_grow_says_so_once",
        "clock": "test_clock_flood",
        "ingest": "test_ingest_flood",
        "store": "test_store_disk_hangs_is_slow_or_fails_under_a_flood",
        "outlet": "test_outlet_loses_nothing_by_a_passing_fault",
        "console": "test_console_loses_nothing_by_a_passing_fault",
        "session": "test_session_flood",
    },
    "short write": {
        "store": f"{_DISK} test_store_disk_hangs_is_slow_or_fails_under_a_flood",
        "outlet": "test_outlet_loses_nothing_by_a_passing_fault",
        "console": "test_console_loses_nothing_by_a_passing_fault",
        "session": "test_session_loses_nothing_by_a_passing_fault test_session_flood",
    },
    "short read": {
        "ingest": "test_ingest_loses_nothing_by_a_passing_fault test_ingest_flood",
        "store": "test_store_read_short",
        "session": "test_session_loses_nothing_by_a_passing_fault",
    },
    "EINTR, EAGAIN on read": {
        "ingest": "test_ingest_loses_nothing_by_a_passing_fault",
        "store": "-: a plain file says neither; any failure of a read is a short one",
        "session": "test_session_loses_nothing_by_a_passing_fault",
    },
    "EIO on read": {
        "ingest": "test_ingest_read_fails test_a_gap_of_what_could_not_be_read_tells_how_much_waited"
        " test_ingest_read_of_a_terminal_fails_in_the_middle_of_a_gathering",
        "store": "test_store_read_short",
        "session": "test_session_read_fails",
    },
    "EINTR, EAGAIN on write": {
        "store": "-: a plain file says neither",
        "outlet": "test_outlet_loses_nothing_by_a_passing_fault",
        "console": "test_console_loses_nothing_by_a_passing_fault",
        "session": "-: see console",
    },
    "EIO, ENOSPC on write": {
        "store": f"{_DISK} test_store_disk_refuses_to_the_very_end"
        " test_store_seal_fails_and_is_made_up_for test_store_run_that_cannot_be_made",
        "outlet": _OUT,
        "console": _CONSOLE,
        "session": "test_session_disk_refuses test_session_disk_is_full_to_the_end",
    },
    "EIO, ENOSPC on fsync": {
        "store": "test_store_sync_fails_is_told_once_and_the_next_one_is_asked"
        " test_store_seal_fails_and_is_made_up_for test_store_loses_nothing_by_a_passing_fault",
        "outlet": "-: it syncs nothing",
        "console": "-: it syncs nothing",
        "session": "test_session_loses_nothing_by_a_passing_fault",
    },
    "clock jump": {
        "stage": NO_WALL,
        "flow": NO_WALL,
        "scheduler": "test_scheduler_clock_jump",
        "clock": "test_clock_clock_jump test_clock_that_jumps_never_touches_monotonic_time",
        "ingest": "test_ingest_clock_jump_leaves_each_stream_its_turn"
        " test_ingest_loses_nothing_by_a_passing_fault",
        "store": "test_store_clock_jump test_store_clock_jump_beyond_the_age_evicts_with_a_gap",
        "outlet": "-: it knows no wall clock",
        "console": "-: it only prints what the batch says",
        "session": "test_session_loses_nothing_by_a_passing_fault",
    },
    "thread start failure": {
        "stage": "test_stage_thread_start_failure",
        "flow": "test_flow_thread_start_failure",
        "scheduler": "test_scheduler_thread_start_failure test_lane_faults",
        "clock": "test_clock_thread_start_failure",
        "ingest": "test_ingest_thread_start_failure test_ingest_starts_when_there_are_threads_again",
        "store": "test_store_thread_start_failure",
        "outlet": NO_THREAD,
        "console": NO_THREAD,
        "session": "test_session_thread_start_failure_before_anything_runs"
        " test_session_thread_start_failure_of_the_pool_ends_the_run"
        " test_session_thread_start_failure_of_the_store_ends_the_run"
        " test_session_loses_nothing_by_a_passing_fault",
    },
    "spawn failure": {
        "ingest": "test_ingest_spawn_failure",
        "session": "test_session_spawn_failure test_session_spawn_failure_of_the_only_process_ends_the_run",
    },
    "epoll add failure": {
        "ingest": "test_ingest_loses_nothing_by_a_passing_fault test_ingest_queue_full_and_slow_consumer",
        "outlet": _OUT,
        "console": "-: see outlet",
        "session": "test_session_loses_nothing_by_a_passing_fault",
    },
}
USES_NO_SYSTEM = ("stage", "flow", "scheduler", "clock")
ONLY_TIME = ("store", "outlet", "console")
HARNESS = {"test_the_real_disk_does_what_the_faulty_one_wraps"}
"""Tests beside the matrix: that the faulty ports are the real ones when no fault is due."""


def cell(fault: str, component: str) -> str:
    found = MATRIX[fault].get(component)
    if found is not None:
        return found
    if component in USES_NO_SYSTEM:
        return NO_FILES
    if fault in ("spawn failure", "epoll add failure") and component in ONLY_TIME:
        return NO_CHILD
    if "read" in fault and component in ("outlet", "console"):
        return "-: it reads nothing"
    if "write" in fault and component == "ingest":
        return "-: it writes nothing"
    if "fsync" in fault and component == "ingest":
        return "-: it syncs nothing"
    return ""


def functions_of_the_matrix() -> dict[str, object]:
    found: dict[str, object] = {}
    for name in MODULES:
        module = importlib.import_module(f"tests.properties.test_faults_{name}")
        functions = inspect.getmembers(module, inspect.isfunction)
        found |= {key: value for key, value in functions if key.startswith("test_")}
    return found


@pytest.mark.parametrize("component", COMPONENTS)
@pytest.mark.parametrize("fault", list(MATRIX))
def test_cell(fault: str, component: str) -> None:
    held = cell(fault, component)
    assert held, "no test, and no reason"
    if not held.startswith("-: "):
        assert not set(held.split()) - set(functions_of_the_matrix())


def test_no_test_of_the_matrix_is_outside_of_it() -> None:
    named = {name for fault in MATRIX for component in COMPONENTS for name in cell(fault, component).split()}

    assert set(functions_of_the_matrix()) - named - HARNESS == set()
