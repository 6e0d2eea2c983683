"""Which lines are shown: a small pure value, its changes, and its chips (`web,api`, `level>=warn`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from brummer_rx.pipeline.event import Level
from brummer_rx.pipeline.reader import LineFilter

__all__ = ["ALL", "LEVELS", "Filter", "chips", "cycle_level", "only", "shows", "toggle", "where"]

LEVELS = (None, Level.DEBUG, Level.INFO, Level.WARN, Level.ERROR)
"""What the level key goes through; None: every level."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which lines."""

    sources: frozenset[str] | None = None
    """None: every process, also those that are yet to come."""
    level: Level | None = None
    """This level and above."""


ALL = Filter()
"""Nothing is hidden."""


def where(chosen: Filter) -> LineFilter:
    """The same as the store understands it."""
    return LineFilter(chosen.sources, Level.TRACE if chosen.level is None else chosen.level)


def shows(chosen: Filter, source: str) -> bool:
    """Whether lines of that process are shown (level aside)."""
    return chosen.sources is None or source in chosen.sources


def toggle(chosen: Filter, source: str, known: Sequence[str]) -> Filter:
    """Show or hide one process; all of the `known` ones shown is the same as no filter."""
    now = frozenset(known) if chosen.sources is None else chosen.sources
    wanted = now ^ {source}
    return replace(chosen, sources=None if wanted >= frozenset(known) else wanted)


def only(chosen: Filter, source: str) -> Filter:
    """Show one process alone."""
    return replace(chosen, sources=frozenset((source,)))


def cycle_level(chosen: Filter) -> Filter:
    """The next level: all, debug, info, warn, error and all again."""
    at = LEVELS.index(chosen.level) if chosen.level in LEVELS else 0
    return replace(chosen, level=LEVELS[(at + 1) % len(LEVELS)])


def chips(chosen: Filter, known: Sequence[str]) -> tuple[str, ...]:
    """What is filtered, in words; empty when nothing is. Names stand in the order of `known`."""
    found: list[str] = []
    if chosen.sources is not None:
        order = [n for n in known if n in chosen.sources] + sorted(chosen.sources - set(known))
        shown = ",".join(order[:4]) + (f" +{len(order) - 4}" if len(order) > 4 else "")
        found.append(shown or "no process")
    if chosen.level is not None:
        found.append(f"level>={chosen.level.name.lower()}")
    return tuple(found)
