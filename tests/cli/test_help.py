"""Help texts: complete, readable, and quick without a heavy import."""

from __future__ import annotations

import os
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


def run_help(words: list[str]) -> tuple[float, float]:
    """(wall, CPU) seconds of one call."""
    start = time.perf_counter()
    with subprocess.Popen([sys.executable, "-m", "brummer_rx", *words], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        text = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        took = time.perf_counter() - start
    assert text.startswith(b"usage:")
    assert child.returncode == 0
    return took, usage.ru_utime + usage.ru_stime


def test_help_answers_within_150_ms() -> None:
    """By the clock on a quiet machine; on a busy one its own CPU time is what counts."""
    for words in (["--help"], ["logs", "--help"]):
        times = [run_help(words) for _ in range(5)]

        assert min(wall for wall, _ in times) < 0.150 or min(cpu for _, cpu in times) < 0.100


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["logs", "--help"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    code = (
        "import sys; from brummer_rx.__main__ import main; code = main(sys.argv[1:]);"
        f"print(code, [m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)

    assert done.stderr == "0 []\n"
