"""Violations: counted, kept, said once a place, raised or not, written for the process that started us."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from loguru import logger

from brummer_rx.pipeline import guards, violations
from brummer_rx.pipeline.errors import LockError, OwnershipError
from brummer_rx.pipeline.violations import Mode, expected, note, reports, take_violations, violated


@pytest.fixture
def counting() -> Iterator[None]:
    before = guards.mode()
    guards.switch(Mode.COUNT)
    yield
    guards.switch(before)


@pytest.fixture
def said() -> Iterator[list[str]]:
    lines: list[str] = []
    handler = logger.add(lambda message: lines.append(str(message)), format="{message}", level="ERROR")
    yield lines
    logger.remove(handler)


def break_a_rule() -> None:
    violated(OwnershipError("x"))


def test_in_raise_mode_it_raises_where_it_happened() -> None:
    with expected() as found, pytest.raises(OwnershipError, match="x"):
        break_a_rule()

    assert [(v.kind, v.text, v.thread) for v in found] == [
        ("OwnershipError", "x", threading.current_thread().name)
    ]
    assert "test_violations.py" in found[0].place
    assert "break_a_rule" in found[0].place


def test_in_count_mode_it_goes_on_and_is_said_once_a_place(counting: None, said: list[str]) -> None:
    with expected() as found:
        for _ in range(3):
            break_a_rule()
        violated(LockError("y"))
        counted = violations.counts()

    assert len(found) == 4
    assert sorted(counted.values()) == [1, 3]
    assert [line.split(" at ")[0] for line in said] == ["guard: OwnershipError: x", "guard: LockError: y"]


def test_where_an_exception_would_do_harm_it_is_only_kept() -> None:
    with expected() as found:
        violated(LockError("z"), raises=False)

    assert [v.text for v in found] == ["z"]


def test_taken_ones_are_gone() -> None:
    with expected(), pytest.raises(OwnershipError):
        break_a_rule()
    with expected():
        with pytest.raises(OwnershipError):
            break_a_rule()
        assert len(take_violations()) == 1
        assert take_violations() == ()


def test_a_note_is_no_violation(said: list[str]) -> None:
    note("a stall")

    assert reports()[-1] == "a stall"
    assert said == ["a stall\n"]
    assert take_violations() == ()


def test_another_process_tells_by_the_file(tmp_path: Path) -> None:
    path = tmp_path / "found.txt"
    code = (
        "import brummer_rx.pipeline.violations as v; from brummer_rx.pipeline.errors import LockError\n"
        "assert v.mode() is v.Mode.RAISE\n"
        "for _ in range(2):\n"
        "    try: v.violated(LockError('circle'))\n"
        "    except LockError: print('raised')\n"
    )
    environ = {**os.environ, "BRUMMER_GUARDS": "1", "PROOF_GUARDS": str(path)}

    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    )

    assert done.stdout == "raised\nraised\n"
    assert path.read_text().startswith("LockError: circle at ")
    assert len(path.read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("environ", "mode"),
    [
        ({}, Mode.OFF),
        ({"BRUMMER_GUARDS": "0"}, Mode.OFF),
        ({"BRUMMER_GUARDS": "false", "PROOF_GUARDS": "/x"}, Mode.OFF),
        ({"BRUMMER_GUARDS": "1"}, Mode.COUNT),
        ({"BRUMMER_GUARDS": "True"}, Mode.COUNT),
        ({"BRUMMER_GUARDS": "1", "PROOF_GUARDS": "/x"}, Mode.RAISE),
    ],
)
def test_the_environment_decides(
    environ: dict[str, str], mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BRUMMER_GUARDS", raising=False)
    monkeypatch.delenv("PROOF_GUARDS", raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    assert violations._first_mode() is mode


def test_a_file_that_cannot_be_written_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counting: None, said: list[str]
) -> None:
    with expected():
        monkeypatch.setenv("PROOF_GUARDS", str(tmp_path / "no" / "folder"))
        break_a_rule()
        monkeypatch.delenv("PROOF_GUARDS")

    assert "cannot be written" in said[-1]


def test_the_suite_runs_with_guards_that_raise() -> None:
    assert violations.mode() is Mode.RAISE
