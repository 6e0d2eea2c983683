"""What keeps the io loop for more than 100 ms is said with its stack; a busy loop of short steps is not."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from brummer_rx.pipeline import guards, loopwatch, violations
from brummer_rx.pipeline.clock import ClockThread
from brummer_rx.pipeline.errors import BufferOverflow
from brummer_rx.pipeline.ioloop import IoLoop
from brummer_rx.pipeline.ledger import Ledgers
from brummer_rx.pipeline.loopwatch import LIMIT, LOOK_EVERY, LoopWatch, live, new_loop
from brummer_rx.pipeline.violations import Mode, expected, reports
from brummer_rx.pipeline.watchdog import watch
from tests.pipeline.until import until


@pytest.fixture
def io() -> Iterator[IoLoop]:
    made = IoLoop()
    made.start()
    yield made
    assert made.close(5)
    assert live() == ()


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(loopwatch, "note", lines.append)
    return lines


def the_loop() -> LoopWatch:
    (loop,) = live()
    return loop


class Held:
    """A step that stays in `block_here` until `go`."""

    def __init__(self, io: IoLoop) -> None:
        self.there, self.go = threading.Event(), threading.Event()
        self.future = io.submit(self.run())
        assert self.there.wait(5)

    async def run(self) -> None:
        self.block_here()

    def block_here(self) -> None:
        self.there.set()
        self.go.wait(10)

    def end(self) -> None:
        self.go.set()
        self.future.result(5)


def test_a_step_that_blocks_is_told_once_with_its_stack(io: IoLoop, said: list[str]) -> None:
    held = Held(io)
    loop = the_loop()
    for n in range(50):
        loop.look(100.0 + n * LOOK_EVERY)
    held.end()

    assert len(said) == 1
    assert "the io loop is blocked for 0.08 s" in said[0]
    assert "block_here" in said[0]
    assert loop.blocked == 1


def test_a_step_below_the_limit_is_not(io: IoLoop, said: list[str]) -> None:
    held = Held(io)
    for n in range(round(LIMIT / LOOK_EVERY) - 1):
        the_loop().look(100.0 + n * LOOK_EVERY)
    held.end()

    assert said == []


def test_two_steps_in_a_row_are_two(io: IoLoop, said: list[str]) -> None:
    for start in (100.0, 100.06, 100.12):
        held = Held(io)
        the_loop().look(start)
        the_loop().look(start + 0.05)
        held.end()

    assert said == []


def test_an_idle_loop_is_none(io: IoLoop, said: list[str]) -> None:
    loop = the_loop()
    until(lambda: not loop._busy)
    for n in range(20):
        loop.look(100.0 + n)

    assert said == []


def test_the_watchdog_samples_it_on_the_clock(io: IoLoop) -> None:
    before = len(reports())
    clock = ClockThread()
    clock.start()
    watch(clock, Ledgers())
    held = Held(io)

    until(lambda: len(reports()) > before)
    held.end()
    assert "blocked" in reports()[before]
    assert "block_here" in reports()[before]
    assert clock.close(5)


def test_a_lock_that_is_held_over_an_await(io: IoLoop) -> None:
    lock = guards.lock("held over an await in a test")

    async def bad() -> None:
        with lock:
            await asyncio.sleep(0.001)

    with expected() as found:
        io.submit(bad()).result(5)

    assert {v.text for v in found} == {
        "held over an await in a test held while calling out: the io loop waits"
    }


def test_off_the_loop_is_asyncios_own() -> None:
    before = guards.mode()
    guards.switch(Mode.OFF)
    try:
        loop = new_loop("x")
        loop.close()
        assert live() == ()
    finally:
        guards.switch(before)
    assert violations.mode() is before


def test_the_watched_loop_still_refuses_and_ends(io: IoLoop) -> None:
    small = IoLoop(capacity=1)
    small.start()
    held = Held(small)
    with pytest.raises(BufferOverflow):
        small.submit(held.run())
    held.end()
    assert small.close(5)
