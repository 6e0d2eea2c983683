"""One stream: how it is read, how much, and the pace of all of them."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator

import pytest

from brummer_rx.pipeline.event import Stream
from brummer_rx.sources.child import Child, ChildHandle
from brummer_rx.sources.pipes import IngestOptions, Pace, Pipe, Running, pipe_capacity

KIB = 1024


def owner() -> Running:
    return Running(Child("x", 1, os.getpid(), {}, "r", ChildHandle(os.getpid())))


@pytest.fixture
def ends() -> Iterator[tuple[int, int]]:
    read, write = os.pipe()
    os.set_blocking(read, False)
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        fcntl.fcntl(read, fcntl.F_SETPIPE_SZ, 1024 * KIB)
    yield read, write
    for fd in (read, write):
        try:
            os.close(fd)
        except OSError:
            continue


@pytest.fixture
def pipe(ends: tuple[int, int]) -> Iterator[Pipe]:
    running = owner()
    yield Pipe(running, Stream.OUT, ends[0], IngestOptions(read_min=4 * KIB, read_max=16 * KIB))
    running.child.handle.close_pidfd()


def test_nothing_now_is_not_the_end(pipe: Pipe, ends: tuple[int, int]) -> None:
    assert pipe.read() == b""
    os.write(ends[1], b"abc")
    assert pipe.read() == b"abc"
    os.close(ends[1])
    assert pipe.read() is None


def test_the_read_size_follows_what_comes(pipe: Pipe, ends: tuple[int, int]) -> None:
    os.write(ends[1], bytes(60 * KIB))

    sizes = [len(pipe.read() or b"") for _ in range(5)]

    assert sizes == [4 * KIB, 8 * KIB, 16 * KIB, 16 * KIB, 16 * KIB]
    for expected in (8 * KIB, 4 * KIB, 4 * KIB):
        os.write(ends[1], b"x")
        pipe.read()
        assert pipe.want == expected


def test_a_middling_read_keeps_the_size(pipe: Pipe, ends: tuple[int, int]) -> None:
    pipe.want = 16 * KIB
    os.write(ends[1], bytes(8 * KIB))

    pipe.read()

    assert pipe.want == 16 * KIB


def test_what_waits_can_be_asked(pipe: Pipe, ends: tuple[int, int]) -> None:
    os.write(ends[1], bytes(12345))

    assert pipe.left() == 12345


def test_what_waits_is_unknown_where_the_system_does_not_tell(pipe: Pipe, ends: tuple[int, int]) -> None:
    os.close(ends[0])

    assert pipe.left() == 0


def test_an_error_that_is_no_end_is_raised(pipe: Pipe, ends: tuple[int, int]) -> None:
    os.close(ends[0])

    with pytest.raises(OSError, match="Bad file descriptor"):
        pipe.read()


@pytest.mark.pty
def test_a_terminal_gives_several_reads_as_one_and_then_its_end() -> None:
    master, slave = os.openpty()
    os.set_blocking(master, False)
    running = owner()
    tty = Pipe(running, Stream.TTY, master, IngestOptions())
    assert tty.read() == b""
    os.write(slave, b"x" * 3000 + b"\n")
    os.write(slave, b"y" * 3000 + b"\n")

    seen = b""
    while len(seen) < 6004:
        seen += tty.read() or b""
    os.close(slave)

    assert seen == b"x" * 3000 + b"\r\n" + b"y" * 3000 + b"\r\n"
    assert tty.read() is None
    os.close(master)
    running.child.handle.close_pidfd()


def test_capacity_is_asked_of_the_system(ends: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    if hasattr(fcntl, "F_GETPIPE_SZ"):
        assert pipe_capacity(ends[0]) == 1024 * KIB
        with open(__file__, "rb") as no_pipe:
            assert pipe_capacity(no_pipe.fileno()) == 4 * KIB
        monkeypatch.delattr(fcntl, "F_GETPIPE_SZ")
    assert pipe_capacity(ends[0]) == 64 * KIB


def test_small_reads_in_a_busy_streak_are_put_off() -> None:
    pace = Pace(0.001)

    pauses = [pace.after(0.0, 1, 200, 64 * KIB) for _ in range(5)]

    assert pauses == [0.0, 0.0, 0.001, 0.001, 0.001]


def test_many_streams_wait_longer() -> None:
    pace = Pace(0.001)

    assert [pace.after(0.0, 16, 16 * 500, 1024 * KIB) for _ in range(3)][-1] == 0.002


@pytest.mark.parametrize(
    ("waited", "streams", "size", "capacity"),
    [
        (0.01, 1, 200, 64 * KIB),  # it had to wait for data: a trickle
        (0.0, 0, 0, 0),  # woken for something else
        (0.0, 2, 128 * KIB, 1024 * KIB),  # the reads are large
        (0.0, 2, 64 * KIB, 128 * KIB),  # the pipes are half full: the children would wait
    ],
)
def test_no_pause_where_it_gains_nothing(waited: float, streams: int, size: int, capacity: int) -> None:
    pace = Pace(0.001)
    for _ in range(5):
        pace.after(0.0, 1, 200, 64 * KIB)

    assert pace.after(waited, streams, size, capacity) == 0.0


def test_a_wait_ends_the_streak() -> None:
    pace = Pace(0.001)
    for _ in range(5):
        pace.after(0.0, 1, 200, 64 * KIB)
    pace.after(0.01, 1, 200, 64 * KIB)

    assert pace.after(0.0, 1, 200, 64 * KIB) == 0.0
