"""Times, durations and sizes as people read them (architecture.md section 10)."""

from __future__ import annotations

import time

__all__ = ["duration_text", "local_text", "size_text"]

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def local_text(time_ns: int) -> str:
    """Date and time for people: `2026-11-24 23:59:01`, local."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time_ns // 1_000_000_000))


def duration_text(seconds: float) -> str:
    """`0.4s`, `12s`, `3m07s`, `2h05m`, `4d03h`."""
    whole = int(seconds)
    if seconds < 10:
        return f"{max(0.0, seconds):.1f}s"
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m{whole % _MINUTE:02d}s"
    if whole < _DAY:
        return f"{whole // _HOUR}h{whole % _HOUR // _MINUTE:02d}m"
    return f"{whole // _DAY}d{whole % _DAY // _HOUR:02d}h"


def size_text(size: int) -> str:
    """`512 B`, `1.5 KiB`, `16.0 MiB`."""
    if size < 1024:
        return f"{size} B"
    value = float(size)
    for unit in ("KiB", "MiB", "GiB"):
        value /= 1024
        if value < 1024:
            return f"{value:.1f} {unit}"
    return f"{value / 1024:.1f} TiB"
