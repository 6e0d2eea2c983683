"""JSON lines into a file or a named pipe."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from brummer_rx.pipeline.errors import SinkError
from brummer_rx.pipeline.event import (
    BatchFlag,
    Gap,
    GapReason,
    Level,
    LogBatch,
    ProcessEvent,
    ProcessEventKind,
    Stream,
)
from brummer_rx.pipeline.mainloop import MainLoop
from brummer_rx.sinks.jsonl import JsonLines

NOW = 1_764_028_741_042_000_000


def never(error: OSError) -> None:
    raise AssertionError(error)


def test_rows_of_stored_and_unstored_lines(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    loop = MainLoop()
    try:
        sink = JsonLines(path, loop, on_error=never)
        sink.write(LogBatch("web", Stream.OUT, 0, 2, NOW, b"a\nb\n", levels=bytes([Level.WARN, Level.INFO])))
        sink.write(LogBatch("web", Stream.ERR, 2, 1, NOW, b"c\n", BatchFlag.MORE, first_seq=7))
        sink.write(ProcessEvent("web", ProcessEventKind.EXITED, NOW, 1, exit_code=0))
        sink.write(Gap("web", 1, 2, GapReason.DISK, 8, 8))
        assert sink.gate.has_room()
        assert sink.close()
        assert sink.close()
    finally:
        loop.close()

    rows = [json.loads(row) for row in path.read_text().splitlines()]
    assert [(row.get("seq"), row.get("level"), row.get("text"), row.get("more")) for row in rows[:3]] == [
        (None, "warn", "a", None),
        (None, "info", "b", None),
        (7, "info", "c", True),
    ]
    assert list(rows[3]) == ["gap"]
    assert len(rows) == 4
    assert path.stat().st_mode & 0o777 == 0o600


def test_it_appends(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text("{}\n")
    loop = MainLoop()
    try:
        sink = JsonLines(path, loop, on_error=never)
        sink.write(Gap("", 1, 2, GapReason.DISK, 8, 8))
        sink.close()
    finally:
        loop.close()

    assert path.read_text().startswith("{}\n{")


def test_a_named_pipe_whose_reader_stands_still_holds_back(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    loop = MainLoop()
    read = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        sink = JsonLines(path, loop, on_error=never)
        sink.write(LogBatch("web", Stream.OUT, 0, 20_000, NOW, b"x" * 30 + b"\n" + b"y\n" * 19_999))
        assert not sink.gate.has_room()
        assert not sink.close(0.01)
        assert sink.outlet.discarded > 0
    finally:
        os.close(read)
        loop.close()


@pytest.mark.parametrize("where", ["missing/lines", "."])
def test_a_file_that_cannot_be_opened(tmp_path: Path, where: str) -> None:
    loop = MainLoop()
    try:
        with pytest.raises(SinkError, match=r"json lines: .* cannot be opened"):
            JsonLines(tmp_path / where, loop, on_error=never)
    finally:
        loop.close()
