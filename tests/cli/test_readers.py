"""Readers at the end of a run: one that takes something is waited for, one that stopped is let go."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from brummer_rx.cli.readers import STUCK_AFTER, Readers
from brummer_rx.pipeline.testing import VirtualClock


class FakeOutlet:
    def __init__(self, waiting: int) -> None:
        self.waiting_bytes = waiting
        self.written = 0
        self.kept: list[Callable[[], None]] = []

    def when_out(self, action: Callable[[], None]) -> bool:
        self.kept.append(action)
        return self.waiting_bytes > 0


class Rig:
    def __init__(self, **waiting: int) -> None:
        self.clock = VirtualClock()
        self.outlets = {name: FakeOutlet(size) for name, size in waiting.items()}
        self.let_go: list[tuple[str, int]] = []
        self.hurried = False
        self.readers = Readers(
            self.clock,  # type: ignore[arg-type]
            self.outlets,  # type: ignore[arg-type]
            hurried=lambda: self.hurried,
            let_go=lambda name, size: self.let_go.append((name, size)),
        )


@pytest.fixture
def rig() -> Rig:
    return Rig(slow=100, stuck=70, done=0)


def test_only_who_took_nothing_is_let_go(rig: Rig) -> None:
    rig.readers.watch()
    for _ in range(3):
        rig.outlets["slow"].written += 1
        rig.clock.advance(STUCK_AFTER)

    assert rig.let_go == [("stuck", 70)]
    assert "stuck" not in rig.readers
    assert "slow" in rig.readers


def test_in_a_hurry_a_slow_one_is_let_go_too(rig: Rig) -> None:
    rig.hurried = True
    rig.readers.watch()

    assert rig.let_go == [("slow", 100), ("stuck", 70)]


def test_watching_begins_once(rig: Rig) -> None:
    rig.readers.watch()
    rig.readers.watch()
    rig.clock.advance(STUCK_AFTER)

    assert rig.let_go == [("slow", 100), ("stuck", 70)]


def test_the_end_waits_for_one_that_has_something(rig: Rig) -> None:
    def action() -> None:
        raise AssertionError("not called here")

    assert rig.readers.when_out(action)
    assert not Rig(done=0).readers.when_out(action)


def test_what_all_took_says_whether_something_moves() -> None:
    rig = Rig(a=1, b=1)
    rig.outlets["a"].written = 3
    rig.outlets["b"].written = 4

    assert rig.readers.written == 7
