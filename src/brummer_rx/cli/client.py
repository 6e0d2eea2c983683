"""Asking a live run: HTTP over its control socket. Imported only by the verbs that ask."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from brummer_rx.pipeline.errors import BrummerError, NotFoundError

__all__ = ["Client", "NoAnswer", "client_of", "socket_of"]

_TIMEOUT = 5.0
_PATIENCE = 3.0
"""Seconds that a run which has only just begun is given to listen."""
_LOOK_EVERY = 0.02


class NoAnswer(NotFoundError):
    """Nobody listens there (any more)."""


def socket_of(folder: Path) -> Path:
    """Where the run of this folder listens: in the folder, or where its manifest says."""
    from brummer_rx.sinks.store.manifest import read_manifest

    named = read_manifest(folder).extra.get("control")
    return Path(named) if isinstance(named, str) and named else folder / "control.sock"


def client_of(folder: Path) -> Client:
    """For questions to the live run of this folder; waits a moment for one that does not listen yet.

    So `brummer-rx & brummer-rx wait …` works. One that never listens fails with the first question.
    """
    from brummer_rx.sinks.store.lock import is_live

    end = time.monotonic() + _PATIENCE
    while not (path := socket_of(folder)).exists() and is_live(folder) and time.monotonic() < end:
        time.sleep(_LOOK_EVERY)
    return Client(path)


class Client:
    """Questions to one run; each is a connection of its own, so nothing stays open.

    Raises `NoAnswer` when nobody listens, `NotFoundError` for an unknown process, `BrummerError` with the
    run's own words for everything else.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def status(self) -> dict[str, Any]:
        """The object of `status`."""
        return self._ask("GET", "/status")

    def process(self, name: str) -> dict[str, Any]:
        """One row of `processes`, with `started_ns` and `ended`."""
        return self._ask("GET", "/processes/" + quote(name, safe=""))

    def command(self, kind: str, name: str) -> dict[str, Any]:
        """Wish for something; returns the row as it was then."""
        return self._ask("POST", "/command", {"kind": kind, "name": name})

    def _ask(self, method: str, path: str, body: Mapping[str, str] | None = None) -> dict[str, Any]:
        connection = _UnixConnection(self._path)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None)
            response = connection.getresponse()
            status, text = response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(
                f"the run does not answer on {self._path}: {str(error) or type(error).__name__}"
            ) from error
        finally:
            connection.close()
        return _judged(status, text)


def _judged(status: int, text: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise BrummerError(f"the run answered with something else than an object (status {status})")
    if status < 300:
        return answer
    why = str(answer.get("error", f"status {status}"))
    raise NotFoundError(why) if status == 404 else BrummerError(why)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_TIMEOUT)
        self._path = path

    def connect(self) -> None:
        """Over the socket's path."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_TIMEOUT)
        self.sock.connect(str(self._path))
