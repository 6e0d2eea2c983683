"""Asking: where a run listens, and answers that are none."""

from __future__ import annotations

import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from brummer_rx.cli import client as module
from brummer_rx.cli.client import Client, NoAnswer, client_of, socket_of
from brummer_rx.pipeline.errors import BrummerError
from tests.cli.storebox import StoredRun


def test_the_socket_is_in_the_folder_or_where_the_manifest_says(tmp_path: Path) -> None:
    run = StoredRun(tmp_path)
    assert socket_of(run.path) == run.path / "control.sock"

    run.folder.manifest.note(control="/run/short/control.sock")

    assert socket_of(run.path) == Path("/run/short/control.sock")
    run.folder.manifest.note(control=5)
    assert socket_of(run.path) == run.path / "control.sock"
    run.end()


@contextmanager
def answering(path: Path, answer: bytes) -> Iterator[Client]:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            with server.accept()[0] as peer:
                peer.recv(65536)
                peer.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield Client(path)
        finally:
            thread.join(10)


@pytest.mark.parametrize(
    "answer", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"]
)
def test_broken_answers_count_as_none(tmp_path: Path, answer: bytes) -> None:
    with answering(tmp_path / "s", answer) as client, pytest.raises(NoAnswer, match="does not answer on"):
        client.status()


@pytest.mark.parametrize("body", [b"[]", b"nope", b"\xff"])
def test_something_else_than_an_object(tmp_path: Path, body: bytes) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    with answering(tmp_path / "s", answer) as client, pytest.raises(BrummerError, match="something else"):
        client.status()


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(NoAnswer):
        Client(tmp_path / "missing").status()


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder whose name leaves room for that of a socket."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def test_a_run_that_has_only_begun_is_given_a_moment(short_path: Path) -> None:
    run = StoredRun(short_path)
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    asked: list[Client] = []
    asking = threading.Thread(target=lambda: asked.append(client_of(run.path)))
    asking.start()
    asking.join(0.1)
    assert not asked
    with answering(run.path / "control.sock", answer):
        asking.join(20)
        assert asked[0].status() == {}
    run.end()


def test_one_that_never_listens_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 0.05)
    run = StoredRun(tmp_path)
    with pytest.raises(NoAnswer):
        client_of(run.path).status()
    run.end()
    monkeypatch.setattr(module, "_PATIENCE", 1000.0)
    with pytest.raises(NoAnswer):
        client_of(run.path).status()  # it has ended
