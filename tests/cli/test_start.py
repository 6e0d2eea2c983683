"""Which mode a run takes, and what it starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from brummer_rx.cli.requests import Place, StartOptions
from brummer_rx.cli.start import mode_of, specs_of, start
from brummer_rx.pipeline.errors import UsageError
from brummer_rx.pipeline.process import ProcessSpec
from brummer_rx.pipeline.settings import load
from brummer_rx.sources.detect import Choice


def options(folder: Path, *words: str, plain: bool = False, headless: bool = False) -> StartOptions:
    settings = load(folder, {"state_dir": str(folder / "state")}, {"HOME": str(folder)})
    return StartOptions(Place(settings), words, plain=plain, headless=headless)


@pytest.mark.parametrize(
    ("plain", "headless", "why", "mode"),
    [
        (False, False, None, "viewer"),
        (True, False, None, "plain"),
        (False, True, None, "headless"),
        (False, False, "no terminal", "plain"),
    ],
)
def test_the_viewer_is_left_out_when_asked_or_impossible(
    plain: bool, headless: bool, why: str | None, mode: str, tmp_path: Path
) -> None:
    wish = options(tmp_path, plain=plain, headless=headless)

    assert mode_of(wish, why_no_viewer=why) == mode


def test_words_are_run(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    wish = options(tmp_path, "echo hello; exit 2", plain=True)

    assert start(wish) == 2
    assert "echo | hello" in capfd.readouterr().out


def test_nothing_to_choose_from_names_what_may_be_picked(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"scripts": {"dev": "true", "test": "true"}}')
    wish = options(tmp_path, plain=True)

    with pytest.raises(UsageError, match=r"say what to run.*dev.*test"):
        start(wish)


def test_the_viewer_lists_what_may_be_picked() -> None:
    spec = ProcessSpec("dev", ("true",), "true", ".", autostart=False)

    assert specs_of(Choice((), (spec,))) == (spec,)
    assert specs_of(Choice((spec,))) == (spec,)


def test_what_does_not_start_by_itself_waits_in_the_run_until_it_is_asked_for() -> None:
    web = ProcessSpec("web", ("true",), "true", ".")
    seed = ProcessSpec("seed", ("true",), "true", ".", autostart=False)

    assert specs_of(Choice((web,)), (web, seed)) == (web, seed)
    assert specs_of(Choice((web,)), ()) == (web,), "words name all that is wanted"
