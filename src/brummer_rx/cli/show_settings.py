"""`--settings`: every setting in force and where it comes from."""

from __future__ import annotations

from brummer_rx.cli.output import Output, complain
from brummer_rx.cli.table import table
from brummer_rx.pipeline.kinds import shown
from brummer_rx.pipeline.settings import Settings

__all__ = ["show_settings"]


def show_settings(settings: Settings, out: Output) -> int:
    """Print them, one a line; warnings go to stderr. The exit code."""
    rows = [(row.key, shown(row.value), row.origin, row.note) for row in settings.values()]
    out.say(table(("SETTING", "VALUE", "ORIGIN", "NOTE"), rows))
    for warning in settings.warnings:
        complain(warning)
    return 0
