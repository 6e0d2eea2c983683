"""A TOML file whose keys know their lines.

`tomllib` reads the values; it keeps no positions, so `line_table` walks over the same text once more and
notes where each key stands. It only ever sees text that `tomllib` has accepted, which keeps it small: it has
to find the ends of values, not to judge them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from brummer_rx.pipeline.errors import ConfigError

__all__ = ["TomlFile", "line_table", "read_text", "read_toml"]

LIMIT = 4 << 20
"""Bytes; a project file beyond this is not one."""
_DEEPEST = 6
"""Parts of a key path whose lines are noted; our files have four."""

_WHERE = re.compile(r" \(at line (\d+), column (\d+)\)$| \(at end of document\)$")
_BARE = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class TomlFile:
    """What a TOML file says, and where."""

    path: Path
    data: Mapping[str, Any]
    lines: Mapping[tuple[str, ...], int] = field(default_factory=dict)
    """Line, from 1, of each key path that stands in the file as a key or a header."""

    @property
    def folder(self) -> Path:
        """Where relative paths in the file start."""
        return self.path.parent

    def line(self, *keys: str) -> int:
        """Line of the key, or of the nearest table around it."""
        for end in range(len(keys), 0, -1):
            if (found := self.lines.get(keys[:end])) is not None:
                return found
        return 1

    def where(self, *keys: str) -> str:
        """`FILE:LINE` of the key."""
        return f"{self.path}:{self.line(*keys)}"


def read_text(path: Path) -> str | None:
    """Text of a small UTF-8 file (a byte order mark is dropped); None where there is no file of that name.

    A folder or a device of that name is no file. Raises ConfigError when it cannot be read.
    """
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            data = file.read(LIMIT + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(data) > LIMIT:
        raise ConfigError(f"{path}: larger than {LIMIT} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: not UTF-8 ({error.reason})") from error


def read_toml(path: Path) -> TomlFile | None:
    """The file, or None where there is none. Raises ConfigError with `FILE:LINE` when it is broken."""
    text = read_text(path)
    if text is None:
        return None
    # tomllib knows "\n" and "\r\n" only; what it counts as lines is what we count.
    text = text.replace("\r\n", "\n")
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(_broken(path, text, str(error))) from error
    except RecursionError as error:
        raise ConfigError(f"{path}: nested too deeply") from error
    except ValueError as error:  # a number with thousands of digits
        raise ConfigError(f"{path}: {error}") from error
    return TomlFile(path, data, line_table(text))


def _broken(path: Path, text: str, message: str) -> str:
    found = _WHERE.search(message)
    if found is None:
        return f"{path}: {message}"
    what = message[: found.start()]
    if found[1] is None:
        last = text.rstrip("\n").count("\n") + 1
        return f"{path}:{last}: {what}, at the end of the file"
    return f"{path}:{found[1]}: {what}, at column {found[2]}"


def line_table(text: str) -> dict[tuple[str, ...], int]:
    """Where each key path of a valid TOML text stands for the first time."""
    lines: dict[tuple[str, ...], int] = {}
    header: tuple[str, ...] = ()
    for is_header, key, line in _statements(text):
        full = key if is_header else header + key
        if is_header:
            header = key
        for end in range(1, min(len(full), _DEEPEST) + 1):
            lines.setdefault(full[:end], line)
    return lines


def _statements(text: str) -> Iterator[tuple[bool, tuple[str, ...], int]]:
    """(whether it is a header, its key path, its line) of each statement."""
    at, line = 0, 1
    while at < len(text):
        letter = text[at]
        if letter == "\n":
            at, line = at + 1, line + 1
        elif letter == "#":
            at = _end_of_line(text, at)
        elif letter == "[":
            key, _ = _key(text, at + (2 if text.startswith("[[", at) else 1))
            yield True, key, line
            at = _end_of_value(text, at)
        elif letter in " \t":
            at += 1
        else:
            key, end = _key(text, at)
            yield False, key, line
            end = _end_of_value(text, end)
            line += text.count("\n", at, end)
            at = end


def _end_of_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _key(text: str, at: int) -> tuple[tuple[str, ...], int]:
    """A dotted key that starts at or after `at`, and where it ends (at its `=` or `]`)."""
    parts: list[str] = []
    while at < len(text) and text[at] not in "=]\n":
        if text[at] in "\"'":
            end = _end_of_string(text, at)
            parts.append(str(tomllib.loads(f"k={text[at:end]}")["k"]))
            at = end
        elif bare := _BARE.match(text, at):
            parts.append(bare[0])
            at = bare.end()
        else:
            at += 1
    return tuple(parts), at


def _end_of_value(text: str, at: int) -> int:
    """Index of the newline that ends the statement, or the text's end."""
    depth = 0
    while at < len(text):
        letter = text[at]
        if letter in "\"'":
            at = _end_of_string(text, at)
            continue
        if letter == "#":
            at = _end_of_line(text, at)
            continue
        if letter == "\n" and depth == 0:
            return at
        depth += (letter in "[{") - (letter in "]}")
        at += 1
    return at


def _end_of_string(text: str, at: int) -> int:
    """Index after the string whose quote stands at `at`."""
    quote = text[at]
    escapes = quote == '"'
    if text.startswith(quote * 3, at):
        at = _closing(text, at + 3, quote * 3, escapes=escapes)
        # Up to two quotes may stand right before the closing three.
        while at < len(text) and text[at] == quote:
            at += 1
        return at
    return _closing(text, at + 1, quote, escapes=escapes)


def _closing(text: str, at: int, quotes: str, *, escapes: bool) -> int:
    while at < len(text):
        if escapes and text[at] == "\\":
            at += 2
        elif text.startswith(quotes, at):
            return at + len(quotes)
        else:
            at += 1
    return at
