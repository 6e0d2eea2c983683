"""`Procfile`: one `name: command` a line; `.env` beside it is loaded for its processes."""

from __future__ import annotations

from pathlib import Path

from brummer_rx.pipeline.errors import ConfigError
from brummer_rx.pipeline.kinds import shown
from brummer_rx.pipeline.process import ProcessSpec
from brummer_rx.pipeline.toml_file import read_text
from brummer_rx.sources.dotenv import read_dotenv
from brummer_rx.sources.names import name_problem, one_line

__all__ = ["SHELL", "parse_procfile", "read_procfile"]

SHELL = ("/bin/sh", "-c")


def read_procfile(folder: Path) -> tuple[ProcessSpec, ...] | None:
    """The processes of the folder's Procfile in its order; None where there is none.

    Raises ConfigError with `Procfile:LINE` or `.env:LINE`.
    """
    text = read_text(folder / "Procfile")
    if text is None:
        return None
    env = read_dotenv(folder / ".env") or {}
    return tuple(
        ProcessSpec(name, (*SHELL, command), one_line(command), str(folder), env, origin=f"Procfile:{line}")
        for name, command, line in parse_procfile(text)
    )


def parse_procfile(text: str) -> list[tuple[str, str, int]]:
    """(name, command, line) of each process. Comments start with `#` at the start of a line."""
    found: dict[str, tuple[str, str, int]] = {}
    for number, written in enumerate(text.split("\n"), 1):
        line = written.strip()
        if not line or line.startswith("#"):
            continue
        name, colon, command = (part.strip() for part in line.partition(":"))
        if not colon:
            raise ConfigError(f"Procfile:{number}: no colon in {shown(line)}; a line is `name: command`")
        if problem := name_problem(name):
            raise ConfigError(f"Procfile:{number}: the name {shown(name)} {problem}")
        if not command or "\0" in command:
            raise ConfigError(f"Procfile:{number}: {name} has no command that could be run")
        if name in found:
            raise ConfigError(f"Procfile:{number}: {name} is already in line {found[name][2]}")
        found[name] = (name, command, number)
    return list(found.values())
