"""What every test run starts with."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.proof.seed import SEED, switch_interval

PROOFS = tuple(Path(__file__).parent / folder for folder in ("laws", "properties"))


def pytest_report_header() -> str:
    every = f"switch interval of laws and properties {switch_interval():g} s"
    return f"proof seed: {SEED}, {every} (PROOF_SEED={SEED} repeats this run's random choices)"


@pytest.fixture(autouse=True)
def _switching(request: pytest.FixtureRequest) -> Iterator[None]:
    """Laws and properties run at a switch interval that the seed chooses."""
    if not any(folder in request.path.parents for folder in PROOFS):
        yield
        return
    before = sys.getswitchinterval()
    sys.setswitchinterval(switch_interval())
    yield
    sys.setswitchinterval(before)
