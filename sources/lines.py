"""Cutting what a child wrote into whole lines, in bulk: bytes in, batches' contents out; no effects.

A chunk is cut at its last newline; what is before it, with the rest of the last chunk, is one `Cut`. Nothing
looks at single lines. A line that does not end comes out in pieces (architecture.md section 2): at `PIECE`
bytes, when its stream was silent, and at the end of output; the newline at the end of a piece is ours. For
any chunking of the same bytes the cuts, without our newlines, are those bytes again.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from brummer_rx.pipeline.event import BatchFlag
from brummer_rx.pipeline.fastbytes import TOOLS

__all__ = ["PIECE", "Cut", "Cutter", "safe_end"]

PIECE = 1 << 20
"""Bytes of a line after which it is stored as a piece."""

ESCAPE_REACH = 64
"""An escape sequence shorter than this is not split between two pieces."""

_NEWLINE = b"\n"
# An escape sequence that has begun and not ended at the end of the data: CSI, a string (OSC, DCS, …), other.
_UNFINISHED_ESCAPE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b]*\x1b?|[ -/]*)\Z")


class Cut(NamedTuple):
    """The content of one batch."""

    data: bytes
    """Lines, each ending in a newline."""
    lines: int
    flags: BatchFlag


def safe_end(data: bytes | bytearray, limit: int) -> int:
    """Where a piece of at most `limit` bytes may end: not inside a UTF-8 sequence or a short escape sequence.

    `limit` itself where nothing is split there, and where holding back would leave nothing.
    """
    held = _held_back(data, limit)
    return limit - held if held < limit else limit


def _held_back(data: bytes | bytearray, end: int) -> int:
    """How many bytes before `end` are the beginning of a sequence that goes on after it."""
    window = bytes(data[max(0, end - ESCAPE_REACH) : end])
    escape = _UNFINISHED_ESCAPE.search(window)
    return len(window) - escape.start() if escape else _unfinished_utf8(window)


def _unfinished_utf8(data: bytes) -> int:
    """How many bytes at the end (0 to 3) are the beginning of a longer UTF-8 sequence."""
    for back, byte in enumerate(reversed(data[-3:]), start=1):
        if byte & 0xC0 == 0x80:
            continue
        length = 2 if 0xC2 <= byte < 0xE0 else 3 if 0xE0 <= byte < 0xF0 else 4 if 0xF0 <= byte < 0xF5 else 1
        return back if length > back else 0
    return 0


class Cutter:
    """One stream's unfinished line, at most `piece` bytes of it. Owned by one thread."""

    __slots__ = ("_carry", "_held", "_open", "_piece")

    def __init__(self, piece: int = PIECE) -> None:
        self._piece = piece
        self._carry = bytearray()
        self._open = False  # the last cut was a piece: whatever comes next continues its line
        self._held = False  # the last silence kept back an unfinished sequence

    @property
    def unfinished(self) -> int:
        """Bytes of the unfinished line that were not given out."""
        return len(self._carry)

    def tail(self) -> bytes:
        """The unfinished line, or what is left of it after its pieces."""
        return bytes(self._carry)

    def feed(self, chunk: bytes) -> list[Cut]:
        """What a read brought. Chunks of up to `piece` bytes; longer ones may bring longer lines."""
        self._held = False
        cut = chunk.rfind(_NEWLINE) + 1
        if not cut:
            self._carry += chunk
            return self._full_pieces() if len(self._carry) > self._piece else []
        cuts: list[Cut] = []
        if len(self._carry) + cut > self._piece:
            # The line that ends in this chunk may be over the limit only now.
            first = chunk.index(_NEWLINE)
            if len(self._carry) + first > self._piece:
                self._carry += chunk[:first]
                cuts = self._full_pieces()
                chunk, cut = chunk[first:], cut - first
        cuts.append(self._whole_lines(chunk, cut))
        if len(self._carry) > self._piece:
            cuts += self._full_pieces()
        return cuts

    def silence(self) -> list[Cut]:
        """The stream said nothing for a while: its unfinished line as a piece.

        An unfinished UTF-8 or escape sequence at its end stays for one more silence.
        """
        size = len(self._carry)
        held = 0 if self._held else _held_back(self._carry, size)
        self._held = held > 0
        return [self._take(size - held, BatchFlag.MORE)] if held < size else []

    def end(self) -> list[Cut]:
        """The output is at its end; a line given out in pieces is closed, by an empty one if need be."""
        if not self._carry and not self._open:
            return []
        last = self._take(len(self._carry), BatchFlag.UNTERMINATED)
        self._open = False
        return [last]

    def _whole_lines(self, chunk: bytes, cut: int) -> Cut:
        view = memoryview(chunk)
        if self._carry:
            data = b"".join((self._carry, view[:cut]))
            self._carry = bytearray(view[cut:])
        elif cut == len(chunk):
            data = chunk
        else:
            data = chunk[:cut]
            self._carry = bytearray(view[cut:])
        self._open = False
        return Cut(data, TOOLS.count(data, _NEWLINE, 0, None), BatchFlag.NONE)

    def _full_pieces(self) -> list[Cut]:
        cuts = []
        while len(self._carry) > self._piece:
            cuts.append(self._take(safe_end(self._carry, self._piece), BatchFlag.MORE))
        return cuts

    def _take(self, end: int, flags: BatchFlag) -> Cut:
        with memoryview(self._carry) as view:
            data = b"".join((view[:end], _NEWLINE))
        del self._carry[:end]
        self._open = BatchFlag.MORE in flags
        return Cut(data, 1, flags)
