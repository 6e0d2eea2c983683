"""A patch -> the bytes for the terminal, all our own: one string a frame. Pure but for the theme's cache.

Every frame begins and ends with plain style (SGR 0), so that erasing and scrolling leave no colour behind.
"""

from __future__ import annotations

import re

from wcwidth import iter_graphemes

from brummer_rx.tui.diff import Patch, Shift, Span, diff, is_tricky
from brummer_rx.tui.frame import Frame
from brummer_rx.tui.theme import Theme
from brummer_rx.tui.width import width_of

__all__ = ["SYNC_BEGIN", "SYNC_END", "encode", "paint"]

SYNC_BEGIN = "\x1b[?2026h"
SYNC_END = "\x1b[?2026l"
HIDE = "\x1b[?25l"
SHOW = "\x1b[?25h"
RESET = "\x1b[0m"
MAX_TITLE = 200

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def paint(old: Frame | None, new: Frame, theme: Theme, *, sync: bool) -> bytes:
    """The bytes that turn a screen that shows `old` into one that shows `new`; empty when it does."""
    return encode(diff(old, new), theme, sync=sync)


def encode(patch: Patch, theme: Theme, *, sync: bool) -> bytes:
    """The bytes of a patch."""
    if patch.empty:
        return b""
    out: list[str] = []
    if sync:
        out.append(SYNC_BEGIN)
    if patch.title is not None:
        out.append(f"\x1b]2;{_CONTROL.sub('', patch.title)[:MAX_TITLE]}\x07")
    if patch.hide_cursor:
        out.append(HIDE)
    if patch.clear:
        out.append("\x1b[r\x1b[0m\x1b[2J")
    if patch.shift is not None:
        _shift(patch.shift, out)
    style = "text"
    for span in patch.spans:
        style = _span(span, style, theme, out)
    if style != "text":
        out.append(RESET)
    if patch.cursor is not None:
        x, y = patch.cursor
        out.append(f"\x1b[{y + 1};{x + 1}H{SHOW}")
    if sync:
        out.append(SYNC_END)
    return "".join(out).encode("utf-8", "replace")


def _shift(shift: Shift, out: list[str]) -> None:
    """Delete or insert lines inside a scrolling region, and give the region back."""
    verb = "M" if shift.lines > 0 else "L"
    out.append(
        f"\x1b[{shift.top + 1};{shift.bottom}r\x1b[{shift.top + 1};1H\x1b[{abs(shift.lines)}{verb}\x1b[r"
    )


def _span(span: Span, style: str, theme: Theme, out: list[str]) -> str:
    """Write one span; returns the style that is on afterwards."""
    out.append(f"\x1b[{span.y + 1};{span.x + 1}H")
    if span.erase:
        out.append(f"{RESET}\x1b[K")
        style = "text"
    column = span.x
    last = len(span.runs) - 1
    for index, (name, text) in enumerate(span.runs):
        if name != style:
            out.append(theme.sequence(name))
            style = name
        if text.isascii() and text.isprintable():
            out.append(text)
            column += len(text)
            continue
        if not text.isprintable():
            text = _CONTROL.sub("\ufffd", text)
        if is_tricky(text):
            column = _anchored(text, column, out)
        else:
            out.append(text)
            column += width_of(text)
        if index < last:  # whatever width the terminal saw, the next run begins where it belongs
            out.append(f"\x1b[{column + 1}G")
    return style


def _anchored(text: str, column: int, out: list[str]) -> int:
    """Write text cluster by cluster, going to the right column after each one whose width is in doubt."""
    for cluster in iter_graphemes(text):
        out.append(cluster)
        column += width_of(cluster)
        if is_tricky(cluster):
            out.append(f"\x1b[{column + 1}G")
    return column
