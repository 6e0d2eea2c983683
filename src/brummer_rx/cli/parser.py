"""From words to options: pure functions, every message names the value and what would be right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from brummer_rx.cli.options import START, VERBS, Option, Verb
from brummer_rx.pipeline.errors import UsageError

__all__ = ["Parsed", "integer", "nearest", "parse", "port", "seconds"]


@dataclass(frozen=True, slots=True)
class Parsed:
    """The words of a command line, sorted out but not yet judged."""

    values: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By `Option.key`; a switch holds ("",)."""
    words: tuple[str, ...] = ()
    dashed: bool = False
    """A `--` was there: what follows it are words, whatever they look like."""

    def has(self, key: str) -> bool:
        """Whether the option was given."""
        return key in self.values

    def text(self, key: str) -> str | None:
        """The value of an option, None when it was not given."""
        found = self.values.get(key)
        return found[-1] if found else None


def parse(args: Sequence[str], verb: Verb) -> Parsed:
    """Sort `args` by the table of `verb`; raises `UsageError` for what is not in it."""
    table = {name: option for option in verb.options for name in option.names}
    values: dict[str, tuple[str, ...]] = {}
    words: list[str] = []
    rest = list(args)
    dashed = False
    while rest:
        arg = rest.pop(0)
        if arg == "--":
            words += rest
            dashed = True
            break
        if not arg.startswith("-") or arg == "-":
            words.append(arg)
            continue
        name, value, tail = _split(arg, table)
        option = table.get(name)
        if option is None:
            raise UsageError(_unknown(name, verb, table))
        _store(values, option, name, _value_of(option, name, value, rest))
        if tail:
            rest.insert(0, tail)
    return Parsed(values, tuple(words), dashed)


def _split(arg: str, table: dict[str, Option]) -> tuple[str, str | None, str]:
    """(name, value that is attached, what is left of a cluster of short switches)."""
    if arg.startswith("--"):
        name, equals, value = arg.partition("=")
        return name, value if equals else None, ""
    name = arg[:2]
    option = table.get(name)
    if option is None or len(arg) == 2:
        return (arg if option is None else name), None, ""
    if option.value:
        return name, arg[2:].removeprefix("="), ""
    return name, None, "-" + arg[2:]


def _value_of(option: Option, name: str, value: str | None, rest: list[str]) -> str:
    if not option.value:
        if value is not None:
            raise UsageError(f"{name} takes no value, but {value!r} was given")
        return ""
    if value is not None:
        return value
    if not rest or rest[0] == "--":
        raise UsageError(f"{name} needs a value: {name} {option.value}")
    if rest[0].startswith("--") and len(rest[0]) > 2:
        raise UsageError(
            f"{name} needs a value: {name} {option.value} ({rest[0]!r} is an option; {name}={rest[0]})"
        )
    return rest.pop(0)


def _store(values: dict[str, tuple[str, ...]], option: Option, name: str, value: str) -> None:
    before = values.get(option.key, ())
    if option.repeat:
        values[option.key] = (*before, value)
        return
    if before and before != (value,):
        raise UsageError(f"{name} was given twice: {before[0]!r} and {value!r}")
    values[option.key] = (value,)


def _unknown(name: str, verb: Verb, table: dict[str, Option]) -> str:
    whose = f"{verb.name}: " if verb.name else ""
    help_words = f"brummer-rx {verb.name} --help" if verb.name else "brummer-rx --help"
    owners = [v.name or "the start form" for v in (START, *VERBS.values()) if _offers(v, name)]
    near = nearest(name, [n for n, o in table.items() if not o.hidden])
    if owners:
        hint = f"; it is an option of {', '.join(owners)}"
    else:
        hint = f"; did you mean {near}?" if near else ""
    return f"{whose}unknown option {name}{hint} ({help_words} lists all)"


def _offers(verb: Verb, name: str) -> bool:
    return any(name in option.names for option in verb.options if not option.hidden)


def nearest(word: str, known: Sequence[str]) -> str:
    """The known word that is most like `word`; empty when none is like it."""
    import difflib  # only for a message: costs start time

    found = difflib.get_close_matches(word, known, 1, 0.6)
    return found[0] if found else ""


def integer(parsed: Parsed, key: str, *, least: int = 0) -> int | None:
    """The value of an option that is a whole number; None when it was not given."""
    text = parsed.text(key)
    if text is None:
        return None
    try:
        value = int(text, 10)
    except ValueError:
        value = least - 1
    if value < least or not text.isascii() or "_" in text:
        raise UsageError(f"--{key} {text}: a whole number from {least} on is needed")
    return value


def port(parsed: Parsed) -> int | None:
    """The value of --port."""
    text = parsed.text("port")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise UsageError(f"--port {text}: a port is a whole number from 0 to 65535 (0 takes a free one)")
    return int(text)


def seconds(parsed: Parsed, key: str) -> float | None:
    """The value of an option in seconds; None when it was not given."""
    text = parsed.text(key)
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        raise UsageError(f"--{key} {text}: seconds are needed, such as 30 or 0.5")
    return value
