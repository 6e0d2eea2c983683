from __future__ import annotations

from brummer_rx.cli.farewell import farewell
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
