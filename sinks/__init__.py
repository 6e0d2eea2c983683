"""The edges that consume: the log store (folder `store`), the plain stream, lines of JSON.

`Console` is the stream of `--plain`, `JsonLines` one object a line, both over an `Outlet` that never blocks
its thread; `TextForm` is how a line looks as text. A sink of your own implements `Sink`, its factory gets a
`SinkContext` (entry point group `brummer_rx.sinks`).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from brummer_rx.sinks.console import Console
    from brummer_rx.sinks.door import Sink, SinkContext
    from brummer_rx.sinks.jsonl import JsonLines
    from brummer_rx.sinks.outlet import Outlet
    from brummer_rx.sinks.plaintext import TextForm

__all__ = [
    "Console",
    "JsonLines",
    "Outlet",
    "Sink",
    "SinkContext",
    "TextForm",
]

_WHERE = {
    "console": ("Console",),
    "door": ("Sink", "SinkContext"),
    "jsonl": ("JsonLines",),
    "outlet": ("Outlet",),
    "plaintext": ("TextForm",),
}

if not TYPE_CHECKING:  # a type checker reads the imports above, and finds misspelled names

    def __getattr__(name: str) -> object:
        """Import what is asked for, when it is: a program that needs one name starts at once."""
        from brummer_rx.pipeline.catalogue import find

        return find(name, _WHERE, globals())
