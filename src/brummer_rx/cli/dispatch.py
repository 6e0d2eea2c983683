"""From the words of a command line to the verb's function; its modules are imported when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from brummer_rx.cli.help import help_text
from brummer_rx.cli.output import Output
from brummer_rx.cli.parser import Parsed
from brummer_rx.cli.words import Asked, sort_out

__all__ = ["dispatch"]


def dispatch(args: Sequence[str], environ: Mapping[str, str], out: Output) -> int:
    """Do what the command line asks for; the exit code. Raises `BrummerError`."""
    asked = sort_out(args, lambda parsed, name: _has_script(parsed, name, environ))
    if asked.parsed.has("help"):
        out.write(help_text(asked.verb).encode())
        return 0
    if asked.parsed.has("version"):
        from brummer_rx import __version__

        out.say(f"brummer-rx {__version__}")
        return 0
    return _start(asked, environ, out) if not asked.verb.name else _verb(asked, environ, out)


def _start(asked: Asked, environ: Mapping[str, str], out: Output) -> int:
    from brummer_rx.cli.requests import start_options

    options = start_options(asked, environ)
    if options.list_settings:
        from brummer_rx.cli.show_settings import show_settings

        return show_settings(options.place.settings, out)
    from brummer_rx.cli.start import start

    return start(options)


def _verb(asked: Asked, environ: Mapping[str, str], out: Output) -> int:
    from brummer_rx.cli.requests import logs_options, show_options, steer_options

    name = asked.verb.name
    if name == "logs":
        logs = logs_options(asked.parsed, environ)
        from brummer_rx.cli.logs import show_logs

        return show_logs(logs, out)
    if name in ("status", "runs"):
        show = show_options(asked.parsed, environ)
        if name == "runs":
            from brummer_rx.cli.list_runs import show_runs

            return show_runs(show, out)
        from brummer_rx.cli.show_status import show_status

        return show_status(show, out)
    options = steer_options(asked, environ)
    from brummer_rx.cli.steer import steer, wait

    return wait(options, out) if name == "wait" else steer(options, out)


def _has_script(parsed: Parsed, name: str, environ: Mapping[str, str]) -> bool:
    """Whether the project has a process of that name."""
    from brummer_rx.cli.requests import place_of
    from brummer_rx.sources.detect import discover

    settings = place_of(parsed, environ).settings
    return any(spec.name == name for spec in discover(settings.folder, settings).specs)
