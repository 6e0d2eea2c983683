"""The transforms of a run, in order: built-ins and extensions come through the same door."""

from __future__ import annotations

from collections.abc import Callable

from brummer_rx.pipeline.errors import ConfigError
from brummer_rx.pipeline.guarded import GuardedTransform
from brummer_rx.pipeline.registry import Extension, operators
from brummer_rx.pipeline.settings import ExtensionSetting, Settings, check_extensions

__all__ = ["transforms"]

ALWAYS = "levels"
"""The one operator that is on unless it is switched off; it comes last, so that it judges what is stored."""

_LAST = 1_000


def transforms(
    settings: Settings, on_failure: Callable[[str, BaseException, bool], None]
) -> tuple[GuardedTransform, ...]:
    """What stands between the stage "lines" and the sinks; `ConfigError` for an unknown or bad operator.

    Switched on are `levels` and every operator that the settings enable with `place = "transform"`.
    """
    found = operators()
    check_extensions(settings.operators, found, "operator")
    chosen: list[tuple[int, str, Extension]] = []
    for name, extension in found.items():
        wish = settings.operators.get(name)
        if _wanted(name, wish):
            order = wish.order if wish is not None and wish.order is not None else None
            chosen.append((_LAST if order is None else order, name, extension))
    chosen.sort(key=lambda one: (one[0], one[1] == ALWAYS, one[1]))
    return tuple(_guarded(name, extension, settings, on_failure) for _, name, extension in chosen)


def _wanted(name: str, wish: ExtensionSetting | None) -> bool:
    if wish is None or wish.enabled is None:
        return name == ALWAYS
    if wish.enabled and wish.place == "derive":
        raise ConfigError(
            f"{wish.origin}: operators.{name}: place = 'derive' is not supported by this version"
        )
    return wish.enabled


def _guarded(
    name: str,
    extension: Extension,
    settings: Settings,
    on_failure: Callable[[str, BaseException, bool], None],
) -> GuardedTransform:
    wish = settings.operators.get(name)
    options = {} if wish is None else dict(wish.options)
    factory = extension.load()
    try:
        operator = factory(**options)
    except (TypeError, ValueError) as error:
        origin = "built in" if wish is None else wish.origin
        raise ConfigError(
            f"{origin}: operators.{name}: its options are not what it takes: {error}"
        ) from error
    return GuardedTransform(name, operator, on_failure)
