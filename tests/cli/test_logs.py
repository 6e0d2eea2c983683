"""The verb `logs` over stored and live runs, in every form."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

import pytest

from brummer_rx.cli.logs import show_logs
from brummer_rx.cli.output import Output
from brummer_rx.cli.requests import LogsOptions, Place
from brummer_rx.pipeline.errors import NotFoundError
from brummer_rx.pipeline.event import BatchFlag, Gap, GapReason, Stream
from brummer_rx.pipeline.process import ProcessTable
from brummer_rx.pipeline.settings import load
from brummer_rx.pipeline.status import write_status_file
from brummer_rx.sinks.clocktext import local_clock
from tests.cli.storebox import T0, Sheet, StoredRun, place
from tests.sources.fakeview import info


def logs(tmp_path: Path, **options: object) -> str:
    with Sheet(tmp_path) as sheet:
        assert show_logs(LogsOptions(place(tmp_path), **options), sheet.out) == 0  # type: ignore[arg-type]
        return sheet.text


@pytest.fixture
def run(tmp_path: Path) -> StoredRun:
    return StoredRun(tmp_path / "runs")


def test_text_raw_and_objects(tmp_path: Path, run: StoredRun, capfd: pytest.CaptureFixture[str]) -> None:
    run.add("web", b"one\n\x1b[31mtwo\r\n")
    run.lose(Gap("web", 2, 9, GapReason.DISK, 0, 0))
    run.add("db", b"no end\n", stream=Stream.ERR, flags=BatchFlag.UNTERMINATED)
    run.end()
    first, second = local_clock(T0 + 1_000_000), local_clock(T0 + 2_000_000)

    assert logs(tmp_path) == (
        f"{first} web | one\n{first} web | two\n"
        f"-- 2 lines of web missing (disk), seq 2 to 3 --\n{second} db  | no end\n"
    )
    assert logs(tmp_path, raw=True) == "one\n\x1b[31mtwo\r\nno end"
    assert "brummer-rx: -- 2 lines of web missing (disk), seq 2 to 3 --" in capfd.readouterr().err
    assert [json.loads(row) for row in logs(tmp_path, json=True).splitlines()] == [
        {
            "seq": 0,
            "time": "2025-11-24T23:59:01.043Z",
            "source": "web",
            "stream": "out",
            "level": "info",
            "text": "one",
        },
        {
            "seq": 1,
            "time": "2025-11-24T23:59:01.043Z",
            "source": "web",
            "stream": "out",
            "level": "info",
            "text": "two",
        },
        {"gap": {"source": "web", "lines": 2, "bytes": 9, "reason": "disk", "first_seq": 2, "last_seq": 3}},
        {
            "seq": 4,
            "time": "2025-11-24T23:59:01.044Z",
            "source": "db",
            "stream": "err",
            "level": "info",
            "text": "no end",
        },
    ]


def test_names_are_padded_to_the_chosen_ones(tmp_path: Path, run: StoredRun) -> None:
    run.add("a", b"x\n")
    run.add("much-longer", b"y\n")
    run.end()

    assert logs(tmp_path, sources=("a",)).endswith(" a | x\n")


def test_colour_by_setting(tmp_path: Path, run: StoredRun) -> None:
    run.add("web", b"\x1b[31mred\x1b[2J\n")
    run.end()
    project = tmp_path / "shop"
    project.mkdir()
    environ = {"HOME": str(tmp_path), "BRUMMER_COLOR": "always"}
    settings = load(project, {"state_dir": str(tmp_path / "runs")}, environ)
    with Sheet(tmp_path) as sheet:
        show_logs(LogsOptions(Place(settings)), sheet.out)
        assert sheet.text.endswith(" \x1b[36mweb |\x1b[0m \x1b[31mred\x1b[0m\n")


def test_an_unknown_source_names_the_known_ones(tmp_path: Path, run: StoredRun) -> None:
    run.add("web", b"x\n")
    write_status_file(run.path, ProcessTable(1, (info("silent"),)))
    run.end()

    with pytest.raises(NotFoundError, match=r"--source webb: .* did you mean web\?; there are: web, silent"):
        logs(tmp_path, sources=("web", "webb"))
    assert logs(tmp_path, sources=("silent",)) == ""


def test_a_run_without_lines(tmp_path: Path, run: StoredRun) -> None:
    run.end()

    assert logs(tmp_path, json=True) == ""
    assert logs(tmp_path, follow=True) == ""
    with pytest.raises(NotFoundError, match="it has no lines yet"):
        logs(tmp_path, sources=("web",))


def test_much_is_written_in_batches_and_in_order(tmp_path: Path, run: StoredRun) -> None:
    for n in range(0, 50_000, 500):
        run.add("web", b"".join(b"%d some text\n" % k for k in range(n, n + 500)))
    run.end()

    rows = logs(tmp_path, json=True).splitlines()
    assert [json.loads(row)["text"] for row in rows] == [f"{n} some text" for n in range(50_000)]
    assert logs(tmp_path, raw=True).split("\n")[:-1] == [f"{n} some text" for n in range(50_000)]
    assert logs(tmp_path, tail=1).endswith("49999 some text\n")


def test_following_an_ended_run_prints_the_last_ten_and_ends(tmp_path: Path, run: StoredRun) -> None:
    run.add("web", b"".join(b"%d\n" % n for n in range(30)))
    run.end()

    assert logs(tmp_path, follow=True, raw=True).split() == [str(n) for n in range(20, 30)]
    assert logs(tmp_path, follow=True, raw=True, tail=2).split() == ["28", "29"]
    assert logs(tmp_path, follow=True, raw=True, after_seq=4).split() == [str(n) for n in range(5, 30)]


@pytest.mark.parametrize("ending", ["end", "die"])
def test_following_a_live_run_until_it_ends(tmp_path: Path, run: StoredRun, ending: str) -> None:
    """Every line once and in order, long lines joined, whatever the moment of the look."""
    run.add("web", b"".join(b"%d\n" % n for n in range(30)))
    run.flush()
    read, write = os.pipe()
    result: list[int] = []

    def follow() -> None:
        options = LogsOptions(place(tmp_path), follow=True, sources=("web", "api"))
        result.append(show_logs(options, Output(write)))
        os.close(write)

    write_status_file(run.path, ProcessTable(1, (info("web"), info("api"))))
    thread = threading.Thread(target=follow)
    thread.start()
    with open(read, encoding="utf-8") as pipe:
        texts = [pipe.readline() for _ in range(10)]
        for n in range(30, 90):
            run.add("web", b"%d\n" % n)
            if n % 3 == 0:
                run.flush()
        run.add("other", b"not asked for\n")
        run.add("api", b"long \n", flags=BatchFlag.MORE)
        run.flush()
        texts += [pipe.readline() for _ in range(60)]
        run.add("api", b"line\n")
        (run.end if ending == "end" else run.die)()
        texts.append(pipe.read())
    thread.join(20)

    assert result == [0]
    assert [text.split("| ")[1].strip() for text in texts] == [*map(str, range(20, 90)), "long line"]


def test_a_follower_whose_reader_goes_away_ends(tmp_path: Path, run: StoredRun) -> None:
    run.add("web", b"x\n")
    run.flush()
    read, write = os.pipe()
    caught: list[BaseException] = []

    def follow() -> None:
        try:
            show_logs(LogsOptions(place(tmp_path), follow=True), Output(write))
        except BrokenPipeError as error:
            caught.append(error)

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        assert os.read(read, 100).endswith(b"x\n")
        os.close(read)
        start = time.monotonic()
        thread.join(10)
        assert not thread.is_alive()
        assert time.monotonic() - start < 5
        assert len(caught) == 1
    finally:
        os.close(write)
        run.end()
