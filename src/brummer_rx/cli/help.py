"""Help texts, made from the tables of `options`."""

from __future__ import annotations

from brummer_rx.cli.options import RESERVED, START, VERBS, Option, Verb

__all__ = ["help_text"]

_WIDTH = 100
_COLUMN = 26


def help_text(verb: Verb) -> str:
    """What `--help` prints for one verb (`START` is the command itself)."""
    parts = [f"usage: {verb.usage}", verb.about, _options(verb)]
    if verb is START:
        parts.append(_verbs())
    if verb.examples:
        parts.append(_examples(verb))
    if verb is START:
        parts.append(_exit_codes())
    return "\n\n".join(parts) + "\n"


def _spelling(option: Option) -> str:
    short = ", ".join(option.names)
    if option.names[0].startswith("--"):
        short = "    " + short
    return f"{short} {option.value}".rstrip()


def _row(left: str, right: str) -> list[str]:
    """`left` in its column, `right` wrapped beside it; below it where `left` is too long."""
    lines: list[str] = []
    room = _WIDTH - _COLUMN
    rest = right
    while len(rest) > room and " " in rest:
        cut = rest.rfind(" ", 0, room + 1)
        cut = rest.find(" ") if cut <= 0 else cut
        lines.append(rest[:cut])
        rest = rest[cut + 1 :]
    lines.append(rest)
    head = f"  {left}"
    if len(head) >= _COLUMN:
        return [head] + [" " * _COLUMN + line for line in lines]
    return [head.ljust(_COLUMN) + lines[0]] + [" " * _COLUMN + line for line in lines[1:]]


def _options(verb: Verb) -> str:
    rows = ["options:"]
    for option in verb.options:
        if not option.hidden:
            rows += _row(_spelling(option), option.help)
    return "\n".join(rows)


def _verbs() -> str:
    rows = ["verbs (brummer-rx VERB --help tells more):"]
    for verb in VERBS.values():
        rows += _row(verb.usage.split(" ", 1)[1].replace(" [options]", ""), verb.summary)
    rows.append("A first word that is a verb is the verb; after `run` or `--` it is a name.")
    rows.append(f"Words kept for later versions: {', '.join(RESERVED)}.")
    return "\n".join(rows)


def _examples(verb: Verb) -> str:
    width = max(len(command) for command, _ in verb.examples)
    return "\n".join(["examples:"] + [f"  {c.ljust(width)}   {why}" for c, why in verb.examples])


def _exit_codes() -> str:
    return (
        "exit: --plain ends with 0 when all processes did, else with the code of the first that failed\n"
        "(128+n for signal n). 2: wrong usage or settings. 3: no such run or process. 141: stdout was closed."
    )
