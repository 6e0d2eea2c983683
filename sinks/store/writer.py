"""Writing frames to segment files.

Several in one `writev`, cut back to the last whole frame when the disk refuses.

Store lane only. Nothing here raises for what the disk does: the caller learns which frames were not written.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from brummer_rx.pipeline import guards
from brummer_rx.sinks.store.files import MAX_BUFFERS, Disk
from brummer_rx.sinks.store.growing import Growing
from brummer_rx.sinks.store.pending import FilledFrame
from brummer_rx.sinks.store.seal import segment_path
from brummer_rx.sinks.store.segment import Backing, Reading, RecentFrame

__all__ = ["SegmentWriter"]

_MOST_RECENT = 64


@guards.owned("store lane", "write", "roll")
class SegmentWriter:
    """Appends to the newest segment of a run; `growing` is its index, None between segments."""

    def __init__(self, folder: Path, disk: Disk, reading: Reading, *, recent_bytes: int) -> None:
        self._folder = folder
        self._disk = disk
        self._reading = reading
        self._recent_bytes = recent_bytes
        self._number = 0
        self.broken = False
        """A torn frame stands at the segment's end: it must be rolled before the next write."""
        self.growing: Growing | None = None
        self.recent: tuple[RecentFrame, ...] = ()
        """The newest frames, for whoever follows the log."""

    def write(self, frames: Sequence[FilledFrame]) -> tuple[int, OSError | None]:
        """Write frames in order: how many are on disk now, and what stopped the rest."""
        growing = self.growing
        if growing is None:
            try:
                growing = self.growing = self._open()
            except OSError as error:
                return 0, error
        written, refusal = self._write_all(growing.file.fd, frames)
        whole = 0
        for frame in frames:
            if frame.size > written:
                break
            written -= frame.size
            growing.add(frame.header, growing.end, frame.keys, frame.counts)
            whole += 1
        if refusal is not None:
            self._cut(growing)
        self._remember(frames[:whole])
        return whole, refusal

    def roll(self) -> Growing | None:
        """End the segment: the next write begins another one. None when there is none."""
        growing, self.growing = self.growing, None
        self._number += growing is not None
        self.broken = False
        return growing

    def _open(self) -> Growing:
        path = segment_path(self._folder, self._number)
        file = self._disk.create(path)
        return Growing(Backing(self._number, path, file=file), file, self._reading)

    def _write_all(self, fd: int, frames: Sequence[FilledFrame]) -> tuple[int, OSError | None]:
        buffers: list[bytes | memoryview] = [part for frame in frames for part in (frame.head, frame.body)]
        if len(buffers) > MAX_BUFFERS:
            buffers = [b"".join(buffers)]
        left = sum([len(buffer) for buffer in buffers])
        written = 0
        try:
            while left:
                done = self._disk.writev(fd, buffers)
                written += done
                left -= done
                if left:
                    if not done:
                        return written, OSError("the disk takes no more")
                    buffers = _rest(buffers, done)
        except OSError as error:
            return written, error
        return written, None

    def _cut(self, growing: Growing) -> None:
        """Take the torn frame off.

        When not even that works, this segment ends here and another one follows.
        """
        try:
            self._disk.truncate(growing.file.fd, growing.end)
        except OSError:
            self.broken = True

    def _remember(self, frames: Sequence[FilledFrame]) -> None:
        kept: list[RecentFrame] = []
        room = self._recent_bytes
        newest = [RecentFrame(frame.header, frame.body) for frame in frames]
        for frame in reversed([*self.recent, *newest]):
            room -= len(frame.body)
            if room < 0 or len(kept) == _MOST_RECENT:
                break
            kept.append(frame)
        self.recent = tuple(reversed(kept))


def _rest(buffers: Sequence[bytes | memoryview], done: int) -> list[bytes | memoryview]:
    """What remains of `buffers` after their first `done` bytes."""
    for n, buffer in enumerate(buffers):
        if done < len(buffer):
            return [memoryview(buffer)[done:], *buffers[n + 1 :]]
        done -= len(buffer)
    return []
