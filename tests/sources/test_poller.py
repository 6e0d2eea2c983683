"""The same contract for every poller."""

from __future__ import annotations

import errno
import os
import select
import selectors
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from brummer_rx.sources.poller import EpollPoller, Poller, SelectorPoller, SurePoller, Waker, make_poller

KINDS: dict[str, Callable[[], Poller]] = {
    "default": make_poller,
    "selectors": SelectorPoller,
    "select": lambda: SelectorPoller(selectors.SelectSelector()),
    "poll": lambda: SelectorPoller(selectors.PollSelector()),
    "sure": lambda: SurePoller(make_poller()),
}
if hasattr(select, "kqueue"):
    KINDS["kqueue"] = lambda: SelectorPoller(selectors.KqueueSelector())


@pytest.fixture(params=list(KINDS))
def poller(request: pytest.FixtureRequest) -> Iterator[Poller]:
    made = KINDS[request.param]()
    yield made
    made.close()


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    read, write = os.pipe()
    yield read, write
    for fd in (read, write):
        try:
            os.close(fd)
        except OSError:
            continue


def test_data_makes_ready_until_it_was_read(poller: Poller, pipe: tuple[int, int]) -> None:
    read, write = pipe
    poller.add(read)
    assert poller.poll(0) == []

    os.write(write, b"x")

    assert poller.poll(1) == poller.poll(1) == [read]
    os.read(read, 1)
    assert poller.poll(0) == []


def test_the_end_makes_ready(poller: Poller, pipe: tuple[int, int]) -> None:
    read, write = pipe
    poller.add(read)
    os.close(write)

    assert poller.poll(1) == [read]


def test_adding_twice_and_removing_twice_is_no_error(poller: Poller, pipe: tuple[int, int]) -> None:
    read, write = pipe
    os.write(write, b"x")
    poller.add(read)
    poller.add(read)
    assert poller.poll(1) == [read]

    poller.remove(read)
    poller.remove(read)

    assert poller.poll(0) == []


def test_a_wait_takes_its_time_and_no_more(poller: Poller, pipe: tuple[int, int]) -> None:
    poller.add(pipe[0])
    before = time.monotonic()

    assert poller.poll(0.03) == []

    assert 0.025 <= time.monotonic() - before < 2


def test_a_waker_ends_a_wait_without_a_timeout(poller: Poller) -> None:
    waker = Waker()
    poller.add(waker.fd)
    timer = threading.Timer(0.02, waker.wake)
    timer.start()

    assert poller.poll(None) == [waker.fd]

    timer.join()
    waker.clear()
    assert poller.poll(0) == []
    poller.remove(waker.fd)
    waker.close()


def test_many_wakes_cost_one_byte_and_none_is_lost() -> None:
    waker = Waker()
    for _ in range(100_000):  # more than a pipe holds
        waker.wake()
    waker.clear()
    waker.clear()
    with pytest.raises(BlockingIOError):
        os.read(waker.fd, 1)

    waker.wake()

    assert os.read(waker.fd, 10) == b"!"
    waker.close()


def test_a_closed_waker_takes_calls() -> None:
    waker = Waker()
    waker.close()
    waker.close()
    waker.wake()
    waker.clear()


def test_the_system_s_best_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    if hasattr(select, "epoll"):
        best = make_poller()
        assert isinstance(best, EpollPoller)
        best.close()
        monkeypatch.delattr(select, "epoll")
    other = make_poller()
    assert isinstance(other, SelectorPoller)
    other.close()


class Refusing(SelectorPoller):
    """A system that takes no descriptor while `full`."""

    def __init__(self) -> None:
        super().__init__()
        self.full = True
        self.waits: list[float | None] = []

    def add(self, fd: int) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, "no more watches")
        super().add(fd)

    def poll(self, timeout: float | None) -> list[int]:
        self.waits.append(timeout)
        return super().poll(timeout)


def test_what_the_system_does_not_watch_is_looked_at_again_and_again(pipe: tuple[int, int]) -> None:
    read, write = pipe
    refusing = Refusing()
    sure = SurePoller(refusing, every=0.01)
    sure.add(read)
    sure.add(read)

    assert sure.refused == 1
    assert sure.poll(None) == [read]
    assert sure.poll(0.005) == [read]
    assert refusing.waits == [0.01, 0.005]

    refusing.full = False
    assert sure.poll(None) == []  # from here on it is watched
    os.write(write, b"x")
    assert sure.poll(None) == [read]
    assert refusing.waits == [0.01, 0.005, 0.01, None]
    sure.close()


def test_what_was_refused_can_be_forgotten(pipe: tuple[int, int]) -> None:
    refusing = Refusing()
    sure = SurePoller(refusing, every=0.01)
    sure.add(pipe[0])
    sure.remove(pipe[0])

    assert sure.poll(0) == []
    sure.close()
