from __future__ import annotations

import dataclasses

import pytest

from brummer_rx.tui.glyphs import ASCII
from brummer_rx.tui.state import Mode, Place, View, initial


def test_the_first_state() -> None:
    state = initial(0, -3, glyphs=ASCII, utc_offset_s=3600)

    assert (state.width, state.height) == (1, 1)
    assert (state.view, state.mode) == (View.LOGS, Mode.NORMAL)
    assert state.logs.follow
    assert state.glyphs is ASCII
    with pytest.raises(dataclasses.FrozenInstanceError):
        state.width = 3  # type: ignore[misc]


def test_places_are_ordered_as_on_the_screen() -> None:
    assert sorted([Place(2), Place(1, 2), Place(1)]) == [Place(1), Place(1, 2), Place(2)]
