"""Names of keys from blessed's; the contract with its half-private parts."""

from __future__ import annotations

import pytest

from brummer_rx.tui.keynames import resolver, spell


@pytest.mark.parametrize(
    ("blessed", "ours"),
    [
        ("KEY_UP", "up"),
        ("KEY_PGDOWN", "pgdn"),
        ("KEY_CTRL_PGDOWN", "ctrl-pgdn"),
        ("KEY_ALT_SHIFT_UP", "alt-shift-up"),
        ("KEY_CTRL_ALT_F1", "ctrl-alt-f1"),
        ("KEY_SUP", "shift-up"),
        ("KEY_CTRL_SRIGHT", "ctrl-shift-right"),
        ("KEY_BTAB", "shift-tab"),
        ("KEY_ESCAPE", "esc"),
        ("KEY_KP_ADD", "+"),
        ("KEY_KP_PAGE_UP", "page_up"),
        ("KEY_UP_REPEATED", "up"),
        ("KEY_UP_RELEASED", None),
        ("CPR_RESPONSE", None),
        ("CSI", None),
        ("", None),
        (None, None),
    ],
)
def test_spelling(blessed: str | None, ours: str | None) -> None:
    assert spell(blessed) == ours


def test_only_whole_sequences_are_keys() -> None:
    resolve = resolver()

    assert resolve("\x1b[A") == "up"
    assert resolve("\x1b[99z") is None
    assert resolve("\x1b[200~") is None
    assert resolve("\x1b[Z") == "shift-tab"
