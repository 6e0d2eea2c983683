"""The screen when the viewer itself failed: the last good frame dimmed, and what happened. Pure."""

from __future__ import annotations

import traceback
from dataclasses import dataclass

from brummer_rx.tui.ansi import fit
from brummer_rx.tui.frame import Frame, Row, blank_row

__all__ = ["Failure", "error_frame"]

MAX_LINES = 12
_ESCAPES = dict.fromkeys((*range(32), *range(127, 160)), 65533)


@dataclass(frozen=True, slots=True)
class Failure:
    """An exception of the reducer, a view or an effect, as text."""

    title: str
    """"TypeError: ..." in one line."""
    trace: tuple[str, ...]
    """The whole traceback, line by line."""

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """What is known of an exception."""
        title = " ".join("".join(traceback.format_exception_only(error)).split())
        lines = "".join(traceback.format_exception(error)).splitlines()
        return cls(title.translate(_ESCAPES), tuple(line.translate(_ESCAPES) for line in lines))


def error_frame(last: Frame | None, failure: Failure, width: int, height: int) -> Frame:
    """`last` dimmed, with the failure over its lower rows."""
    box: list[Row] = [fit((("err", f" The viewer failed: {failure.title}"),), width, pad="err")]
    room = max(0, min(MAX_LINES, height - 2))
    box += [fit((("text", f"   {line}"),), width) for line in failure.trace[-room - 1 : -1][-room:] if room]
    keys = (("key", " r"), ("text", " retry  "), ("key", "q"), ("text", " stop all and quit  "))
    box.append(fit((*keys, ("dim", " processes keep running, lines are stored")), width))
    box = box[:height] if height > 1 else box[-1:]
    above = height - len(box)
    if last is not None and last.width == width:
        rows = [tuple(("dim", text) for _, text in row) for row in last.rows[:above]]
    else:
        rows = []
    rows += [blank_row(width)] * (above - len(rows))
    return Frame(width, height, (*rows, *box))
