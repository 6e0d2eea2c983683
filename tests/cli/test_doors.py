"""What the settings switch on beside the store; and that it gets every line, or holds the children."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from brummer_rx.cli.doors import built_in_ingest, more_sinks
from brummer_rx.cli.session import Session
from brummer_rx.pipeline.clock import ClockThread
from brummer_rx.pipeline.errors import ConfigError, SinkError
from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.mainloop import MainLoop
from brummer_rx.pipeline.process import ProcessSpec
from brummer_rx.pipeline.settings import Settings, load
from brummer_rx.sources.ingest import Ingest

JSONL = '[sinks.jsonl]\nenabled = true\npath = "out.jsonl"\n'


def settings_of(folder: Path, toml: str) -> Settings:
    (folder / ".brum.toml").write_text(toml)
    environ = {"HOME": str(folder), "BRUMMER_GRACE": "1"}
    return load(folder, {"state_dir": str(folder / "state")}, environ)


def session_of(folder: Path, text: str, said: list[str]) -> Session:
    spec = ProcessSpec("a", ("/bin/sh", "-c", text), text, ".")
    return Session(
        settings_of(folder, JSONL), (spec,), pty=False, on_notice=lambda line, bad: said.append(line)
    )


def go(session: Session) -> int:
    try:
        session.run()
    finally:
        code = session.close()
    return code


def test_the_reader_of_children_comes_through_its_entry_point() -> None:
    assert isinstance(built_in_ingest(Gate(), ClockThread()), Ingest)


def test_nothing_is_switched_on_unless_it_is_asked_for(tmp_path: Path) -> None:
    loop = MainLoop()
    toml = '[sinks.jsonl]\npath = "out.jsonl"\n'
    assert more_sinks(settings_of(tmp_path, toml), loop, (), lambda name, error: None) == {}
    loop.close()


@pytest.mark.parametrize(
    ("toml", "error", "message"),
    [
        ("[sinks.jsnol]\nenabled = true\n", ConfigError, r':1: unknown sink "jsnol"; did you mean "jsonl"'),
        ("[sinks.console]\nenabled = true\n", ConfigError, r":1: the sink console is not switched by a file"),
        (
            "[sinks.jsonl]\nenabled = true\n",
            ConfigError,
            r":1: sinks.jsonl: its options are not what it takes",
        ),
        ("[sinks.jsonl]\nenabled = true\npath = 3\n", ConfigError, r"must be the name of a file"),
        ('[sinks.jsonl]\nenabled = true\npath = "no/such/f"\n', SinkError, r"no/such/f cannot be opened"),
    ],
)
def test_what_cannot_be_is_said_and_makes_no_run(
    toml: str, error: type[Exception], message: str, tmp_path: Path
) -> None:
    settings = settings_of(tmp_path, toml)
    with pytest.raises(error, match=message):
        Session(settings, (), pty=False, on_notice=lambda line, bad: None)

    assert not (tmp_path / "state").exists()


def test_json_lines_get_every_line_in_order(tmp_path: Path) -> None:
    session = session_of(tmp_path, "seq 30000", [])

    assert go(session) == 0
    rows = [json.loads(row) for row in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["text"] for row in rows] == [str(n) for n in range(1, 30001)]
    assert session.store.snapshot().end_seq == 30000


def when(session: Session, condition: Callable[[], bool], action: Callable[[], None]) -> None:
    def look() -> None:
        if condition():
            action()
        else:
            session.loop.call_later(0.01, look)

    session.loop.call_later(0.0, look)


def test_a_named_pipe_that_is_not_read_holds_the_child_and_is_let_go_at_a_stop(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "out.jsonl")
    reader = os.open(tmp_path / "out.jsonl", os.O_RDONLY | os.O_NONBLOCK)
    said: list[str] = []
    session = session_of(tmp_path, "yes 'a line that nobody takes'", said)
    when(session, lambda: session.ingest.counts().parks > 0, lambda: session.stop(143))
    try:
        assert go(session) == 143
    finally:
        os.close(reader)

    assert any("the reader of jsonl takes nothing" in text for text in said)
    assert session.store.snapshot().end_seq == session.ingest.counts().lines


def test_a_reader_that_goes_away_costs_its_own_lines_only(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "out.jsonl")
    reader = os.open(tmp_path / "out.jsonl", os.O_RDONLY | os.O_NONBLOCK)
    said: list[str] = []
    session = session_of(tmp_path, "seq 1000; sleep 0.1; seq 1000", said)
    os.close(reader)

    assert go(session) == 1
    assert any("jsonl failed (Broken pipe)" in text for text in said)
    assert session.store.snapshot().end_seq == 2000
