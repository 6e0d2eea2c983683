"""Writes go out in order and never wait; a lost terminal is told once."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from brummer_rx.tui.ttyout import TtyOut
from tests.tui.fakeloop import FakeLoop


class Bench:
    """A writer on a pipe."""

    def __init__(self) -> None:
        self.reader, self.fd = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(self.reader, False)
        self.loop = FakeLoop()
        self.told: list[str] = []
        self.out = TtyOut(
            self.fd,
            self.loop,
            on_drained=lambda: self.told.append("drained"),
            on_lost=lambda: self.told.append("lost"),
        )

    def read(self, size: int = 1 << 20) -> bytes:
        try:
            return os.read(self.reader, size)
        except BlockingIOError:
            return b""


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    for fd in (made.reader, made.fd):
        try:
            os.close(fd)
        except OSError:
            continue


def test_what_fits_is_written_at_once(bench: Bench) -> None:
    bench.out.write(b"one")
    bench.out.write(b"")
    bench.out.write(b"two")

    assert bench.read() == b"onetwo"
    assert not bench.out.pending
    assert bench.out.written == 6
    assert bench.loop.writers == {}


def test_what_does_not_fit_waits_in_order(bench: Bench) -> None:
    first, second = b"a" * 300_000, b"b" * 10
    bench.out.write(first)
    assert bench.out.pending
    bench.out.write(second)
    got = b""
    for _ in range(100):
        got += bench.read()
        if bench.fd in bench.loop.writers:
            bench.loop.writers[bench.fd]()

    assert got == first + second
    assert bench.told == ["drained"]
    assert bench.loop.writers == {}
    assert not bench.out.pending


def test_forgetting_gives_up_what_was_not_taken(bench: Bench) -> None:
    bench.out.write(b"a" * 300_000)
    rest = bench.out.forget()

    assert 0 < len(rest) < 300_000
    assert bench.loop.writers == {}
    assert bench.out.forget() == b""


def test_a_lost_terminal_is_told_once_and_writes_nothing_more(bench: Bench) -> None:
    os.close(bench.reader)
    bench.out.write(b"x")
    bench.out.write(b"y")

    assert bench.told == ["lost"]
    assert bench.out.lost
    assert not bench.out.pending


def test_a_terminal_lost_while_bytes_wait(bench: Bench) -> None:
    bench.out.write(b"a" * 300_000)
    os.close(bench.reader)
    bench.loop.writers[bench.fd]()

    assert bench.told == ["lost"]
    assert bench.loop.writers == {}
