"""Columns for people."""

from __future__ import annotations

from collections.abc import Sequence

from brummer_rx.sinks.plaintext import visible

__all__ = ["table"]


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, right: frozenset[int] = frozenset()) -> str:
    """Lines of columns; those in `right` are right-aligned, control characters are shown."""
    cells = [list(head), *[[_shown(cell) for cell in row] for row in rows]]
    widths = [max(_columns(row[n]) for row in cells) for n in range(len(head))]
    lines = []
    for row in cells:
        parts = [_padded(cell, widths[n], n in right) for n, cell in enumerate(row)]
        lines.append("  ".join(parts).rstrip())
    return "\n".join(lines)


def _columns(cell: str) -> int:
    """Columns on a terminal; what tells them for other scripts is loaded only where it is needed."""
    if cell.isascii():
        return len(cell)
    from brummer_rx.tui.width import width_of

    return width_of(cell)


def _padded(cell: str, width: int, right: bool) -> str:
    blanks = " " * (width - _columns(cell))
    return blanks + cell if right else cell + blanks


def _shown(cell: str) -> str:
    return visible(cell.encode("utf-8", "replace"), colour=False).decode().replace("\n", "␊")
