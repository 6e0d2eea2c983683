"""The lock that tells who lives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from brummer_rx.sinks.store.lock import FolderLock, is_live, try_lock


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    assert not is_live(tmp_path)
    lock = FolderLock(tmp_path, wait=False)
    assert is_live(tmp_path)
    assert try_lock(tmp_path) is None
    with pytest.raises(BlockingIOError):
        FolderLock(tmp_path, wait=False)

    lock.release()
    lock.release()

    assert not is_live(tmp_path)
    again = try_lock(tmp_path)
    assert again is not None
    again.release()


def test_asking_does_not_make_others_believe_in_a_writer(tmp_path: Path) -> None:
    import fcntl
    import os

    fd = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_SH)
    assert not is_live(tmp_path)
    os.close(fd)


def test_a_folder_that_is_gone_is_not_live(tmp_path: Path) -> None:
    assert not is_live(tmp_path / "none")
    assert try_lock(tmp_path / "none") is None


def test_the_lock_goes_with_its_process_whatever_kills_it(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from brummer_rx.sinks.store.lock import FolderLock\n"
        "lock = FolderLock(Path(sys.argv[1]), wait=False); print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        assert is_live(tmp_path)
        child.kill()
    assert not is_live(tmp_path)
