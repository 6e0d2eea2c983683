"""Names of processes: which are right, how commands get theirs, what to say of one that nobody knows."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Collection, Iterable, Sequence

from brummer_rx.pipeline.kinds import nearest, shown

__all__ = [
    "NAME_LIMIT",
    "command_name",
    "free_name",
    "known_text",
    "name_hint",
    "name_problem",
    "one_line",
    "unknown_name_hint",
]

NAME_LIMIT = 64
"""Characters; a name is a column on the screen and a key in the store."""


def name_problem(name: str) -> str | None:
    """What is wrong with a process's name, to end the sentence "the name ..."; None when nothing is."""
    if not name:
        return "is empty"
    if len(name) > NAME_LIMIT:
        return f"is longer than {NAME_LIMIT} characters"
    if any(c.isspace() for c in name):
        return "holds a space"
    if not name.isprintable():
        return "holds a character that cannot be printed"
    if name.startswith("-"):
        return "starts with a dash, like an option"
    return None


def one_line(command: str) -> str:
    """A command as shown to people: one line, nothing that a terminal would act on."""
    return "".join(
        c if c.isprintable() else " " if c.isspace() else f"\\x{ord(c):02x}" for c in command.strip()
    )


def command_name(command: str) -> str:
    """A name for a shell command: the basename of its first word (assignments before it do not count)."""
    word = next((w for w in _words(command) if not _is_assignment(w)), "")
    base = word.rstrip("/").rpartition("/")[2]
    # What the shell would act on is no part of a name: "(cd" is called "cd".
    made = "".join(c for c in base if c.isalnum() or c in "._-+@:").lstrip("-")
    return made[: NAME_LIMIT - 4] if name_problem(made[: NAME_LIMIT - 4]) is None else "command"


def free_name(name: str, taken: Collection[str]) -> str:
    """`name`, or with "-2", "-3" ... the first one that is not taken."""
    made, number = name, 1
    while made in taken:
        number += 1
        made = f"{name}-{number}"
    return made


def known_text(known: Iterable[str], limit: int = 20) -> str:
    """The known names for a message: "web, db" or "none"."""
    names = sorted(known)
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more if names else "none"


def unknown_name_hint(word: str, known: Sequence[str]) -> str:
    """What to say when `word` was run as a shell command and ended with 127.

    Empty when it could not have been meant as a name: several words, a path, something that is on PATH.
    """
    if (
        not word
        or word in known
        or any(c.isspace() or c in "|&;()<>/'\"`$=" for c in word)
        or shutil.which(word)
    ):
        return ""
    return f"{shown(word)} is no command and no known name" + name_hint(word, known)


def name_hint(word: str, known: Sequence[str]) -> str:
    """The end of a message about an unknown name: the nearest one and all that are known."""
    near = nearest(word, tuple(known))
    return (f"; did you mean {shown(near)}?" if near else "") + f"; known names: {known_text(known)}"


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:  # an open quote; the shell will say so
        return [w.strip("'\"") for w in command.split()]


def _is_assignment(word: str) -> bool:
    name, equals, _ = word.partition("=")
    return bool(equals) and name.isidentifier()
