"""The viewer's run: the screen on the main loop, the children behind it; they never wait for the screen."""

from __future__ import annotations

from loguru import logger

from brummer_rx.cli.control_socket import Control
from brummer_rx.cli.farewell import farewell, leave
from brummer_rx.cli.hints import Hints
from brummer_rx.cli.resources import terminal_size
from brummer_rx.cli.session import Session
from brummer_rx.cli.start import command_line
from brummer_rx.pipeline.process import ProcessSpec
from brummer_rx.pipeline.settings import Settings
from brummer_rx.tui.app import Viewer, ViewerOptions

__all__ = ["watch"]

HUNG_UP = 129
"""As if SIGHUP had come, which it does, too, when the terminal was the controlling one."""
CONTROL_AFTER = 0.3
"""Seconds after the first frame: its library takes a tenth of a second to load."""


def watch(
    settings: Settings, specs: tuple[ProcessSpec, ...], *, warnings: tuple[str, ...], known: tuple[str, ...]
) -> int:
    """Show the run until its user ends it; the exit code."""
    size = terminal_size()
    session = Session(
        settings, specs, pty=True, size=size, command=command_line(), on_notice=lambda text, bad: None
    )
    session.ends_with_children = False
    hints = Hints(known, session.tell)
    color = "mono" if settings.color == "never" else "auto"
    viewer = Viewer(
        session.live,
        session.loop,
        options=ViewerOptions(
            color=color,
            mouse=settings.mouse,
            glyphs=settings.glyphs,
            sync=settings.sync_output,
            fps=None if settings.get("fps").origin == "default" else float(settings.fps),
        ),
        on_quit=lambda: session.stop(0),
        on_lost=lambda: session.abandon(HUNG_UP),
        on_resize=session.resize,
    )
    control = Control(session)
    try:
        for warning in warnings:
            session.tell(f"warning: {warning}", True)
        session.live.on_change(
            lambda: session.loop.post("hint", lambda: hints.look(session.supervisor.table))
        )
        viewer.start()
        session.loop.call_later(CONTROL_AFTER, control.start)
        session.run()
    finally:
        try:
            viewer.finish()
            control.close()
        finally:
            for failure in viewer.failures:
                logger.error("the viewer failed: {}", failure)
            code = session.close()
            kept = sum(session.store.snapshot().source_counts().values())
            left = farewell(session.supervisor.table, session.run_folder.id, kept)
            leave((*viewer.failures, *left))
    return code
