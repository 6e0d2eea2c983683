"""`--settings`."""

from __future__ import annotations

from pathlib import Path

import pytest

from brummer_rx.cli.show_settings import show_settings
from brummer_rx.pipeline.settings import load
from tests.cli.storebox import Sheet


def test_each_setting_with_its_origin(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / ".brum.toml").write_text("grace = 3\n")
    environ = {"HOME": str(tmp_path), "BRUMMER_FPS": "12", "BRUMMER_FSP": "1"}
    settings = load(tmp_path, {"mcp_port": 5}, environ)
    with Sheet(tmp_path) as sheet:
        assert show_settings(settings, sheet.out) == 0
        rows = [line.split() for line in sheet.text.splitlines()]

    found = {row[0]: row[1:3] for row in rows}
    assert found["SETTING"] == ["VALUE", "ORIGIN"]
    assert found["grace"] == ["3.0", f"{tmp_path.resolve()}/.brum.toml:1"]
    assert found["fps"] == ["12", "BRUMMER_FPS"]
    assert found["mcp_port"] == ["5", "command"]
    assert found["workers"][1] == "default"
    assert "BRUMMER_FSP (did you mean BRUMMER_FPS?)" in capfd.readouterr().err
