"""What to say of a word on the command line that was neither a verb, a name nor a command."""

from __future__ import annotations

from collections.abc import Sequence

from brummer_rx.cli.options import START, VERBS
from brummer_rx.pipeline.kinds import nearest
from brummer_rx.sources.names import unknown_name_hint

__all__ = ["word_hint"]


def word_hint(word: str, known: Sequence[str]) -> str:
    """The known names and the nearest one, or the verb or option that was meant. Empty: no hint."""
    hint = unknown_name_hint(word, known)
    if hint and any(f"--{word}" in option.names for option in START.options):
        return f"{hint}; did you mean --{word}?"
    verb = nearest(word, (*known, *VERBS)) if hint else None
    return f"{hint}; the verb is `brummer-rx {verb}`" if verb in VERBS and verb not in known else hint
