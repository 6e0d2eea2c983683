"""Keys are painted at once, data so many times a second, nothing when nothing changed."""

from __future__ import annotations

import pytest

from brummer_rx.tui.pacing import Pacer, frames_per_second


def test_nothing_changed_nothing_due() -> None:
    pacer = Pacer(30)
    pacer.painted(1.0)

    assert pacer.due() is None


def test_the_first_frame_is_due_at_once() -> None:
    pacer = Pacer(30)
    pacer.touch(urgent=False)

    due = pacer.due()
    assert due is not None and due < 0


def test_data_waits_for_its_turn_and_a_key_does_not() -> None:
    pacer = Pacer(25)
    pacer.painted(10.0)
    pacer.touch(urgent=False)
    assert pacer.due() == pytest.approx(10.04)

    pacer.touch(urgent=True)
    assert pacer.due() == pytest.approx(10.008)

    pacer.painted(10.01)
    assert pacer.due() is None


@pytest.mark.parametrize(
    ("wanted", "environ", "fps"),
    [
        (None, {}, 30),
        (None, {"SSH_CONNECTION": "a b"}, 12),
        (10, {"SSH_CONNECTION": "a b"}, 10),
        (0, {}, 1),
        (1000, {}, 120),
    ],
)
def test_frames_per_second(wanted: float | None, environ: dict[str, str], fps: float) -> None:
    assert frames_per_second(wanted, environ) == fps
