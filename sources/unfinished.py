"""Which lines are unfinished, and what is due for them: shown after a moment, stored after a silence.

Owned by the ingest thread; `tails` and `on_change` may be used by any.
"""

from __future__ import annotations

from collections.abc import Callable

from loguru import logger

from brummer_rx.pipeline import guards
from brummer_rx.pipeline.runview import Tail
from brummer_rx.sources.lines import Cut
from brummer_rx.sources.pipes import IngestOptions, Pipe

__all__ = ["Unfinished"]

NEVER = float("inf")


@guards.owned("ingest thread", "note", "forget", "tick", shared=("_callbacks",))
@guards.locked("_lock", "_callbacks")
@guards.calls_out("_publish")
class Unfinished:
    """All unfinished lines of a run.

    The owner calls `note` after each read, and `tick` when `due` (monotonic seconds) has come.
    """

    def __init__(self, options: IngestOptions) -> None:
        self._options = options
        self._pipes: dict[Pipe, None] = {}
        self._changed_at = NEVER  # a shown tail grew: publish then
        self.due = NEVER
        """When `tick` is to be called next."""
        self.tails: tuple[Tail, ...] = ()
        """What is shown; replaced as a whole."""
        self._lock = guards.lock("unfinished lines")
        self._callbacks: tuple[Callable[[], None], ...] = ()

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` when `tails` was replaced; returns how to stop that."""
        with self._lock:
            self._callbacks = (*self._callbacks, callback)

        def stop() -> None:
            with self._lock:
                self._callbacks = tuple(c for c in self._callbacks if c is not callback)

        return stop

    def note(self, pipe: Pipe, now: float, *, fresh: bool) -> None:
        """A read of `pipe` brought something; `fresh`: what is unfinished now began with it."""
        pipe.touched = now
        if not pipe.cutter.unfinished:
            self.forget(pipe)
            return
        if fresh or pipe not in self._pipes:
            pipe.since = now
            self._hide(pipe)
        self._pipes[pipe] = None
        if pipe.shown:  # it grew; a progress bar may do so a thousand times a second
            self._changed_at = min(self._changed_at, now + self._options.show_after)
            self.due = min(self.due, self._changed_at)
        else:
            self.due = min(self.due, pipe.since + self._options.show_after)

    def forget(self, pipe: Pipe) -> None:
        """The line was finished, or its stream is at its end."""
        if pipe in self._pipes:
            del self._pipes[pipe]
            self._hide(pipe)

    def _hide(self, pipe: Pipe) -> None:
        if pipe.shown:
            pipe.shown = False
            self._publish()

    def tick(self, now: float) -> list[tuple[Pipe, list[Cut]]]:
        """Publish what is to be shown; returns the pieces of lines whose streams are silent."""
        pieces = []
        grown = self._changed_at <= now
        if grown:
            self._changed_at = NEVER
        due = self._changed_at
        for pipe in tuple(self._pipes):
            if now >= pipe.touched + self._options.store_after and pipe.left():
                pipe.touched = now  # its child is not silent: we do not read, because there is no room
            if now >= pipe.touched + self._options.store_after:
                pieces.append((pipe, pipe.cutter.silence()))
                pipe.touched = now
                if not pipe.cutter.unfinished:
                    del self._pipes[pipe]
                    grown = grown or pipe.shown
                    pipe.shown = False
                    continue
                grown = True
            if not pipe.shown:
                if now >= pipe.since + self._options.show_after:
                    pipe.shown = grown = True
                else:
                    due = min(due, pipe.since + self._options.show_after)
            due = min(due, pipe.touched + self._options.store_after)
        self.due = due
        if grown:
            self._publish()
        return pieces

    def _publish(self) -> None:
        new = tuple(
            Tail(p.owner.child.source, p.stream, p.read_ns, p.cutter.tail()) for p in self._pipes if p.shown
        )
        if new == self.tails:
            return
        self.tails = new
        for callback in self._callbacks:
            try:
                callback()
            except Exception as error:  # noqa: BLE001 - a viewer's mistake must not stop the reading
                logger.opt(exception=error).error("a listener for unfinished lines raised")
