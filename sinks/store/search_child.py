"""The search helper's own side: queries in on stdin, parts of answers out on stdout, one search at a time.

It ends when its stdin does. Between the slices of a search, and every `_TICK` inside of them (a regular expression
can be busy for long), it looks whether a newer message came; that one replaces the running search. A search that
gets no further for `TIME_BOX` ends with an error. One thread; the signal handler runs on it too.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from brummer_rx.pipeline.errors import BrummerError
from brummer_rx.pipeline.reader import SearchProgress, SearchQuery
from brummer_rx.sinks.store.reader import RunReader, open_run
from brummer_rx.sinks.store.search import scan
from brummer_rx.sinks.store.search_wire import decode_request, encode_parts

__all__ = ["TIME_BOX", "serve"]

TIME_BOX = 2.0
"""Seconds that a pattern may take for the lines of one frame."""
_TICK = 0.05
_SEND_EVERY = 0.03
_GATHER = 20_000
"""Hits that are sent at once without waiting for `_SEND_EVERY`."""
_READ = 65_536
_CATCH_UP = 1.0
"""Seconds to wait for lines that the caller has seen and the disk does not show yet."""

TOO_SLOW = "this pattern takes too long (no result from the same lines for {:g} s); make it simpler"


class _ReplacedError(BaseException):
    """A newer message is there, or stdin ended: nobody waits for this answer."""


class _TooSlowError(BaseException):
    """The pattern is stuck."""


class _Inbox:
    """Messages from the owner; only the newest counts."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._rest = b""
        self.newest: bytes | None = None
        self.ended = False

    def look(self, timeout: float | None = 0.0) -> bool:
        """Whether a message is there or the input has ended; waits up to `timeout` (None: until then)."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([self._fd], [], [], left)[0]:
                break
            data = os.read(self._fd, _READ)
            *lines, self._rest = (self._rest + data).split(b"\n")
            self.ended |= not data
            if lines:
                self.newest = lines[-1]
            if self.newest is not None or self.ended:
                deadline = 0.0
            if self.ended:
                break
        return self.newest is not None or self.ended

    def take(self) -> bytes | None:
        """The newest message, waiting for one; None when there will be none."""
        while self.newest is None and not self.ended:
            self.look(None)
        line, self.newest = self.newest, None
        return line


class _Guard:
    """Interrupts a search from the timer's signal handler."""

    def __init__(self, inbox: _Inbox, time_box: float) -> None:
        self._inbox = inbox
        self._time_box = time_box
        self._watching = False
        self._beat = 0.0

    def beat(self) -> bool:
        """The search got further; whether it should end. This is what `scan` calls between slices."""
        self._beat = time.monotonic()
        return self._inbox.look()

    def tick(self, *_: object) -> None:
        """The handler of SIGALRM."""
        if not self._watching:
            return
        if self._inbox.look():
            raise _ReplacedError
        if time.monotonic() - self._beat > self._time_box:
            raise _TooSlowError

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Interrupt what runs inside."""
        self._beat = time.monotonic()
        self._watching = True
        signal.setitimer(signal.ITIMER_REAL, _TICK, _TICK)
        try:
            yield
        finally:
            self._watching = False
            signal.setitimer(signal.ITIMER_REAL, 0)

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Not inside of this: waiting for the reader of our answers is no fault of the pattern."""
        self._watching = False
        try:
            yield
        finally:
            self._beat = time.monotonic()
            self._watching = True


class _Answer:
    """Gathers parts of one search and writes them."""

    def __init__(self, fd: int, token: int, query: SearchQuery) -> None:
        self._fd = fd
        self._token = token
        self._newest_first = query.newest_first
        self._pieces: list[tuple[int, ...]] = []
        self._gathered = 0
        self._sent = 0.0
        self.total = 0

    def add(self, part: SearchProgress) -> bool:
        """One more part; whether it is time to send."""
        self.total = part.total
        if part.seqs:
            self._pieces.append(part.seqs)
            self._gathered += len(part.seqs)
        return self._gathered >= _GATHER or time.monotonic() - self._sent >= _SEND_EVERY

    def send(self, *, done: bool = False, error: str = "") -> None:
        """Write what was gathered; blocks while the owner does not read."""
        pieces, self._pieces, self._gathered = self._pieces, [], 0
        if self._newest_first:
            pieces.reverse()
        seqs = tuple(seq for piece in pieces for seq in piece)
        part = SearchProgress(self._token, seqs, self.total, done, error)
        for line in encode_parts(part, newest_first=self._newest_first):
            os.write(self._fd, line)
        self._sent = time.monotonic()


def _caught_up(reader: RunReader, query: SearchQuery, guard: _Guard) -> None:
    """Read what was written since; the owner may have seen lines a moment before they can be seen here."""
    deadline = time.monotonic() + _CATCH_UP
    reader.refresh()
    while query.stop is not None and reader.live and reader.snapshot().end_seq < query.stop:
        if time.monotonic() > deadline or guard.beat():
            return
        time.sleep(0.002)
        reader.refresh()


def _search(reader: RunReader, query: SearchQuery, answer: _Answer, guard: _Guard) -> None:
    error = ""
    try:
        with guard.watching():
            _caught_up(reader, query, guard)
            for part in scan(reader.snapshot(), query, guard.beat):
                error = part.error
                if answer.add(part) and not part.done:
                    with guard.resting():
                        answer.send()
    except _TooSlowError:
        error = TOO_SLOW.format(TIME_BOX)
    except OSError as failure:
        if isinstance(failure, BrokenPipeError):
            raise
        error = failure.strerror or str(failure)
    answer.send(done=True, error=error)


def serve(folder: Path, source: int = 0, target: int = 1, *, time_box: float = TIME_BOX) -> int:
    """Answer queries about the run in `folder` until the descriptor `source` ends; returns the exit code."""
    inbox = _Inbox(source)
    guard = _Guard(inbox, time_box)
    before = signal.signal(signal.SIGALRM, guard.tick)
    reader: RunReader | None = None
    try:
        while (line := inbox.take()) is not None:
            token, query = decode_request(line)
            answer = _Answer(target, token, query or SearchQuery(""))
            if query is None:
                answer.send(done=True)
                continue
            try:
                reader = reader or open_run(folder, mend=False)
                _search(reader, query, answer, guard)
            except _ReplacedError:
                continue
            except BrummerError as error:
                answer.send(done=True, error=str(error))
    except BrokenPipeError:
        return 1  # the owner is gone
    finally:
        signal.signal(signal.SIGALRM, before)
        if reader is not None:
            reader.close()
    return 0
