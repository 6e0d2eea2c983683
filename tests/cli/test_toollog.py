"""Our own messages: kept in a bounded file; a file that refuses them disturbs nobody."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from loguru import logger

from brummer_rx.cli.toollog import ToolLog


def test_messages_are_kept_for_their_owner_only(tmp_path: Path) -> None:
    log = ToolLog(tmp_path / "tool.log", 1000)
    log("one\n")
    log("two \udcff\n")
    log.close()
    log.close()

    assert (tmp_path / "tool.log").read_text() == "one\ntwo \\udcff\n"
    assert stat.S_IMODE((tmp_path / "tool.log").stat().st_mode) == 0o600


def test_two_files_of_that_size_at_most(tmp_path: Path) -> None:
    log = ToolLog(tmp_path / "tool.log", 100)
    for n in range(100):
        log(f"message {n}\n")
    log.close()

    assert sorted(path.name for path in tmp_path.iterdir()) == ["tool.log", "tool.log.1"]
    texts = [(tmp_path / name).read_text() for name in ("tool.log.1", "tool.log")]
    assert all(len(text) <= 100 for text in texts)
    assert "".join(texts).endswith("message 98\nmessage 99\n")


def test_an_earlier_file_goes_on(tmp_path: Path) -> None:
    (tmp_path / "tool.log").write_text("before\n" * 10)
    log = ToolLog(tmp_path / "tool.log", 80)
    log("more\n")
    log("too much now\n")
    log.close()

    assert (tmp_path / "tool.log.1").read_text().endswith("before\nmore\n")
    assert (tmp_path / "tool.log").read_text() == "too much now\n"


@pytest.mark.parametrize("path", ["/dev/full", "nowhere/tool.log"])
def test_what_the_file_refuses_is_counted_and_nothing_is_printed(
    path: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log = ToolLog(tmp_path / path, 1000)
    handler = logger.add(log, format="{message}", catch=True)
    try:
        logger.info("lost")
        logger.info("lost, too")
    finally:
        logger.remove(handler)
        log.close()

    assert log.lost == 2
    assert capfd.readouterr().err.count("Logging error") == 0


def test_the_folder_may_vanish(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    log = ToolLog(folder / "tool.log", 20)
    log("a message of ours\n")
    (folder / "tool.log").unlink()
    folder.rmdir()
    log("a message of ours\n")
    log.close()

    assert log.lost == 1
