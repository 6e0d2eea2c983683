"""Extensions: operators, sources and sinks by entry point. Built-in ones enter by the same door.

Nothing is imported and no metadata is read before somebody asks, so that `--help` stays fast; what was read
is kept for the life of the process (packages do not change under a run).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from brummer_rx.pipeline.errors import BrummerError, ConfigError, OperatorError, SinkError, SourceError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["OUR_DIST", "Extension", "ExtensionKind", "extensions", "operators", "sinks", "sources"]

OUR_DIST = "brummer-rx"


class ExtensionKind(StrEnum):
    """What an extension is; its entry point group is `brummer_rx.` + this + `s`."""

    OPERATOR = "operator"
    SOURCE = "source"
    SINK = "sink"

    @property
    def group(self) -> str:
        """The entry point group."""
        return f"brummer_rx.{self}s"


_FAILURES: Mapping[ExtensionKind, type[BrummerError]] = {
    ExtensionKind.OPERATOR: OperatorError,
    ExtensionKind.SOURCE: SourceError,
    ExtensionKind.SINK: SinkError,
}


@dataclass(frozen=True, slots=True)
class Extension:
    """One entry point; not imported yet."""

    name: str
    kind: ExtensionKind
    value: str
    """`module:attribute`."""
    dist: str
    """The package that brings it."""

    @property
    def ours(self) -> bool:
        """Whether it is a built-in one."""
        return _normal(self.dist) == OUR_DIST

    def load(self) -> Any:
        """Import it: the callable that makes the operator, source or sink.

        Raises OperatorError, SourceError or SinkError naming the extension and its package, with the cause.
        """
        from importlib.metadata import EntryPoint

        try:
            made = EntryPoint(self.name, self.value, self.kind.group).load()
        except (
            Exception,
            SystemExit,
        ) as error:  # foreign code: whatever its import does, the caller can name it
            raise self._failure(f"{type(error).__name__}: {error}") from error
        if not callable(made):
            raise self._failure(f"it is of type {type(made).__name__}, which cannot be called")
        return made

    def _failure(self, reason: str) -> BrummerError:
        return _FAILURES[self.kind](
            f'{self.kind} "{self.name}" ({self.value}, from {self.dist}) cannot be loaded: {reason}'
        )


def operators(*, only_ours: bool = False) -> Mapping[str, Extension]:
    """All operators by name; see `extensions`."""
    return extensions(ExtensionKind.OPERATOR, only_ours=only_ours)


def sources(*, only_ours: bool = False) -> Mapping[str, Extension]:
    """All sources by name; see `extensions`."""
    return extensions(ExtensionKind.SOURCE, only_ours=only_ours)


def sinks(*, only_ours: bool = False) -> Mapping[str, Extension]:
    """All sinks by name; see `extensions`."""
    return extensions(ExtensionKind.SINK, only_ours=only_ours)


def extensions(kind: ExtensionKind, *, only_ours: bool = False) -> Mapping[str, Extension]:
    """All extensions of a kind, in order of name; with `only_ours` without those of other packages.

    Raises ConfigError when two packages use one name, because nobody could say which one is meant.
    """
    found: dict[str, Extension] = {}
    for each in sorted(_installed(kind), key=lambda e: (e.name, e.dist, e.value)):
        if only_ours and not each.ours:
            continue
        other = found.setdefault(each.name, each)
        if other != each:
            raise ConfigError(
                f'two packages bring {_a(kind)} named "{each.name}": {other.dist} ({other.value}) and '
                f"{each.dist} ({each.value}); uninstall one of them"
            )
    return MappingProxyType(found)


@cache
def _installed(kind: ExtensionKind) -> tuple[Extension, ...]:
    from importlib.metadata import entry_points

    return tuple(
        Extension(point.name, kind, point.value, _dist_name(point))
        for point in entry_points(group=kind.group)
    )


def _dist_name(point: EntryPoint) -> str:
    # `get_all`, because asking for a key that is not there is deprecated since Python 3.12.
    names = point.dist.metadata.get_all("Name") if point.dist is not None else None
    return str(names[0] if names else "an unnamed package")


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _a(kind: ExtensionKind) -> str:
    return f"an {kind}" if kind is ExtensionKind.OPERATOR else f"a {kind}"
