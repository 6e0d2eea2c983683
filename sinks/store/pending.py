"""The frame that is being filled.

Store lane only; per batch a few calls on whole byte strings, nothing per line.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass

from brummer_rx.pipeline import guards
from brummer_rx.pipeline.event import Level
from brummer_rx.sinks.store.format import (
    HEADER_SIZE,
    MAX_DELTA_US,
    RUN_SIZE,
    FrameFlag,
    Header,
    Run,
    encode_frame,
    encode_header,
    slot_of,
)

__all__ = ["FilledFrame", "Pending", "pieces_of", "tally"]

_LIKELY = (Level.INFO, Level.DEBUG, Level.WARN, Level.ERROR, Level.TRACE, Level.FATAL)
_ESC = b"\x1b"


@dataclass(frozen=True, slots=True)
class FilledFrame:
    """A frame ready to be written."""

    header: Header
    head: bytes
    body: bytes
    counts: dict[int, int]
    """Lines by source id << 3 | level."""

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return HEADER_SIZE + len(self.body)

    @property
    def keys(self) -> bytes:
        """Its key bytes."""
        at = self.header.runs * RUN_SIZE
        return self.body[at : at + self.header.lines]


def tally(counts: MutableMapping[int, int], source: int, keys: bytes) -> int:
    """Add a run's key bytes to `counts`; returns its level mask."""
    mask = 0
    base = slot_of(source) << 3
    left = len(keys)
    for level in _LIKELY:
        found = keys.count(base | level)
        if found:
            mask |= 1 << level
            pair = source << 3 | level
            counts[pair] = counts.get(pair, 0) + found
            left -= found
            if not left:
                break
    return mask


def pieces_of(data: bytes, bound: int) -> Iterator[tuple[bytes, int]]:
    """`data` (whole lines) cut at line borders into pieces of at most `bound` bytes, each with its lines.

    A line longer than the bound is a piece of its own.
    """
    start, size = 0, len(data)
    while start < size:
        end = start + bound
        if end >= size:
            end = size
        else:
            border = data.rfind(b"\n", start, end) + 1 or data.find(b"\n", end) + 1
            end = border or size
        piece = data[start:end]
        yield piece, piece.count(b"\n")
        start = end


@guards.owned("store lane", "add", "take")
class Pending:
    """Collects runs until it is full; `take` makes the frame."""

    __slots__ = (
        "_bound",
        "_counts",
        "_data",
        "_flags",
        "_keys",
        "_mask",
        "_newest",
        "_oldest",
        "_runs",
        "first_seq",
        "size",
    )

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._clear()

    def _clear(self) -> None:
        self.size = 0
        self.first_seq = 0
        self._runs: list[Run] = []
        self._keys: list[bytes] = []
        self._data: list[bytes] = []
        self._counts: dict[int, int] = {}
        self._mask = self._flags = 0
        self._oldest = self._newest = 0

    def fits(self, size: int, time_us: int) -> bool:
        """Whether `size` more bytes of that time may join the frame."""
        if not self._runs:
            return True
        spread = max(self._newest, time_us) - min(self._oldest, time_us)
        return self.size + size <= self._bound and spread <= MAX_DELTA_US

    def add(self, seq: int, run: Run, keys: bytes, data: bytes) -> None:
        """One more run, whose first line is `seq`."""
        if not self._runs:
            self.first_seq = seq
            self._oldest = self._newest = run.time_us
        self._oldest = min(self._oldest, run.time_us)
        self._newest = max(self._newest, run.time_us)
        self._runs.append(run)
        self._keys.append(keys)
        self._data.append(data)
        self.size += run.size
        self._mask |= tally(self._counts, run.source, keys)
        if _ESC in data:
            self._flags |= FrameFlag.HAS_ESCAPE
        if run.more:
            self._flags |= FrameFlag.HAS_PIECES

    def take(self, mono_ns: int) -> FilledFrame | None:
        """The frame, and begin the next one; None when nothing was added."""
        if not self._runs:
            return None
        header, body = encode_frame(
            self.first_seq, mono_ns, self._runs, self._keys, self._data, self._flags, self._mask
        )
        frame = FilledFrame(header, encode_header(header), body, self._counts)
        self._clear()
        return frame
