"""The ways out: exit codes and the one line on stderr, as a user meets them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import brummer_rx.__main__ as module
from brummer_rx.__main__ import main
from brummer_rx.pipeline.errors import BrummerError, ConfigError, NotFoundError, UsageError


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UsageError("no"), 2, "brummer-rx: error: no\n"),
        (ConfigError("no\nway"), 2, "brummer-rx: error: no; way\n"),
        (NotFoundError("no"), 3, "brummer-rx: error: no\n"),
        (BrummerError("a\x1b[2Jb"), 1, "brummer-rx: error: a\\x1b[2Jb\n"),
        (BrokenPipeError(), 141, ""),
        (KeyboardInterrupt(), 130, ""),
        (PermissionError(13, "denied", "/x"), 1, "brummer-rx: error: [Errno 13] denied: '/x'\n"),
    ],
)
def test_errors(
    error: BaseException,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object) -> int:
        raise error

    monkeypatch.setattr(module, "dispatch", fail)

    assert main([]) == code
    assert capfd.readouterr().err == said


def test_the_unexpected_is_one_line_and_a_file(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def fail(*_: object) -> int:
        raise ZeroDivisionError("by\nzero")

    monkeypatch.setattr(module, "dispatch", fail)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    assert main([]) == 1
    (details,) = tmp_path.iterdir()
    said = capfd.readouterr().err
    assert said == f"brummer-rx: error: unexpected ZeroDivisionError: by; zero; details in {details}\n"


def run(*args: str, cwd: Path, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "brummer_rx", *args],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "HOME": str(cwd), "XDG_STATE_HOME": ""},
        check=False,
    )


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("--version",), 0, ""),
        (("--plian",), 2, "did you mean --plain?"),
        (("logs",), 3, "no run was stored"),
        (("status",), 3, "no run was stored"),
        (("stop", "web"), 3, "nothing runs in this folder"),
        (("start", "web"), 3, "nothing runs in this folder"),
        (("restart", "web"), 3, "nothing runs in this folder"),
        (("wait", "web", "--for", "exit"), 3, "nothing runs in this folder"),
        (("runs",), 0, ""),
        (("logs", "-d", "missing"), 2, "does not exist"),
    ],
)
def test_from_outside(args: tuple[str, ...], code: int, said: str, tmp_path: Path) -> None:
    done = run(*args, cwd=tmp_path)

    assert done.returncode == code
    assert said in done.stderr
    assert done.stderr.count("\n") == (1 if code else 0)


def test_a_closed_stdout_is_141_and_silent(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "brummer_rx", "--help"],
        stdout=write,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(write)

    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize(("closed", "code"), [("<&-", 0), (">&-", 1), ("2>&-", 0), ("<&- >&- 2>&-", 1)])
def test_closed_standard_files_are_nobodys_log(closed: str, code: int, tmp_path: Path) -> None:
    run = f'exec "$0" -m brummer_rx --state-dir "$1" --plain "echo one; echo two >&2" {closed}'
    environ = {**os.environ, "HOME": str(tmp_path)}
    done = subprocess.run(
        ["/bin/sh", "-c", run, sys.executable, str(tmp_path / "s")],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        timeout=60,
    )

    assert done.returncode == code
    (log,) = (tmp_path / "s").glob("*/tool.log")
    assert " | one" not in log.read_text()
    (segment,) = (tmp_path / "s").glob("*/*.seg")
    assert segment.read_bytes().count(b"one") == 1
    assert done.stdout.count(b" | one") == (">&-" not in closed.split())
