"""`package.json`: its scripts, run by the package manager that the project uses."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from brummer_rx.pipeline.errors import ConfigError
from brummer_rx.pipeline.kinds import shown
from brummer_rx.pipeline.process import ProcessSpec
from brummer_rx.pipeline.toml_file import read_text
from brummer_rx.sources.names import name_problem, one_line

__all__ = ["LOCK_FILES", "MANAGERS", "Scripts", "package_manager", "parse_package", "read_scripts"]

MANAGERS = ("npm", "pnpm", "yarn", "bun")
LOCK_FILES = (
    ("pnpm-lock.yaml", "pnpm"),
    ("yarn.lock", "yarn"),
    ("bun.lock", "bun"),
    ("bun.lockb", "bun"),
    ("package-lock.json", "npm"),
)
_KINDS = {
    dict: "an object",
    list: "a list",
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a number",
}


class Scripts(NamedTuple):
    """What a package.json offers."""

    specs: tuple[ProcessSpec, ...]
    manager: str
    """npm, pnpm, yarn or bun."""
    reason: str
    """Why that one, for people."""
    problems: tuple[str, ...]
    """What could not be used."""


def read_scripts(folder: Path, preferred: str | None) -> Scripts | None:
    """The scripts in their order; None where there is no package.json.

    Raises ConfigError with `package.json:LINE:COLUMN` when it is broken, or naming what has a wrong type.
    """
    text = read_text(folder / "package.json")
    if text is None:
        return None
    package = parse_package(text)
    problems: list[str] = []
    manager, reason = package_manager(folder, package, preferred, problems)
    specs = []
    for name, script in _scripts(package):
        if problem := name_problem(name):
            problems.append(f"package.json: the script {shown(name)} is left out: the name {problem}")
            continue
        specs.append(
            ProcessSpec(
                name,
                (manager, "run", name),
                one_line(script),
                str(folder),
                autostart=False,
                origin="package.json",
            )
        )
    return Scripts(tuple(specs), manager, reason, tuple(problems))


def parse_package(text: str) -> Mapping[str, Any]:
    """The object that the file holds; raises ConfigError with line and column."""
    try:
        package = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"package.json:{error.lineno}:{error.colno}: {error.msg}") from error
    except (RecursionError, ValueError) as error:  # ValueError: a number with thousands of digits
        raise ConfigError(f"package.json: {error}") from error
    if not isinstance(package, dict):
        raise ConfigError(f"package.json: it holds {_kind(package)}; it must hold an object")
    return package


def package_manager(
    folder: Path, package: Mapping[str, Any], preferred: str | None, problems: list[str]
) -> tuple[str, str]:
    """(manager, why): the setting, then the field `packageManager`, then the nearest lock file, then npm."""
    if preferred is not None:
        return preferred, "preferred_package_manager"
    field = package.get("packageManager")
    if field is not None:
        if not isinstance(field, str):
            raise ConfigError(
                f'package.json: packageManager is {_kind(field)}; it must be text such as "pnpm@9.1.0"'
            )
        name = field.partition("@")[0].strip()
        if name in MANAGERS:
            return name, "packageManager in package.json"
        problems.append(
            f"package.json: packageManager {shown(field)} is none of {', '.join(MANAGERS)}; it is ignored"
        )
    for each in _up(folder):
        for lock, manager in LOCK_FILES:
            if (each / lock).is_file():
                return manager, lock if each == folder else str(each / lock)
    return "npm", "no lock file"


def _up(folder: Path) -> Iterator[Path]:
    """The folder and those around it, up to the top of its repository."""
    for each in (folder, *folder.parents):
        yield each
        if (each / ".git").exists():
            return


def _scripts(package: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    scripts = package.get("scripts", {})
    if not isinstance(scripts, dict):
        raise ConfigError(f"package.json: scripts is {_kind(scripts)}; it must be an object of texts")
    for name, script in scripts.items():
        if not isinstance(script, str):
            raise ConfigError(
                f"package.json: scripts.{shown(name)[1:-1]} is {_kind(script)}; it must be text"
            )
        yield name, script


def _kind(value: object) -> str:
    return "null" if value is None else _KINDS.get(type(value), type(value).__name__)
