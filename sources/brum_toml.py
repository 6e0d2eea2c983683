"""`[processes.NAME]` of the project's own `.brum.toml`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brummer_rx.pipeline.errors import ConfigError
from brummer_rx.pipeline.kinds import nearest, shown
from brummer_rx.pipeline.process import ProcessSpec
from brummer_rx.pipeline.toml_file import TomlFile
from brummer_rx.sources.dotenv import read_dotenv
from brummer_rx.sources.names import name_problem, one_line
from brummer_rx.sources.procfile import SHELL

__all__ = ["KEYS", "LATER", "read_processes"]

KEYS = ("command", "cwd", "env", "env_file", "pty", "shell", "autostart")
LATER = ("depends_on", "ready", "restart", "stop", "watch", "ports", "outlive")
"""Keys of later versions: refused, because a process that silently ignores them would surprise."""


def read_processes(file: TomlFile) -> tuple[ProcessSpec, ...]:
    """The processes in the order of the file. Raises ConfigError with `FILE:LINE`."""
    return tuple(_Table(file, name, table).spec() for name, table in file.data.get("processes", {}).items())


@dataclass(frozen=True, slots=True)
class _Table:
    """One [processes.NAME] on its way to a spec."""

    file: TomlFile
    name: str
    table: Mapping[str, Any]

    def spec(self) -> ProcessSpec:
        """The process; every key was looked at."""
        if problem := name_problem(self.name):
            raise self.wrong(f"the name {shown(self.name)} {problem}")
        self.check_keys()
        argv, command = self.command()
        cwd = self.text("cwd")
        return ProcessSpec(
            name=self.name,
            argv=argv,
            command=command,
            cwd=str(self.path(cwd, "cwd") if cwd else self.file.folder),
            env=self.env(),
            pty=self.flag("pty"),
            autostart=self.flag("autostart") is not False,
            origin=f"{self.file.path.name}:{self.file.line('processes', self.name)}",
        )

    def check_keys(self) -> None:
        """Raises for a key of a later version and for one that nobody knows."""
        for key in self.table:
            if key in LATER:
                raise self.wrong(f"{shown(key)} is not supported by this version", key)
            if key not in KEYS:
                hint = nearest(key, KEYS)
                raise self.wrong(
                    f"unknown key {shown(key)}" + (f"; did you mean {shown(hint)}?" if hint else ""), key
                )

    def command(self) -> tuple[tuple[str, ...], str]:
        """(argv, as shown). Text is for the shell unless `shell = false`; a list is executed as it stands."""
        raw, shell = self.table.get("command"), self.flag("shell")
        if isinstance(raw, str) and raw.strip() and "\0" not in raw:
            return ((*SHELL, raw) if shell is not False else self.split(raw)), one_line(raw)
        if (
            isinstance(raw, list)
            and raw
            and all(isinstance(w, str) and "\0" not in w for w in raw)
            and raw[0]
        ):
            if shell:
                raise self.wrong("shell = true needs the command as one text, not as a list", "shell")
            return tuple(raw), one_line(shlex.join(raw))
        if raw is None:
            raise self.wrong(
                'there is no command; give one as text or as a list, such as command = "npm start"'
            )
        raise self.wrong(f"command is {shown(raw)}; it must be text or a list of texts, not empty", "command")

    def split(self, text: str) -> tuple[str, ...]:
        """The words of a command that no shell reads."""
        try:
            words = shlex.split(text)
        except ValueError as error:
            raise self.wrong(f"command cannot be split into words: {error}", "command") from error
        if not words or not words[0]:
            raise self.wrong("command names no program", "command")
        return tuple(words)

    def env(self) -> dict[str, str]:
        """The variables of the files named by `env_file`, in their order, covered by those of `env`."""
        made: dict[str, str] = {}
        for name in self.env_files():
            found = read_dotenv(self.path(name, "env_file"), name)
            if found is None:
                raise self.wrong(f"env_file {shown(name)} does not exist", "env_file")
            made |= found
        raw = self.table.get("env", {})
        if not isinstance(raw, dict):
            raise self.wrong(f"env is {shown(raw)}; it must be a table of texts", "env")
        for key, value in raw.items():
            if not key or "=" in key or "\0" in key:
                raise self.wrong(f"{shown(key)} cannot be the name of a variable", "env", key)
            if not isinstance(value, str) or "\0" in value:
                raise self.wrong(
                    f'env.{shown(key)[1:-1]} is not text; write it in quotes, such as "8080"', "env", key
                )
            made[key] = value
        return made

    def env_files(self) -> list[str]:
        """What `env_file` names."""
        raw = self.table.get("env_file", [])
        files = [raw] if isinstance(raw, str) else raw
        if not isinstance(files, list) or not all(isinstance(f, str) and f and "\0" not in f for f in files):
            raise self.wrong(f"env_file is {shown(raw)}; it must be a path or a list of paths", "env_file")
        return files

    def path(self, name: str, key: str) -> Path:
        """The path that a key names; a relative one starts at the file's folder."""
        try:
            return self.file.folder / Path(name).expanduser()
        except RuntimeError as error:
            raise self.wrong(f"{key} is {shown(name)}: {error}", key) from error

    def text(self, key: str) -> str | None:
        """A text, or None where it is not given."""
        raw = self.table.get(key)
        if raw is not None and (not isinstance(raw, str) or not raw or "\0" in raw):
            raise self.wrong(f"{key} is {shown(raw)}; it must be a path", key)
        return raw

    def flag(self, key: str) -> bool | None:
        """true or false, or None where it is not given."""
        raw = self.table.get(key)
        if raw is not None and not isinstance(raw, bool):
            raise self.wrong(f"{key} is {shown(raw)}; it must be true or false", key)
        return raw

    def wrong(self, what: str, *keys: str) -> ConfigError:
        """The error, with the line of the key."""
        return ConfigError(f"{self.file.where('processes', self.name, *keys)}: processes.{self.name}: {what}")
