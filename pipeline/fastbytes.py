"""Search and count in large pieces of bytes: stringzilla where it is installed, else the standard library.

Both give the same answers (`ZILLA` and `PURE` are tested against each other). All functions take bytes,
bytearray or a C-contiguous memoryview of single bytes, and positions as `bytes.find` does; none of them
copies the data (except `PURE`, where the standard library leaves no other way). Stateless: safe on any
thread. stringzilla holds the interpreter lock, for about 0.15 ms a MiB.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from mmap import mmap
from typing import Any

__all__ = ["PURE", "TOOLS", "ZILLA", "ByteTools", "View"]

try:
    import stringzilla as _sz
except ImportError:  # no wheel for this machine: the standard library does the same, slower
    _sz = None

View = bytes | bytearray | memoryview
"""What the functions look into; an `mmap` is wrapped in a memoryview."""


@dataclass(frozen=True, slots=True)
class ByteTools:
    """One implementation. For loops that count nanoseconds: all arguments must be given."""

    name: str
    find: Callable[[View, bytes, int, int | None], int]
    rfind: Callable[[View, bytes, int, int | None], int]
    count: Callable[[View, bytes, int, int | None], int]
    find_uncased: Callable[[View, bytes, int, int | None], int]
    lower: Callable[[View], bytes]


def _range(data: View, start: int, stop: int | None) -> tuple[int, int]:
    first, last, _ = slice(start, stop).indices(len(data))
    return first, last


# --- the standard library -------------------------------------------------------------------------


def _own(data: View) -> bytes | bytearray | mmap | None:
    """The object behind a view of the whole of it (searched without a copy), None for a part of one."""
    if not isinstance(data, memoryview):
        return data
    whole = data.obj
    if isinstance(whole, bytes | bytearray | mmap) and len(whole) == data.nbytes:
        return whole
    return None


def _pure_find(data: View, needle: bytes, start: int, stop: int | None) -> int:
    whole = _own(data)
    if whole is not None:
        return whole.find(needle, start, len(data) if stop is None else stop)
    first, last = _range(data, start, stop)
    if last < first or start > len(data):
        return -1
    hit = re.compile(re.escape(needle)).search(data, first, last)
    return -1 if hit is None else hit.start()


def _pure_rfind(data: View, needle: bytes, start: int, stop: int | None) -> int:
    whole = _own(data)
    if whole is not None:
        return whole.rfind(needle, start, len(data) if stop is None else stop)
    return bytes(data).rfind(needle, start, stop)


def _pure_count(data: View, needle: bytes, start: int, stop: int | None) -> int:
    if isinstance(data, memoryview):
        return bytes(data).count(needle, start, stop)
    return data.count(needle, start, stop)


_UNCASED_SLICE = 1 << 18
"""How much is made lower case at once: small enough to stay in the processor's cache."""


def _pure_find_uncased(data: View, needle: bytes, start: int, stop: int | None) -> int:
    first, last = _range(data, start, stop)
    low, length = needle.lower(), len(needle)
    while first + length <= last:
        end = min(first + _UNCASED_SLICE + length, last)
        hit = bytes(data[first:end]).lower().find(low)
        if hit >= 0:
            return first + hit
        first = end - length + 1
    return -1


def _pure_lower(data: View) -> bytes:
    return bytes(data).lower()


PURE = ByteTools("standard library", _pure_find, _pure_rfind, _pure_count, _pure_find_uncased, _pure_lower)
"""The fallback: always there."""

# --- stringzilla ----------------------------------------------------------------------------------


def _zilla(sz: Any) -> ByteTools:
    """The same on stringzilla; its own functions behave as those of `bytes`."""
    uncased = sz.utf8_uncased_search

    def find_uncased(data: View, needle: bytes, start: int, stop: int | None) -> int:
        # The engine folds by Unicode (ß is ss, K is Kelvin): it finds every place where ASCII folding agrees,
        # and more, which are skipped here. On invalid UTF-8 it was tried with 300,000 hostile inputs.
        first, last = _range(data, start, stop)
        low, length = needle.lower(), len(needle)
        while first < last and (hit := uncased(data, needle, first, last)) >= 0:
            if bytes(data[hit : min(hit + length, last)]).lower() == low:
                return int(hit)
            first = hit + 1
        return -1

    lower_case = bytes(range(256)).lower()

    def lower(data: View) -> bytes:
        return bytes(sz.translate(data, lower_case))

    return ByteTools("stringzilla", sz.find, sz.rfind, sz.count, find_uncased, lower)


ZILLA: ByteTools | None = None if _sz is None else _zilla(_sz)
"""The fast engine; None where it is not installed."""

TOOLS: ByteTools = PURE if ZILLA is None else ZILLA
"""The engine in use."""
