"""Help texts: complete, readable, and quick without a heavy import."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from brummer_rx.cli.help import help_text
from brummer_rx.cli.options import START, VERBS

ALL = (START, *VERBS.values())
HEAVY = ("reactivex", "aiohttp", "blessed", "psutil", "loguru", "asyncio", "stringzilla", "http.client")


@pytest.mark.parametrize("verb", ALL, ids=lambda v: v.name or "start form")
def test_every_option_is_in_its_help(verb: object) -> None:
    assert verb in ALL
    text = help_text(verb)  # type: ignore[arg-type]

    for option in verb.options:  # type: ignore[attr-defined]
        for name in option.names:
            assert option.hidden or f"{name} " in text or f"{name}," in text or f"{name}\n" in text
    assert text.startswith("usage: brummer-rx")
    assert text.endswith("\n")
    assert max(len(line) for line in text.splitlines()) <= 110


def test_hidden_options_are_not_offered() -> None:
    assert "--mcp " not in help_text(START)


def test_the_first_help_lists_every_verb() -> None:
    text = help_text(START)

    assert [name for name in VERBS if f"\n  {name} " not in text] == []


def run_help() -> float:
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "brummer_rx", "--help"], capture_output=True, check=True)
    took = time.perf_counter() - start
    assert done.stdout.startswith(b"usage:")
    return took


def test_help_answers_within_150_ms() -> None:
    assert min(run_help() for _ in range(5)) < 0.150


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["logs", "--help"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    code = (
        "import sys; from brummer_rx.__main__ import main; code = main(sys.argv[1:]);"
        f"print(code, [m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)

    assert done.stderr == "0 []\n"
