"""The raw bytes of a child's line -> runs of (style, text) that are safe to show. Pure.

Kept: text and SGR colours (as style "sgr:<params>"). Everything else goes: other escape sequences are
removed (one that never ends ends with its line), tabs become spaces, C0 controls are shown as their Unicode
pictures, C1 and invisible direction marks and invalid UTF-8 as U+FFFD. After a lone CR (or the cursor's way
to the first column) the text starts anew, as a progress bar does.

Lines are parsed only as far as somebody looks, so that a 1 MiB line costs what its visible part costs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from wcwidth import clip as wc_clip
from wcwidth import iter_graphemes

from brummer_rx.tui.frame import Row, Run
from brummer_rx.tui.theme import normal_sgr
from brummer_rx.tui.width import is_narrow, width_of

__all__ = [
    "clip",
    "fit",
    "line_row",
    "line_rows",
    "mark",
    "parse",
    "plain_text",
    "runs_width",
    "wrap",
]

TAB = 8
PLAIN = "text"
_WINDOW = 16 * 1024
"""Bytes of a line that are looked at first."""
_FAR = 64 * 1024
"""Bytes that are looked at when the window holds too few columns (at least; 16 for each wanted column)."""
_CACHED = 4 * 1024
"""Bytes of the longest line whose result is kept by its bytes."""
_MAX_ESCAPES = 4096
"""Escape sequences of one line that are interpreted; text beyond them has no colour."""
_MAX_SEGMENTS = 64
_ALL = 1 << 62

_ESCAPE = re.compile(
    r"\x1b(?:\[([0-?]*)[ -/]*([@-~]?)|[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[ -/]+[0-~]?|[0-OQ-WYZ\\`-~]?)"
)
_TO_START = re.compile(rb"\x1b\[1?G((?:\x1b\[[02]?K)*)")
"""The cursor to the first column, as spinners write instead of a CR; with the line erased or not."""
_STRINGS = re.compile(rb"\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?")
_SPECIAL = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
_SHOWN = {code: chr(0x2400 + code) for code in range(32)} | {0x7F: "\u2421"}
_SHOWN_BUT_TAB = {code: sign for code, sign in _SHOWN.items() if code != 9}


def parse(raw: bytes, columns: int | None = None) -> Row:
    """The runs of one line (without its newline); not padded, not clipped.

    With `columns` parsing stops when that many are there (the result may be wider), and no more than 64
    KiB, or 16 bytes a column, are looked at.
    """
    if b"\x1b[1G" in raw or b"\x1b[G" in raw:
        raw = _after_spinners(raw)
    line = _last_segment(raw) if b"\r" in raw else raw
    if columns is None:
        return _parse(line)[0]
    window = max(_WINDOW, 4 * columns)
    if len(line) > window:
        runs, width = _parse_now(_cut(line, window), columns)
        if width >= columns:
            return runs
        line = _cut(line, max(_FAR, 16 * columns))
    return _parse_now(line, columns)[0] if len(line) > _CACHED else _parse(line)[0]


def _cut(line: bytes, size: int) -> bytes:
    """At most `size` bytes from the start, not ending inside a UTF-8 character or a short escape sequence."""
    if len(line) <= size:
        return line
    end = size
    while end > size - 4 and line[end] & 0xC0 == 0x80:
        end -= 1
    escape = line.rfind(b"\x1b", max(0, end - 64), end)
    return line[: escape if escape > 0 else end]


def _after_spinners(raw: bytes) -> bytes:
    """Without what a spinner has wiped away itself; where it only goes back, a CR stands for that."""
    wiped = 0
    for match in _TO_START.finditer(raw):
        if match[1]:
            wiped = match.end()
    return _TO_START.sub(b"\r", raw[wiped:])


def _last_segment(raw: bytes) -> bytes:
    """What a terminal would show last: the text after the last lone CR that has any."""
    if b"\x1b" in raw:  # a CR inside a title or the like is not one
        raw = _STRINGS.sub(b"", raw)
    end = len(raw)
    segment = raw
    for _ in range(_MAX_SEGMENTS):
        before = max(0, end - _WINDOW)
        end = before + len(raw[before:end].rstrip(b"\r"))
        start = raw.rfind(b"\r", 0, end) + 1
        segment = raw[start:end]
        if start == 0 or _parse_now(_cut(segment, _WINDOW), 1)[1] > 0:
            break
        end = start
    return segment


@lru_cache(maxsize=2048)
def _parse_small(line: bytes) -> tuple[Row, int]:
    return _parse_now(line, _ALL)


def _parse(line: bytes) -> tuple[Row, int]:
    """Runs and columns; cached unless the line is so long that keeping it would cost too much memory."""
    return _parse_small(line) if len(line) <= _CACHED else _parse_now(line, _ALL)


def _parse_now(line: bytes, columns: int) -> tuple[Row, int]:
    text = line.decode("utf-8", "replace")
    if text.isascii() and text.isprintable():
        return (((PLAIN, text),), len(text)) if text else ((), 0)
    runs: list[Run] = []
    state, style, column, position = "", PLAIN, 0, 0
    # Characters a column at most, where somebody looks only at some columns.
    wide = 1 if text.isascii() else 8
    for number, match in enumerate(_ESCAPE.finditer(text)):
        if match.start() > position:
            stop = min(match.start(), position + wide * (columns - column))
            column += _append(runs, style, text[position:stop], column)
        position = match.end()
        if column >= columns:
            return tuple(runs), column
        if number >= _MAX_ESCAPES:
            text, position, style = _ESCAPE.sub("", text[position:]), 0, PLAIN
            break
        if match[2] == "m":
            state = normal_sgr(state, match[1])
            style = f"sgr:{state}" if state else PLAIN
    if position < len(text):
        column += _append(runs, style, text[position : position + wide * (columns - column)], column)
    return tuple(runs), column


def _append(runs: list[Run], style: str, text: str, column: int) -> int:
    """Add a stretch without escapes, made harmless; returns its columns."""
    if not text.isprintable():
        text = _harmless(text, column)
    columns = width_of(text)
    if runs and runs[-1][0] == style:
        joined = runs[-1][1] + text
        columns = columns if joined.isascii() else width_of(joined) - width_of(runs[-1][1])
        runs[-1] = (style, joined)
    elif text:
        runs.append((style, text))
    return columns


def _harmless(text: str, column: int) -> str:
    if "\t" not in text:
        return _SPECIAL.sub(_show, text)
    if text.isascii():
        lead = column % TAB
        return (" " * lead + text.translate(_SHOWN_BUT_TAB)).expandtabs(TAB)[lead:]
    out: list[str] = []
    for index, part in enumerate(text.split("\t")):
        if index:
            spaces = TAB - column % TAB
            out.append(" " * spaces)
            column += spaces
        part = _SPECIAL.sub(_show, part)
        out.append(part)
        column += width_of(part)
    return "".join(out)


def _show(match: re.Match[str]) -> str:
    return _SHOWN.get(ord(match[0]), "\ufffd")


def plain_text(runs: Iterable[Run]) -> str:
    """The text alone."""
    return "".join(text for _, text in runs)


def runs_width(runs: Iterable[Run]) -> int:
    """Columns of runs."""
    return sum(width_of(text) for _, text in runs)


def _cut_text(text: str, start: int, stop: int) -> str:
    """The columns [start, stop) of a text; half of a wide character is a space."""
    if is_narrow(text):
        return text[start:stop]
    cut: str = wc_clip(text, start, stop, fillchar=" ", propagate_sgr=False, control_codes="ignore")
    return cut


def clip(runs: Sequence[Run], skip: int, width: int) -> Row:
    """The columns [skip, skip + width) of runs; shorter when they end before."""
    out: list[Run] = []
    column, stop = 0, skip + width
    for style, text in runs:
        columns = width_of(text)
        if column + columns > skip:
            inside = text
            if column < skip or column + columns > stop:
                inside = _cut_text(text, max(0, skip - column), stop - column)
            if inside:
                out.append((style, inside))
        column += columns
        if column >= stop:
            break
    return tuple(out)


def fit(runs: Sequence[Run], width: int, *, skip: int = 0, pad: str = PLAIN) -> Row:
    """Exactly `width` columns: clipped, or filled with spaces of style `pad`."""
    row = clip(runs, skip, width)
    room = width - runs_width(row)
    if room <= 0:
        return row
    if row and row[-1][0] == pad:
        return (*row[:-1], (pad, row[-1][1] + " " * room))
    return (*row, (pad, " " * room))


def wrap(runs: Sequence[Run], width: int) -> tuple[Row, ...]:
    """The runs cut into rows of at most `width` columns; not padded, at least one row."""
    width = max(1, width)
    rows: list[Row] = []
    row: list[Run] = []
    room = width
    for style, text in runs:
        while text:
            columns = width_of(text)
            if columns <= room:
                row.append((style, text))
                room -= columns
                break
            head = _head(text, room)
            if not head and not row:  # one character is wider than the whole row
                text = " " + text[len(next(iter(iter_graphemes(text)))) :]
                continue
            if head:
                row.append((style, head))
                text = text[len(head) :]
            rows.append(tuple(row))
            row, room = [], width
    if row or not rows:
        rows.append(tuple(row))
    return tuple(rows)


def _head(text: str, room: int) -> str:
    """The longest start of `text` that fits into `room` columns, whole characters only."""
    if room <= 0:
        return ""
    if text[:room].isascii() and is_narrow(text[room : room + 1]):
        return text[:room]
    used = end = 0
    for cluster in iter_graphemes(text[: 16 * room + 64]):
        used += width_of(cluster)
        if used > room:
            break
        end += len(cluster)
    return text[:end]


def mark(runs: Sequence[Run], spans: Sequence[tuple[int, int]], style: str) -> Row:
    """The runs with `style` laid over the characters [start, stop) of each span (offsets into `plain_text`).

    Spans ascend and do not overlap.
    """
    if not spans:
        return tuple(runs)
    out: list[Run] = []
    offset, index = 0, 0
    for old, text in runs:
        end, position = offset + len(text), offset
        while position < end:
            while index < len(spans) and spans[index][1] <= position:
                index += 1
            start, stop = spans[index] if index < len(spans) else (end, end)
            if position < start:
                until = min(start, end)
                out.append((old, text[position - offset : until - offset]))
            else:
                until = min(stop, end)
                marked = style if old == PLAIN else f"{old}+{style}"
                out.append((marked, text[position - offset : until - offset]))
            position = until
        offset = end
    return tuple(out)


def line_row(raw: bytes, width: int) -> Row:
    """One line as exactly one row: parsed as far as needed, clipped, padded; cached."""
    if len(raw) <= _CACHED:
        return _line_row(raw, width)
    if len(raw) <= _WINDOW or (width <= 1024 and b"\x1b" not in raw):
        return fit(parse(raw, width), width)
    key = (len(raw), hash(raw), width)
    row = _long_rows.get(key)
    if row is None:
        if len(_long_rows) >= 256:
            _long_rows.clear()
        row = _long_rows[key] = fit(parse(raw, width), width)
    return row


# Rows of long lines by their fingerprint: the lines themselves (1 MiB each) are not kept. Main thread only.
_long_rows: dict[tuple[int, int, int], Row] = {}


@lru_cache(maxsize=2048)
def _line_row(raw: bytes, width: int) -> Row:
    return fit(parse(raw), width)


def line_rows(raw: bytes, width: int, limit: int) -> tuple[Row, ...]:
    """One line wrapped into at most `limit` rows of at most `width` columns; the rest is not looked at."""
    if len(raw) <= _CACHED:
        return _line_rows(raw, width)[:limit]
    columns = width * (limit + 1)
    return wrap(clip(parse(raw, columns), 0, columns), width)[:limit]


@lru_cache(maxsize=2048)
def _line_rows(raw: bytes, width: int) -> tuple[Row, ...]:
    return wrap(parse(raw), width)
