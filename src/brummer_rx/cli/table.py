"""Columns for people."""

from __future__ import annotations

from collections.abc import Sequence

from brummer_rx.sinks.plaintext import visible

__all__ = ["table"]


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, right: frozenset[int] = frozenset()) -> str:
    """Lines of columns; those in `right` are right-aligned, control characters are shown."""
    cells = [list(head), *[[_shown(cell) for cell in row] for row in rows]]
    widths = [max(len(row[n]) for row in cells) for n in range(len(head))]
    lines = []
    for row in cells:
        parts = [cell.rjust(widths[n]) if n in right else cell.ljust(widths[n]) for n, cell in enumerate(row)]
        lines.append("  ".join(parts).rstrip())
    return "\n".join(lines)


def _shown(cell: str) -> str:
    return visible(cell.encode("utf-8", "replace"), colour=False).decode().replace("\n", "␊")
