"""What the checks share: the tool as a process, writers and what they recorded, the store, results."""

from __future__ import annotations

import mmap
import os
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bench.accept import writer
from brummer_rx.cli.chunks import chunks_between
from brummer_rx.pipeline.event import Gap
from brummer_rx.pipeline.reader import LineFilter
from brummer_rx.sinks.store.reader import RunReader, open_run
from brummer_rx.sinks.store.snapshot import StoreSnapshot

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the report."""

    check: str
    target: str
    measured: str
    ok: bool

    def __str__(self) -> str:
        return f"{'ok  ' if self.ok else 'MISS'} {self.check:34} | {self.target:58} | {self.measured}"


class Write(NamedTuple):
    """One write of a writer."""

    ended_ns: int
    blocks: int
    """Blocks that were out when it ended."""
    bytes: int
    took_ns: int


class Bench:
    """A folder for one check: a project, a state folder, writers' records. `close` removes it."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="acceptance-"))
        self.state = self.folder / "state"
        self.project = self.folder / "project"
        self.project.mkdir()
        self._tools: list[subprocess.Popen[bytes]] = []

    def environ(self, **more: str) -> dict[str, str]:
        """For the tool: nothing of ours but the paths."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in os.environ}
        return {**kept, "BRUMMER_STATE_DIR": str(self.state), "PYTHONPATH": str(ROOT), **more}

    def start(
        self, *words: str, stdin: int = subprocess.DEVNULL, stdout: int, stderr: int, **more: str
    ) -> subprocess.Popen[bytes]:
        """The tool in its folder."""
        tool = subprocess.Popen(
            [sys.executable, "-m", "brummer_rx", *words],
            cwd=self.project,
            env=self.environ(**more),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        self._tools.append(tool)
        return tool

    def do(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        """The tool to its end."""
        command = [sys.executable, "-m", "brummer_rx", *words]
        return subprocess.run(
            command,
            cwd=self.project,
            env=self.environ(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )

    def record(self, name: str) -> Path:
        """Where a writer records."""
        return self.folder / f"{name}.writes"

    def writers(self, count: int, *, blocks: int = 0, rate: int = 0) -> None:
        """A project of `count` writers; `rate` is that of all together."""
        rows = []
        for name in names(count):
            words = [sys.executable, "-I", "-S", writer.__file__, str(self.record(name)), str(blocks)]
            each = f"{rate // count}"
            rows.append(f"{name}: exec {shlex.join([*words, each])}\n")
        (self.project / "Procfile").write_text("".join(rows))

    def run(self) -> Path | None:
        """The newest run's folder."""
        found = [p for p in self.state.glob("*") if (p / "manifest.json").exists()]
        return max(found, key=lambda p: p.name, default=None)

    def stored(self) -> int:
        """Lines in the newest run by now."""
        path = self.run()
        if path is None:
            return 0
        with open_run(path) as reader:
            return reader.snapshot().end_seq

    def tagged(self) -> list[int]:
        """What still carries the tag of one of this folder's runs."""
        tags = {b"BRUMMER_RUN=" + path.name.encode() for path in self.state.glob("*")}
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    environ = (entry / "environ").read_bytes().split(b"\0")
                except OSError:  # it ended
                    continue
                if tags & set(environ):
                    found.append(int(entry.name))
        return found

    def sweep(self) -> int:
        """Kill what was left; how many there were."""
        left = self.tagged()
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        return len(left)

    def clear(self) -> None:
        """Forget all runs."""
        shutil.rmtree(self.state, ignore_errors=True)

    def close(self) -> None:
        """Remove everything."""
        for tool in self._tools:
            if tool.poll() is None:
                tool.kill()
            tool.wait()
            for stream in (tool.stdout, tool.stderr):
                if stream is not None:
                    stream.close()
        self.sweep()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def bench() -> Iterator[Bench]:
    """A folder for a `with` block."""
    one = Bench()
    try:
        yield one
    finally:
        one.close()


def names(count: int) -> list[str]:
    """w00, w01, …"""
    return [f"w{n:02}" for n in range(count)]


def until(look: Callable[[], object], what: str, seconds: float = 120.0, every: float = 0.02) -> None:
    """Wait for something that must happen."""
    end = time.monotonic() + seconds
    while not look():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(every)


def writes(path: Path) -> list[Write]:
    """What a writer recorded; empty when it has not begun."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return []
    try:
        if os.fstat(fd).st_size < writer.ROOM:
            return []
        with mmap.mmap(fd, writer.ROOM, prot=mmap.PROT_READ) as log:
            (count,) = struct.unpack_from("<Q", log, 0)
            most = writer.ROOM // writer.ENTRY.size - 1
            if count > most:
                raise OverflowError(f"{path}: {count} writes, room for {most}")
            return [Write(*writer.ENTRY.unpack_from(log, writer.ENTRY.size * (1 + n))) for n in range(count)]
    finally:
        os.close(fd)


def first_write_ns(path: Path) -> int:
    """Monotonic ns when a writer, which has written, began its first write."""
    first = writes(path)[0]
    return first.ended_ns - first.took_ns


def last_write(path: Path) -> Write:
    """The newest entry (all zero: none), however many there were."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return Write(0, 0, 0, 0)
    try:
        count = int.from_bytes(os.pread(fd, 8, 0), "little")
        if not count:
            return Write(0, 0, 0, 0)
        most = writer.ROOM // writer.ENTRY.size - 1
        at = writer.ENTRY.size * (1 + (count - 1) % most)
        return Write(*writer.ENTRY.unpack(os.pread(fd, writer.ENTRY.size, at)))
    finally:
        os.close(fd)


class Verdict(NamedTuple):
    """What a source's stored bytes are."""

    lines: int
    """Whole lines in order from 0 on."""
    tail: bytes
    """What follows them: an unfinished line."""
    wrong: str
    """The first thing that is not as it was written; empty when nothing is."""


def source_bytes(snapshot: StoreSnapshot, source: str) -> bytes:
    """What a source wrote, as far as it is stored."""
    where = LineFilter(sources=frozenset({source}))
    parts: list[bytes] = []
    for chunk in chunks_between(snapshot, where, snapshot.first_seq, snapshot.end_seq):
        if isinstance(chunk, Gap):
            parts.append(b"<GAP>\n")
            continue
        parts.append(b"\n".join(chunk.lines))
        parts.append(b"\n" if chunk.newline else b"")
    return b"".join(parts)


def judge(data: bytes) -> Verdict:
    """Whether these are a writer's lines from the first on: none missing, none twice, stamps only grow."""
    number, at, last = 0, 0, 0
    size = len(writer.HOLE)
    data = data.replace(b"\r\n", b"\n")  # a terminal's
    while at < len(data):
        piece = data[at : at + writer.BLOCK]
        stamp = piece[:19]
        if len(piece) < size:  # a last line that was cut within its stamp and number
            wrong = "" if piece.replace(b" ", b"").isdigit() else f"garbage at byte {at}: {piece!r}"
            return Verdict(number * writer.LINES, piece, wrong)
        if not stamp.isdigit() or int(stamp) < last:
            return Verdict(number * writer.LINES, b"", f"block {number}: stamp {stamp!r} after {last}")
        expected = writer.block(number, int(stamp))
        if piece != expected:
            return _cut(number, at, piece, expected)
        number, at, last = number + 1, at + len(piece), int(stamp)
    return Verdict(number * writer.LINES, b"", "")


def _cut(number: int, at: int, piece: bytes, expected: bytes) -> Verdict:
    """A block that is not as it was written: cut at the end (its whole lines count), or wrong."""
    if expected.startswith(piece):
        whole = len(piece) // writer.LINE * writer.LINE
        return Verdict(number * writer.LINES + whole // writer.LINE, piece[whole:], "")
    same = next((n for n, (a, b) in enumerate(zip(piece, expected, strict=False)) if a != b), len(expected))
    found = piece[max(0, same - 40) : same + 60]
    return Verdict(number * writer.LINES, b"", f"block {number}, byte {at + same}: {found!r}")


def judged(reader: RunReader, count: int) -> dict[str, Verdict]:
    """The verdicts over all writers."""
    snapshot = reader.snapshot()
    return {name: judge(source_bytes(snapshot, name)) for name in names(count)}
