"""Writing without blocking: all in order through any kind of descriptor, room told truly, failures once."""

from __future__ import annotations

import errno
import os
import pty
import socket
import threading
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from brummer_rx.sinks import outlet as module
from brummer_rx.sinks.outlet import Outlet


class FakeLoop:
    """Holds the writers; the test calls them."""

    def __init__(self) -> None:
        self.writers: dict[int, Callable[[], None]] = {}

    def add_writer(self, fd: int, action: Callable[[], None]) -> None:
        assert fd not in self.writers
        self.writers[fd] = action

    def remove_writer(self, fd: int) -> None:
        del self.writers[fd]

    def turn(self) -> None:
        for action in list(self.writers.values()):
            action()


@pytest.fixture
def loop() -> FakeLoop:
    return FakeLoop()


@pytest.fixture
def errors() -> list[OSError]:
    return []


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for fd in ends:
        try:
            os.close(fd)
        except OSError as error:
            assert error.errno == errno.EBADF  # closed by the test


DATA = b"".join(b"%07d\n" % n for n in range(50_000))


def take_all(fd: int, loop: FakeLoop, size: int) -> bytes:
    found = b""
    while len(found) < size:
        found += os.read(fd, 65536)
        loop.turn()
    return found


def test_a_full_pipe_waits_and_everything_arrives_in_order(
    loop: FakeLoop, errors: list[OSError], pipe: tuple[int, int]
) -> None:
    out = Outlet(pipe[1], loop, errors.append)

    for at in range(0, len(DATA), 1000):
        out.write(DATA[at : at + 1000])

    assert len(loop.writers) == 1
    assert 0 < out.waiting_bytes < len(DATA)
    assert out.written + out.waiting_bytes == len(DATA)
    assert os.get_blocking(pipe[1])  # others share it
    assert take_all(pipe[0], loop, len(DATA)) == DATA
    assert loop.writers == {}
    assert out.close()
    assert (out.written, out.discarded, errors) == (len(DATA), 0, [])


def test_room_ends_at_the_bound_and_comes_back(
    loop: FakeLoop, errors: list[OSError], pipe: tuple[int, int]
) -> None:
    out = Outlet(pipe[1], loop, errors.append)
    resumed: list[int] = []
    assert out.has_room(10**9)
    assert not out.park(lambda: resumed.append(0))

    out.write(bytes(2 * 1024 * 1024))

    assert not out.has_room()
    assert out.park(lambda: resumed.append(1))
    assert out.park(lambda: resumed.append(2))
    size = out.waiting_bytes + out.written
    os.read(pipe[0], 65536)
    loop.turn()
    assert resumed == []  # still above the low mark
    take_all(pipe[0], loop, size - 65536)
    assert resumed == [1, 2]
    assert out.has_room()
    out.close()


@pytest.mark.parametrize("how", ["reopened", "small steps"])
def test_a_reader_that_goes_away_is_told_once(
    loop: FakeLoop, errors: list[OSError], pipe: tuple[int, int], how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "small steps":
        monkeypatch.setattr(module, "_reopen", lambda fd: None)
    out = Outlet(pipe[1], loop, errors.append)
    out.write(DATA)
    resumed: list[int] = []
    out.write(bytes(2 * 1024 * 1024))
    out.park(lambda: resumed.append(1))
    os.close(pipe[0])

    loop.turn()
    out.write(b"more")

    assert [type(error) for error in errors] == [BrokenPipeError]
    assert isinstance(out.failed, BrokenPipeError)
    assert resumed == [1]
    assert out.has_room()
    assert loop.writers == {}
    assert out.written + out.discarded == len(DATA) + 2 * 1024 * 1024 + 4
    assert not out.close(1.0)


def test_a_pipe_without_a_reader_fails_at_the_first_write(
    loop: FakeLoop, errors: list[OSError], pipe: tuple[int, int]
) -> None:
    os.close(pipe[0])

    Outlet(pipe[1], loop, errors.append).write(b"x")

    assert [error.errno for error in errors] == [errno.EPIPE]


def test_where_it_cannot_be_opened_again_small_writes_never_block(
    loop: FakeLoop, errors: list[OSError], pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_reopen", lambda fd: None)
    out = Outlet(pipe[1], loop, errors.append)

    out.write(DATA)  # would block for ever if it were written as a whole

    assert out.waiting_bytes
    assert take_all(pipe[0], loop, len(DATA)) == DATA
    out.close()


def test_a_socket(loop: FakeLoop, errors: list[OSError]) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        out = Outlet(ours.fileno(), loop, errors.append)
        out.write(DATA * 4)

        assert out.waiting_bytes
        assert take_all(theirs.fileno(), loop, 4 * len(DATA)) == DATA * 4
        assert ours.getblocking()
        assert out.close()
        assert ours.fileno() >= 0


def test_a_terminal_that_is_frozen_and_thawed(loop: FakeLoop, errors: list[OSError]) -> None:
    master, slave = pty.openpty()
    try:
        tty.setraw(slave)
        out = Outlet(slave, loop, errors.append)
        out.write(DATA)
        assert out.waiting_bytes
        assert take_all(master, loop, len(DATA)) == DATA
        out.close()
    finally:
        os.close(master)
        os.close(slave)


@pytest.mark.parametrize("target", ["file", "/dev/null"])
def test_files_are_written_at_once(
    loop: FakeLoop, errors: list[OSError], tmp_path: Path, target: str
) -> None:
    path = tmp_path / "out" if target == "file" else Path(target)
    with path.open("wb") as file:
        out = Outlet(file.fileno(), loop, errors.append)
        out.write(DATA)
        out.write(b"")
        assert (out.waiting_bytes, out.written, loop.writers) == (0, len(DATA), {})
        assert out.close()
    if target == "file":
        assert path.read_bytes() == DATA


def test_a_full_disk_is_told(loop: FakeLoop, errors: list[OSError]) -> None:
    with Path("/dev/full").open("wb", buffering=0) as file:
        out = Outlet(file.fileno(), loop, errors.append)
        out.write(b"x")

    assert [error.errno for error in errors] == [errno.ENOSPC]
    assert out.discarded == 1


def test_close_waits_for_the_reader_until_its_deadline(
    loop: FakeLoop, errors: list[OSError], pipe: tuple[int, int]
) -> None:
    out = Outlet(pipe[1], loop, errors.append)
    out.write(DATA)
    resumed: list[int] = []

    assert not out.close(0.02)

    assert out.discarded == len(DATA) - out.written > 0
    assert loop.writers == {}
    assert not out.park(lambda: resumed.append(1))
    assert not out.close(0.02)
    out.write(b"late")
    assert out.discarded == len(DATA) - out.written + 4


def test_close_writes_what_waits(loop: FakeLoop, errors: list[OSError], pipe: tuple[int, int]) -> None:
    os.set_blocking(pipe[0], False)
    out = Outlet(pipe[1], loop, errors.append)
    out.write(DATA[:70_000])
    first = os.read(pipe[0], 65536)

    assert out.close(5.0)

    assert first + os.read(pipe[0], 65536) == DATA[:70_000]


def test_descriptors_come_back(loop: FakeLoop, errors: list[OSError], pipe: tuple[int, int]) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        out = Outlet(pipe[1], loop, errors.append)
        out.write(b"x")
        out.close()

    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_who_wants_to_know_hears_when_all_is_out(
    loop: FakeLoop, errors: list[OSError], pipe: tuple[int, int]
) -> None:
    out = Outlet(pipe[1], loop, errors.append)
    told: list[int] = []
    assert not out.when_out(lambda: told.append(0))
    out.write(DATA[:100_000])

    assert out.when_out(lambda: told.append(out.waiting_bytes))
    os.read(pipe[0], 20_000)
    loop.turn()
    assert told == []
    take_all(pipe[0], loop, 80_000)
    assert told == [0]
    assert not out.when_out(lambda: told.append(2))
    out.close()


def test_who_waits_for_the_end_hears_of_a_failure(
    loop: FakeLoop, errors: list[OSError], pipe: tuple[int, int]
) -> None:
    out = Outlet(pipe[1], loop, errors.append)
    out.write(DATA)
    told: list[int] = []
    assert out.when_out(lambda: told.append(1))
    os.close(pipe[0])
    loop.turn()

    assert told == [1]


def test_a_slow_reader_is_waited_for_at_the_end(
    loop: FakeLoop, errors: list[OSError], pipe: tuple[int, int]
) -> None:
    out = Outlet(pipe[1], loop, errors.append)
    out.write(DATA)
    found: list[bytes] = []

    def read() -> None:
        while sum(map(len, found)) < len(DATA):
            threading.Event().wait(0.02)  # a slow reader: all of it takes longer than the patience below
            found.append(os.read(pipe[0], 8192))

    reader = threading.Thread(target=read)
    reader.start()
    assert out.close(0.5)
    reader.join()

    assert b"".join(found) == DATA
