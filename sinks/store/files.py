"""What the store asks of the file system, in one place, so that tests can make each of it fail."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

__all__ = [
    "FILE_MODE",
    "FOLDER_MODE",
    "MAX_BUFFERS",
    "Disk",
    "OpenFile",
    "folder_size",
    "fsync_folder",
    "read_path",
    "replace",
]

FILE_MODE = 0o600
FOLDER_MODE = 0o700
MAX_BUFFERS = 1000
"""Most buffers in one `writev`; the systems' limit is 1,024."""


class Disk:
    """The writing side; tests inject one that is full, slow or short."""

    def create(self, path: Path) -> OpenFile:
        """A new file, to be written and read again; raises `OSError`, also when there is one already."""
        return OpenFile(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE))

    def writev(self, fd: int, buffers: Sequence[bytes | memoryview]) -> int:
        """Bytes written, perhaps fewer than asked."""
        return os.writev(fd, buffers)

    def truncate(self, fd: int, length: int) -> None:
        """Cut the file and put the position there."""
        os.ftruncate(fd, length)
        os.lseek(fd, length, os.SEEK_SET)

    def sync(self, fd: int) -> None:
        """Make the data durable."""
        os.fdatasync(fd) if hasattr(os, "fdatasync") else os.fsync(fd)

    def removed(self, fd: int) -> bool:
        """Whether somebody has deleted the file: what is written is gone when it is closed."""
        return not os.fstat(fd).st_nlink

    def append(self, path: Path, data: bytes, *, sync: bool) -> None:
        """Add `data` to a file (made when missing) in one write.

        Raises `OSError` also when it was cut short.
        """
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        try:
            if os.write(fd, data) != len(data):
                raise OSError("short write")
            if sync:
                os.fsync(fd)
        finally:
            os.close(fd)

    def replace(self, path: Path, data: bytes, *, sync: bool) -> None:
        """Put `data` in the file's place as a whole."""
        replace(path, data, sync=sync)


class OpenFile:
    """A descriptor that is closed when nobody reads through it any more.

    Views of a segment that still grows share it; the last one to go closes it, whichever thread that is on.
    """

    __slots__ = ("__weakref__", "fd")

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes; fewer at the end of the file or where the disk refuses."""
        return _pread(self.fd, offset, length)

    def size(self) -> int:
        """Bytes in the file now."""
        return os.fstat(self.fd).st_size

    def __del__(self) -> None:
        os.close(self.fd)


def _pread(fd: int, offset: int, length: int) -> bytes:
    parts = []
    while length:
        try:
            part = os.pread(fd, length, offset)
        except OSError:
            break  # an unreadable block of the disk reads as missing bytes: the frame does not verify
        if not part:
            break
        parts.append(part)
        offset += len(part)
        length -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def read_path(path: Path, offset: int, length: int) -> bytes | None:
    """Like `OpenFile.read` for a file that is opened for this read only.

    None when it cannot be opened.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return _pread(fd, offset, length)
    finally:
        os.close(fd)


def modified_ns(path: Path) -> int:
    """When the file was last written, ns; 0 when it is gone."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def folder_size(path: Path) -> tuple[int, int]:
    """Bytes of a folder's files, and when the newest of them was written (ns)."""
    total = newest = 0
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                stat = entry.stat(follow_symlinks=False)
                total += stat.st_size if entry.is_file(follow_symlinks=False) else 0
                newest = max(newest, stat.st_mtime_ns)
    except OSError:
        return total, newest  # deleted meanwhile: what was counted does not matter
    return total, newest


def fsync_folder(path: Path) -> None:
    """Make renames and new names in a folder durable."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def replace(path: Path, data: bytes, *, sync: bool) -> None:
    """Write a file beside `path` and rename it over; raises `OSError`, then the old file is untouched."""
    temporary = path.with_name(path.name + ".tmp")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
    try:
        with open(fd, "wb", buffering=0) as file:
            if file.write(data) != len(data):
                raise OSError(f"short write to {temporary}")
            if sync:
                os.fsync(fd)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    if sync:
        fsync_folder(path.parent)
