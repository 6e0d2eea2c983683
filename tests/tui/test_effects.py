"""Effects reach the run and the clipboard; answers come back as intents."""

from __future__ import annotations

from typing import Any, cast

import pytest

from brummer_rx.pipeline.errors import BufferOverflow, SinkError
from brummer_rx.pipeline.process import Command, CommandKind
from brummer_rx.pipeline.reader import SearchProgress, SearchQuery
from brummer_rx.tui.effects import Effects
from brummer_rx.tui.intents import (
    CancelSearch,
    Copy,
    Intent,
    Quit,
    Repaint,
    Said,
    Search,
    SearchFailed,
    SearchFound,
    SearchStarted,
    Send,
    Suspend,
    ToggleMouse,
)
from tests.tui.fakeloop import FakeLoop
from tests.tui.fakerun import FakeSearch


class Bench:
    """Effects with everything around them recorded; it is the run, the clipboard and the screen at once."""

    def __init__(self) -> None:
        self.loop = FakeLoop()
        self.search = FakeSearch()
        self.calls: list[object] = []
        self.got: list[tuple[Intent, bool]] = []
        self.full = False
        self.mouse = True
        self.effects = Effects(cast(Any, self), self.loop, cast(Any, self), self)

    def send(self, command: Command) -> None:
        if self.full:
            raise BufferOverflow("too many wishes wait")
        self.calls.append(command)

    def copy(self, text: str, what: str) -> None:
        self.calls.append((text, what))

    def dispatch(self, intent: Intent, *, urgent: bool = True) -> None:
        self.got.append((intent, urgent))

    def quit(self) -> None:
        self.calls.append("quit")

    def suspend(self) -> None:
        self.calls.append("suspend")

    def repaint(self) -> None:
        self.calls.append("repaint")

    def toggle_mouse(self) -> bool:
        self.mouse = not self.mouse
        return self.mouse


STOP = Command(CommandKind.STOP, "web")
QUERY = SearchQuery("x")


def test_each_effect_goes_where_it_belongs() -> None:
    bench = Bench()
    for effect in (Send(STOP), Copy("t", "1 line"), Quit(), Suspend(), Repaint()):
        bench.effects.do(effect)

    assert bench.calls == [STOP, ("t", "1 line"), "quit", "suspend", "repaint"]
    assert bench.got == []


def test_a_wish_that_was_not_taken_is_said() -> None:
    bench = Bench()
    bench.full = True
    bench.effects.do(Send(STOP))

    assert bench.got == [(Said("Not done: too many wishes wait", bad=True), True)]


def test_the_mouse_is_taken_and_left() -> None:
    bench = Bench()
    bench.effects.do(ToggleMouse())
    bench.effects.do(ToggleMouse())

    assert [cast(Said, i).text.split()[1].rstrip(":") for i, _ in bench.got] == ["off", "on"]


def test_search_answers_come_back() -> None:
    bench = Bench()
    bench.effects.do(Search(QUERY))
    assert bench.got == [(SearchStarted(5), True)]

    part, end = SearchProgress(5, (1,), 1, False), SearchProgress(5, (), 1, True)
    bench.search.answers = [part, end]
    bench.loop.readers[7]()
    assert bench.got[1:] == [(SearchFound(part), False), (SearchFound(end), True)]

    bench.effects.do(CancelSearch())
    assert bench.search.cancelled == 1
    bench.effects.close()
    assert bench.loop.readers == {}


@pytest.mark.parametrize("error", [SinkError("no helper"), OSError("no helper")])
def test_a_search_that_cannot_start_is_answered(error: Exception) -> None:
    bench = Bench()
    bench.search.error = error
    bench.effects.do(Search(QUERY))

    assert bench.got == [(SearchFailed("no helper"), True)]


def test_a_new_helper_is_listened_to_and_the_old_one_forgotten() -> None:
    bench = Bench()
    bench.effects.do(Search(QUERY))
    bench.search.next_fd = 9
    bench.effects.do(Search(QUERY))

    assert list(bench.loop.readers) == [9]


def test_a_helper_that_is_readable_for_ever_does_not_spin() -> None:
    bench = Bench()
    bench.effects.do(Search(QUERY))
    for _ in range(3):
        bench.loop.readers[7]()

    assert bench.loop.readers == {}
    bench.effects.do(Search(QUERY))
    assert list(bench.loop.readers) == [7]
