"""TUI-1: whatever happens in the run, the state of the viewer is written by the thread that owns it alone."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

from brummer_rx.tui.alarms import Alarms
from brummer_rx.tui.app import Viewer
from brummer_rx.tui.clipboard import Clipboard
from brummer_rx.tui.effects import Effects
from brummer_rx.tui.intents import Said
from brummer_rx.tui.keys import Pump
from brummer_rx.tui.machine import Machine
from brummer_rx.tui.pacing import Pacer
from brummer_rx.tui.rates import Rates
from brummer_rx.tui.terminal import Terminal
from brummer_rx.tui.ttyout import TtyOut
from tests.proof.seed import rng
from tests.properties.storerig import unguarded
from tests.properties.viewerrig import NAMES, Seat, in_threads

pytestmark = pytest.mark.pty

OWNED = (Viewer, Machine, Pacer, Alarms, Rates, Effects, TtyOut, Pump, Clipboard, Terminal)
FROM_ANYWHERE = {("call", "Viewer._changed"), ("write", "Viewer._pulse")}
"""The one door for other threads and the one flag it sets (both by design, see `Viewer._changed`)."""
PRODUCERS, EVENTS = 8, 2000


class Guard:
    """Notes who sets an attribute of the viewer's objects and who calls a method of theirs."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.owner = threading.get_ident()
        self.own: Counter[tuple[str, str]] = Counter()
        self.foreign: Counter[tuple[str, str]] = Counter()
        for cls in OWNED:
            for name, value in list(vars(cls).items()):
                if isinstance(value, FunctionType) and name != "__setattr__":
                    patch.setattr(cls, name, self._calls(f"{cls.__name__}.{name}", value))
            patch.setattr(cls, "__setattr__", self._sets(cls.__name__), raising=False)

    def note(self, what: str, name: str) -> None:
        mine = threading.get_ident() == self.owner
        (self.own if mine else self.foreign)[what, name] += 1

    def _calls(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def noted(*args: Any, **more: Any) -> Any:
            self.note("call", name)
            return function(*args, **more)

        return noted

    def _sets(self, owner: str) -> Callable[[object, str, object], None]:
        def noted(of: object, name: str, value: object) -> None:
            self.note("write", f"{owner}.{name}")
            object.__setattr__(of, name, value)

        return noted

    @property
    def intruders(self) -> list[tuple[str, str]]:
        """What other threads did that only the owner may."""
        return sorted(set(self.foreign) - FROM_ANYWHERE)


@pytest.fixture
def guard() -> Iterator[Guard]:
    """Ours, in the place of the product's own."""
    with unguarded(), pytest.MonkeyPatch.context() as patch:
        yield Guard(patch)


def test_tui_1_only_its_own_thread_writes_the_state_of_the_viewer(tmp_path: Path, guard: Guard) -> None:
    with Seat(tmp_path) as seat:
        random = rng("tui-1 keys")

        def produce(n: int) -> None:
            name = NAMES[n % len(NAMES)]
            for number in range(EVENTS):
                seat.publish(name, number)
                if number % 500 == 250:
                    seat.exits(name)  # the first one counts; the others are refused, and told nobody
                    seat.live.tell(f"{name} {n} {number}", bad=bool(n % 2))

        def type_keys() -> None:
            for _ in range(40):
                seat.key(random.choice((b"1", b"2", b"j", b"k", b"G", b"g", b"w", b"?", b"\x1b[A")))
                threading.Event().wait(0.01)

        def script() -> None:
            typist = threading.Thread(target=type_keys, daemon=True)
            typist.start()
            in_threads(PRODUCERS, produce)
            typist.join(30)
            seat.key(b"\x1b")
            seat.caught_up(PRODUCERS * EVENTS, unless=lambda: guard.intruders)

        seat.play(script)
        assert all(info.exit_code == 137 for info in seat.supervisor.table.processes)

    assert guard.intruders == []
    assert guard.foreign["call", "Viewer._changed"] > 10, "nothing came from other threads"
    for what in ("call", "Machine.feed"), ("write", "Machine.state"), ("write", "Pacer._last"):
        assert guard.own[what] > 10, f"the guard does not see {what}"


def test_tui_1_the_guard_sees_a_write_from_another_thread(tmp_path: Path, guard: Guard) -> None:
    """The teeth: both ways in which a worker could edit the state are noticed."""
    with Seat(tmp_path) as seat:

        def edit() -> None:
            seat.viewer._machine.feed(Said("from a worker"))
            seat.viewer._machine.state = seat.viewer._machine.state

        def script() -> None:
            thread = threading.Thread(target=edit)
            thread.start()
            thread.join()

        seat.play(script)
    assert ("call", "Machine.feed") in guard.intruders
    assert ("write", "Machine.state") in guard.intruders
