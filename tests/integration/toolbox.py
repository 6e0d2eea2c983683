"""The real tool in a folder of its own, driven from outside: processes, signals, files.

Everything that waits here has a deadline; `Tool.close` ends what a failed test left behind.
"""

from __future__ import annotations

import json
import os
import select
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from brummer_rx.pipeline.reader import Line
from brummer_rx.sinks.store.reader import open_run

ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 60.0
"""Seconds after which something that should have happened counts as never; generous, machines are busy."""
PYTHON = shlex.quote(sys.executable)
_KEEP = (
    *("PATH", "HOME", "LANG", "LC_ALL", "TZ", "VIRTUAL_ENV", "COVERAGE_PROCESS_START", "TMPDIR"),
    *("BRUMMER_GUARDS", "PROOF_GUARDS"),
)


T = TypeVar("T")


def until(look: Callable[[], T], what: str = "", seconds: float = DEADLINE) -> T:
    """The first true answer of `look`; fails when it does not come in time."""
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, f"in vain: {what or look}"
        time.sleep(0.01)
    return found


class Done(NamedTuple):
    """An ended command."""

    code: int
    out: bytes
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """What `--json` printed."""
        return [json.loads(line) for line in self.out.splitlines()]


class Running:
    """A started tool. Its outputs are read when asked for, or go where the caller said."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.pid = process.pid

    def signal(self, signum: int) -> None:
        """Send it a signal."""
        self.process.send_signal(signum)

    def end(self, seconds: float = DEADLINE) -> Done:
        """Wait for its end, reading what it prints."""
        out, err = self.process.communicate(timeout=seconds)
        return Done(self.process.returncode, out or b"", (err or b"").decode())

    def code(self, seconds: float = DEADLINE) -> int:
        """Wait for its end without reading."""
        return self.process.wait(seconds)

    def close(self) -> None:
        """End it if a test left it running."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


class Tool:
    """brummer-rx for one project folder. Close it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.folder.mkdir()
        self.state = folder / "state"
        kept = {name: os.environ[name] for name in _KEEP if name in os.environ}
        self.environ = {**kept, "BRUMMER_STATE_DIR": str(self.state), "BRUMMER_GRACE": "5"}
        self._started: list[Running] = []

    def start(
        self,
        *words: str,
        environ: Mapping[str, str] | None = None,
        stdin: int = subprocess.DEVNULL,
        stdout: int = subprocess.PIPE,
        stderr: int = subprocess.PIPE,
        module: tuple[str, ...] = ("-m", "brummer_rx"),
    ) -> Running:
        """Start it in its folder."""
        process = subprocess.Popen(
            [sys.executable, *module, *words],
            cwd=self.folder,
            env={**self.environ, "PYTHONPATH": str(ROOT), **(environ or {})},
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        running = Running(process)
        self._started.append(running)
        return running

    def do(self, *words: str, environ: Mapping[str, str] | None = None) -> Done:
        """Run it to its end."""
        return self.start(*words, environ=environ).end()

    def write(self, name: str, content: str | bytes) -> Path:
        """A file in the project's folder."""
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def runs(self) -> list[Path]:
        """The runs' folders, oldest first."""
        found = [p for p in self.state.glob("*") if (p / "manifest.json").exists()]
        return sorted(found, key=lambda p: json.loads((p / "manifest.json").read_text())["started_ns"])

    def lines(self, source: str | None = None, run: int = -1) -> list[Line]:
        """What is stored of a run, in order."""
        runs = self.runs()
        if not runs:
            return []
        with open_run(runs[run]) as reader:
            snapshot = reader.snapshot()
            lines = snapshot.lines(snapshot.first_seq, snapshot.end_seq)
        return [line for line in lines if source in (None, line.source)]

    def texts(self, source: str | None = None) -> list[str]:
        """Their texts, the pieces of a line put together (of one stream)."""
        made: list[str] = []
        more = False
        for line in self.lines(source):
            if more:
                made[-1] += line.text
            else:
                made.append(line.text)
            more = line.more
        return made

    def stored(self) -> int:
        """How many lines the newest run holds by now."""
        runs = self.runs()
        if not runs:
            return 0
        with open_run(runs[-1]) as reader:
            return reader.snapshot().end_seq

    def children(self) -> set[int]:
        """Everything alive that carries the tag of one of this folder's runs."""
        tags = {f"BRUMMER_RUN={path.name}".encode() for path in self.runs()}
        return {pid for pid, environ in environs() if tags & set(environ.split(b"\0"))}

    def close(self) -> None:
        """End what was left running, children included."""
        for running in self._started:
            running.close()
        for pid in self.children():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


def alive(pid: int) -> bool:
    """Whether it runs; one that only waits to be reaped does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def environs() -> Iterator[tuple[int, bytes]]:
    """The environment of every process that we may look at, without zombies."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environ = (entry / "environ").read_bytes()
            except OSError:  # it ended, or is another user's
                continue
            if environ:
                yield int(entry.name), environ


def read_for(fd: int, seconds: float) -> bytes:
    """What comes within so many seconds; empty at the end or when nothing does."""
    if not select.select([fd], [], [], seconds)[0]:
        return b""
    try:
        return os.read(fd, 1 << 16)
    except OSError:  # a terminal that was hung up
        return b""


def python(code: str) -> str:
    """A shell command that runs this code."""
    return f"{PYTHON} -c {shlex.quote(code)}"


def has_traceback(done: Done) -> bool:
    """Whether our own failure shows."""
    return "Traceback" in done.err or "unexpected" in done.err
