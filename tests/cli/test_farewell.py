from __future__ import annotations

import os
import pty
import time

import pytest

from brummer_rx.cli.farewell import farewell, leave
from brummer_rx.pipeline.process import ProcessInfo, ProcessSpec, ProcessState, ProcessTable


def row(name: str, state: ProcessState, code: int | None = None) -> ProcessInfo:
    return ProcessInfo(ProcessSpec(name, ("true",), "true", "/"), state, exit_code=code)


def test_it_names_what_failed_and_where_the_lines_are() -> None:
    table = ProcessTable(
        1,
        (
            row("web", ProcessState.EXITED, 143),
            row("api", ProcessState.FAILED, 3),
            row("db\x1b[2J", ProcessState.FAILED),
        ),
    )

    assert farewell(table, "r1", 1_234) == (
        "brummer-rx: api failed with 3",
        "brummer-rx: db\\x1b[2J failed",
        "brummer-rx: 1,234 lines are kept in run r1 (brummer-rx logs)",
    )


def test_many_failures_are_counted() -> None:
    table = ProcessTable(1, tuple(row(f"p{i}", ProcessState.FAILED, 1) for i in range(13)))
    said = farewell(table, "r1", 1)

    assert len(said) == 12
    assert said[-2:] == (
        "brummer-rx: 3 more failed",
        "brummer-rx: 1 line is kept in run r1 (brummer-rx logs)",
    )


@pytest.mark.pty
def test_it_is_printed_on_a_terminal_whose_settings_stay() -> None:
    master, slave = pty.openpty()
    try:
        assert leave(["one", "två"], slave)
        assert os.read(master, 100) == "one\r\ntvå\r\n".encode()
        assert os.get_blocking(slave)
    finally:
        os.close(master)
        os.close(slave)


@pytest.mark.pty
def test_a_frozen_terminal_holds_nobody_up() -> None:
    master, slave = pty.openpty()
    try:
        start = time.monotonic()
        assert not leave(["x" * 1_000_000], slave)
        assert time.monotonic() - start < 10
    finally:
        os.close(master)
        os.close(slave)


@pytest.mark.pty
def test_a_lost_terminal_is_no_error() -> None:
    master, slave = pty.openpty()
    os.close(master)
    try:
        assert not leave(["x"], slave)
    finally:
        os.close(slave)


def test_a_full_or_broken_pipe_is_no_error_either() -> None:
    reader, writer = os.pipe()
    try:
        assert leave(["fits"], writer)
        assert os.read(reader, 100) == b"fits\n"
        assert not leave(["x" * 1_000_000], writer)
        os.close(reader)
        reader = -1
        assert not leave(["x"], writer)
    finally:
        os.close(writer)
        if reader >= 0:
            os.close(reader)
