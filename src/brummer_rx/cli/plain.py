"""`--plain` and `--no-tui`: the merged stream on stdout, or nothing; our own messages on stderr."""

from __future__ import annotations

import errno
import os
from collections import deque

from brummer_rx.cli.control_socket import Control
from brummer_rx.cli.doors import CONSOLE, built_in_console
from brummer_rx.cli.hints import Hints
from brummer_rx.cli.resources import terminal_size
from brummer_rx.cli.session import Session
from brummer_rx.cli.start import command_line
from brummer_rx.pipeline import guards
from brummer_rx.pipeline.flow import SinkSpec
from brummer_rx.pipeline.process import ProcessSpec
from brummer_rx.pipeline.settings import Settings
from brummer_rx.sinks.door import Sink, SinkContext
from brummer_rx.sinks.outlet import Outlet

__all__ = ["plain"]

BROKEN_PIPE = 141
MOST_MESSAGES = 1000
"""Of ours that wait for a stderr that is not read; the others stand in the log only."""
LAST_WORDS = 1.0
"""At the end: seconds for which stdout and stderr are waited for while they take nothing."""


def plain(
    settings: Settings,
    specs: tuple[ProcessSpec, ...],
    *,
    warnings: tuple[str, ...],
    known: tuple[str, ...],
    console: bool,
) -> int:
    """Run until all children ended (or, without a console, until it is told to stop); the exit code."""
    return _Plain(settings, specs, known, console).run(warnings)


@guards.owned("main thread", shared=("_left_out",))
@guards.locked("_lock", "_left_out")
class _Plain:
    """One run without a viewer. Main thread, but for `_say` and `_pulse`."""

    def __init__(
        self, settings: Settings, specs: tuple[ProcessSpec, ...], known: tuple[str, ...], console: bool
    ) -> None:
        self._lock = guards.lock("messages")
        # Under the lock: what any thread said; the main thread writes it.
        self._waiting: deque[str] = deque()
        self._left_out = 0
        self._parked = False  # stderr is full and calls us
        self._session = session = Session(
            settings, specs, pty=False, size=terminal_size(), command=command_line(), on_notice=self._say
        )
        session.ends_with_children = console
        self._hints = Hints(known, session.tell)
        self._errors = Outlet(2, session.loop, lambda error: None)
        self._console: Sink | None = None
        if console:
            names = tuple(spec.name for spec in specs)
            context = SinkContext(session.loop, settings.folder, names, self._stdout_failed)
            self._console = built_in_console(context, settings.color)
            session.readers.add(CONSOLE, self._console.outlet)
        self._control = Control(session)

    def run(self, warnings: tuple[str, ...]) -> int:
        """Serve to the end; the exit code."""
        session = self._session
        try:
            for warning in warnings:
                session.tell(f"warning: {warning}", True)
            session.live.on_change(self._pulse)
            session.loop.call_later(0.0, self._control.start)
            session.run(*self._sinks())
        finally:
            try:
                self._control.close()
            finally:
                code = session.close()
                self._last_words()
        return code

    def _last_words(self) -> None:
        if self._console is not None:
            self._console.close(LAST_WORDS if CONSOLE in self._session.readers else 0.0)
        self._parked = False
        self._flush()
        self._errors.close(LAST_WORDS)

    def _sinks(self) -> tuple[SinkSpec, ...]:
        console = self._console
        if console is None:
            return ()
        return (SinkSpec(CONSOLE, self._session.loop, console.write, feeds=console.gate),)

    # --- messages -------------------------------------------------------------------------------------

    def _say(self, text: str, bad: bool) -> None:
        """Any thread."""
        with self._lock:
            if len(self._waiting) < MOST_MESSAGES:
                self._waiting.append(f"brummer-rx: {text}\n")
            else:
                self._left_out += 1
        if self._session.loop.is_current():
            self._flush()
        else:
            self._session.loop.post("say", self._flush)

    def _flush(self) -> None:
        if self._parked:
            return
        self._parked = self._errors.park(self._unpark)
        if not self._parked:
            self._errors.write(self._said().encode("utf-8", "replace"))

    def _unpark(self) -> None:
        self._parked = False
        self._flush()

    def _said(self) -> str:
        """Take what waits."""
        with self._lock:
            said, left_out = "".join(self._waiting), self._left_out
            self._waiting.clear()
            self._left_out = 0
        if left_out:
            said += f"brummer-rx: {left_out} messages were left out here; they are in the log\n"
        return said

    def _pulse(self) -> None:
        """Any thread: something changed."""
        self._session.loop.post("look", self._look)

    def _look(self) -> None:
        self._hints.look(self._session.supervisor.table)

    # --- stdout ---------------------------------------------------------------------------------------

    def _stdout_failed(self, error: OSError) -> None:
        if error.errno == errno.EPIPE:
            self._session.abandon(BROKEN_PIPE)
        else:
            self._session.tell(f"stdout failed ({os.strerror(error.errno or 0)}); the log goes on", True)
            self._session.incomplete = True
