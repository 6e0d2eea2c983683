"""Columns of text on a terminal: wcwidth, with a fast path for text of narrow characters."""

from __future__ import annotations

import re
from functools import lru_cache

from wcwidth import wcswidth

__all__ = ["is_narrow", "width_of"]

# Latin, Cyrillic, dashes and quotes, arrows, boxes and blocks, control pictures, the replacement character.
_NARROW = re.compile(
    "[\x20-\x7e\xa0-\xac\xae-\u024f\u0400-\u0482\u048a-\u052f\u2010-\u2027\u2190-\u2193\u2400-\u2426\u2500-\u259f\ufffd]*"
)


def is_narrow(text: str) -> bool:
    """Whether every character is surely one column wide, so that columns are indexes."""
    return text.isascii() or _NARROW.fullmatch(text) is not None


@lru_cache(maxsize=2048)
def _wide(text: str) -> int:
    return _measure(text)


def _measure(text: str) -> int:
    if _NARROW.fullmatch(text) is not None:
        return len(text)
    columns: int = wcswidth(text)
    return columns if columns >= 0 else len(text)


def width_of(text: str) -> int:
    """How many columns `text` (no control characters) takes."""
    if text.isascii():
        return len(text)
    return _wide(text) if len(text) <= 1024 else _measure(text)
