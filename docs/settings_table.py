"""Renews the table in docs/settings.md from the one table of settings.

.venv/bin/python docs/settings_table.py
"""

from __future__ import annotations

from pathlib import Path

from brummer_rx.cli.options import all_options
from brummer_rx.pipeline.kinds import shown, size_text
from brummer_rx.pipeline.setting_keys import KEYS, NOT_YET, Key, variable

__all__ = ["MEANINGS", "PAGE", "main", "renewed", "table"]

PAGE = Path(__file__).resolve().parent / "settings.md"
BEGIN, END = "<!-- made by settings_table.py: begin -->", "<!-- made by settings_table.py: end -->"

MEANINGS = {
    "preferred_package_manager": "what runs the scripts of `package.json`; unset: as `packageManager` "
    "and the lock file say",
    "mcp_port": "port of the MCP server",
    "no_mcp": "no MCP server",
    "proxy_port": "port of the proxy",
    "proxy_mode": "kind of proxy",
    "proxy_url": "what the proxy stands before",
    "standard_proxy": "",
    "no_proxy": "no proxy",
    "use_robust_networking": "",
    "ai_coders": "only in a file",
    "state_dir": "where this project's runs are stored",
    "grace": "seconds from SIGTERM to SIGKILL when a process is stopped",
    "workers": "threads that run operators",
    "pipe_buffer": "size of each pipe between a process and the tool",
    "store_max_bytes": "most bytes of all runs of this project; the oldest go first",
    "store_max_days": "runs older than that go",
    "guards": "the tool watches itself for races, deadlocks and stalls, and writes what it finds into the "
    "run's `tool.log`; costs speed",
    "color": "colours of `--plain` and of the viewer; `NO_COLOR` turns `auto` into `never`",
    "glyphs": "the viewer's signs",
    "fps": "frames a second of the viewer at most (over SSH 12, unless it is set)",
    "mouse": "the viewer takes the mouse (F2 switches while it runs)",
    "sync_output": "the viewer tells the terminal where a frame begins and ends",
}
"""What each setting decides; a test sees to it that none is missing."""

DEFAULTS = {
    "state_dir": "`$XDG_STATE_HOME/brummer-rx/PROJECT`",
    "workers": "2.5 x cores, from 4 to 32",
    "pipe_buffer": "1 MiB, less with more than 16 pipes",
    "ai_coders": "empty",
    "preferred_package_manager": "unset",
    "proxy_url": "empty",
    "grace": "10",
    "store_max_days": "14",
}
"""Those that are no plain value, or read better in words."""


def _default(key: Key) -> str:
    if key.name in DEFAULTS:
        return DEFAULTS[key.name]
    value = key.default_value()
    return size_text(value) if key.name == "store_max_bytes" else shown(value).strip('"')


def _elsewhere(key: Key) -> str:
    """How it is given on the command line and in the environment."""
    ways = [f"`{key.flag_name}`"] if key.flag_name in all_options() else []
    if key.name != "ai_coders":
        ways.append(f"`{variable(key.name)}`")
    return "<br>".join(ways) or "-"


def table() -> str:
    """The settings in the order of `--settings`, as a table."""
    rows = ["| key | values | default | also as | what it decides |", "|---|---|---|---|---|"]
    for key in KEYS.values():
        meaning = MEANINGS[key.name]
        if key.note == NOT_YET:
            meaning = f"{meaning}; *{NOT_YET}*" if meaning else f"*{NOT_YET}*"
        cells = (
            f"`{key.name}`",
            key.kind.right.split(", such as")[0],
            _default(key),
            _elsewhere(key),
            meaning,
        )
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows)


def renewed(page: str) -> str:
    """The page with the table of now."""
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{table()}\n{END}{tail}"


def main() -> None:
    """Write the page."""
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
