"""Pure functions on streams of events, one file each; also what the two built-in operators are made of.

The operators themselves have the names of their modules, so they are imported from there::

    from brummer_rx.operators.levels import levels
    from brummer_rx.operators.strip_ansi import strip_ansi

`docs/operators.md` says how to write one. `level_of` (one line) is the truth about levels; `classify` (a
whole batch) answers the same, faster.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from brummer_rx.operators.level_rules import level_of
    from brummer_rx.operators.level_scan import classify

__all__ = [
    "classify",
    "level_of",
]

_WHERE = {
    "level_rules": ("level_of",),
    "level_scan": ("classify",),
}

if not TYPE_CHECKING:  # a type checker reads the imports above, and finds misspelled names

    def __getattr__(name: str) -> object:
        """Import what is asked for, when it is: a program that needs one name starts at once."""
        from brummer_rx.pipeline.catalogue import find

        return find(name, _WHERE, globals())
