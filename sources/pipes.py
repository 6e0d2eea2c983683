"""One open stream of a child as the ingest thread sees it, how much it reads, and when it waits a moment.

All state here is the ingest thread's.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import termios
from collections.abc import Callable
from dataclasses import dataclass

from brummer_rx.pipeline.event import Stream
from brummer_rx.sources.child import Child
from brummer_rx.sources.lines import PIECE, Cutter

__all__ = ["IngestOptions", "Pace", "Pipe", "Read", "Running"]

Read = Callable[[int, int], bytes]
"""`os.read`, or what tests put in its place."""


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """Sizes in bytes, times in seconds. The defaults are the design's; tests make them small."""

    read_min: int = 64 * 1024
    read_max: int = 256 * 1024
    """Larger reads were no faster (they leave the processor's cache) and make larger elements downstream."""
    show_after: float = 0.05
    """An unfinished line is shown after this long."""
    store_after: float = 1.0
    """It is stored as a piece after this much silence."""
    piece: int = PIECE
    """It is stored as a piece at this size; at least `read_max`."""
    pause: float = 0.001
    """How long small reads are put off under a flood; twice that when many streams flood."""
    reap_every: float = 0.05
    """How often children are asked whether they exited, where the system has no pidfd."""


class Running:
    """A child that was handed to the ingest thread."""

    __slots__ = ("child", "exited", "open")

    def __init__(self, child: Child) -> None:
        self.child = child
        self.open: set[Pipe] = set()
        self.exited = False


class Pipe:
    """One stream: its descriptor, its unfinished line, its read size."""

    __slots__ = (
        "_fragments", "_options", "_system", "capacity", "cutter", "fd", "owner", "read_ns", "shown", "since",
        "stream", "touched", "turn", "want",
    )  # fmt: skip

    def __init__(
        self, owner: Running, stream: Stream, fd: int, options: IngestOptions, read: Read = os.read
    ) -> None:
        self.owner = owner
        self.stream = stream
        self.fd = fd
        self.cutter = Cutter(options.piece)
        self.capacity = pipe_capacity(fd)
        self.want = options.read_min
        """Bytes of the next read, and what the gate is asked for."""
        self.read_ns = 0
        """Wall clock of the last read that brought something."""
        self.turn = 0
        """Number of that read among all reads: the wall clock may jump."""
        self.since = 0.0
        """When the unfinished line began (monotonic)."""
        self.touched = 0.0
        """When the last read brought something (monotonic)."""
        self.shown = False
        """Whether the unfinished line is among the published tails."""
        self._options = options
        self._system = read
        self._fragments = stream is Stream.TTY

    def read(self) -> bytes | None:
        """What is there, up to `want` bytes; empty: nothing now; None: the end (a terminal says EIO).

        Raises `OSError` when it cannot be read.
        """
        try:
            chunk = self._system(self.fd, self.want)
        except (BlockingIOError, InterruptedError):
            return b""
        except OSError as error:
            if self._fragments and error.errno == errno.EIO:
                return None
            raise
        if not chunk:
            return None
        if self._fragments:
            return self._gather(chunk)
        self._adapt(len(chunk))
        return chunk

    def _gather(self, first: bytes) -> bytes:
        """A terminal gives 4 KiB a read: several make one batch.

        An end or a failure met here is met again next time: what was read before it is not lost.
        """
        parts, size = [first], len(first)
        while size < self.want:
            try:
                more = self._system(self.fd, self.want - size)
            except OSError:
                break
            if not more:
                break
            parts.append(more)
            size += len(more)
        return b"".join(parts) if len(parts) > 1 else first

    def _adapt(self, size: int) -> None:
        if size == self.want:
            self.want = min(self.want * 2, self._options.read_max)
        elif size < self.want // 4:
            self.want = max(self.want // 2, self._options.read_min)

    def left(self) -> int:
        """Bytes that wait to be read now; 0 where the system does not tell."""
        try:
            answer = fcntl.ioctl(self.fd, termios.FIONREAD, bytes(4))
        except OSError:
            return 0
        waiting: int = struct.unpack("i", answer)[0]
        return waiting


def pipe_capacity(fd: int) -> int:
    """Size of the buffer behind `fd`; what is usual where the system does not tell."""
    command: int | None = getattr(fcntl, "F_GETPIPE_SZ", None)
    if command is not None:
        try:
            return fcntl.fcntl(fd, command)
        except OSError:  # a terminal
            return 4096
    return 64 * 1024


class Pace:
    """Decides whether to wait a moment before the next round, so that pipes fill and reads get large.

    A round is busy when it did not have to wait for data. After `STREAK` busy rounds with small reads the
    next is put off; a trickle never gets there itself, under another's flood it waits for one pause at most.
    """

    STREAK = 3
    QUICK = 0.0005
    """A round that waited less than this many seconds for its data is busy."""
    LARGE = 64 * 1024
    MANY = 16

    __slots__ = ("_pause", "_streak")

    def __init__(self, pause: float) -> None:
        self._pause = pause
        self._streak = 0

    def after(self, waited: float, streams: int, size: int, capacity: int) -> float:
        """Seconds to wait after a round that waited `waited` and read `size` bytes from `streams` streams.

        `capacity` is the sum of their pipes' sizes: half full ones gain nothing by waiting.
        """
        if not streams or waited > self.QUICK:
            self._streak = 0
            return 0.0
        self._streak += 1
        if self._streak < self.STREAK or size >= streams * self.LARGE or size * 2 >= capacity:
            return 0.0
        return self._pause * (2 if streams >= self.MANY else 1)
