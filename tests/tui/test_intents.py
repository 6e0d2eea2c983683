from __future__ import annotations

import dataclasses
from typing import get_args

import pytest

from brummer_rx.tui import intents


@pytest.mark.parametrize("kind", [*get_args(intents.Intent), *get_args(intents.Effect)])
def test_intents_and_effects_are_frozen_values(kind: type) -> None:
    assert dataclasses.is_dataclass(kind)
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert kind.__hash__ is not None


def test_every_name_of_the_module_is_one_of_them_or_their_union() -> None:
    kinds = {k.__name__ for k in (*get_args(intents.Intent), *get_args(intents.Effect))}

    assert set(intents.__all__) - {"Intent", "Effect"} <= kinds
