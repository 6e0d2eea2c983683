"""A run that is to end and does not move is let go; one that moves is not."""

from __future__ import annotations

import pytest

from brummer_rx.cli import ending
from brummer_rx.cli.ending import EndWatch
from brummer_rx.pipeline.mainloop import MainLoop


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "LOOK_EVERY", 0.005)


class Bench:
    """A loop that ends with `on_stuck`."""

    def __init__(self, patience: float) -> None:
        self.loop = MainLoop()
        self.looks = 0
        self.moves = 0
        self.stuck = 0
        self.watch = EndWatch(
            self.loop, position=self.position, patience=lambda: patience, on_stuck=self.on_stuck
        )

    def position(self) -> int:
        self.looks += 1
        return min(self.looks, self.moves)

    def on_stuck(self) -> None:
        self.stuck += 1
        self.loop.stop()

    def run(self) -> None:
        try:
            self.loop.run()
        finally:
            self.loop.close()


def test_nothing_is_watched_before_the_start() -> None:
    bench = Bench(0.0)
    bench.loop.call_later(0.05, bench.loop.stop)
    bench.run()

    assert (bench.looks, bench.stuck) == (0, 0)


def test_what_stands_for_too_long_is_told_once() -> None:
    bench = Bench(0.02)
    bench.watch.start()
    bench.watch.start()
    bench.run()

    assert bench.stuck == 1
    assert bench.looks > 2


def test_what_moves_is_not_stuck() -> None:
    bench = Bench(0.02)
    bench.moves = 30
    bench.watch.start()
    bench.run()

    assert bench.stuck == 1
    assert bench.looks > 30, "it stood only then"
