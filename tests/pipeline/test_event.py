"""Events are values: frozen, slotted, and complete."""

from __future__ import annotations

import dataclasses
from typing import get_args

import pytest

from brummer_rx.pipeline import event


@pytest.mark.parametrize("kind", get_args(event.Event))
def test_every_event_is_frozen_and_slotted(kind: type) -> None:
    assert dataclasses.is_dataclass(kind)
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert not hasattr(kind, "__dict__") or "__slots__" in kind.__dict__


def test_a_batch_cannot_be_changed_by_a_handler() -> None:
    batch = event.LogBatch("web", event.Stream.OUT, 0, 1, 0, b"a\n")

    with pytest.raises(dataclasses.FrozenInstanceError):
        batch.data = b"b\n"  # type: ignore[misc]


def test_levels_rise_from_trace_to_fatal() -> None:
    assert [level.name for level in sorted(event.Level)] == [
        "TRACE",
        "DEBUG",
        "INFO",
        "WARN",
        "ERROR",
        "FATAL",
    ]


def test_levels_and_slots_share_one_key_byte() -> None:
    assert max(event.Level) < 8
