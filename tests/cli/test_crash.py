"""Details of unexpected errors are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from brummer_rx.cli.crash import keep_details


def test_a_file_with_the_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    try:
        raise ValueError("lost \udc80")
    except ValueError as error:
        said = keep_details(error)

    (path,) = tmp_path.iterdir()
    assert said == f"details in {path}"
    assert path.stat().st_mode & 0o777 == 0o600
    assert "ValueError: lost" in path.read_text()
    assert "test_crash.py" in path.read_text()


def test_no_file_can_be_written(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError

    monkeypatch.setattr("brummer_rx.cli.crash.tempfile.mkstemp", refuse)

    assert keep_details(ValueError("lost")) == "the details are above"
    assert "ValueError: lost" in capfd.readouterr().err
