"""The door of sinks: built-in sinks are what a run may expect of any."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from brummer_rx.pipeline.event import LogBatch, Stream
from brummer_rx.pipeline.mainloop import MainLoop
from brummer_rx.pipeline.registry import sinks
from brummer_rx.sinks.door import Sink, SinkContext
from brummer_rx.sinks.jsonl import jsonl

BATCH = LogBatch("web", Stream.OUT, 0, 1, 1_764_028_741_042_000_000, b"hello\n")


def context(loop: MainLoop, folder: Path, errors: list[OSError]) -> SinkContext:
    return SinkContext(loop, folder, ("web",), errors.append)


def made(name: str, given: SinkContext) -> Sink:
    options = {"path": "out.jsonl"} if name == "jsonl" else {}
    sink: Sink = sinks(only_ours=True)[name].load()(given, **options)
    return sink


def test_ours_stand_in_the_list_of_entry_points() -> None:
    assert set(sinks(only_ours=True)) == {"console", "jsonl"}


@pytest.mark.parametrize("name", ["console", "jsonl"])
def test_each_takes_a_batch_and_closes(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    loop, errors = MainLoop(), list[OSError]()
    sink = made(name, context(loop, tmp_path, errors))
    assert sink.gate.has_room(1)
    sink.write(BATCH)

    assert sink.close(1.0)
    loop.close()
    assert errors == []
    out = capfd.readouterr().out if name == "console" else (tmp_path / "out.jsonl").read_text()
    assert "hello" in out


def test_a_path_starts_at_the_project_folder(tmp_path: Path) -> None:
    loop = MainLoop()
    (tmp_path / "deep").mkdir()
    sink = jsonl(context(loop, tmp_path, []), path="deep/../a.jsonl")
    sink.write(BATCH)
    sink.close(1.0)
    loop.close()

    assert json.loads((tmp_path / "a.jsonl").read_text())["text"] == "hello"
    assert (tmp_path / "a.jsonl").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("path", ["", 3, None])
def test_a_path_must_be_a_name(path: object, tmp_path: Path) -> None:
    loop = MainLoop()
    with pytest.raises(ValueError, match="must be the name of a file"):
        jsonl(context(loop, tmp_path, []), path=path)
    loop.close()
