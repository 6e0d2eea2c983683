"""Shared by the benchmarks: work folders, a filled store, and the lines per second of each figure."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bench.stores import Filled, fill

LINES = int(os.environ.get("BENCH_LINES", "10000000"))
"""Size of the large store; a smaller one makes a quick look possible."""


@pytest.fixture
def per_line(benchmark: Any) -> Callable[[int], None]:
    """Note how many lines one round took, for whoever computes lines per second."""

    def note(lines: int) -> None:
        benchmark.extra_info["lines"] = lines

    return note


@pytest.fixture(scope="session")
def million(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """A store of 10^6 lines."""
    with fill(tmp_path_factory.mktemp("million"), min(LINES, 1_000_000)) as filled:
        yield filled


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """A store of 10^7 lines (or BENCH_LINES)."""
    with fill(tmp_path_factory.mktemp("large"), LINES) as filled:
        yield filled
