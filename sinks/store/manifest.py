"""`manifest.json`: what a run's folder says about itself, replaced as a whole by rename.

A damaged or missing manifest reads as an empty one, a newer one as far as its known fields go: the lines are
readable without it, only names are lost.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from brummer_rx.pipeline import guards
from brummer_rx.sinks.store.files import Disk

__all__ = [
    "FORMAT",
    "MANIFEST",
    "Manifest",
    "ManifestFile",
    "Totals",
    "decode_manifest",
    "encode_manifest",
    "read_manifest",
]

MANIFEST = "manifest.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Totals:
    """What a run holds, written when it ended."""

    lines: int
    bytes: int
    gaps: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """The known fields, and in `extra` all others (kept when it is rewritten)."""

    run: str = ""
    project: str = ""
    command: str = ""
    started_ns: int = 0
    """Wall clock, ns since the epoch."""
    ended_ns: int | None = None
    """None while it runs, and for ever when it died."""
    tool: str = ""
    """Version of the tool that wrote it."""
    format: int = FORMAT
    sources: tuple[str, ...] = ()
    """Names by source id."""
    totals: Totals | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


def encode_manifest(manifest: Manifest) -> bytes:
    """JSON, one object."""
    known: dict[str, Any] = {
        "format": manifest.format,
        "run": manifest.run,
        "project": manifest.project,
        "command": manifest.command,
        "started_ns": manifest.started_ns,
        "ended_ns": manifest.ended_ns,
        "tool": manifest.tool,
        "sources": list(manifest.sources),
        "totals": None,
    }
    if manifest.totals is not None:
        t = manifest.totals
        known["totals"] = {"lines": t.lines, "bytes": t.bytes, "gaps": t.gaps}
    return json.dumps({**manifest.extra, **known}, indent=1).encode() + b"\n"


def decode_manifest(data: bytes) -> Manifest:
    """The manifest, field by field: one of a wrong type counts as missing."""
    try:
        loaded = json.loads(data)
    except (ValueError, RecursionError):
        return Manifest()
    if not isinstance(loaded, dict):
        return Manifest()

    def text(key: str) -> str:
        value = loaded.get(key)
        return value if isinstance(value, str) else ""

    names = loaded.get("sources")
    known = ("format", "run", "project", "command", "started_ns", "ended_ns", "tool", "sources", "totals")
    return Manifest(
        run=text("run"),
        project=text("project"),
        command=text("command"),
        started_ns=_number(loaded.get("started_ns")) or 0,
        ended_ns=_number(loaded.get("ended_ns")),
        tool=text("tool"),
        format=_number(loaded.get("format")) or FORMAT,
        sources=tuple(str(name) for name in names) if isinstance(names, list) else (),
        totals=_totals(loaded.get("totals")),
        extra={key: value for key, value in loaded.items() if key not in known},
    )


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _totals(value: object) -> Totals | None:
    if not isinstance(value, dict):
        return None
    numbers = [_number(value.get(key)) for key in ("lines", "bytes", "gaps")]
    lines, size, gaps = numbers
    return None if lines is None or size is None or gaps is None else Totals(lines, size, gaps)


@guards.locked("_lock", "_manifest")
class ManifestFile:
    """The writing side of one run's manifest.

    Any thread: a lock keeps changes apart (no reader ever takes it).
    """

    def __init__(self, folder: Path, manifest: Manifest, disk: Disk | None = None) -> None:
        self.path = folder / MANIFEST
        self._manifest = manifest
        self._disk = disk or Disk()
        self._lock = guards.lock("manifest")

    @property
    def value(self) -> Manifest:
        """As last written, or as it is to be written."""
        return self._manifest

    def update(self, change: Callable[[Manifest], Manifest], *, sync: bool = False) -> None:
        """Change it and write it; raises `OSError`, then the next update carries this change too."""
        with self._lock:
            self._manifest = change(self._manifest)
            self._disk.replace(self.path, encode_manifest(self._manifest), sync=sync)

    def note(self, **extra: Any) -> None:
        """Add fields of others, for instance where the control socket stands."""
        self.update(lambda manifest: replace(manifest, extra={**manifest.extra, **extra}))


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a run's folder; an empty one when it is missing or damaged."""
    try:
        return decode_manifest((folder / MANIFEST).read_bytes())
    except OSError:
        return Manifest()
