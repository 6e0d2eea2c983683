"""Repair of a run that nobody writes to any more, by whoever can take its lock.

Temporary files go, the torn frame at the end of the newest unsealed segment is cut off, segments without
a key file get one, and one in which no line is readable leaves the row of segments (empty: it is removed;
else it is put aside). Damage inside is left as it is: what is readable there stays readable, the rest shows
as a `Gap`. Sealed segments are never cut, even if their key file is damaged.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from brummer_rx.pipeline.event import Gap, GapReason, Level
from brummer_rx.sinks.store.files import Disk
from brummer_rx.sinks.store.gaplog import GAPS_LOG, LostLines, record
from brummer_rx.sinks.store.growing import Growing
from brummer_rx.sinks.store.load import load_segments, segment_numbers
from brummer_rx.sinks.store.lock import try_lock
from brummer_rx.sinks.store.manifest import read_manifest
from brummer_rx.sinks.store.ports import StoreOptions
from brummer_rx.sinks.store.seal import key_path, seal, segment_path
from brummer_rx.sinks.store.segment import Reading

__all__ = ["needs_repair", "repair"]


def needs_repair(folder: Path) -> bool:
    """Whether a temporary file was left behind or a segment has no key file.

    Names only, nothing is opened.
    """
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    unsealed = any(key_path(segment_path(folder, n)).name not in names for n in segment_numbers(folder))
    return unsealed or any(name.endswith(".tmp") for name in names)


def repair(folder: Path, disk: Disk | None = None) -> bool:
    """Repair the run in `folder`.

    False when it lives or the disk refuses (it is readable all the same).
    """
    lock = try_lock(folder)
    if lock is None:
        return False
    try:
        _repair(folder, disk or Disk())
    except OSError as error:
        from loguru import logger  # readers, which start fast, come here only when something is wrong

        logger.debug("{} could not be repaired: {}", folder, error)
        return False
    finally:
        lock.release()
    return True


def _repair(folder: Path, disk: Disk) -> None:
    for left in folder.glob("*.tmp"):
        left.unlink(missing_ok=True)
    loaded = load_segments(folder, Reading(), live=False)
    numbers = segment_numbers(folder)
    for growing in loaded.scanned:
        path = growing.backing.path
        if key_path(path).exists():
            continue  # sealed once; its key file may still know what the segment has lost
        if growing.backing.number == numbers[-1]:
            _cut_torn_tail(growing)
        readable = growing.view()
        before = (view.end_seq for view in loaded.views if view.number < growing.backing.number)
        ends = readable.end_seq if readable is not None else max(before, default=0)
        if growing.seen_seq > ends:
            _log_damage(folder, disk, ends, growing.seen_seq)
        if readable is None:
            _put_aside(path)
        else:
            seal(growing, disk, frame_bytes=StoreOptions().frame_bytes)


def _cut_torn_tail(growing: Growing) -> None:
    """Bytes behind the last frame are a frame that was being written when the writer died."""
    if growing.file.size() > growing.end:
        os.truncate(growing.backing.path, growing.end)


def _put_aside(path: Path) -> None:
    """A segment without a readable line would never get a key file, and be repaired at every open."""
    if path.stat().st_size == 0:
        path.unlink()
    else:
        path.replace(path.with_suffix(".damaged"))


def _log_damage(folder: Path, disk: Disk, first: int, end: int) -> None:
    """Once sealed, nothing but this record tells of unreadable frames at the segment's end."""
    gap = Gap("", end - first, 0, GapReason.DAMAGE, first, end - 1)
    lost = LostLines(gap, frozenset(), int(Level.INFO), time.time_ns())
    disk.append(folder / GAPS_LOG, record(lost, read_manifest(folder).started_ns), sync=True)
