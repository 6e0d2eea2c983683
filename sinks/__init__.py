"""The edges that consume: the log store (folder `store`), the plain stream, lines of JSON.

`Console` is the stream of `--plain`, `JsonLines` one object a line, both over an `Outlet` that never blocks
its thread; `TextForm` is how a line looks as text.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from brummer_rx.sinks.console import Console
    from brummer_rx.sinks.jsonl import JsonLines
    from brummer_rx.sinks.outlet import Outlet
    from brummer_rx.sinks.plaintext import TextForm

__all__ = [
    "Console",
    "JsonLines",
    "Outlet",
    "TextForm",
]

_WHERE = {
    "console": ("Console",),
    "jsonl": ("JsonLines",),
    "outlet": ("Outlet",),
    "plaintext": ("TextForm",),
}

if not TYPE_CHECKING:  # a type checker reads the imports above, and finds misspelled names

    def __getattr__(name: str) -> object:
        """Import what is asked for, when it is: a program that needs one name starts at once."""
        module = next((module for module, names in _WHERE.items() if name in names), None)
        if module is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        found = getattr(import_module(f"{__name__}.{module}"), name)
        globals()[name] = found
        return found
