"""What to say of a word on the command line that was neither a verb, a name nor a command."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from brummer_rx.cli.options import START, VERBS
from brummer_rx.pipeline.kinds import nearest
from brummer_rx.pipeline.process import ProcessTable
from brummer_rx.sources.names import unknown_name_hint

__all__ = ["Hints", "word_hint"]

NOT_FOUND = 127
"""Exit code of a shell that does not know the command."""


def word_hint(word: str, known: Sequence[str]) -> str:
    """The known names and the nearest one, or the verb or option that was meant. Empty: no hint."""
    hint = unknown_name_hint(word, known)
    if hint and any(f"--{word}" in option.names for option in START.options):
        return f"{hint}; did you mean --{word}?"
    verb = nearest(word, (*known, *VERBS)) if hint else None
    return f"{hint}; the verb is `brummer-rx {verb}`" if verb in VERBS and verb not in known else hint


class Hints:
    """Tells, once a process, what a word may have meant that the shell did not know. Main thread only."""

    def __init__(self, known: Sequence[str], tell: Callable[[str, bool], None]) -> None:
        self._known = known
        self._tell = tell
        self._told: set[str] = set()

    def look(self, table: ProcessTable) -> None:
        """Look for processes that ended as unknown commands; call it when the table has changed."""
        for info in table.processes:
            if (
                info.exit_code == NOT_FOUND
                and info.spec.origin == "command line"
                and info.name not in self._told
            ):
                self._told.add(info.name)
                hint = word_hint(info.spec.argv[-1], self._known)
                if hint:
                    self._tell(hint, True)
