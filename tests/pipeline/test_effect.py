"""Effects are values: what the decider wants can be compared, logged and replayed."""

from __future__ import annotations

import dataclasses
from typing import get_args

import pytest

from brummer_rx.pipeline import effect


@pytest.mark.parametrize("kind", (*get_args(effect.Effect), effect.TimerFired))
def test_every_effect_is_a_frozen_value(kind: type) -> None:
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert "__slots__" in kind.__dict__


def test_equal_wishes_are_equal() -> None:
    assert effect.Signal("web", 1, 15) == effect.Signal("web", 1, 15)
    with pytest.raises(dataclasses.FrozenInstanceError):
        effect.Signal("web", 1, 15).signum = 9  # type: ignore[misc]
