"""The runs of a project: making one, listing them, finding one, deleting one.

::

    STATE_DIR/20261124-234936-0123456789ab/     id: time of the start (UTC) and 48 random bits
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from calendar import timegm
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from brummer_rx.pipeline.errors import ConfigError, NotFoundError
from brummer_rx.sinks.store.files import FOLDER_MODE, Disk, folder_size
from brummer_rx.sinks.store.lock import FolderLock, is_live, try_lock
from brummer_rx.sinks.store.manifest import MANIFEST, Manifest, ManifestFile, read_manifest
from brummer_rx.sinks.store.measure import measure
from brummer_rx.sinks.store.retention import RunSize

__all__ = [
    "RunFolder",
    "RunInfo",
    "RunState",
    "create_run",
    "delete_run",
    "find_run",
    "list_runs",
    "run_sizes",
]

_ID = re.compile(r"(\d{8}-\d{6})-[0-9a-f]{12}")
_LEAVING = ".evicted-"
"""Prefix of a run's folder while it is deleted."""

RunState = Literal["live", "ended", "died"]


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A run as `runs` lists it."""

    id: str
    path: Path
    state: RunState
    """Live: its writer holds the lock. Died: it does not, and did not say that it ended."""
    started_ns: int
    ended_ns: int | None
    sources: tuple[str, ...]
    lines: int
    bytes: int
    """On disk."""
    gaps: int
    """Number of gaps."""
    project: str = ""
    command: str = ""


class RunFolder:
    """A live run's folder. The lock is held until `release`, which `LogStore.close` calls."""

    def __init__(self, path: Path, lock: FolderLock, manifest: ManifestFile) -> None:
        self.path = path
        self.manifest = manifest
        self._lock = lock

    @property
    def id(self) -> str:
        """The run's id; sortable by start, not to be guessed."""
        return self.path.name

    @property
    def state_dir(self) -> Path:
        """The folder of the project's runs."""
        return self.path.parent

    def release(self) -> None:
        """Give the lock back: the run is no longer live. Twice is fine."""
        self._lock.release()


def create_run(
    state_dir: Path, *, project: str, command: str, tool: str = "", disk: Disk | None = None
) -> RunFolder:
    """A new run's folder, locked, with its manifest.

    Raises `ConfigError`, naming the path, when the folder cannot be made or written.
    """
    started_ns = time.time_ns()
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(started_ns // 10**9))
    run_id = f"{stamp}-{secrets.token_hex(6)}"
    path = state_dir / run_id
    lock: FolderLock | None = None
    try:
        _make_folders(state_dir)
        path.mkdir(FOLDER_MODE)
        lock = FolderLock(path, wait=True)  # somebody may be asking right now whether it lives
        known = Manifest(run=run_id, project=project, command=command, started_ns=started_ns, tool=tool)
        manifest = ManifestFile(path, known, disk)
        manifest.update(lambda value: value)
    except OSError as error:
        if lock is not None:
            lock.release()
            shutil.rmtree(path, ignore_errors=True)
        why = error.strerror or str(error)
        raise ConfigError(
            f"state_dir = {str(state_dir)!r}: cannot be written ({why}); name another folder with --state-dir"
        ) from error
    return RunFolder(path, lock, manifest)


def _make_folders(path: Path) -> None:
    for folder in (*reversed(path.parents), path):
        try:
            folder.mkdir(FOLDER_MODE)
        except FileExistsError:
            continue
        except OSError:
            if not folder.is_dir():  # a read-only parent that exists is fine
                raise


def list_runs(state_dir: Path) -> list[RunInfo]:
    """All runs, newest first; empty when there is no such folder. Nothing is changed on disk."""
    return [_info(path, manifest) for path, manifest in _newest_first(state_dir)]


def find_run(state_dir: Path, which: str) -> RunInfo:
    """The run "last" (newest by start, live ones included), or one by its id or the unique beginning of one.

    Raises `NotFoundError`.
    """
    runs = _newest_first(state_dir)
    found = runs[:1] if which == "last" else [run for run in runs if run[0].name == which]
    if not found and which:
        found = [run for run in runs if run[0].name.startswith(which)]
    if not found:
        raise NotFoundError(f"there is no run {which!r} in {state_dir}")
    if len(found) > 1:
        raise NotFoundError(f"{which!r} is the beginning of {len(found)} runs in {state_dir}")
    return _info(*found[0])


def _folders(state_dir: Path) -> Iterator[Path]:
    try:
        with os.scandir(state_dir) as entries:
            names = [entry.name for entry in entries if _ID.fullmatch(entry.name) and entry.is_dir()]
    except OSError:
        return
    yield from (state_dir / name for name in names)


def _newest_first(state_dir: Path) -> list[tuple[Path, Manifest]]:
    runs = []
    for path in _folders(state_dir):
        manifest = read_manifest(path)
        if not manifest.run and not _holds_anything(path):
            continue  # being made right now, or given up
        runs.append((path, replace(manifest, started_ns=manifest.started_ns or _started_by_id(path.name))))
    return sorted(runs, key=lambda run: (run[1].started_ns, run[0].name), reverse=True)


def _holds_anything(path: Path) -> bool:
    return (path / MANIFEST).exists() or next(path.glob("*.seg"), None) is not None


def _started_by_id(run_id: str) -> int:
    match = _ID.fullmatch(run_id)
    try:
        stamp = time.strptime(match[1], "%Y%m%d-%H%M%S") if match else time.gmtime(0)
    except ValueError:
        return 0
    return timegm(stamp) * 10**9


def _info(path: Path, manifest: Manifest) -> RunInfo:
    live = is_live(path)
    if not live and manifest.ended_ns is None:
        manifest = replace(read_manifest(path), started_ns=manifest.started_ns)  # it may just have ended
    state: RunState = "live" if live else "died" if manifest.ended_ns is None else "ended"
    totals = manifest.totals
    if totals is None or live:
        totals = measure(path, manifest, live=live)
    return RunInfo(
        path.name, path, state, manifest.started_ns, manifest.ended_ns, manifest.sources,
        totals.lines, totals.bytes, totals.gaps, manifest.project, manifest.command,
    )  # fmt: skip


def run_sizes(state_dir: Path) -> list[RunSize]:
    """All runs as retention sees them."""
    found = []
    for path, manifest in _newest_first(state_dir):
        size, newest = folder_size(path)
        last = manifest.ended_ns or newest
        found.append(RunSize(path.name, manifest.started_ns, last, size, is_live(path)))
    return found


def delete_run(state_dir: Path, run_id: str) -> bool:
    """Delete an ended run; False when it lives or cannot be deleted.

    Also what an earlier try has left behind.
    """
    for left in state_dir.glob(f"{_LEAVING}*"):
        if _ID.fullmatch(left.name.removeprefix(_LEAVING)):
            shutil.rmtree(left, ignore_errors=True)
    path = state_dir / run_id
    lock = try_lock(path) if _ID.fullmatch(run_id) else None
    if lock is None:
        return False
    try:
        leaving = path.with_name(_LEAVING + run_id)
        path.rename(leaving)  # from here on nobody lists it
        shutil.rmtree(leaving)
    except OSError:
        return False
    finally:
        lock.release()
    return True
