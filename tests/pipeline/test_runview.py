"""What a viewer sees are values."""

from __future__ import annotations

import dataclasses

import pytest

from brummer_rx.pipeline.event import Stream
from brummer_rx.pipeline.runview import Notice, Tail, Usage


@pytest.mark.parametrize("value", [Usage(1.0, 2), Tail("web", Stream.OUT, 0, b"half"), Notice(0, "text")])
def test_they_are_frozen_and_compare_by_content(value: object) -> None:
    assert value == dataclasses.replace(value)  # type: ignore[type-var]
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, dataclasses.fields(value)[0].name, 1)  # type: ignore[arg-type]


def test_a_notice_is_not_bad_unless_said() -> None:
    assert not Notice(0, "text").bad
