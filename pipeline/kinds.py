"""Kinds of setting values: what is right for a key, from a file, a flag or an environment variable.

A kind turns a raw value into a typed one or raises `WrongValue` saying what would have been right; it
knows neither key nor origin. Text (from the environment or a flag) and typed values (from a file) take the
same door, because a file may hold text as well ("4GiB").
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = [
    "Kind",
    "WrongValue",
    "choice",
    "flag",
    "integer",
    "nearest",
    "number",
    "path",
    "shown",
    "size",
    "size_text",
    "table",
    "text",
]

_SIZE = re.compile(r"([0-9]{1,19}(?:\.[0-9]{1,9})?)\s*(?:([kmgt])(i?)b?|b)?", re.IGNORECASE)
_POWERS = {"k": 1, "m": 2, "g": 3, "t": 4}
_WORDS = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}
SIZE_LIMIT = 1 << 60
"""Bytes; nothing that a file system holds is larger."""


class WrongValue(ValueError):
    """The value is not of this kind; the text of the error says what would be right."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A sort of value.

    `parse` takes the raw value, whether it is text from the environment or the command line (then "8080" is a
    number), and the folder that relative paths start from.
    """

    right: str
    """What is right, to end the sentence "it must be ..."."""
    parse: Callable[[Any, bool, Path], Any]

    def read(self, raw: Any, *, is_text: bool, base: Path) -> Any:
        """The typed value; raises `WrongValue`."""
        return self.parse(raw, is_text, base)


def shown(value: object, width: int = 80) -> str:
    """`value` as one line of printable text, for messages and lists, in TOML's spelling."""
    if value is None:
        return "unset"
    if isinstance(value, Path):
        value = str(value)
    try:
        made = json.dumps(value, ensure_ascii=False, default=str)
    except ValueError:  # a number of more digits than Python writes
        made = "a number of thousands of digits"
    made = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in made)
    return made if len(made) <= width else made[: width - 1] + "…"


def nearest(word: str, known: list[str] | tuple[str, ...]) -> str | None:
    """The known word that `word` most likely meant, or None."""
    import difflib

    if len(word) > 100:
        return None
    found = difflib.get_close_matches(word.lower(), {k.lower(): k for k in known}, n=1, cutoff=0.5)
    return next((k for k in known if k.lower() == found[0]), None) if found else None


def choice(*words: str, default_none: bool = False) -> Kind:
    """One of these words."""
    right = "one of " + ", ".join(f'"{w}"' for w in words)

    def parse(raw: Any, is_text: bool, base: Path) -> str | None:
        if raw == "" and default_none:
            return None
        if isinstance(raw, str) and raw in words:
            return raw
        raise WrongValue(right)

    return Kind(right, parse)


def flag() -> Kind:
    """true or false."""
    right = "true or false"

    def parse(raw: Any, is_text: bool, base: Path) -> bool:
        if isinstance(raw, bool):
            return raw
        if is_text and isinstance(raw, str) and raw.strip().lower() in _WORDS:
            return _WORDS[raw.strip().lower()]
        raise WrongValue(right)

    return Kind(right, parse)


def integer(low: int, high: int) -> Kind:
    """A whole number, both ends included."""
    right = f"a whole number from {low} to {high}"

    def parse(raw: Any, is_text: bool, base: Path) -> int:
        if is_text and isinstance(raw, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,20}\s*", raw):
            raw = int(raw)
        if isinstance(raw, int) and not isinstance(raw, bool) and low <= raw <= high:
            return raw
        raise WrongValue(right)

    return Kind(right, parse)


def number(low: float, high: float, unit: str) -> Kind:
    """A number of `unit`, both ends included."""
    right = f"a number of {unit} from {low:g} to {high:g}"

    def parse(raw: Any, is_text: bool, base: Path) -> float:
        if is_text and isinstance(raw, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,20}(\.[0-9]{0,20})?\s*", raw):
            raw = float(raw)
        if isinstance(raw, int | float) and not isinstance(raw, bool) and low <= raw <= high:
            return float(raw)
        raise WrongValue(right)

    return Kind(right, parse)


def size(low: int, high: int = SIZE_LIMIT) -> Kind:
    """Bytes: a whole number, or text such as "4GiB", "512MB", "64k" (k, M, G, T alone count in 1,024s)."""
    right = f'a size from {size_text(low)} to {size_text(high)}, such as "512MB", "4GiB" or a number of bytes'

    def parse(raw: Any, is_text: bool, base: Path) -> int:
        if isinstance(raw, str):
            raw = _bytes_of(raw)
        if isinstance(raw, int) and not isinstance(raw, bool) and low <= raw <= high:
            return raw
        raise WrongValue(right)

    return Kind(right, parse)


def _bytes_of(written: str) -> int | None:
    """Bytes that the text means; None when it means nothing."""
    match = _SIZE.fullmatch(written.strip())
    if match is None:
        return None
    amount, letter, binary = match.groups()
    if letter is None:
        return int(amount) if "." not in amount else None
    decimal = not binary and written.strip()[-1] in "bB"
    return int(float(amount) * (1000 if decimal else 1024) ** _POWERS[letter.lower()])


def size_text(count: int) -> str:
    """Bytes in the largest unit that keeps the number whole: "4GiB", "512KiB", "1000"."""
    for power, unit in ((4, "TiB"), (3, "GiB"), (2, "MiB"), (1, "KiB")):
        if count and count % 1024**power == 0:
            return f"{count // 1024**power}{unit}"
    return str(count)


def text() -> Kind:
    """Any text without NUL."""
    right = "text"

    def parse(raw: Any, is_text: bool, base: Path) -> str:
        if isinstance(raw, str) and "\0" not in raw:
            return raw
        raise WrongValue(right)

    return Kind(right, parse)


def path() -> Kind:
    """A path; a relative one starts at the folder of the file that names it, or at the working directory."""
    right = "a path"

    def parse(raw: Any, is_text: bool, base: Path) -> Path:
        if isinstance(raw, Path):
            raw = str(raw)
        if not isinstance(raw, str) or not raw or "\0" in raw:
            raise WrongValue(right)
        try:
            return base / Path(raw).expanduser()
        except RuntimeError as error:
            raise WrongValue(f"{right} ({error})") from error

    return Kind(right, parse)


def table(fields: Mapping[str, tuple[type, ...]]) -> Kind:
    """A table whose keys and types are these; only a file can hold one."""
    right = "a table"

    def parse(raw: Any, is_text: bool, base: Path) -> dict[str, Any]:
        if not isinstance(raw, dict):
            raise WrongValue(right)
        for key, value in raw.items():
            if key not in fields:
                hint = nearest(key, tuple(fields))
                raise WrongValue(
                    f"a table without {shown(key)}" + (f" (did you mean {shown(hint)}?)" if hint else "")
                )
            types = fields[key]
            if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
                raise WrongValue(f"a table whose {shown(key)} is {_type_text(types)}, not {shown(value)}")
        return raw

    return Kind(right, parse)


def _type_text(types: tuple[type, ...]) -> str:
    names = {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "text",
        dict: "a table",
        list: "a list",
    }
    return " or ".join(names.get(t, t.__name__) for t in types)
