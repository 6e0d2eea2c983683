"""TUI-2 and TUI-4: states are values, the view is a function of them, and the last one is the whole truth."""

from __future__ import annotations

import threading
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from brummer_rx.pipeline.reader import LogSnapshot
from brummer_rx.tui.frame import Frame
from brummer_rx.tui.intents import Effect, Seen
from brummer_rx.tui.reduce import reduce
from brummer_rx.tui.state import Snap, State
from brummer_rx.tui.view import view, wake_at
from tests.pipeline.until import until
from tests.proof.seed import rng
from tests.properties.storerig import WAIT
from tests.properties.viewerrig import NAMES, Seat, in_threads
from tests.tui.tty_screen import expected

pytestmark = pytest.mark.pty

KEYS = {
    "1": b"1", "2": b"2", "j": b"j", "k": b"k", "G": b"G", "g": b"g", "w": b"w", "t": b"t",
    "up": b"\x1b[A", "down": b"\x1b[B", "pgup": b"\x1b[5~",
}  # fmt: skip
"""Keys that change what is seen and nothing else."""
OVERLAYS = {"1": b"1", "f": b"f", "esc": b"\x1b", "?": b"?", "q": b"q", "2": b"2"}
ATOMS = (str, bytes, int, float, bool, type(None), Enum, range)


def mutable_parts(value: Any, path: str = "state") -> list[str]:
    """Where in a state something could be changed in place. Mappings of a `Snap` are looked at apart."""
    if isinstance(value, ATOMS) or callable(value):
        return []
    if isinstance(value, (tuple, frozenset)):
        return [part for n, inner in enumerate(value) for part in mutable_parts(inner, f"{path}[{n}]")]
    if isinstance(value, Snap):
        parts = {"table": value.table, "tails": value.tails, "notices": value.notices}
        return [part for name, inner in parts.items() for part in mutable_parts(inner, f"{path}.{name}")]
    if is_dataclass(value) and type(value).__dataclass_params__.frozen:  # type: ignore[attr-defined]
        return [
            part
            for field in fields(value)
            if field.name != "env"  # of a process's spec: a mapping that nobody writes
            for part in mutable_parts(getattr(value, field.name), f"{path}.{field.name}")
        ]
    return [f"{path}: {type(value).__name__}"]


def frozen(snap: Snap) -> Snap:
    """The same, its mappings copied and sealed."""
    usage, rates = MappingProxyType(dict(snap.usage)), MappingProxyType(dict(snap.rates))
    return replace(snap, usage=usage, rates=rates)


def image(state: State, snap: Snap) -> str:
    """Everything that a state and a snapshot say; the log by its numbers."""
    log: LogSnapshot = snap.log
    numbers = (log.first_seq, log.end_seq, log.gaps, log.sources)
    said = [repr(getattr(state, f.name)) for f in fields(state) if f.name != "snap"]
    facts = (snap.table, dict(snap.usage), snap.tails, snap.notices, snap.now_ns, dict(snap.rates), numbers)
    return repr((said, facts))


class Watch:
    """Looks at every rendering."""

    def __init__(self) -> None:
        self.failures: list[str] = []
        self.versions = (-1, -1, -1, -1)
        self.kept: list[tuple[State, Snap, Frame, str]] = []
        self.threads: set[int] = set()

    def __call__(self, state: State, snap: Snap) -> Frame:
        self.threads.add(threading.get_ident())
        before = image(state, snap)
        frame = view(state, snap)
        sealed = frozen(snap)
        if not frame == view(state, snap) == view(replace(state, snap=sealed), sealed):
            self.failures.append("the same state is drawn in two ways")
        if image(state, snap) != before:
            self.failures.append("drawing has changed the state")
        self.failures += mutable_parts(state)
        if state.snap is not snap:
            self.failures.append("drawn with a snapshot that the state has not seen")
        versions = (snap.table.version, snap.log.end_seq, snap.log.first_seq, state.now_ns)
        if any(now < then for now, then in zip(versions, self.versions, strict=True)):
            self.failures.append(f"{versions} after {self.versions}")
        self.versions = versions
        self.kept.append((state, snap, frame, before))
        return frame


def busy_run(seat: Seat, name: str) -> list[str]:
    """Lines from all sides, exits, notices and random keys; the names of the keys typed, in order."""
    random = rng(name)
    typed: list[str] = []

    def produce(n: int) -> None:
        for number in range(600):
            seat.publish(NAMES[n % len(NAMES)], number)
            if number % 20 == 0:
                threading.Event().wait(0.01)
            if number == 300:
                seat.exits(NAMES[n % len(NAMES)])
                seat.live.tell(f"notice {n}", bad=n == 1)

    def type_keys() -> None:
        for _ in range(50):
            burst = random.choices(list(KEYS), k=random.randrange(1, 4))
            typed.extend(burst)
            seat.key(b"".join(KEYS[key] for key in burst))
            threading.Event().wait(0.008)

    def script() -> None:
        typist = threading.Thread(target=type_keys, daemon=True)
        typist.start()
        in_threads(4, produce)
        typist.join(30)
        for key in ("1", "f", "esc", "?", "esc", "q", "esc", "2"):
            frames = len(seat.frames)
            seat.key(OVERLAYS[key])
            typed.append(key)
            until(lambda: len(seat.keys()) == len(typed), WAIT / 3)
            until(lambda then=frames: len(seat.frames) > then, WAIT)  # every key is answered by a frame
        seat.caught_up(4 * 600)

    seat.play(script)
    return typed


def test_tui_2_rendering_is_pure_states_are_frozen_and_versions_only_grow(tmp_path: Path) -> None:
    watch = Watch()
    with Seat(tmp_path, viewer=watch) as seat:
        busy_run(seat, "tui-2")
        assert watch.failures == []
        assert len(watch.kept) > 10 and watch.versions[1] == 4 * 600
        assert len({(state.view, state.mode) for state, _, _, _ in watch.kept}) > 4, "always the same view"
        # Long after, when the run has gone on: what was a value then is the same value now.
        for state, snap, frame, before in watch.kept[:: max(1, len(watch.kept) // 25)]:
            assert image(state, snap) == before
            assert view(state, snap) == frame


def test_tui_2_the_check_finds_what_is_not_frozen() -> None:
    """The teeth of `mutable_parts`."""
    from brummer_rx.tui.state import Window, initial

    state = initial(80, 24)
    assert mutable_parts(state) == []
    broken = replace(state, logs=replace(state.logs, window=Window(rows=[1])))  # type: ignore[arg-type]
    assert mutable_parts(broken) == ["state.logs.window.rows: list"]


def test_tui_4_the_screen_is_the_fold_of_everything_that_was_accepted(tmp_path: Path) -> None:
    with Seat(tmp_path) as seat:
        typed = busy_run(seat, "tui-4")
        shown = seat.viewer._machine.state

        # What went in: every key, once, in order, and at the end the run as it is.
        assert seat.keys() == typed
        last = next(intent.snap for intent in reversed(seat.intents) if isinstance(intent, Seen))
        assert last.log.end_seq == len(seat.journal) == 4 * 600
        assert last.table is seat.supervisor.table
        assert last.notices == seat.live.notices()

        # One after the other, on no thread but this one, it comes to the same.
        assert seat.first is not None
        state = seat.first
        effects: list[Effect] = []
        for intent in seat.intents:
            state, more = reduce(state, intent)
            effects += more
        assert state == shown
        assert effects == seat.effects
        newest_state, newest_snap, newest_frame = seat.frames[-1]
        assert newest_snap is last and newest_frame == view(newest_state, last)
        assert seat.screen() == expected(newest_frame), "the terminal shows something else"
        wake = wake_at(state, last)
        assert wake is None or wake > last.now_ns


def test_tui_4_a_change_that_comes_while_a_frame_is_drawn_is_shown_by_the_next(tmp_path: Path) -> None:
    """The run changes after the frame's snapshot was taken and never again: nothing else asks for a frame."""
    answered: set[str] = set()

    def viewer(state: State, snap: Snap) -> Frame:
        newest = snap.notices[-1].text if snap.notices else ""
        if newest.startswith("before") and newest not in answered:
            answered.add(newest)
            text = newest.replace("before", "during")
            other = threading.Thread(target=lambda: seat.live.tell(text), daemon=True)
            other.start()
            other.join(WAIT)
        return view(state, snap)

    def script() -> None:
        for n in range(5):
            seat.caught_up(0)
            seat.live.tell(f"before {n}")
            until(lambda n=n: f"before {n}" in answered, WAIT)
            seat.caught_up(0, seconds=3.0)  # a notice leaves the screen after 5 s: that frame is no answer

    with Seat(tmp_path, viewer=viewer) as seat:
        seat.play(script)
        texts = [notice.text for notice in seat.frames[-1][1].notices]
        assert texts[-10:] == [f"{when} {n}" for n in range(5) for when in ("before", "during")]
