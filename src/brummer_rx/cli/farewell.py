"""What the viewer leaves on the normal screen: which processes failed, and where the lines are."""

from __future__ import annotations

from brummer_rx.pipeline.process import ProcessState, ProcessTable
from brummer_rx.sources.names import one_line

__all__ = ["farewell"]

NAMED = 10
"""Failed processes named at most."""


def farewell(table: ProcessTable, run_id: str, lines: int) -> tuple[str, ...]:
    """The lines to print once the terminal is the shell's again; what we stopped ourselves has not failed."""
    failed = [p for p in table.processes if p.state is ProcessState.FAILED]
    said = [f"{one_line(p.name)} failed{_how(p.exit_code)}" for p in failed[:NAMED]]
    if len(failed) > NAMED:
        said.append(f"{len(failed) - NAMED} more failed")
    noun = "line is" if lines == 1 else "lines are"
    said.append(f"{lines:,} {noun} kept in run {run_id} (brummer-rx logs)")
    return tuple(f"brummer-rx: {text}" for text in said)


def _how(code: int | None) -> str:
    return "" if code is None else f" with {code}"
