"""The control socket of a live run answers other processes and goes with the run."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from brummer_rx.cli.client import socket_of
from brummer_rx.cli.control_socket import Control
from brummer_rx.cli.session import Session
from brummer_rx.pipeline.process import ProcessSpec
from brummer_rx.pipeline.settings import load
from brummer_rx.sources.control import ControlServer


def session_in(folder: Path) -> Session:
    spec = ProcessSpec("a", ("/bin/sh", "-c", "sleep 100"), "sleep 100", ".")
    settings = load(folder, {"state_dir": str(folder / "state")}, {"HOME": str(folder)})
    return Session(settings, (spec,), pty=False, on_notice=lambda text, bad: None)


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder with a short path: sockets cannot have long ones."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="b") as name:
        yield Path(name)


@pytest.mark.parametrize("depth", [0, 12], ids=["in the run's folder", "elsewhere"])
def test_the_socket_is_there_while_the_run_lives(depth: int, short: Path) -> None:
    folder = short.joinpath(*["a-long-name"] * depth)
    folder.mkdir(parents=True, exist_ok=True)
    session = session_in(folder)
    control = Control(session)
    seen: list[Path] = []
    end = time.monotonic() + 20

    def look() -> None:
        path = socket_of(session.run_folder.path)
        if path.exists():
            seen.append(path)
            session.stop(0)
        elif time.monotonic() < end:
            session.loop.call_later(0.01, look)

    session.loop.call_later(0.0, control.start)
    session.loop.call_later(0.0, look)
    try:
        session.run()
    finally:
        control.close()
        session.close()

    assert len(seen) == 1
    assert (seen[0].parent == session.run_folder.path) == (depth == 0)
    assert not seen[0].exists()


def test_a_socket_that_cannot_be_is_told_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(self: ControlServer) -> None:
        raise OSError("no sockets today")

    monkeypatch.setattr(ControlServer, "start", fail)
    session = session_in(tmp_path)
    control = Control(session)
    told: list[str] = []

    def look() -> None:
        told.extend(n.text for n in session.live.notices() if "socket" in n.text)
        session.stop(0) if told else session.loop.call_later(0.01, look)

    session.loop.call_later(0.0, control.start)
    session.loop.call_later(0.0, look)
    try:
        session.run()
    finally:
        control.close()
        session.close()

    assert told == ["no control socket: no sockets today"]
