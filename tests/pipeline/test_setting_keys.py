"""The table of settings."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from brummer_rx.pipeline.setting_keys import (
    CHILD_VARIABLES,
    KEYS,
    NOT_YET,
    default_workers,
    key_of_variable,
    variable,
)
from brummer_rx.pipeline.settings import Settings

OLD = (
    "preferred_package_manager",
    "mcp_port",
    "no_mcp",
    "proxy_port",
    "proxy_mode",
    "proxy_url",
    "standard_proxy",
    "no_proxy",
    "use_robust_networking",
    "ai_coders",
)


def test_the_ten_old_keys_are_known_and_only_the_first_has_an_effect() -> None:
    assert [KEYS[name].note == NOT_YET for name in OLD] == [False] + [True] * 9


def test_every_key_is_an_attribute_of_settings() -> None:
    assert set(KEYS) <= {f.name for f in fields(Settings)}


@pytest.mark.parametrize("name", [n for n in KEYS if KEYS[n].default_value() is not None])
def test_every_default_is_right(name: str) -> None:
    key = KEYS[name]

    assert key.kind.read(key.default_value(), is_text=False, base=Path("/")) == key.default_value()


def test_every_key_but_the_table_has_a_variable() -> None:
    assert {name: key_of_variable(variable(name)) for name in KEYS} == {
        name: None if name == "ai_coders" else name for name in KEYS
    }
    assert key_of_variable("BRUMMER_STATE_DIR") == "state_dir"
    assert key_of_variable("BRUMMER_PORT") == "mcp_port"
    assert key_of_variable("BRUMMER_state_dir") is None
    assert key_of_variable("BRUMMER_") is None


def test_what_children_get_is_no_setting() -> None:
    assert [v for v in CHILD_VARIABLES if key_of_variable(v)] == []


def test_flags_are_spelled_as_on_the_command_line() -> None:
    assert KEYS["mcp_port"].flag_name == "--port"
    assert KEYS["state_dir"].flag_name == "--state-dir"


@pytest.mark.parametrize(("cores", "workers"), [(None, 4), (1, 4), (2, 5), (4, 10), (8, 20), (64, 32)])
def test_the_pool_follows_the_cores(monkeypatch: pytest.MonkeyPatch, cores: int | None, workers: int) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: cores)

    assert default_workers() == workers


def test_no_default_is_shared() -> None:
    assert KEYS["ai_coders"].default_value() is not KEYS["ai_coders"].default_value()
