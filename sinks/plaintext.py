"""The text form of lines: `HH:MM:SS.mmm NAME | text`, made a batch at a time.

A clean batch costs one `bytes.replace`; every other one is first brought into that state by whole-batch steps
whose results equal the line by line rule of `brummer_rx.pipeline.text` (a test holds that).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from brummer_rx.pipeline.event import BatchFlag, Gap, LogBatch, Stream
from brummer_rx.pipeline.text import ESC, strip_escapes
from brummer_rx.sinks.clocktext import local_clock

__all__ = ["TextForm", "clean", "gap_text", "safe_cut", "visible"]

_COLOURS = (36, 32, 33, 35, 34, 96, 92, 93, 95, 94)
_RESET = b"\x1b[0m"
_SGR = re.compile(rb"(\x1b\[[0-9;:]*m)")
_STYLED = re.compile(rb"(\x1b\[[0-9;:]*m[^\n]*)")
_CONTROLS = bytes([*range(9), *range(11, 27), *range(28, 32), 127])
"""C0 without TAB, newline and ESC, and DEL."""
_PICTURES = tuple((code, chr(0x2421 if code == 127 else 0x2400 + code).encode()) for code in _CONTROLS)
_C1 = re.compile(rb"\xc2[\x80-\x9f]")
_UNFINISHED = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b]*|[ -/]*)")
_MARK = "…".encode()
_CARRY = 64
"""Bytes at most that wait for the next piece of their line."""


def clean(data: bytes) -> bytes:
    """The text of lines: no escapes, no CR at a line's end, U+FFFD for what is no UTF-8."""
    if ESC in data:
        data = strip_escapes(data)
    if b"\r" in data:
        if data.count(b"\r") == data.count(b"\r\n"):
            data = data.replace(b"\r\n", b"\n")
        else:
            data = b"\n".join([line.rstrip(b"\r") for line in data.split(b"\n")])
    return data if data.isascii() else _valid(data)


def visible(data: bytes, *, colour: bool) -> bytes:
    """Lines as they may go to a terminal: colours (SGR, closed at each line's end) if wanted, else nothing.

    Other control characters are shown as their pictures (U+2400 and following), C1 as U+FFFD.
    """
    if not colour or ESC not in data:
        return _shown(clean(data))
    # Any ESC ends what came before it, so cutting at colours cuts no other sequence in two.
    parts = _SGR.split(data)
    parts[::2] = [strip_escapes(part) for part in parts[::2]]
    lines = [_trimmed(line) for line in b"".join(parts).split(b"\n")]
    return _STYLED.sub(rb"\1" + _RESET, _shown(_valid(b"\n".join(lines))))


def _trimmed(line: bytes) -> bytes:
    """Without the CRs at its end, where colours may stand among them."""
    line = line.rstrip(b"\r")
    if not line.endswith(b"m") or b"\r" not in line:
        return line
    parts = _SGR.split(line)
    for place in range(len(parts) - 1, -1, -2):
        parts[place] = parts[place].rstrip(b"\r")
        if parts[place]:
            break
    return b"".join(parts)


def _valid(data: bytes) -> bytes:
    try:
        data.decode()
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace").encode()
    return data


def _shown(data: bytes) -> bytes:
    if len(data.translate(None, _CONTROLS)) != len(data):
        for code, picture in _PICTURES:
            if code in data:
                data = data.replace(bytes([code]), picture)
    return _C1.sub("\ufffd".encode(), data) if b"\xc2" in data else data


def safe_cut(piece: bytes) -> int:
    """Where to cut a piece so that no character, escape or CRLF is torn; at most 64 bytes from its end."""
    end = len(piece)
    low = max(0, end - _CARRY)
    escape = piece.rfind(ESC, low)
    if escape >= 0 and _UNFINISHED.fullmatch(piece, escape):
        end = escape
    else:
        for back in range(1, min(3, end) + 1):
            byte = piece[end - back]
            if byte >= 0xC0:
                needed = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4 if byte < 0xF5 else 1
                end -= back if back < needed else 0
                break
            if byte < 0x80:
                break
    while end > low and piece[end - 1] == 13:
        end -= 1
    return end if end > low or low == 0 else len(piece)


def gap_text(gap: Gap) -> str:
    """A gap for people. Of output that was cut off nobody knows how many lines it would have been."""
    whose = f" of {gap.source}" if gap.source else ""
    if not gap.lines:
        size = f", {gap.bytes} bytes were there" if gap.bytes else ""
        return f"-- the end of the output{whose} is missing ({gap.reason}{size}) --"
    lines = "1 line" if gap.lines == 1 else f"{gap.lines} lines"
    return f"-- {lines}{whose} missing ({gap.reason}), seq {gap.first_seq} to {gap.last_seq} --"


class TextForm:
    """Formats lines of several sources into one stream, long lines joined from their pieces. One thread.

    `colour` keeps the children's colours and colours the names; `terminal` (implied by it) shows control
    characters instead of sending them. Feed it in order; `finish` ends an open line.
    """

    def __init__(self, names: Iterable[str] = (), *, colour: bool = False, terminal: bool = False) -> None:
        self._colour = colour
        self._safe = terminal or colour
        self._labels: dict[str, bytes] = {}
        self._names: list[str] = []
        self._width = 0
        self._open: tuple[str, Stream] | None = None  # the line that has no newline yet
        self._torn: set[tuple[str, Stream]] = set()  # lines that others came between
        self._carry: dict[tuple[str, Stream], bytes] = {}
        for name in names:
            self._add(name)

    def batch(self, batch: LogBatch) -> bytes:
        """The lines of a batch."""
        more = bool(batch.flags & BatchFlag.MORE)
        return self.lines(batch.source, batch.stream, batch.time_ns, batch.data, more)

    def lines(self, source: str, stream: Stream, time_ns: int, data: bytes, more: bool = False) -> bytes:
        """Lines (each with its newline) of one source, stream and time; `more`: the last one is a piece."""
        key = (source, stream)
        if key in self._carry:
            data = self._carry.pop(key) + data
        body = data[:-1]
        if more:
            body = self._cut(key, body)
        text = visible(body, colour=self._colour) if self._safe else clean(body)
        prefix = self._prefix(source, time_ns)
        if b"\n" in text:
            text = text.replace(b"\n", b"\n" + prefix)
        head = self._head(key, prefix)
        self._open = key if more else None
        return b"".join((head, text, b"" if more else b"\n"))

    def gap(self, gap: Gap) -> bytes:
        """A gap, on a line of its own."""
        return self._interrupt() + gap_text(gap).encode("utf-8", "replace") + b"\n"

    def finish(self) -> bytes:
        """What is still held back; ends the open line."""
        rest = b"".join([self._leftover(key) for key in list(self._carry)])
        end = b"\n" if self._open is not None else b""
        self._open = None
        return rest + end

    def _leftover(self, key: tuple[str, Stream]) -> bytes:
        text = clean(self._carry.pop(key))
        if not text:
            return b""
        if self._open == key:
            self._open = None
            return text + b"\n"
        return self._interrupt() + _MARK + text + b"\n"

    def _cut(self, key: tuple[str, Stream], body: bytes) -> bytes:
        start = body.rfind(b"\n") + 1
        cut = start + safe_cut(body[start:])
        if cut < len(body):
            self._carry[key] = body[cut:]
        return body[:cut]

    def _head(self, key: tuple[str, Stream], prefix: bytes) -> bytes:
        if self._open == key:
            return b""
        cut = self._interrupt()
        if key in self._torn:
            self._torn.discard(key)
            return cut + prefix + _MARK
        return cut + prefix

    def _interrupt(self) -> bytes:
        if self._open is None:
            return b""
        self._torn.add(self._open)
        self._open = None
        return _MARK + b"\n"

    def _prefix(self, source: str, time_ns: int) -> bytes:
        label = self._labels.get(source)
        if label is None:
            self._add(source)
            label = self._labels[source]
        return local_clock(time_ns).encode() + label

    def _add(self, name: str) -> None:
        if name not in self._names:
            self._names.append(name)
        self._width = max(len(_name(n)) for n in self._names)
        for place, each in enumerate(self._names):
            shown = f"{_name(each).ljust(self._width)} |"
            if self._colour:
                shown = f"\x1b[{_COLOURS[place % len(_COLOURS)]}m{shown}\x1b[0m"
            self._labels[each] = f" {shown} ".encode()


def _name(name: str) -> str:
    """A source's name as one line of harmless text, whatever a project file calls it."""
    return visible(name.encode("utf-8", "replace"), colour=False).replace(b"\n", b" ").decode()
