"""What every test run starts with."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.proof.seed import SEED, switch_interval

# Before the product is imported, and inherited by what tests start: the guards are on and raise. Not under
# frontrun, which would explore their steps, too; and not with PROOF_GUARDS=off.
if "FRONTRUN_ACTIVE" in os.environ or os.environ.get("PROOF_GUARDS") == "off":
    os.environ.pop("PROOF_GUARDS", None)
    os.environ.pop("BRUMMER_GUARDS", None)
else:
    os.environ["BRUMMER_GUARDS"] = "1"
    os.environ["PROOF_GUARDS"] = tempfile.mkstemp(prefix="guards-", suffix=".txt")[1]

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


def pytest_unconfigure() -> None:
    if path := os.environ.pop("PROOF_GUARDS", None):
        Path(path).unlink(missing_ok=True)


@pytest.fixture(autouse=True)
def _no_guard_is_violated() -> Iterator[None]:
    """A violation on any thread, or in a process that the test started, fails it."""
    from brummer_rx.pipeline.violations import take_violations

    path = os.environ.get("PROOF_GUARDS", os.devnull)
    yield
    found = [f"{v.kind}: {v.text} at {v.place} on {v.thread}" for v in take_violations()]
    found += Path(path).read_text().splitlines()
    Path(path).write_text("")
    assert found == []
