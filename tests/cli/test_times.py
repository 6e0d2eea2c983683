"""Times, durations and sizes for people."""

from __future__ import annotations

import time

import pytest

from brummer_rx.cli.times import duration_text, local_text, size_text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0.0s"),
        (0, "0.0s"),
        (0.44, "0.4s"),
        (12.7, "12s"),
        (59.99, "59s"),
        (187, "3m07s"),
        (7500, "2h05m"),
        (86400 * 4 + 3 * 3600, "4d03h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1536, "1.5 KiB"),
        (16 << 20, "16.0 MiB"),
        (4 << 30, "4.0 GiB"),
        (5 << 40, "5.0 TiB"),
        (5 << 50, "5120.0 TiB"),
    ],
)
def test_sizes(size: int, text: str) -> None:
    assert size_text(size) == text


def test_local() -> None:
    now = 1_764_028_741

    assert local_text(now * 10**9 + 999) == time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
