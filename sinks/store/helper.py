"""The search service of a run: a resident child process that scans, so that the writer keeps its pace.

`python -m brummer_rx.sinks.store.helper RUNFOLDER` is that process (`search_child`, `search_wire`). It is
started by the first search, ended by `close`, and started again when somebody killed it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from brummer_rx.pipeline import guards
from brummer_rx.pipeline.errors import SinkError
from brummer_rx.pipeline.reader import SearchProgress, SearchQuery
from brummer_rx.sinks.store.search_wire import combine, decode_part, encode_cancel, encode_request

__all__ = ["SearchHelper"]

_BOOT = (
    "import json, os, sys; os.nice(5); from pathlib import Path; sys.path[:] = json.loads(sys.argv[1]);"
    "from brummer_rx.sinks.store.search_child import serve; sys.exit(serve(Path(sys.argv[2])))"
)
"""The words after it: where to import from, and the run's folder. Nice: the writer goes first."""
_MAX_REQUEST = 48 * 1024
"""Bytes: a pipe holds 64 KiB, and nobody types such a pattern."""
_READ = 65_536
_READS = 4
"""Reads in one `receive`: what it costs stays small, the rest is there at the next one."""
_MAX_LINE = 1 << 20
_StartProcess = Callable[..., subprocess.Popen[bytes]]


class _Child:
    """One incarnation of the process and its two pipes; both ends of ours are non-blocking."""

    def __init__(self, run_path: Path, start: _StartProcess) -> None:
        words = [sys.executable, "-I", "-S", "-c", _BOOT, json.dumps(_import_path()), str(run_path)]
        self._process = start(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
            start_new_session=True,  # a Ctrl-C at the terminal is not for it
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout
        self.fd = self._output.fileno()
        os.set_blocking(self.fd, False)
        os.set_blocking(self._input.fileno(), False)
        self._unsent = b""

    @property
    def pid(self) -> int:
        return self._process.pid

    def say(self, line: bytes) -> bool:
        """Send a message; of what the pipe has no room for only the newest waits. False: nobody reads."""
        begun, newline, _ = self._unsent.partition(b"\n")
        self._unsent = begun + newline + line
        return self.flush()

    def flush(self) -> bool:
        """Send what waits; False when nobody reads."""
        try:
            while self._unsent:
                self._unsent = self._unsent[os.write(self._input.fileno(), self._unsent) :]
        except BlockingIOError:
            return True
        except BrokenPipeError:
            return False
        return True

    def read(self) -> tuple[bytes, bool]:
        """What has arrived (bounded), and whether that was all there will ever be."""
        pieces: list[bytes] = []
        for _ in range(_READS):
            try:
                data = os.read(self.fd, _READ)
            except BlockingIOError:
                break
            if not data:
                return b"".join(pieces), True
            pieces.append(data)
        return b"".join(pieces), False

    def end(self) -> int:
        """End the process and reap it; its exit code. It holds nothing that a kill could harm.

        The descriptor that was watched stays open until `close`: whoever watches it can let go of it first.
        """
        self._input.close()
        self._process.kill()
        return self._process.wait()

    def close(self) -> None:
        """Close the last descriptor, after `end`."""
        self._output.close()


@guards.owned("thread that searches", "submit", "cancel", "receive", "close")
class SearchHelper:
    """Implements `SearchService`. Owned by one thread; nothing blocks but the start of the process."""

    def __init__(self, run_path: Path, *, start: _StartProcess = subprocess.Popen) -> None:
        self._start_process = start
        self._run_path = run_path.absolute()
        self._child: _Child | None = None
        self._spent: _Child | None = None
        """Ended; its descriptor is closed once there is a new one, which therefore has another number."""
        self._token = 0
        self._running: int | None = None
        self._total = 0
        self._rest = b""
        self._closed = False
        self._refused: list[SearchProgress] = []

    @property
    def pid(self) -> int | None:
        """Of the helper process; None while there is none."""
        return self._child.pid if self._child else None

    def submit(self, query: SearchQuery) -> int:
        """Start a search, cancelling the one before; returns its token.

        Raises `OSError` when the process cannot be started, `SinkError` after `close` and for a pattern
        that is too long.
        """
        if self._closed:
            raise SinkError("the search is closed")
        line = encode_request(self._token + 1, query)
        if len(line) > _MAX_REQUEST:
            raise SinkError(f"the pattern is too long ({len(query.pattern)} characters)")
        if self._child is None:
            self._start()
        if self._child is not None and not self._child.say(line):
            self._lose()  # it died and nobody had read so
            self._start()
            self._child.say(line)
        self._token += 1
        self._running = self._token
        self._total = 0
        return self._token

    def cancel(self) -> None:
        """Forget the running search."""
        if self._running is None:
            return
        self._running = None
        if self._child is not None:
            self._child.say(encode_cancel(self._token))

    def fileno(self) -> int:
        """Readable when `receive` has something; -1 while there is no process, another number for each."""
        return self._child.fd if self._child else -1

    def receive(self) -> list[SearchProgress]:
        """What has arrived of the running search; never blocks."""
        child = self._child
        if child is None:
            return []
        child.flush()
        data, ended = child.read()
        *lines, self._rest = (self._rest + data).split(b"\n")
        try:
            parts = [part for line in lines if (part := decode_part(line)).token == self._running]
            garbled = len(self._rest) > _MAX_LINE
        except (ValueError, KeyError, TypeError):
            parts, garbled = [], True
        answers = combine(parts)
        if answers:
            self._total = answers[-1].total
            if answers[-1].done:
                self._running = None
        if ended or garbled:
            return answers + self._lose()
        if data and not answers and self._running is not None:
            # Something came, though not of this search or not yet whole: the caller must not think us dead.
            return [SearchProgress(self._running, (), self._total, False)]
        return answers

    def close(self) -> None:
        """End the process. Twice is fine."""
        self._closed = True
        self._running = None
        self._lose()
        self._forget_spent()

    def _start(self) -> None:
        child = _Child(self._run_path, self._start_process)
        self._forget_spent()
        self._child = child
        self._rest = b""

    def _lose(self) -> list[SearchProgress]:
        """End what is left of the process; tells the running search."""
        child, self._child = self._child, None
        if child is None:
            return []
        code = child.end()
        self._forget_spent()
        self._spent = child
        token, self._running = self._running, None
        if token is None:
            return []
        why = f"signal {-code}" if code < 0 else f"exit code {code}"
        return [
            SearchProgress(token, (), self._total, True, f"the search process ended ({why}); search again")
        ]

    def _forget_spent(self) -> None:
        if self._spent is not None:
            self._spent.close()
            self._spent = None


def _import_path() -> list[str]:
    """Where the child finds what we have imported: it starts without `site` and the environment's say."""
    package = Path(__file__).absolute().parents[3]
    return [
        *dict.fromkeys([str(package), *(entry for entry in sys.path if entry and Path(entry).is_absolute())])
    ]


if __name__ == "__main__":
    from brummer_rx.sinks.store.search_child import serve

    sys.exit(serve(Path(sys.argv[1])))
