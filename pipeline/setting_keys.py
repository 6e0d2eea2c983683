"""The one table of settings: every key, its kind, its default and what is to be said of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from brummer_rx.pipeline.kinds import Kind, choice, flag, integer, number, path, size, table, text

__all__ = [
    "CHILD_VARIABLES",
    "KEYS",
    "NOT_YET",
    "SECTIONS",
    "Key",
    "default_workers",
    "key_of_variable",
    "variable",
]

NOT_YET = "accepted, not yet in effect"
SECTIONS = ("operators", "processes", "sinks")
"""Tables of a file that are no single setting."""
CHILD_VARIABLES = frozenset({"BRUMMER_RUN"})
"""What the tool sets for its children. Never settings, so that a run inside a run is not configured by it."""
_ALIASES = {"BRUMMER_PORT": "mcp_port", "BRUMMER_PACKAGE_MANAGER": "preferred_package_manager"}
"""Other spellings in the environment, where a user would guess them."""


@dataclass(frozen=True, slots=True)
class Key:
    """One setting."""

    name: str
    kind: Kind
    default: Any = None
    """The value, or a function that makes it when settings are loaded."""
    flag: str = ""
    """Spelling on the command line where it is not `--` + the name with dashes."""
    note: str = ""
    """What the list of settings says beside it."""

    @property
    def flag_name(self) -> str:
        """As on the command line: "--mcp-port"."""
        return self.flag or "--" + self.name.replace("_", "-")

    def default_value(self) -> Any:
        """The default."""
        return self.default() if callable(self.default) else self.default


def default_workers() -> int:
    """Threads of the pool when nobody says otherwise: `clamp(round(2.5 x cores), 4, 32)`."""
    return max(4, min(32, round(2.5 * (os.cpu_count() or 1))))


def variable(key: str) -> str:
    """The environment variable of a key."""
    return "BRUMMER_" + key.upper()


_AI_CODERS: Mapping[str, tuple[type, ...]] = {
    "enabled": (bool,),
    "max_concurrent": (int,),
    "workspace_base_dir": (str,),
    "default_provider": (str,),
    "timeout_minutes": (int,),
    "auto_cleanup": (bool,),
    "cleanup_after_hours": (int,),
    "providers": (dict,),
    "resource_limits": (dict,),
    "workspace": (dict,),
    "logging": (dict,),
}

_ALL = (
    # The ten keys of the original; only the first has an effect in this version.
    Key("preferred_package_manager", choice("npm", "pnpm", "yarn", "bun", default_none=True)),
    Key("mcp_port", integer(0, 65535), 7777, flag="--port", note=NOT_YET),
    Key("no_mcp", flag(), False, note=NOT_YET),
    Key("proxy_port", integer(0, 65535), 19888, note=NOT_YET),
    Key("proxy_mode", choice("reverse", "full"), "reverse", note=NOT_YET),
    Key("proxy_url", text(), "", note=NOT_YET),
    Key("standard_proxy", flag(), False, note=NOT_YET),
    Key("no_proxy", flag(), False, note=NOT_YET),
    Key("use_robust_networking", flag(), False, note=NOT_YET),
    Key("ai_coders", table(_AI_CODERS), dict, note=NOT_YET),
    # The run.
    Key("state_dir", path()),
    Key("grace", number(0, 3600, "seconds"), 10.0, note="seconds"),
    Key("workers", integer(1, 256), default_workers),
    Key("pipe_buffer", size(4096, 1 << 30), note="unset: up to 1MiB, fewer with many pipes"),
    # The store.
    Key("store_max_bytes", size(1 << 20), 4 << 30, note="bytes"),
    Key("store_max_days", number(0.001, 36500, "days"), 14.0, note="days"),
    # Looking for our own mistakes.
    Key("guards", flag(), False),
    # The screen.
    Key("color", choice("auto", "always", "never"), "auto"),
    Key("glyphs", choice("auto", "unicode", "ascii"), "auto"),
    Key("fps", integer(1, 120), 30),
    Key("mouse", flag(), True),
    Key("sync_output", flag(), True),
)

KEYS: Mapping[str, Key] = {key.name: key for key in _ALL}
"""By name, in the order of the list."""


def key_of_variable(name: str) -> str | None:
    """The key that an environment variable sets, or None."""
    if name in _ALIASES:
        return _ALIASES[name]
    key = name.removeprefix("BRUMMER_").lower()
    return key if name.isupper() and key in KEYS and key != "ai_coders" else None
