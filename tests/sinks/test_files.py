"""The store's file system calls."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from brummer_rx.sinks.store import files
from brummer_rx.sinks.store.files import Disk, OpenFile, folder_size, modified_ns, read_path, replace


def test_replace_puts_the_whole_content_there(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for content, sync in ((b"one", False), (b"two", True)):
        replace(path, content, sync=sync)
        assert path.read_bytes() == content
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_replace_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    replace(path, b"old", sync=False)

    def refuse(fd: int) -> None:
        raise OSError(errno.EIO, "no")

    monkeypatch.setattr(files.os, "fsync", refuse)
    with pytest.raises(OSError, match="no"):
        replace(path, b"new", sync=True)

    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_append_adds_and_a_short_write_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log"
    Disk().append(path, b"a", sync=True)
    Disk().append(path, b"b", sync=False)
    assert path.read_bytes() == b"ab"

    monkeypatch.setattr(files.os, "write", lambda fd, data: 0)
    with pytest.raises(OSError, match="short"):
        Disk().append(path, b"c", sync=False)


def test_reads_stop_at_the_end_and_at_refusals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"0123456789")
    assert read_path(path, 2, 3) == b"234"
    assert read_path(path, 8, 30) == b"89"
    assert read_path(tmp_path / "none", 0, 1) is None
    file = OpenFile(os.open(path, os.O_RDONLY))
    assert (file.read(4, 2), file.size()) == (b"45", 10)
    real = os.pread

    def piecewise(fd: int, length: int, offset: int) -> bytes:
        if offset > 6:
            raise OSError(errno.EIO, "bad block")
        return real(fd, min(length, 2), offset)

    monkeypatch.setattr(files.os, "pread", piecewise)
    assert file.read(2, 20) == b"234567"
    assert file.read(7, 3) == b""


def test_sizes_and_times(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    (tmp_path / "b").mkdir()
    os.utime(tmp_path / "b", ns=(7, 7))
    os.utime(tmp_path / "a", ns=(5, 5))

    assert folder_size(tmp_path) == (5, 7)
    assert folder_size(tmp_path / "none") == (0, 0)
    assert (modified_ns(tmp_path / "a"), modified_ns(tmp_path / "none")) == (5, 0)
