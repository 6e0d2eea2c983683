"""Which word is what (architecture.md section 10): a first word that is a verb is the verb.

`run NAME...` and `-- NAME...` are never verbs, and a bare `start` is the script `start` where there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from brummer_rx.cli.options import RESERVED, START, VERBS, Verb, all_options
from brummer_rx.cli.parser import Parsed, parse
from brummer_rx.pipeline.errors import UsageError

__all__ = ["Asked", "sort_out"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a command line asks for."""

    verb: Verb
    """`START` for the start form."""
    parsed: Parsed
    names_only: bool = False
    """The start form's words are names (`run`, `--`)."""


def sort_out(args: Sequence[str], has_script: Callable[[Parsed, str], bool]) -> Asked:
    """Find the verb and parse its options.

    `has_script(parsed, name)` tells whether the project has a process of that name; it is asked only where a
    bare word could be both (`start`). Raises `UsageError`.
    """
    place = _first_word(args)
    word = args[place] if place is not None else ""
    without = [a for i, a in enumerate(args) if i != place]
    if word == "run":
        return Asked(START, parse(without, START), names_only=True)
    if word in RESERVED and not _wants_help(without):
        raise UsageError(
            f"{word}: this version has no such verb yet (a process of that name: brummer-rx run {word})"
        )
    verb = VERBS.get(word)
    if verb is None:
        parsed = parse(args, START)
        return Asked(START, parsed, names_only=parsed.dashed)
    if verb.name == "start" and not _wants_help(without) and (bare := _bare_start(args, has_script)):
        return bare
    parsed = parse(without, verb)
    if not parsed.has("help"):
        _count_words(verb, parsed)
    return Asked(verb, parsed)


def _first_word(args: Sequence[str]) -> int | None:
    """Where the first word stands; None when there is none before `--`."""
    options = all_options()
    skip = False
    for place, arg in enumerate(args):
        if skip:
            skip = False
        elif arg == "--":
            return None
        elif not arg.startswith("-") or arg == "-":
            return place
        else:
            option = options.get(arg)
            skip = option is not None and bool(option.value)
    return None


def _wants_help(args: Sequence[str]) -> bool:
    return any(a in ("-h", "--help") for a in args)


def _bare_start(args: Sequence[str], has_script: Callable[[Parsed, str], bool]) -> Asked | None:
    """`start` alone, as the script of that name; None when it is the verb."""
    try:
        parsed = parse(args, START)
    except UsageError:
        return None  # options of the verb: the verb's own parse says what is wrong
    if parsed.words != ("start",) or not has_script(parsed, "start"):
        return None
    return Asked(START, parsed, names_only=True)


def _count_words(verb: Verb, parsed: Parsed) -> None:
    count = len(parsed.words)
    if count < verb.min_words:
        hint = "; no script `start` was found to run instead" if verb.name == "start" else ""
        raise UsageError(f"{verb.name} needs the NAME of a process: {verb.usage}{hint}")
    if verb.max_words is not None and count > verb.max_words:
        extra = " ".join(parsed.words[verb.max_words :])
        named = any("-s" in option.names for option in verb.options)
        hint = f"; did you mean -s {extra}?" if named else f": {verb.usage}"
        raise UsageError(f"{verb.name}: {extra!r} is one word too many{hint}")
