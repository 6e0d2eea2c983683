"""Wall-clock times as text, fast: the second is formatted once, the milliseconds are put behind it."""

from __future__ import annotations

import time
from functools import lru_cache

__all__ = ["local_clock", "utc_text"]

_SECOND = 1_000_000_000


@lru_cache(maxsize=64)
def _utc_second(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


@lru_cache(maxsize=64)
def _local_second(second: int) -> str:
    return time.strftime("%H:%M:%S", time.localtime(second))


def utc_text(time_ns: int) -> str:
    """RFC 3339 with milliseconds: `2026-11-24T23:59:01.042Z`."""
    second, rest = divmod(time_ns, _SECOND)
    return f"{_utc_second(second)}.{rest // 1_000_000:03d}Z"


def local_clock(time_ns: int) -> str:
    """Time of day on this machine: `23:59:01.042`."""
    second, rest = divmod(time_ns, _SECOND)
    return f"{_local_second(second)}.{rest // 1_000_000:03d}"
