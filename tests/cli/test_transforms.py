"""Which operators stand on the main path, and in which order."""

from __future__ import annotations

from pathlib import Path

import pytest

from brummer_rx.cli.transforms import transforms
from brummer_rx.pipeline.errors import ConfigError
from brummer_rx.pipeline.settings import load


def names(folder: Path, toml: str = "") -> list[str]:
    (folder / ".brum.toml").write_text(toml)
    settings = load(folder, {}, {"HOME": str(folder)})
    return [t.name for t in transforms(settings, lambda n, e, b: None)]


def test_levels_are_judged_without_being_asked_for(tmp_path: Path) -> None:
    assert names(tmp_path) == ["levels"]


def test_an_operator_is_switched_on_and_stands_before_levels(tmp_path: Path) -> None:
    assert names(tmp_path, "[operators.strip_ansi]\nenabled = true\n") == ["strip_ansi", "levels"]


def test_the_order_is_the_settings(tmp_path: Path) -> None:
    toml = "[operators.strip_ansi]\nenabled = true\norder = 9\n[operators.levels]\norder = 1\n"

    assert names(tmp_path, toml) == ["levels", "strip_ansi"]


def test_levels_can_be_switched_off(tmp_path: Path) -> None:
    assert names(tmp_path, "[operators.levels]\nenabled = false\n") == []


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("[operators.stripansi]\nenabled = true\n", "stripansi"),
        ("[operators.strip_ansi]\nenabled = true\nplace = 'derive'\n", "not supported by this version"),
        ("[operators.strip_ansi]\nenabled = true\nwidth = 3\n", "its options are not what it takes"),
    ],
)
def test_what_cannot_be_is_said_with_its_place(tmp_path: Path, toml: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        names(tmp_path, toml)

    assert ".brum.toml:1" in str(caught.value)
