"""One tool per test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.toolbox import Tool


@pytest.fixture
def tool(tmp_path: Path) -> Iterator[Tool]:
    """The tool in a folder of its own; nothing of it is left afterwards."""
    one = Tool(tmp_path)
    yield one
    one.close()
