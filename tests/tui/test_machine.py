"""The scan in the middle: order, effects that make intents, and exceptions that end nothing."""

from __future__ import annotations

from dataclasses import replace

from brummer_rx.tui.intents import Effect, Intent, Quit, Repaint, Said, Tick
from brummer_rx.tui.machine import Machine, Step
from brummer_rx.tui.state import State, initial


class Bench:
    """A machine that notes what happens; `Tick(n)` sets the time, odd ones ask for effects, 13 is a bug."""

    def __init__(self) -> None:
        self.done: list[Effect] = []
        self.errors: list[str] = []
        self.order: list[Intent] = []
        self.machine = Machine(initial(80, 24), self.reduce, do=self.do, on_error=self.note)

    def reduce(self, state: State, intent: Intent) -> Step:
        self.order.append(intent)
        if not isinstance(intent, Tick):
            return state, ()
        if intent.now_ns == 13:
            raise ValueError("13")
        effects: tuple[Effect, ...] = (Quit(), Repaint()) if intent.now_ns % 2 else ()
        return replace(state, now_ns=intent.now_ns), effects

    def do(self, effect: Effect) -> None:
        assert self.machine.busy
        self.done.append(effect)
        if isinstance(effect, Quit):
            self.machine.feed(Said("from an effect"))
            self.machine.feed(Tick(100))
            raise RuntimeError("effect")

    def note(self, error: Exception) -> None:
        self.errors.append(str(error))


def test_effects_run_in_order_and_what_they_feed_comes_after_them() -> None:
    bench = Bench()
    bench.machine.feed(Tick(1))

    assert bench.done == [Quit(), Repaint()]
    assert bench.order == [Tick(1), Said("from an effect"), Tick(100)]
    assert bench.errors == ["effect"]
    assert bench.machine.state.now_ns == 100
    assert not bench.machine.busy


def test_an_exception_in_the_reducer_keeps_the_state_and_the_stream() -> None:
    bench = Bench()
    for now in (2, 13, 4):
        bench.machine.feed(Tick(now))

    assert bench.errors == ["13"]
    assert bench.machine.state.now_ns == 4


def test_closed_it_changes_nothing() -> None:
    bench = Bench()
    bench.machine.close()
    bench.machine.feed(Tick(2))

    assert bench.machine.state.now_ns == 0
