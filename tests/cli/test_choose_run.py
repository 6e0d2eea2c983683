"""Which run a verb talks about."""

from __future__ import annotations

from pathlib import Path

import pytest

from brummer_rx.cli.choose_run import live_run, run_of
from brummer_rx.pipeline.errors import NotFoundError
from tests.cli.storebox import StoredRun


def test_nothing_was_ever_stored(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no run was stored for this folder yet"):
        run_of(tmp_path / "runs", None)
    with pytest.raises(NotFoundError, match="nothing runs in this folder"):
        live_run(tmp_path / "runs", None)
    with pytest.raises(NotFoundError):
        run_of(tmp_path / "runs", "last")


def test_the_newest_live_one_else_the_last(tmp_path: Path) -> None:
    first, second, third = (StoredRun(tmp_path) for _ in range(3))
    try:
        third.end()
        assert run_of(tmp_path, None).id == second.id
        assert run_of(tmp_path, "last").id == third.id
        assert run_of(tmp_path, first.id).id == first.id
        assert live_run(tmp_path, None).id == second.id
        assert live_run(tmp_path, first.id).id == first.id
        with pytest.raises(NotFoundError, match=f"run {third.id} does not run any more: it ended"):
            live_run(tmp_path, "last")
        second.die()
        with pytest.raises(NotFoundError, match="does not run any more: it died"):
            live_run(tmp_path, second.id)
        assert run_of(tmp_path, None).id == first.id
    finally:
        first.end()
    assert run_of(tmp_path, None).id == third.id
