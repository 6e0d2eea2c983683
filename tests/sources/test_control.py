"""The control server and its client over a real socket."""

from __future__ import annotations

import http.client
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from brummer_rx.cli.client import Client, NoAnswer
from brummer_rx.pipeline.errors import BrummerError, NotFoundError, SourceError
from brummer_rx.pipeline.ioloop import IoLoop
from brummer_rx.pipeline.process import Command, CommandKind, ProcessState
from brummer_rx.sources.control import SOCKET_NAME, ControlServer
from tests.sources.fakeview import FakeView, info


@pytest.fixture(scope="module")
def io() -> Iterator[IoLoop]:
    loop = IoLoop()
    loop.start()
    yield loop
    assert loop.close(5.0)
    assert loop.faults == 0


@pytest.fixture
def view() -> FakeView:
    return FakeView(
        info("web", pid=42, started_ns=5, output_open=True),
        info("build/all äö", ProcessState.FAILED, exit_code=3, restarts=1),
    )


@contextmanager
def serving(io: IoLoop, view: FakeView, folder: Path) -> Iterator[ControlServer]:
    server = ControlServer(view, run_folder=folder, state_dir=folder.parent)
    io.submit(server.start()).result(10)
    try:
        yield server
    finally:
        io.submit(server.close()).result(10)


@pytest.fixture
def client(io: IoLoop, view: FakeView, tmp_path: Path) -> Iterator[Client]:
    with serving(io, view, tmp_path) as server:
        assert server.path is not None
        yield Client(server.path)


def test_status_has_the_shape_of_the_design(client: Client, tmp_path: Path) -> None:
    assert client.status() == {
        "run": "20260101-000000-abc",
        "state_dir": str(tmp_path.parent),
        "pid": os.getpid(),
        "processes": [
            {
                "name": "web",
                "state": "running",
                "pid": 42,
                "ready": False,
                "restarts": 0,
                "command": "run web",
                "lines": 10,
            },
            {
                "name": "build/all äö",
                "state": "failed",
                "exit_code": 3,
                "ready": False,
                "restarts": 1,
                "command": "run build/all äö",
                "lines": 0,
            },
        ],
        "lines": 12,
        "gaps": 0,
        "errors": 3,
    }


def test_one_process_by_any_name(client: Client) -> None:
    web = client.process("web")
    odd = client.process("build/all äö")

    assert (web["state"], web["started_ns"], web["ended"]) == ("running", 5, False)
    assert (odd["exit_code"], odd["ended"]) == (3, True)
    with pytest.raises(NotFoundError, match=r"no process 'wbe' in this run; there are: web, build/all äö"):
        client.process("wbe")


def test_commands_reach_the_run(client: Client, view: FakeView) -> None:
    assert client.command("stop", "web")["name"] == "web"
    assert client.command("restart", "web")["state"] == "running"
    assert client.command("start", "build/all äö")["state"] == "failed"

    assert view.sent == [
        Command(CommandKind.STOP, "web"),
        Command(CommandKind.RESTART, "web"),
        Command(CommandKind.START, "build/all äö"),
    ]


@pytest.mark.parametrize(
    ("kind", "name", "why"),
    [
        ("start", "web", r"^web runs already \(pid 42\)$"),
        ("stop", "build/all äö", "^build/all äö does not run$"),
        ("stop_all", "web", "kind must be one of start, stop, restart"),
        ("", "web", "kind must be one of"),
    ],
)
def test_senseless_wishes_are_refused(client: Client, view: FakeView, kind: str, name: str, why: str) -> None:
    with pytest.raises(BrummerError, match=why) as caught:
        client.command(kind, name)

    assert caught.value.exit_code == 1
    assert view.sent == []


def test_unknown_process_and_full_queue(client: Client, view: FakeView) -> None:
    with pytest.raises(NotFoundError, match="no process 'x'"):
        client.command("stop", "x")
    view.full = True
    with pytest.raises(BrummerError, match="too many wishes wait"):
        client.command("stop", "web")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/", None, 404),
        ("GET", "/command", None, 405),
        ("POST", "/command", b"", 400),
        ("POST", "/command", b"[1]", 400),
        ("POST", "/command", b"[" * 50_000, 400),
        ("POST", "/command", b'{"kind": ["stop"], "name": "web"}', 400),
        ("POST", "/command", b'{"kind": "stop"}', 400),
        ("POST", "/command", b"\xff", 400),
        ("POST", "/command", b" " * 100_000, 413),
    ],
)
def test_errors_are_json(
    io: IoLoop, view: FakeView, tmp_path: Path, method: str, path: str, body: bytes | None, status: int
) -> None:
    with serving(io, view, tmp_path) as server:
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(server.path))
        connection.request(method, path, body)
        response = connection.getresponse()
        answer = json.loads(response.read())
        connection.close()

    assert response.status == status
    assert list(answer) == ["error"]
    assert view.sent == []


def test_the_socket_is_ours_alone_and_goes_away(io: IoLoop, view: FakeView, tmp_path: Path) -> None:
    (tmp_path / SOCKET_NAME).write_text("left by a process that was killed")
    with serving(io, view, tmp_path) as server:
        assert server.path == tmp_path / SOCKET_NAME
        assert not server.elsewhere
        assert server.path.stat().st_mode & 0o777 == 0o600
        io.submit(server.close()).result(10)
        assert list(tmp_path.iterdir()) == []

    with pytest.raises(NoAnswer) as caught:
        Client(tmp_path / SOCKET_NAME).status()
    assert caught.value.exit_code == 3


def test_a_long_path_moves_the_socket_to_a_short_folder(
    io: IoLoop, view: FakeView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / ("x" * 101)
    folder.mkdir()
    for root in ("", "relative", str(tmp_path / "missing")):
        monkeypatch.setenv("XDG_RUNTIME_DIR", root)
        with serving(io, view, folder) as server:
            assert server.path is not None
            made = server.path.parent
            assert server.elsewhere
            assert len(str(server.path)) < 100
            assert made.stat().st_mode & 0o777 == 0o700
            assert Client(server.path).status()["pid"] == os.getpid()
        assert not made.exists()
    assert list(folder.iterdir()) == []


def test_no_place_for_a_socket(io: IoLoop, view: FakeView, tmp_path: Path) -> None:
    server = ControlServer(view, run_folder=tmp_path / "missing", state_dir=tmp_path)
    with pytest.raises(SourceError, match="the control socket cannot be made"):
        io_free(server)


def io_free(server: ControlServer) -> None:
    import asyncio

    asyncio.run(server.start())


def test_a_fault_in_the_run_is_an_answer(io: IoLoop, client: Client, view: FakeView) -> None:
    view.broken = True

    with pytest.raises(BrummerError, match="RuntimeError: the table is gone"):
        client.status()
