"""The search helper's own side: queries in on stdin, parts of answers out on stdout, one search at a time.

It ends when its stdin does. Between the slices of a search, and every `_TICK` inside of them (a regular
expression can be busy for long), it looks whether a newer message came; that one replaces the running
search. One that gets no further for `TIME_BOX` ends with an error. One thread; signals are handled on it too.
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
"""Seconds of the processor's time that a pattern may take for a few hundred lines."""
_TICK = 0.05
_SEND_EVERY = 0.03
_GATHER = 20_000
"""Hits that are sent at once without waiting for `_SEND_EVERY`."""
_READ = 65_536
_CATCH_UP = 0.25
"""Seconds to wait for lines that the caller has seen and the disk does not show yet."""

_TOO_SLOW = "this pattern takes too long (nothing came of it in {:g} s); make it simpler"


class _ReplacedError(BaseException):
    """A newer message is there, or stdin ended: nobody waits for this answer."""


class _TooSlowError(BaseException):
    """The pattern is stuck."""


class _Inbox:
    """Messages from the owner; only the newest counts."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._rest = b""
        self._newest: bytes | None = None
        self._ended = False

    def is_readable(self) -> bool:
        """Whether there is something to read; reads nothing, so a signal handler may ask at any moment."""
        return bool(select.select([self._fd], [], [], 0.0)[0])

    def look(self) -> bool:
        """Whether a message is there or the input has ended; never waits."""
        while not self._ended and self.is_readable():
            self._read()
        return self._newest is not None or self._ended

    def take(self) -> bytes | None:
        """The newest message, waiting for one; None when there will be none."""
        while self._newest is None and not self._ended:
            self._read()
        self.look()
        line, self._newest = self._newest, None
        return line

    def _read(self) -> None:
        data = os.read(self._fd, _READ)
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._ended = not data
        if lines:
            self._newest = lines[-1]


class _Guard:
    """Interrupts a search from the timer's signal handler."""

    def __init__(self, inbox: _Inbox, time_box: float) -> None:
        self._inbox = inbox
        self.time_box = time_box
        self._watching = False
        self._beat = 0.0
        self.fault: BaseException | None = None
        """Why the search was interrupted."""

    def beat(self) -> bool:
        """The search got further; whether it should end. This is what `scan` calls between slices."""
        with self.resting():
            return self._inbox.look()

    def tick(self, *_: object) -> None:
        """The handler of SIGALRM; it may raise between any two steps of what is watched."""
        if not self._watching:
            return
        if self._inbox.is_readable():
            self.fault = _ReplacedError()
        elif time.process_time() - self._beat > self.time_box:
            self.fault = _TooSlowError()
        else:
            return
        raise self.fault

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Interrupt what runs inside."""
        self.fault = None
        self._beat = time.process_time()
        self._watching = True
        signal.setitimer(signal.ITIMER_REAL, _TICK, _TICK)
        try:
            yield
        finally:
            self._watching = False
            signal.setitimer(signal.ITIMER_REAL, 0)

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Not inside of this: no message is lost halfway, and a slow owner is not the pattern's fault."""
        self._watching = False
        try:
            yield
        finally:
            self._beat = time.process_time()
            self._watching = True


class _Answer:
    """Gathers parts of one search and writes them."""

    def __init__(self, fd: int, token: int, query: SearchQuery) -> None:
        self._fd = fd
        self._token = token
        self._newest_first = query.newest_first
        self._pieces: list[tuple[int, ...]] = []
        self._gathered = 0
        self._sent = time.monotonic()
        self._told = False
        self.total = 0

    def add(self, part: SearchProgress) -> bool:
        """One more part; whether it is time to send (the first hits go at once)."""
        self.total = part.total
        if part.seqs:
            self._pieces.append(part.seqs)
            self._gathered += len(part.seqs)
        first = bool(part.seqs) and not self._told
        return first or self._gathered >= _GATHER or time.monotonic() - self._sent >= _SEND_EVERY

    def send(self, *, done: bool = False, error: str = "") -> None:
        """Write what was gathered; blocks while the owner does not read."""
        pieces, self._pieces, self._gathered = self._pieces, [], 0
        self._told |= bool(pieces)
        if self._newest_first:
            pieces.reverse()
        seqs = tuple(seq for piece in pieces for seq in piece)
        part = SearchProgress(self._token, seqs, self.total, done, error)
        for line in encode_parts(part, newest_first=self._newest_first):
            while line:
                line = line[os.write(self._fd, line) :]
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
    """One search, answered to its end. Raises `_ReplacedError` when nobody waits for the answer any more."""
    error = ""
    try:
        with guard.watching():
            _caught_up(reader, query, guard)
            for part in scan(reader.snapshot(), query, guard.beat):
                if part.done:
                    error = part.error
                    break
                if answer.add(part):
                    with guard.resting():
                        answer.send()
            else:
                raise _ReplacedError  # `beat` has told the scan to end
    except BrokenPipeError:
        raise
    except OSError as failure:
        error = failure.strerror or str(failure)
    except BaseException as failure:
        # Whatever was under way when the handler raised may have raised something else on its way out.
        if isinstance(guard.fault, _ReplacedError):
            raise guard.fault from failure
        if guard.fault is None:
            raise
        error = _TOO_SLOW.format(guard.time_box)
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
