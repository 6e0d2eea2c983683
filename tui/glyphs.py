"""The signs on the screen: Unicode, and ASCII where fonts or widths cannot be trusted."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ASCII", "UNICODE", "Glyphs", "choose", "sparkline"]


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One column each."""

    running: str
    starting: str
    done: str
    failed: str
    idle: str
    """Not started."""
    select: str
    """Left edge of the selected row."""
    thumb: str
    more: str
    """The text goes on."""
    expand: str
    """Something is folded here."""
    rule: str
    """Horizontal line."""
    up: str
    down: str
    enter: str
    caret: str
    dot: str
    """Separator between facts."""
    bars: str
    """From nothing to full, for sparklines."""


UNICODE = Glyphs(
    running="●",
    starting="◌",
    done="✓",
    failed="✗",
    idle="○",
    select="▌",
    thumb="█",
    more="…",
    expand="▸",
    rule="─",
    up="↑",
    down="↓",
    enter="⏎",
    caret="▏",
    dot="·",
    bars=" ▁▂▃▄▅▆▇█",
)

ASCII = Glyphs(
    running="*",
    starting=".",
    done="+",
    failed="x",
    idle="o",
    select=">",
    thumb="#",
    more="~",
    expand=">",
    rule="-",
    up="^",
    down="v",
    enter="<",
    caret="|",
    dot="-",
    bars=" 123456789",
)


def choose(wanted: str, *, utf8: bool, term: str, ambiguous_width: int) -> Glyphs:
    """`wanted` is "unicode", "ascii" or "auto": ASCII where block signs are not one column, or not there."""
    if wanted == "ascii":
        return ASCII
    if wanted == "unicode":
        return UNICODE
    return UNICODE if utf8 and term not in ("linux", "dumb") and ambiguous_width == 1 else ASCII


def sparkline(values: tuple[float, ...], width: int, glyphs: Glyphs) -> str:
    """The newest `width` values as bars, scaled to their greatest; exactly `width` columns."""
    shown = values[-width:] if width > 0 else ()
    top = max(shown, default=0.0)
    last = len(glyphs.bars) - 1
    cells = [
        glyphs.bars[0 if value <= 0 or top <= 0 else max(1, round(value / top * last))] for value in shown
    ]
    return "".join(cells).rjust(max(0, width))
