"""The ingest thread: reads all children's pipes and terminals, cuts whole lines in bulk, tells of exits.

One thread owns everything behind `Ingest` but what stands under its lock (wishes of other threads). Before it
reads, it asks the gate; when a stage behind it is full, ready descriptors leave the poller until the gate
calls back, the kernel's pipes fill, and the children wait in their own writes.

The exit of a child and the end of its output are two events. EXITED is emitted at once; OUTPUT_CLOSED goes
through the outbox, behind the last line. A child that exited and was read to its end needs nothing any more.
"""

from __future__ import annotations

import os
import termios
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from loguru import logger
from reactivex import Observable

from brummer_rx.pipeline import guards
from brummer_rx.pipeline.clock import Clock
from brummer_rx.pipeline.errors import ThreadError
from brummer_rx.pipeline.event import Gap, GapReason, LogBatch, ProcessEvent, ProcessEventKind, Stream
from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.lane import serve
from brummer_rx.pipeline.runview import Tail
from brummer_rx.pipeline.threads import StartThread, start_thread
from brummer_rx.sources.child import Child
from brummer_rx.sources.lines import Cut
from brummer_rx.sources.outbox import Outbox
from brummer_rx.sources.pipes import IngestOptions, Pace, Pipe, Read, Running
from brummer_rx.sources.poller import Poller, SurePoller, Waker, make_poller
from brummer_rx.sources.unfinished import NEVER, Unfinished

__all__ = ["UNKNOWN_SEQ", "Ingest", "IngestCounts"]


UNKNOWN_SEQ = -1
"""First and last seq of a gap whose lines never reached the store: it numbers them as it writes the gap."""


@dataclass(frozen=True, slots=True)
class IngestCounts:
    """What the ingest thread did so far."""

    reads: int
    bytes: int
    lines: int
    """Pieces of long lines count as lines."""
    parks: int
    """How often a full stage stopped it."""
    pauses: int
    """How often it waited for pipes to fill."""
    faults: int
    """Failed reads, descriptors that could not be watched, and subscribers that raised."""


@guards.owned("ingest thread", "_round", "_finish", "_add", "_cut", shared=("_wishes", "_closing", "_thread"))
@guards.locked("_lock", "_wishes", "_closing", "_thread")
@guards.calls_out("close", "_wish", "_round")
class Ingest:
    """One run's reader. Its methods may be called on any thread; it emits on the ingest thread, serially.

    `batches`, `events` and `gaps` complete when the thread ends. Subscribers must not block; what one raises
    is logged and counted, and reading goes on.
    """

    def __init__(
        self,
        *,
        gate: Gate,
        clock: Clock,
        options: IngestOptions | None = None,
        poller: Poller | None = None,
        read: Read = os.read,
        start_thread: StartThread = start_thread,
    ) -> None:
        self._clock = clock
        self._system_read = read
        self._start_thread = start_thread
        self._options = options if options is not None else IngestOptions()
        self._outbox = Outbox(gate, self._has_room_again)
        self.batches: Observable[LogBatch] = self._outbox.batches
        """Whole lines, per source in order."""
        self.events: Observable[ProcessEvent] = self._outbox.events
        """EXITED and OUTPUT_CLOSED, each once per incarnation."""
        self.gaps: Observable[Gap] = self._outbox.gaps
        """What was cut or could not be read.

        Seqs are `UNKNOWN_SEQ`; lines are 0 (unknown), bytes what waited in the pipe.
        """
        # Any thread, under the lock:
        self._lock = guards.lock("ingest")
        self._wishes: list[Callable[[], None]] = []
        self._closing = False
        self._thread: threading.Thread | None = None
        self._waker = Waker()
        # The ingest thread's:
        self._poller = SurePoller(poller if poller is not None else make_poller())
        self._pipes: dict[int, Pipe] = {}
        self._pidfds: dict[int, Running] = {}
        self._polled: set[Running] = set()  # children without a pidfd
        self._running: set[Running] = set()
        self._numbers: dict[str, int] = {}  # lines so far, per source
        self._held: set[int] = set()  # descriptors that were ready and found no room
        self._ended = False
        self._pace = Pace(self._options.pause)
        self._unfinished = Unfinished(self._options)
        self._reads = self._bytes = self._lines = self._pauses = self._faults = 0

    # --- any thread ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the thread. Once."""
        with self._lock:
            if self._thread is not None or self._closing:
                raise ThreadError("ingest can be started once")
            self._thread = self._start_thread("ingest", self._run)

    def add(self, child: Child) -> None:
        """Take over a child: its descriptors, its reaping. After `close` they are closed at once."""
        if not self._wish(lambda: self._add(child)):
            child.close()

    def cut(self, source: str, incarnation: int | None = None) -> None:
        """Give up on what is open of a source (of one incarnation of it): OUTPUT_CLOSED follows soon.

        What is in the pipes is read without waiting, also when there is no room; the rest becomes a `Gap`.
        """
        self._wish(lambda: self._cut(source, incarnation))

    def resize(self, cols: int, rows: int) -> None:
        """Tell the children on terminals that their windows have this size now (they get SIGWINCH)."""
        self._wish(lambda: self._resize(cols, rows))

    def tails(self) -> tuple[Tail, ...]:
        """The unfinished lines to be shown; immutable."""
        return self._unfinished.tails

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` (cheap, on the ingest thread) when `tails` changed; returns how to stop that."""
        return self._unfinished.on_change(callback)

    def counts(self) -> IngestCounts:
        """The numbers as of now."""
        out = self._outbox
        faults = self._faults + out.faults + self._poller.refused
        return IngestCounts(self._reads, self._bytes, self._lines, out.parks, self._pauses, faults)

    def close(self, timeout: float) -> bool:
        """Cut what is open, complete, end the thread, close all descriptors. True: done in `timeout` seconds.

        Idempotent. Children that still run are not touched, nor reaped any more.
        """
        with self._lock:
            never_started = self._thread is None and not self._closing
            self._closing = True
            thread = self._thread
        if never_started:
            self._finish()
        if thread is None:
            return True
        if thread is threading.current_thread():
            raise ThreadError("ingest cannot wait for its own end")
        self._waker.wake()
        thread.join(timeout)
        return not thread.is_alive()

    def _has_room_again(self) -> None:
        self._wish(self._unpark)

    def _wish(self, wish: Callable[[], None]) -> bool:
        with self._lock:
            if self._closing:
                return False
            self._wishes.append(wish)
        self._waker.wake()
        return True

    # --- the ingest thread --------------------------------------------------------------------------

    def _run(self) -> None:
        with serve("ingest"):
            self._poller.add(self._waker.fd)
            try:
                while not self._ended:
                    self._round()
            finally:
                self._finish()

    def _round(self) -> None:
        before = self._clock.now()
        ready = self._poller.poll(self._timeout(before))
        now = self._clock.now()
        if self._waker.fd in ready:
            self._waker.clear()
        held = bool(self._held)
        self._grant()
        if held and not self._held:
            return  # there is room again: ask once more, so that those who waited are among the ready ones
        streams = size = capacity = 0
        for pipe in self._by_turn(ready):
            got = self._read(pipe, now)
            if got:
                streams, size, capacity = streams + 1, size + got, capacity + pipe.capacity
        for fd in ready:
            if fd in self._pidfds:
                self._reap(self._pidfds[fd])
        for running in tuple(self._polled):
            self._reap(running)
        if self._unfinished.due <= now:
            for pipe, cuts in self._unfinished.tick(now):
                self._queue(pipe, cuts)
            self._outbox.flush()
        pause = self._pace.after(now - before, streams, size, capacity)
        if pause:
            self._pauses += 1
            time.sleep(pause)

    def _by_turn(self, ready: list[int]) -> list[Pipe]:
        """The ready streams, the one read longest ago first: all get their share of a scarce room."""
        pipes = [self._pipes[fd] for fd in ready if fd in self._pipes]
        pipes.sort(key=lambda pipe: pipe.turn)
        return pipes

    def _timeout(self, now: float) -> float | None:
        due = self._unfinished.due
        if self._polled:
            due = min(due, now + self._options.reap_every)
        return None if due == NEVER else max(0.0, due - now)

    def _grant(self) -> None:
        """Do what other threads wished for."""
        with self._lock:
            wishes, self._wishes = self._wishes, []
            closing = self._closing
        for wish in wishes:
            self._do(wish)
        if closing and not self._ended:
            self._ended = True
            for running in tuple(self._running):
                self._give_up(running)

    def _do(self, wish: Callable[[], None]) -> None:
        try:
            wish()
        except Exception as error:  # noqa: BLE001 - what fails for one child must not stop the reading of all
            self._faults += 1
            logger.opt(exception=error).error("ingest could not do what was wished")

    def _unpark(self) -> None:
        self._outbox.unpark()
        if not self._outbox.parked:
            for fd in self._held:
                self._poller.add(fd)
            self._held.clear()

    def _add(self, child: Child) -> None:
        running = Running(child)
        self._running.add(running)
        for stream, fd in child.fds.items():
            pipe = Pipe(running, stream, fd, self._options, self._system_read)
            running.open.add(pipe)
            self._pipes[fd] = pipe
            self._poller.add(fd)
        if child.handle.pidfd >= 0:
            self._pidfds[child.handle.pidfd] = running
            self._poller.add(child.handle.pidfd)
        else:
            self._polled.add(running)

    def _read(self, pipe: Pipe, now: float) -> int:
        """One read, if there is room for it; how many bytes it brought."""
        if not self._outbox.has_room(pipe.want):
            self._held.add(pipe.fd)
            self._poller.remove(pipe.fd)
            return 0
        size = self._take(pipe, now)
        self._outbox.flush()
        return size

    def _take(self, pipe: Pipe, now: float) -> int:
        try:
            chunk = pipe.read()
        except OSError as error:
            logger.error("reading {} of {}: {}", pipe.stream.name, pipe.owner.child.source, error)
            self._faults += 1
            self._end(pipe, self._rest(pipe))
            return 0
        if chunk is None:
            self._end(pipe)
            return 0
        if chunk:
            pipe.read_ns = self._clock.time_ns()
            self._reads += 1
            pipe.turn = self._reads
            self._bytes += len(chunk)
            cuts = pipe.cutter.feed(chunk)
            if cuts:
                self._queue(pipe, cuts)
            self._unfinished.note(pipe, now, fresh=bool(cuts))
        return len(chunk)

    def _queue(self, pipe: Pipe, cuts: list[Cut]) -> None:
        source = pipe.owner.child.source
        number = self._numbers.get(source, 0)
        for data, lines, flags in cuts:
            self._outbox.put(LogBatch(source, pipe.stream, number, lines, pipe.read_ns, data, flags))
            number += lines
            self._lines += lines
        self._numbers[source] = number

    def _end(self, pipe: Pipe, gap: Gap | None = None) -> None:
        """The stream is at its end or given up: last line, gap; with the last stream OUTPUT_CLOSED."""
        running = pipe.owner
        self._queue(pipe, pipe.cutter.end())
        self._unfinished.forget(pipe)
        if gap is not None:
            self._outbox.put(gap)
        self._poller.remove(pipe.fd)
        self._held.discard(pipe.fd)
        del self._pipes[pipe.fd]
        os.close(pipe.fd)
        running.open.discard(pipe)
        if not running.open:
            self._outbox.put(self._event(running, ProcessEventKind.OUTPUT_CLOSED))
            self._settle(running)

    def _reap(self, running: Running) -> None:
        code = running.child.handle.reap()
        if code is None:
            return
        running.exited = True
        self._unwatch(running)
        self._outbox.tell(self._event(running, ProcessEventKind.EXITED, code))
        self._settle(running)

    def _unwatch(self, running: Running) -> None:
        handle = running.child.handle
        self._polled.discard(running)
        if self._pidfds.pop(handle.pidfd, None) is not None:
            self._poller.remove(handle.pidfd)
        handle.close_pidfd()

    def _settle(self, running: Running) -> None:
        if running.exited and not running.open:
            running.child.handle.close_stdin()
            self._running.discard(running)

    def _event(self, running: Running, kind: ProcessEventKind, code: int | None = None) -> ProcessEvent:
        child = running.child
        return ProcessEvent(child.source, kind, self._clock.time_ns(), child.incarnation, child.pid, code)

    def _resize(self, cols: int, rows: int) -> None:
        for pipe in self._pipes.values():
            if pipe.stream is Stream.TTY:
                termios.tcsetwinsize(pipe.fd, (rows, cols))

    def _cut(self, source: str, incarnation: int | None) -> None:
        for running in tuple(self._running):
            if running.child.source == source and incarnation in (None, running.child.incarnation):
                self._give_up(running)

    def _give_up(self, running: Running) -> None:
        """Read what is there now (a child that goes on writing cannot hold this up), then close."""
        now = self._clock.now()
        for pipe in tuple(running.open):
            most = pipe.left() + 1  # the read after the last byte tells an end from a pause
            while most > 0 and (got := self._take(pipe, now)):
                most -= got
            if pipe in running.open:
                self._end(pipe, self._rest(pipe))
        self._outbox.flush(force=True)

    def _rest(self, pipe: Pipe) -> Gap:
        """What is lost with a stream that is not read to its end."""
        source = pipe.owner.child.source
        return Gap(source, 0, pipe.left(), GapReason.CUT, UNKNOWN_SEQ, UNKNOWN_SEQ)

    def _finish(self) -> None:
        """The last act of the thread, however it ends (or of `close` when it was never started)."""
        with self._lock:
            self._closing = True
        self._grant()
        for running in tuple(self._running):
            if not running.exited:
                self._reap(running)
            self._unwatch(running)
            running.child.handle.close_stdin()
        self._running.clear()
        self._outbox.complete()
        self._poller.close()
        self._waker.close()
