"""Sources and sinks of a run, through the door by which extensions enter: entry points, and the settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from brummer_rx.pipeline.clock import Clock
from brummer_rx.pipeline.errors import ConfigError
from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.mainloop import MainLoop
from brummer_rx.pipeline.registry import Extension, sinks, sources
from brummer_rx.pipeline.settings import ExtensionSetting, Settings, check_extensions
from brummer_rx.sinks.door import Sink, SinkContext
from brummer_rx.sources.ingest import Ingest

__all__ = ["CONSOLE", "built_in_console", "built_in_ingest", "more_sinks"]

CONSOLE = "console"
"""The one sink that a mode of the command line chooses, not a file."""
STORE = "store"
"""Always there; no other sink may take its name."""


def more_sinks(
    settings: Settings,
    loop: MainLoop,
    names: tuple[str, ...],
    on_error: Callable[[str, OSError], None],
) -> dict[str, Sink]:
    """What `[sinks.NAME] enabled = true` asks for, by name. Main thread; the caller closes them.

    Raises `ConfigError` for an unknown sink or wrong options, `SinkError` for one that cannot be opened;
    those opened before it are closed then.
    """
    found = sinks()
    check_extensions(settings.sinks, found, "sink")
    opened: dict[str, Sink] = {}
    try:
        for name, wish in settings.sinks.items():
            if name in (CONSOLE, STORE):
                raise ConfigError(f"{wish.origin}: the sink {name} is not switched by a file")
            if wish.enabled:
                opened[name] = _made(found[name], wish, _context(settings, loop, names, name, on_error))
    except BaseException:
        for sink in opened.values():
            sink.close()
        raise
    return opened


def built_in_ingest(gate: Gate, clock: Clock, **edges: Any) -> Ingest:
    """What reads the children, by its entry point; `edges`: what is not the system's own."""
    source: Ingest = sources(only_ours=True)["processes"].load()(gate=gate, clock=clock, **edges)
    return source


def built_in_console(context: SinkContext, color: str) -> Sink:
    """The console of `--plain`, by its entry point."""
    sink: Sink = sinks(only_ours=True)[CONSOLE].load()(context, color=color)
    return sink


def _context(
    settings: Settings,
    loop: MainLoop,
    names: tuple[str, ...],
    name: str,
    on_error: Callable[[str, OSError], None],
) -> SinkContext:
    return SinkContext(loop, settings.folder, names, lambda error: on_error(name, error))


def _made(extension: Extension, wish: ExtensionSetting, context: SinkContext) -> Sink:
    factory = extension.load()
    try:
        sink: Sink = factory(context, **wish.options)
    except (TypeError, ValueError) as error:
        why = f"its options are not what it takes: {error}"
        raise ConfigError(f"{wish.origin}: sinks.{extension.name}: {why}") from error
    return sink
