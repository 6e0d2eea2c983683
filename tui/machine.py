"""intents -> scan(reduce) -> state: the stream in the middle of the viewer. Owner: the main thread.

Exceptions end no stream here: one in the reducer leaves the state as it was, one in an effect leaves the
others alone; both are reported.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from reactivex import operators as ops
from reactivex.subject import Subject

from brummer_rx.pipeline import guards
from brummer_rx.tui.intents import Effect, Intent
from brummer_rx.tui.state import State

__all__ = ["Machine", "Step"]

Step = tuple[State, tuple[Effect, ...]]


@guards.owned("main thread", "feed")
class Machine:
    """Holds the current state; intents go in one after the other, effects come out in order."""

    def __init__(
        self,
        first: State,
        reducer: Callable[[State, Intent], Step],
        *,
        do: Callable[[Effect], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        self.state = first
        self._reduce = reducer
        self._do = do
        self._on_error = on_error
        self._inbox: deque[Intent] = deque()  # only intents that effects of the running one made
        self._busy = False
        self._intents: Subject[Intent] = Subject()
        seed: Step = (first, ())
        self._subscription = self._intents.pipe(ops.scan(self._step, seed)).subscribe(self._stepped)

    @property
    def busy(self) -> bool:
        """Whether an intent is being worked on (we are called from an effect)."""
        return self._busy

    def feed(self, intent: Intent) -> None:
        """Reduce one intent and do its effects; from within an effect it waits for its turn."""
        self._inbox.append(intent)
        if self._busy:
            return
        self._busy = True
        try:
            while self._inbox:
                self._intents.on_next(self._inbox.popleft())
        finally:
            self._busy = False

    def close(self) -> None:
        """End the stream; later intents change nothing."""
        self._subscription.dispose()

    def _step(self, before: Step, intent: Intent) -> Step:
        try:
            return self._reduce(before[0], intent)
        except Exception as error:  # noqa: BLE001 - reported
            self._on_error(error)
            return before[0], ()

    def _stepped(self, step: Step) -> None:
        self.state, effects = step
        for effect in effects:
            try:
                self._do(effect)
            except Exception as error:  # noqa: BLE001 - reported
                self._on_error(error)
