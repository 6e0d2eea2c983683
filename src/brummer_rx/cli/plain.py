"""`--plain` and `--no-tui`: the merged stream on stdout, or nothing; our own messages on stderr."""

from __future__ import annotations

import errno
import os

from brummer_rx.cli.control_socket import Control
from brummer_rx.cli.session import STUCK_AFTER, Session, terminal_size
from brummer_rx.cli.start import command_line
from brummer_rx.pipeline.flow import SinkSpec
from brummer_rx.pipeline.mainloop import MainLoop
from brummer_rx.pipeline.process import ProcessSpec
from brummer_rx.pipeline.settings import Settings
from brummer_rx.sinks.console import Console
from brummer_rx.sinks.outlet import Outlet
from brummer_rx.sources.names import unknown_name_hint

__all__ = ["plain"]

BROKEN_PIPE = 141


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


class _Plain:
    """One run without a viewer. Main thread."""

    def __init__(
        self, settings: Settings, specs: tuple[ProcessSpec, ...], known: tuple[str, ...], console: bool
    ) -> None:
        self._known = known
        self._waiting: list[str] = []  # said by other threads; the loop writes them
        self._hinted: set[str] = set()
        self._printed = -1
        self._session = session = Session(
            settings, specs, pty=False, size=terminal_size(), command=command_line(), on_notice=self._say
        )
        session.ends_with_children = console
        self._errors = Outlet(2, session.loop, lambda error: None)
        self._console: Console | None = None
        if console:
            names = [spec.name for spec in specs]
            self._console = Console(
                session.loop, names=names, color=settings.color, on_error=self._stdout_failed
            )
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
            self._control.close()
            code = session.close()
            self._flush()
            if self._console is not None:
                self._console.close(0.0)
            self._errors.close(0.2)
        return code

    def _sinks(self) -> tuple[SinkSpec, ...]:
        console = self._console
        if console is None:
            return ()
        return (SinkSpec("console", self._session.loop, console.write, feeds=console.gate),)

    # --- messages -------------------------------------------------------------------------------------

    def _say(self, text: str, bad: bool) -> None:
        """Any thread."""
        self._waiting.append(f"brummer-rx: {text}\n")
        self._session.loop.post("say", self._flush)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._errors.write("".join(waiting).encode("utf-8", "replace"))

    def _pulse(self) -> None:
        """Any thread: something changed."""
        self._session.loop.post("look", self._look)

    def _look(self) -> None:
        for info in self._session.supervisor.table.processes:
            if info.exit_code == 127 and info.spec.origin == "command line" and info.name not in self._hinted:
                self._hinted.add(info.name)
                hint = unknown_name_hint(info.spec.argv[-1], self._known)
                if hint:
                    self._session.tell(hint, True)
        if self._session.stopping and self._console is not None and self._printed < 0:
            self._printed = 0
            self._watch_reader(self._session.loop)

    # --- stdout ---------------------------------------------------------------------------------------

    def _stdout_failed(self, error: OSError) -> None:
        if error.errno == errno.EPIPE:
            self._session.stop(BROKEN_PIPE)
        else:
            self._session.tell(f"stdout failed ({os.strerror(error.errno or 0)}); the log goes on", True)
            self._session.code = self._session.code or 1

    def _watch_reader(self, loop: MainLoop) -> None:
        """The run ends: a reader that takes nothing any more must not hold it up; the store gets all."""
        console = self._console
        if console is None:
            return
        written = console.outlet.written
        stuck = console.outlet.waiting_bytes > 0 and written == self._printed
        self._printed = written
        if stuck and self._session.flow.detach("console"):
            waiting = console.outlet.waiting_bytes
            self._session.tell(
                f"stdout takes nothing: at least {waiting} bytes were not printed; they are in the log", True
            )
            self._session.loop.post("sinks", self._session.drained)
            return
        loop.call_later(STUCK_AFTER, lambda: self._watch_reader(loop))
