"""(e) One frame at 120x40 over 10^6 lines: view, diff and encode."""

from __future__ import annotations

import itertools
from typing import Any

from bench.stores import Filled
from brummer_rx.pipeline.process import ProcessInfo, ProcessSpec, ProcessState, ProcessTable
from brummer_rx.tui.encode import paint
from brummer_rx.tui.frame import Frame
from brummer_rx.tui.intents import Seen
from brummer_rx.tui.keys import Key
from brummer_rx.tui.reduce import reduce
from brummer_rx.tui.state import Snap, State, initial
from brummer_rx.tui.theme import Theme, depth_of
from brummer_rx.tui.view import view

SIZE = (120, 40)
THEME = Theme(depth_of(256, wanted="auto", no_color=False))
COMMANDS = tuple(
    ProcessInfo(ProcessSpec(f"app{n}", ("true",), "true", "."), ProcessState.RUNNING, output_open=True)
    for n in range(8)
)


class Moment:
    """The store's snapshot as it was when only `end` lines were there."""

    def __init__(self, whole: Any, end: int) -> None:
        self._whole = whole
        self.end_seq = end

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)


def snap(filled: Filled, end: int) -> Snap:
    """What the viewer would see with `end` lines."""
    log: Any = Moment(filled.reader.snapshot(), end)
    return Snap(log, ProcessTable(1, COMMANDS), now_ns=1_700_000_000_000_000_000)


def frames(filled: Filled, steps: Any) -> Any:
    """A function that makes the next frame of a walk: intent, view, diff, encode."""
    state: State = initial(*SIZE)
    shown: Frame | None = None

    def one() -> int:
        nonlocal state, shown
        for intent in next(steps):
            state, _ = reduce(state, intent)
        now = state.snap
        assert now is not None
        frame = view(state, now)
        written = paint(shown, frame, THEME, sync=True)
        shown = frame
        return len(written)

    return one


def test_follow_a_flood(million: Filled, benchmark: Any) -> None:
    """A hundred new lines a frame while following: the whole body is new."""
    start = million.lines - 90_000
    steps = ([Seen(snap(million, start + 100 * n))] for n in itertools.count())
    benchmark.pedantic(frames(million, steps), rounds=600, warmup_rounds=20)


def test_follow_one_line(million: Filled, benchmark: Any) -> None:
    """One new line a frame while following: the screen scrolls by one row."""
    start = million.lines - 90_000
    steps = ([Seen(snap(million, start + n))] for n in itertools.count())
    benchmark.pedantic(frames(million, steps), rounds=600, warmup_rounds=20)


def test_page_up(million: Filled, benchmark: Any) -> None:
    """A page further up each frame: nothing on the screen was there before."""
    first = [Seen(snap(million, million.lines))]
    steps = itertools.chain([first], ([Key("pgup")] for _ in itertools.count()))
    benchmark.pedantic(frames(million, steps), rounds=600, warmup_rounds=20)


def test_nothing_new(million: Filled, benchmark: Any) -> None:
    """The same moment again: nothing is written."""
    seen = [Seen(snap(million, million.lines))]
    benchmark.pedantic(frames(million, itertools.repeat(seen)), rounds=600, warmup_rounds=20)
