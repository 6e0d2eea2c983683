"""The quit dialog: what would be stopped, and the two ways on."""

from __future__ import annotations

from brummer_rx.tui.acts import alive
from brummer_rx.tui.ansi import fit, runs_width
from brummer_rx.tui.frame import Hit, Row, Run
from brummer_rx.tui.intents import Invoke
from brummer_rx.tui.state import State
from brummer_rx.tui.views.parts import Part, bar, printable, with_bold

__all__ = ["dialog"]

NAMES = 8
"""Names shown at most."""


def question(state: State) -> str:
    """`Quit?  3 processes run: web, api, worker.`"""
    names = [printable(p.name) for p in alive(state)]
    if not names:
        return "Quit?  No process runs."
    more = f" and {len(names) - NAMES} more" if len(names) > NAMES else ""
    noun = "process runs" if len(names) == 1 else "processes run"
    return f"Quit?  {len(names)} {noun}: {', '.join(names[:NAMES])}{more}."


def dialog(state: State, rows: int) -> Part:
    """The dialog in one row or two (`rows`)."""
    asked: list[Run] = [("title", f" {question(state)}")]
    answers: list[Run] = [
        ("text", "   "),
        *with_bold("[q] stop all and quit   " if alive(state) else "[q] quit   "),
        *with_bold("[Esc] stay"),
    ]
    width = state.width
    if rows < 2 or runs_width(asked) + runs_width(answers) + 2 <= width:
        short: list[Run] = [*with_bold(" [q] quit [Esc] stay")]
        fits = runs_width(asked) + runs_width(answers) <= width
        last = fit([*asked, *answers], width) if fits else fit(short, width)
        lines: list[Row] = [last] if rows < 2 else [bar([], [], width), last]
    else:
        lines = [fit(asked, width), fit(answers, width)]
    half = width // 2
    if width < 2:
        return Part(tuple(lines))
    y = len(lines) - 1
    hits = (Hit(y, 0, half, Invoke("quit-now")), Hit(y, half, width - half, Invoke("quit-stay")))
    return Part(tuple(lines), hits)
