"""`.env` files: `KEY=value` lines, nothing more.

Values are taken as they stand: no variable is replaced and no command is run, so that `PASSWORD=a$b` is what
it says. Messages never show a value, because such files hold secrets.
"""

from __future__ import annotations

import re
from pathlib import Path

from brummer_rx.pipeline.errors import ConfigError
from brummer_rx.pipeline.toml_file import read_text

__all__ = ["parse_dotenv", "read_dotenv"]

_START = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.]*)[ \t]*=[ \t]*")
_REST = re.compile(r"[ \t]*(?:#.*)?")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$"}


def read_dotenv(path: Path, label: str = "") -> dict[str, str] | None:
    """The variables of the file; None where there is none (a folder of that name, as for a venv, is none).

    Raises ConfigError with `LABEL:LINE`; the label is the file's name unless given.
    """
    text = read_text(path)
    return None if text is None else parse_dotenv(text, label or path.name)


def parse_dotenv(text: str, label: str) -> dict[str, str]:
    """The variables of a text; of several lines with one key the last one wins.

    Forms: `KEY=plain text # comment`, `KEY='as it stands'` and `KEY="with escapes"` (n, r, t, quote, dollar
    and backslash after a backslash); a quoted value may span lines; `export` before the key is skipped.
    Raises ConfigError with `LABEL:LINE`.
    """
    text = text.replace("\r\n", "\n")
    found: dict[str, str] = {}
    at, line = 0, 1
    while at < len(text):
        end = _end_of_line(text, at)
        if text[at:end].strip() and not text[at:end].lstrip().startswith("#"):
            key, value, end = _assignment(text, at, end, f"{label}:{line}")
            found[key] = value
        line += text.count("\n", at, end) + 1
        at = end + 1
    return found


def _assignment(text: str, at: int, end: int, where: str) -> tuple[str, str, int]:
    """(key, value, index of the newline that ends it)."""
    match = _START.match(text, at, end)
    if match is None:
        raise ConfigError(f"{where}: not of the form KEY=value")
    start = match.end()
    if start < end and text[start] in "\"'":
        value, start = _quoted(text, start, where, match[1])
        end = _end_of_line(text, start)
        if not _REST.fullmatch(text, start, end):
            raise ConfigError(f"{where}: {match[1]}: text after the closing quote")
    else:
        value = re.split(r"(?:^|[ \t])#", text[start:end], maxsplit=1)[0].strip()
    if "\0" in value:
        raise ConfigError(f"{where}: {match[1]}: the value holds a NUL")
    return match[1], value, end


def _quoted(text: str, at: int, where: str, key: str) -> tuple[str, int]:
    """The value of the quoted text at `at`, and the index after its closing quote."""
    quote, at = text[at], at + 1
    made: list[str] = []
    while at < len(text):
        letter = text[at]
        if letter == quote:
            return "".join(made), at + 1
        if letter == "\\" and quote == '"' and text[at + 1 : at + 2] in _ESCAPES:
            letter, at = _ESCAPES[text[at + 1]], at + 1
        made.append(letter)
        at += 1
    raise ConfigError(f"{where}: {key}: the quote is never closed")


def _end_of_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end
