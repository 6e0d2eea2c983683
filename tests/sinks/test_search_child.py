"""The helper's own side, run here: requests in by a pipe, answers out, what is stuck is interrupted."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from brummer_rx.pipeline.reader import SearchProgress, SearchQuery
from brummer_rx.sinks.store import search_child
from brummer_rx.sinks.store.search_child import serve
from brummer_rx.sinks.store.search_wire import decode_part, encode_cancel, encode_request
from tests.sinks.storekit import Kit, batch_of

STUCK = SearchQuery(r"(a+)+$", regex=True)


class Owner:
    """The other ends of the pipes; its script runs on a thread: the child's signals need the main one."""

    def __init__(self) -> None:
        self.child_in, self._in = os.pipe()
        self._out, self.child_out = os.pipe()
        self._rest = b""
        self.parts: list[SearchProgress] = []
        self.served = threading.Event()
        """Set when the child has ended."""

    def ask(self, token: int, query: SearchQuery) -> None:
        self.say(encode_request(token, query))

    def say(self, data: bytes) -> None:
        os.write(self._in, data)

    def hear(self) -> SearchProgress:
        """The next part."""
        while b"\n" not in self._rest:
            data = os.read(self._out, 65536)
            assert data, self.parts
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        self.parts.append(decode_part(line))
        return self.parts[-1]

    def hear_all(self) -> list[int]:
        """The hits of the running search."""
        seqs: list[int] = []
        while True:
            part = self.hear()
            seqs += part.seqs
            if part.done:
                return sorted(seqs)

    def hang_up(self) -> None:
        os.close(self._in)

    def deaf(self) -> None:
        os.close(self._out)
        self._out = -1

    def close(self) -> None:
        for fd in (self.child_in, self.child_out, self._out):
            if fd >= 0:
                os.close(fd)


@pytest.fixture
def owner() -> Iterator[Owner]:
    owner = Owner()
    yield owner
    owner.close()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Kit]:
    """A live run; the thread that fills it first is its writer."""
    kit = Kit(tmp_path)
    yield kit
    kit.close()


@pytest.fixture
def kit(empty: Kit) -> Kit:
    return filled(empty)


def filled(kit: Kit) -> Kit:
    kit.store.append(batch_of(b"needle 0", b"hay", b"needle 2", b"a" * 60 + b"b"))
    kit.flush()
    return kit


def play(folder: Path, owner: Owner, script: Callable[[], None], *, time_box: float = 20.0) -> int:
    """Serve while the script runs; the exit code. What the script asserted is raised here."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            script()
        except BaseException as error:
            failures.append(error)
        finally:
            owner.hang_up()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        code = serve(folder, owner.child_in, owner.child_out, time_box=time_box)
    finally:
        owner.served.set()
    thread.join(20)
    for failure in failures:
        raise failure
    return code


def test_searches_one_after_the_other(empty: Kit, owner: Owner) -> None:
    def script() -> None:
        kit = filled(empty)
        owner.ask(1, SearchQuery("needle"))
        assert owner.hear_all() == [0, 2]
        seq = kit.store.append(batch_of(b"needle new"))
        kit.flush()
        owner.ask(2, SearchQuery("needle", newest_first=False))
        assert owner.hear_all() == [0, 2, seq]
        owner.ask(3, SearchQuery("(", regex=True))
        assert owner.hear().error.startswith("bad pattern")

    assert play(empty.run.path, owner, script) == 0
    assert [part.token for part in owner.parts if part.done] == [1, 2, 3]


def test_what_sticks_is_ended_in_time(kit: Kit, owner: Owner) -> None:
    def script() -> None:
        owner.ask(1, STUCK)
        part = owner.hear()
        while not part.done:
            part = owner.hear()
        assert "takes too long" in part.error
        owner.ask(2, SearchQuery("needle"))
        assert owner.hear_all() == [0, 2]

    assert play(kit.run.path, owner, script, time_box=0.2) == 0


def test_a_newer_search_replaces_what_sticks(kit: Kit, owner: Owner) -> None:
    def script() -> None:
        owner.ask(1, STUCK)
        wait_until_read(owner)
        owner.ask(2, SearchQuery("needle"))
        assert owner.hear_all() == [0, 2]

    assert play(kit.run.path, owner, script) == 0
    assert {part.token for part in owner.parts} == {2}


def test_the_end_of_the_input_ends_what_sticks(kit: Kit, owner: Owner) -> None:
    def script() -> None:
        owner.ask(1, STUCK)
        wait_until_read(owner)

    assert play(kit.run.path, owner, script) == 0
    assert owner.parts == []


def test_a_cancel_is_answered(kit: Kit, owner: Owner) -> None:
    def script() -> None:
        owner.ask(1, STUCK)
        wait_until_read(owner)
        owner.say(encode_cancel(1))
        assert owner.hear() == SearchProgress(1, (), 0, True)

    assert play(kit.run.path, owner, script) == 0


def test_a_request_in_two_parts_is_one(kit: Kit, owner: Owner) -> None:
    def script() -> None:
        line = encode_request(1, SearchQuery("needle"))
        owner.say(line[:20])
        wait_until_read(owner)
        owner.say(line[20:])
        assert owner.hear_all() == [0, 2]

    assert play(kit.run.path, owner, script) == 0


def test_an_owner_that_is_gone_ends_it(kit: Kit, owner: Owner) -> None:
    def script() -> None:
        owner.deaf()
        owner.ask(1, SearchQuery("needle"))
        assert owner.served.wait(20)

    assert play(kit.run.path, owner, script) == 1


def test_a_folder_that_is_gone_is_told(tmp_path: Path, owner: Owner) -> None:
    def script() -> None:
        owner.ask(1, SearchQuery("needle"))
        assert "there is no run" in owner.hear().error

    assert play(tmp_path / "gone", owner, script) == 0


def test_an_error_of_the_disk_is_told(kit: Kit, owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> Iterator[SearchProgress]:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(search_child, "scan", fails)

    def script() -> None:
        owner.ask(1, SearchQuery("needle"))
        part = owner.hear()
        assert (part.done, part.error) == (True, "Input/output error")

    assert play(kit.run.path, owner, script) == 0


def test_what_goes_wrong_otherwise_is_not_hidden(
    kit: Kit, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> Iterator[SearchProgress]:
        raise ZeroDivisionError

    monkeypatch.setattr(search_child, "scan", fails)

    with pytest.raises(ZeroDivisionError):
        play(kit.run.path, owner, lambda: owner.ask(1, SearchQuery("needle")))


def test_lines_that_the_disk_does_not_show_yet_are_waited_for(
    empty: Kit, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_child, "_CATCH_UP", 20.0)

    def script() -> None:
        kit = filled(empty)
        owner.ask(1, SearchQuery("needle", stop=5))
        wait_until_read(owner)
        kit.store.append(batch_of(b"needle late"))
        kit.flush()
        assert owner.hear_all() == [0, 2, 4]

    assert play(empty.run.path, owner, script) == 0


def test_lines_that_never_come_are_not_waited_for_long(kit: Kit, owner: Owner) -> None:
    def script() -> None:
        owner.ask(1, SearchQuery("needle", stop=500))
        assert owner.hear_all() == [0, 2]

    assert play(kit.run.path, owner, script) == 0


def test_many_hits_come_in_many_parts(tmp_path: Path, owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_child, "_GATHER", 50)
    kit = Kit(tmp_path)
    for _ in range(40):
        kit.store.append(batch_of(*[b"x"] * 100))
        kit.flush()

    def script() -> None:
        for newest_first in (True, False):
            owner.ask(1, SearchQuery("x", newest_first=newest_first))
            assert owner.hear_all() == list(range(4000))

    assert play(kit.run.path, owner, script) == 0
    told = [part for part in owner.parts if part.seqs]
    assert len(told) > 20
    assert told[0].seqs[-1] == 3999
    assert told[-1].seqs[-1] == 3999
    kit.close()


def wait_until_read(owner: Owner) -> None:
    """Until the child has taken what was said."""
    deadline = time.monotonic() + 20
    while not is_empty(owner.child_in):
        assert time.monotonic() < deadline
        time.sleep(0.002)


def is_empty(fd: int) -> bool:
    import fcntl
    import struct
    import termios

    return struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, b"\0" * 4))[0] == 0
