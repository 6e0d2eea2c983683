"""Times as text, and their memory of the last second."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.sinks.clocktext import local_clock, utc_text


@given(st.integers(0, 4_000_000_000_000_000_000))
def test_both_are_cut_to_the_millisecond(time_ns: int) -> None:
    whole = datetime.fromtimestamp(time_ns // 10**9, UTC)
    rest = f".{time_ns // 10**6 % 1000:03d}"

    assert utc_text(time_ns) == whole.strftime("%Y-%m-%dT%H:%M:%S") + rest + "Z"
    assert local_clock(time_ns) == whole.astimezone().strftime("%H:%M:%S") + rest


@pytest.mark.parametrize(
    ("time_ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (999_999, "1970-01-01T00:00:00.000Z"),
        (1_764_028_741_042_999_999, "2025-11-24T23:59:01.042Z"),
    ],
)
def test_utc(time_ns: int, text: str) -> None:
    assert utc_text(time_ns) == text
