"""Starting a run: which mode, which processes, and what is said where."""

from __future__ import annotations

import os
import sys

from loguru import logger

from brummer_rx.cli.requests import StartOptions
from brummer_rx.pipeline.process import ProcessSpec
from brummer_rx.sources.detect import Choice, choose, discover

__all__ = ["Mode", "mode_of", "start"]

Mode = str
PLAIN, HEADLESS, VIEWER = "plain", "headless", "viewer"


def mode_of(options: StartOptions, *, why_no_viewer: str | None) -> Mode:
    """Viewer, plain stream or headless; `why_no_viewer` is None where a viewer can run."""
    if options.headless:
        return HEADLESS
    return PLAIN if options.plain or why_no_viewer else VIEWER


def start(options: StartOptions) -> int:
    """Run what the words choose until it is over; the exit code. Raises `BrummerError` at first only."""
    logger.remove()  # nothing of ours may reach the terminal by itself
    settings = options.place.settings
    discovered = discover(settings.folder, settings)
    choice = choose(options.words, discovered, names_only=options.names_only)
    mode = mode_of(options, why_no_viewer=_why_no_viewer())
    warnings = (*settings.warnings, *discovered.problems)
    specs = specs_of(choice, () if options.words else discovered.declared)
    if mode == VIEWER:
        from brummer_rx.cli.watch import watch

        return watch(settings, specs, warnings=warnings, known=discovered.names)
    from brummer_rx.cli.plain import plain

    choice.must_start()
    return plain(settings, specs, warnings=warnings, known=discovered.names, console=mode == PLAIN)


def _why_no_viewer() -> str | None:
    if not (os.isatty(0) and os.isatty(1)):
        return "no terminal"  # the usual case, without loading the viewer
    from brummer_rx.tui.terminal import unusable

    return unusable(os.environ)


def specs_of(choice: Choice, declared: tuple[ProcessSpec, ...] = ()) -> tuple[ProcessSpec, ...]:
    """What the run holds: what is started, and what may be started in it (`autostart` is False).

    That is what may be picked, else those of `declared` that do not start by themselves.
    """
    if not choice.specs:
        return choice.pick
    return choice.specs + tuple(spec for spec in declared if not spec.autostart)


def command_line() -> str:
    """How this run was called, for its manifest."""
    return " ".join(["brummer-rx", *sys.argv[1:]])
