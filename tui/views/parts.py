"""What views are made of: parts of a frame, bars that fill a row, keys, times and numbers in words."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from brummer_rx.tui.ansi import fit, runs_width
from brummer_rx.tui.frame import Hit, Row, Run, blank_row
from brummer_rx.tui.glyphs import Glyphs

__all__ = [
    "Part",
    "bar",
    "clock",
    "duration",
    "key_label",
    "pad_rows",
    "printable",
    "size",
    "times",
    "with_bold",
]


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of a frame; positions count from the part's first row."""

    rows: tuple[Row, ...]
    hits: tuple[Hit, ...] = ()
    cursor: tuple[int, int] | None = None
    ids: tuple[Hashable, ...] | None = None
    """One a row when the part is a window on a list that may scroll."""


def bar(left: Sequence[Run], right: Sequence[Run], width: int, style: str = "text") -> Row:
    """One row: `left` at the left, `right` at the right, which goes first when there is no room for both."""
    room = width - runs_width(right)
    if not right or runs_width(left) > room:
        return fit(left, width, pad=style)
    return (*fit(left, room, pad=style), *right) if room > 0 else tuple(right)


def pad_rows(rows: Sequence[Row], width: int, height: int) -> tuple[Row, ...]:
    """Exactly `height` rows: cut, or filled with blank ones."""
    return (*rows[:height], *(blank_row(width) for _ in range(height - len(rows))))


def with_bold(text: str) -> tuple[Run, ...]:
    """`[q] stop all` with what stands in brackets as a key."""
    out: list[Run] = []
    while text:
        before, opened, rest = text.partition("[")
        if before:
            out.append(("text", before))
        if not opened:
            break
        inside, _, text = rest.partition("]")
        out.append(("key", f"[{inside}]"))
    return tuple(out)


def key_label(name: str, glyphs: Glyphs) -> str:
    """A key's name as it stands in footer and help: `^F`, `Esc`, `PgUp`."""
    signs = {"up": glyphs.up, "down": glyphs.down, "enter": glyphs.enter}
    if name in signs and not signs[name].isascii():  # an ASCII `^` would read as Ctrl
        return signs[name]
    if name.startswith("ctrl-"):
        return f"^{name[5:].upper()}"
    words = {"pgup": "PgUp", "pgdn": "PgDn"}
    return words.get(name, name.capitalize() if len(name) > 1 else name)


def printable(text: str) -> str:
    """Text from outside (names, commands, messages) that cannot do anything to the terminal."""
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


@lru_cache(maxsize=256)
def _second(second: int) -> str:
    return f"{second // 3600 % 24:02}:{second // 60 % 60:02}:{second % 60:02}"


def clock(time_ns: int, utc_offset_s: int, columns: int) -> str:
    """`12:32:50.189` (12 columns) or `12:32:50` (8)."""
    second, rest = divmod(time_ns, 1_000_000_000)
    text = _second((second + utc_offset_s) % 86_400)
    return f"{text}.{rest // 1_000_000:03}" if columns >= 12 else text


def duration(ns: int) -> str:
    """`12s`, `12m04`, `3h07`, `2d03h`."""
    seconds = max(0, ns) // 1_000_000_000
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3_600:
        return f"{seconds // 60}m{seconds % 60:02}"
    if seconds < 86_400:
        return f"{seconds // 3_600}h{seconds // 60 % 60:02}"
    return f"{seconds // 86_400}d{seconds // 3_600 % 24:02}h"


def size(amount: int) -> str:
    """Bytes: `812K`, `312M`, `1.2G`."""
    if amount < 1 << 20:
        return f"{amount >> 10}K"
    if amount < 1 << 30:
        return f"{amount >> 20}M"
    return f"{amount / (1 << 30):.1f}G"


def times(rate: float) -> str:
    """Lines a second: `0.5`, `812`, `41k`, `1.2M`."""
    if rate >= 999_500:
        return f"{rate / 1e6:.1f}M"
    if rate >= 9_999.5:
        return f"{rate / 1000:.0f}k"
    return f"{rate:.0f}" if rate >= 1 or rate == 0 else f"{rate:.1f}"
