"""Settings in layers, the strongest first:

command line > environment > project `.brum.toml` > parent folders (nearest first) > home > defaults.

Every value knows its origin, so that a wrong one can be found and `--settings` can tell where each came from.
Nothing here prints: what is worth a warning is returned in `Settings.warnings`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from brummer_rx.pipeline.errors import ConfigError, UsageError
from brummer_rx.pipeline.kinds import WrongValue, nearest, shown
from brummer_rx.pipeline.setting_keys import CHILD_VARIABLES, KEYS, SECTIONS, key_of_variable, variable
from brummer_rx.pipeline.toml_file import TomlFile, read_toml

__all__ = [
    "CONFIG_NAME",
    "ExtensionSetting",
    "SettingRow",
    "Settings",
    "Value",
    "check_extensions",
    "default_state_dir",
    "load",
    "project_folder",
]

CONFIG_NAME = ".brum.toml"


@dataclass(frozen=True, slots=True)
class Value:
    """One value in force and where it came from."""

    value: Any
    origin: str
    """"command line --port", "BRUMMER_MCP_PORT", "/x/.brum.toml:3" or "default"."""


class SettingRow(NamedTuple):
    """One line of the list that `--settings` prints."""

    key: str
    value: Any
    origin: str
    note: str


@dataclass(frozen=True, slots=True)
class ExtensionSetting:
    """What the files say of one operator or sink, key by key from the nearest file."""

    name: str
    enabled: bool | None
    """None: as it is by default."""
    place: Literal["transform", "derive"] | None
    """Of operators only, as `order`."""
    order: int | None
    options: Mapping[str, Any]
    """All other keys: its keyword arguments."""
    origin: str
    """`FILE:LINE` of its table in the strongest file."""
    origins: Mapping[str, str]
    """`FILE:LINE` of each key above."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a run, typed."""

    folder: Path
    """The project folder's real path."""
    preferred_package_manager: str | None
    mcp_port: int
    no_mcp: bool
    proxy_port: int
    proxy_mode: str
    proxy_url: str
    standard_proxy: bool
    no_proxy: bool
    use_robust_networking: bool
    ai_coders: Mapping[str, Any]
    state_dir: Path
    """Where this project's runs are."""
    grace: float
    """Seconds between SIGTERM and SIGKILL."""
    workers: int
    pipe_buffer: int | None
    """Bytes; None: chosen by the number of pipes."""
    store_max_bytes: int
    store_max_days: float
    guards: bool
    """Whether the run watches itself (pipeline/guards.py)."""
    color: str
    """auto, always or never; NO_COLOR makes "auto" to "never"."""
    glyphs: str
    """auto, unicode or ascii."""
    fps: int
    mouse: bool
    sync_output: bool
    operators: Mapping[str, ExtensionSetting]
    sinks: Mapping[str, ExtensionSetting]
    project_file: TomlFile | None
    """The project's own `.brum.toml`; its [processes] are read by `sources.detect`."""
    files: tuple[Path, ...]
    """All files that were read, the strongest first."""
    warnings: tuple[str, ...]
    origins: Mapping[str, str]

    def get(self, key: str) -> Value:
        """The value of a key with its origin; raises KeyError."""
        return Value(getattr(self, key), self.origins[key])

    def values(self) -> tuple[SettingRow, ...]:
        """Every setting in force, for `--settings`."""
        rows = [
            SettingRow(k.name, getattr(self, k.name), self.origins[k.name], k.note) for k in KEYS.values()
        ]
        tables = [("operators", each) for each in self.operators.values()]
        tables += [("sinks", each) for each in self.sinks.values()]
        for section, table in tables:
            said = {
                "enabled": table.enabled,
                "place": table.place,
                "order": table.order,
                **table.options,
            }
            rows += [
                SettingRow(f"{section}.{table.name}.{key}", said[key], origin, "")
                for key, origin in table.origins.items()
            ]
        return tuple(rows)


def project_folder(folder: str | Path) -> Path:
    """The project folder's real path; raises UsageError naming it when it is no folder."""
    try:
        path = Path(folder).resolve()
        if path.is_dir():
            return path
        reason = "is not a folder" if path.exists() else "does not exist"
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a NUL in the name
        reason = f"cannot be used: {error}"
    raise UsageError(f"project folder {shown(str(folder), 300)} {reason}")


def load(folder: str | Path, flags: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
    """All layers, read and checked.

    `flags` holds what the command line said, by key name; None means not said. Raises ConfigError for a file
    or value that is wrong and UsageError when the folder is missing.
    """
    where = project_folder(folder)
    warnings: list[str] = []
    files = tuple(_files(where, environ, warnings))
    found: dict[str, Value] = {}
    # The weakest first; each layer covers the ones before.
    for file in reversed(files):
        found |= _from_file(file)
    found |= _from_environment(environ, warnings)
    found |= _from_flags(flags)
    values = {name: found.get(name) or Value(key.default_value(), "default") for name, key in KEYS.items()}
    if values["color"].value == "auto" and environ.get("NO_COLOR"):
        values["color"] = Value("never", "NO_COLOR")
    if values["state_dir"].value is None:
        values["state_dir"] = _state_dir(where, environ)
    return Settings(
        folder=where,
        **{name: value.value for name, value in values.items()},
        operators=_extensions(files, "operators"),
        sinks=_extensions(files, "sinks"),
        project_file=next((f for f in files if f.folder == where), None),
        files=tuple(f.path for f in files),
        warnings=tuple(warnings),
        origins={name: value.origin for name, value in values.items()},
    )


def _files(folder: Path, environ: Mapping[str, str], warnings: list[str]) -> Iterator[TomlFile]:
    """The files that exist, the strongest first, each once."""
    folders = [folder, *folder.parents]
    home = _home(environ)
    if home is not None and home not in folders:
        folders.append(home)
    for each in folders:
        if not os.access(each, os.X_OK):
            if os.access(each, os.F_OK):
                warnings.append(f"{each}: no permission to look for {CONFIG_NAME} there")
            continue
        file = read_toml(each / CONFIG_NAME)
        if file is not None:
            yield file


def _home(environ: Mapping[str, str]) -> Path | None:
    """The user's home; None when there is none (a container's nameless user without HOME)."""
    if named := environ.get("HOME"):
        return Path(named).resolve()
    import pwd

    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return None


def _from_file(file: TomlFile) -> dict[str, Value]:
    found = {}
    for name, raw in file.data.items():
        origin = file.where(name)
        if name in SECTIONS:
            if not isinstance(raw, dict) or not all(isinstance(v, dict) for v in raw.values()):
                raise ConfigError(f"{origin}: {name} must hold tables, as in [{name}.NAME]")
        elif name in KEYS:
            found[name] = _value(name, raw, origin, is_text=False, base=file.folder)
        else:
            hint = nearest(name, (*KEYS, *SECTIONS))
            likely = f"; did you mean {shown(hint)}?" if hint else ""
            raise ConfigError(f"{origin}: unknown key {shown(name)}{likely}")
    return found


def _from_environment(environ: Mapping[str, str], warnings: list[str]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    unknown = []
    for name in sorted(n for n in environ if n.startswith("BRUMMER_") and n not in CHILD_VARIABLES):
        key = key_of_variable(name)
        if key is None:
            hint = nearest(name.removeprefix("BRUMMER_"), tuple(KEYS))
            unknown.append(shown(name)[1:-1] + (f" (did you mean {variable(hint)}?)" if hint else ""))
        elif environ[name] and (key not in found or name == variable(key)):
            # An empty variable counts as unset; the key's own spelling wins over another one.
            found[key] = _value(key, environ[name], name, is_text=True, base=Path.cwd())
    if unknown:
        some = "variable" if len(unknown) == 1 else "variables"
        warnings.append(f"unknown environment {some} ignored: {', '.join(unknown)}")
    return found


def _from_flags(flags: Mapping[str, Any]) -> dict[str, Value]:
    if unknown := sorted(set(flags) - set(KEYS)):
        raise ValueError(f"not a setting: {', '.join(unknown)}")
    return {
        name: _value(name, raw, f"command line {KEYS[name].flag_name}", is_text=True, base=Path.cwd())
        for name, raw in flags.items()
        if raw is not None
    }


def _value(name: str, raw: Any, origin: str, *, is_text: bool, base: Path) -> Value:
    try:
        return Value(KEYS[name].kind.read(raw, is_text=is_text, base=base), origin)
    except WrongValue as wrong:
        raise ConfigError(f"{origin}: {name} is {shown(raw)}; it must be {wrong}") from wrong


def check_extensions(said: Mapping[str, ExtensionSetting], known: Iterable[str], kind: str) -> None:
    """Raises ConfigError with `FILE:LINE` when a file configures an operator or sink that is not known."""
    names = tuple(known)
    for name, each in said.items():
        if name not in names:
            hint = nearest(name, names)
            likely = f"; did you mean {shown(hint)}?" if hint else ""
            raise ConfigError(f"{each.origin}: unknown {kind} {shown(name)}{likely}")


def _extensions(files: tuple[TomlFile, ...], section: str) -> dict[str, ExtensionSetting]:
    """Every extension that a file speaks of there, in order of name; per key the strongest file wins."""
    said: dict[str, dict[str, tuple[Any, str]]] = {}
    origins: dict[str, str] = {}
    for file in reversed(files):
        for name, table in file.data.get(section, {}).items():
            origins[name] = file.where(section, name)
            values = said.setdefault(name, {})
            for key, raw in table.items():
                origin = file.where(section, name, key)
                _check_extension(section, name, key, raw, origin)
                values[key] = (raw, origin)
    return {name: _extension(name, origins[name], said[name]) for name in sorted(said)}


def _check_extension(section: str, name: str, key: str, raw: Any, origin: str) -> None:
    right = None
    if key == "enabled" and not isinstance(raw, bool):
        right = "true or false"
    if section == "sinks" and key in ("order", "place"):
        raise ConfigError(f"{origin}: {section}.{name}.{key}: sinks have no {key}")
    if key == "order" and (not isinstance(raw, int) or isinstance(raw, bool)):
        right = "a whole number"
    if key == "place" and raw not in ("transform", "derive"):
        right = '"transform" or "derive"'
    if right:
        raise ConfigError(f"{origin}: {section}.{name}.{key} is {shown(raw)}; it must be {right}")


def _extension(name: str, origin: str, said: Mapping[str, tuple[Any, str]]) -> ExtensionSetting:
    values = {key: value for key, (value, _) in said.items()}
    return ExtensionSetting(
        name=name,
        enabled=values.pop("enabled", None),
        place=values.pop("place", None),
        order=values.pop("order", None),
        options=values,
        origin=origin,
        origins={key: origin for key, (_, origin) in said.items()},
    )


def _state_dir(folder: Path, environ: Mapping[str, str]) -> Value:
    origin = "XDG_STATE_HOME" if Path(environ.get("XDG_STATE_HOME", "")).is_absolute() else "default"
    return Value(default_state_dir(folder, environ), origin)


def default_state_dir(folder: Path, environ: Mapping[str, str]) -> Path:
    """`$XDG_STATE_HOME/brummer-rx/PROJECT`; PROJECT is basename-8hex (a hash) of the folder's real path.

    A relative XDG_STATE_HOME counts as unset, as its specification says. Raises UsageError without a home.
    """
    import hashlib

    state = Path(environ.get("XDG_STATE_HOME", ""))
    if not state.is_absolute():
        home = _home(environ)
        if home is None:
            raise UsageError(
                "there is no home folder for the runs: set HOME, XDG_STATE_HOME or BRUMMER_STATE_DIR"
            )
        state = home / ".local" / "state"
    real = folder.resolve()
    digest = hashlib.sha256(os.fsencode(real)).hexdigest()[:8]
    base = "".join(c if c.isalnum() or c in "._-" else "_" for c in real.name)[:48]
    return state / "brummer-rx" / f"{base or 'root'}-{digest}"
