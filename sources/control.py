"""The control socket of a run: verbs of other terminals ask here (HTTP over a Unix socket, 0600).

::

    GET  /status             the object of `status`
    GET  /processes/NAME     one row of it, with started_ns (wall clock) where it was started, and ended
                             (exited and its output closed)
    POST /command            {"kind": "start"|"stop"|"restart", "name": NAME} -> 202 and the row as of now

    errors: {"error": TEXT} with 400 (not understood), 404 (no such process or route), 409 (makes no sense
    in the process's state), 503 (too many wishes wait)

Everything is answered from snapshots, on the io loop's thread. aiohttp is imported when the server starts.
"""

from __future__ import annotations

import json
import os
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loguru import logger

from brummer_rx.pipeline import guards
from brummer_rx.pipeline.errors import BufferOverflow, SourceError
from brummer_rx.pipeline.process import Command, CommandKind, ProcessInfo, ProcessState
from brummer_rx.pipeline.runview import RunView
from brummer_rx.pipeline.status import live_status, process_row

if TYPE_CHECKING:
    from aiohttp import web

__all__ = ["SOCKET_NAME", "ControlServer", "load_library"]

SOCKET_NAME = "control.sock"
_MAX_PATH = 100
"""Bytes; the kernel takes little more."""
_KINDS = {kind.value: kind for kind in (CommandKind.START, CommandKind.STOP, CommandKind.RESTART)}
_RUNS = (ProcessState.STARTING, ProcessState.RUNNING, ProcessState.READY)


def load_library() -> None:
    """Import what the server needs: a tenth of a second, after the first frame and before the loop runs."""
    import aiohttp.web  # noqa: F401 - whoever asks for it next has it


@guards.owned("io thread", "_bind", "_remove")
class ControlServer:
    """Answers for one run. `start` and `close` belong to the io loop's thread; `path` may be read by any.

    `start` raises `SourceError` when there can be no socket; `close` removes it, and is idempotent.
    """

    def __init__(self, view: RunView, *, run_folder: Path, state_dir: Path) -> None:
        self._view = view
        self._state_dir = state_dir
        self._folder = run_folder
        self._made: Path | None = None  # a runtime folder of our own
        self._runner: web.AppRunner | None = None
        self.path: Path | None = None
        """Where it listens. Elsewhere than in the run's folder, the manifest must name it (`control`)."""

    @property
    def elsewhere(self) -> bool:
        """Whether the socket stands outside the run's folder, because that one's path is too long."""
        return self._made is not None

    async def start(self) -> None:
        """Listen. On return the socket is there and answers."""
        from aiohttp import web

        app = web.Application(client_max_size=64 * 1024, middlewares=[web.middleware(_errors_as_json)])
        app.router.add_get("/status", self._status)
        app.router.add_get("/processes/{name}", self._process)
        app.router.add_post("/command", self._command)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            sock = self._bind()
            await web.SockSite(runner, sock).start()
        except BaseException as error:  # cancelled as well: nothing of ours stays behind
            await runner.cleanup()
            self._remove()
            if isinstance(error, OSError):
                raise SourceError(f"the control socket cannot be made: {error}") from error
            raise
        self._runner = runner

    async def close(self) -> None:
        """Stop answering (at most a second for answers on their way) and remove the socket."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
        self._remove()

    def _bind(self) -> socket.socket:
        path = self._folder / SOCKET_NAME
        if len(os.fsencode(path)) > _MAX_PATH:
            self._made = _runtime_folder()
            path = self._made / SOCKET_NAME
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            path.unlink(missing_ok=True)  # of a process that was killed; the run's lock says that it is ours
            sock.bind(os.fspath(path))
            path.chmod(0o600)  # before anybody can connect: it does not listen yet
        except OSError:
            sock.close()
            raise
        self.path = path
        return sock

    def _remove(self) -> None:
        if self.path is not None:
            self.path.unlink(missing_ok=True)
            self.path = None
        if self._made is not None:
            self._made.rmdir()
            self._made = None

    async def _status(self, _: web.Request) -> web.Response:
        return _answer(live_status(self._view, self._state_dir))

    async def _process(self, request: web.Request) -> web.Response:
        return self._row(request.match_info["name"], 200)

    async def _command(self, request: web.Request) -> web.Response:
        kind, name = _wish(await request.read())
        if kind is None:
            return _refusal(400, f"kind must be one of {', '.join(_KINDS)}, and name a text")
        info = self._view.processes().get(name)
        if info is not None and (why := _senseless(kind, info)):
            return _refusal(409, why)
        if info is not None:
            try:
                self._view.send(Command(kind, name))
            except BufferOverflow:
                return _refusal(503, "too many wishes wait; try again")
        return self._row(name, 202)

    def _row(self, name: str, status: int) -> web.Response:
        table = self._view.processes()
        info = table.get(name)
        if info is None:
            return _refusal(404, table.no_such(name))
        lines = self._view.reader.snapshot().source_counts().get(name, 0)
        row = process_row(info, lines)
        row["ended"] = info.ended
        if info.started_ns is not None:
            row["started_ns"] = info.started_ns
        return _answer(row, status)


def _runtime_folder() -> Path:
    """A new 0700 folder with a short path."""
    root = os.environ.get("XDG_RUNTIME_DIR", "")
    short = Path(root).is_absolute() and len(os.fsencode(root)) < _MAX_PATH // 2 and os.access(root, os.W_OK)
    return Path(tempfile.mkdtemp(prefix="brummer-rx-", dir=root if short else "/tmp"))


def _wish(body: bytes) -> tuple[CommandKind | None, str]:
    try:
        wish = json.loads(body)
    except (ValueError, RecursionError):
        return None, ""
    if not isinstance(wish, dict) or not isinstance(wish.get("name"), str):
        return None, ""
    kind = wish.get("kind")
    return _KINDS.get(kind) if isinstance(kind, str) else None, wish["name"]


def _senseless(kind: CommandKind, info: ProcessInfo) -> str:
    """Why the wish would change nothing; empty when it may. The decider has the last word."""
    if kind is CommandKind.START and info.state in _RUNS:
        return f"{info.name} runs already" + (f" (pid {info.pid})" if info.pid else "")
    if kind is CommandKind.STOP and info.ended:
        return f"{info.name} does not run"
    return ""


def _answer(what: Mapping[str, Any], status: int = 200) -> web.Response:
    from aiohttp import web

    text = json.dumps(what, ensure_ascii=True, separators=(",", ":"))
    return web.Response(text=text, status=status, content_type="application/json")


def _refusal(status: int, why: str) -> web.Response:
    return _answer({"error": why}, status)


async def _errors_as_json(request: web.Request, handler: Any) -> web.StreamResponse:
    from aiohttp import web

    try:
        answer: web.StreamResponse = await handler(request)
    except web.HTTPException as error:
        return _refusal(error.status, error.reason.lower())
    except Exception as error:  # noqa: BLE001 - whoever asks gets an answer, and the run goes on
        logger.opt(exception=error).error("the control socket could not answer {}", request.path)
        return _refusal(500, f"{type(error).__name__}: {error}")
    return answer
