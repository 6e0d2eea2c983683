"""Judged options: combinations, values, and where a project's runs are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from brummer_rx.cli.requests import (
    logs_options,
    place_of,
    show_options,
    start_options,
    steer_options,
)
from brummer_rx.cli.words import Asked, sort_out
from brummer_rx.pipeline.errors import ConfigError, UsageError
from brummer_rx.pipeline.event import Level


def ask(*args: str) -> Asked:
    return sort_out(args, lambda parsed, name: False)


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.chdir(tmp_path)
    return {"HOME": str(tmp_path)}


def test_start_form(environ: dict[str, str], tmp_path: Path) -> None:
    options = start_options(ask("web", "npm run x", "--plain", "-p", "0", "--no-mcp"), environ)

    assert (options.words, options.names_only, options.plain) == (("web", "npm run x"), False, True)
    assert (options.headless, options.list_settings) == (False, False)
    assert options.place.settings.folder == tmp_path.resolve()
    settings = options.place.settings
    assert (settings.mcp_port, settings.no_mcp, settings.no_proxy) == (0, True, False)
    assert settings.get("mcp_port").origin == "command line --port"
    headless = start_options(ask("run", "web", "--no-tui", "--no-proxy"), environ)
    assert (headless.names_only, headless.headless, headless.place.settings.no_proxy) == (True, True, True)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("-p", "99999"), "--port 99999: a port is a whole number from 0 to 65535"),
        (("--no-mcp", "-p", "x"), "--port x: a port is"),
        (("--mcp",), "--mcp: this version has no stdio hub yet"),
        (("--plain", "--no-tui"), "--plain and --no-tui exclude each other"),
        (("--settings", "web"), "--settings starts nothing; 'web' is one word too many"),
        (("",), "an empty word is neither a name nor a command"),
        (("-d", ""), "--dir: the name of a folder is needed"),
        (("-d", "missing"), "missing.* does not exist"),
        (("-d", "a-file"), "a-file.* is not a folder"),
        (("--state-dir=",), "--state-dir: the name of a folder is needed"),
    ],
)
def test_start_form_refused(
    environ: dict[str, str], tmp_path: Path, args: tuple[str, ...], message: str
) -> None:
    (tmp_path / "a-file").touch()
    with pytest.raises(UsageError, match=message):
        start_options(ask(*args), environ)


def test_wrong_settings_of_the_project_are_told(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / ".brum.toml").write_text("colour = 3\n")
    with pytest.raises(ConfigError, match=r"brum.toml:1"):
        start_options(ask(), environ)


def test_where_runs_are(environ: dict[str, str], tmp_path: Path) -> None:
    def state_dir(*args: str, **more: str) -> Path:
        return place_of(ask(*args).parsed, {**environ, **more}).state_dir

    project = state_dir().name
    assert state_dir().parent == tmp_path / ".local/state/brummer-rx"
    assert project.startswith(tmp_path.name[:40])
    assert state_dir(XDG_STATE_HOME="/x") == Path("/x/brummer-rx") / project
    assert state_dir(BRUMMER_STATE_DIR="/y") == Path("/y")
    assert state_dir("--state-dir", "/z", BRUMMER_STATE_DIR="/y") == Path("/z")
    assert state_dir("--state-dir", "rel") == tmp_path / "rel"


def test_logs(environ: dict[str, str]) -> None:
    def options(*args: str) -> Any:
        return logs_options(ask("logs", *args).parsed, environ)

    plain = options()
    assert (plain.sources, plain.level, plain.grep, plain.after_seq) == (None, Level.TRACE, None, None)
    assert (plain.tail, plain.limit, plain.run, plain.follow, plain.raw, plain.json) == (None,) * 3 + (
        False,
    ) * 3
    assert options("-s", "a", "-s", "b,c,a", "-s", ",d").sources == ("a", "b", "c", "d")
    assert options("--level", "WARN").level is Level.WARN
    assert options("--grep", "[[]").grep == "[[]"  # legal, if odd: no warning, no error
    assert options("--after-seq", "-1", "--tail", "0").after_seq == -1
    assert options("--run", "last", "-f", "--raw").follow


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--tail", "3", "--limit", "4"), "--tail 3 and --limit 4 exclude each other"),
        (("-f", "--limit", "4"), "--follow and --limit 4 exclude each other"),
        (("--raw", "--json"), "--raw and --json exclude each other"),
        (("--level", "eror"), r"--level eror: one of trace, .*fatal is needed; did you mean error\?"),
        (("--level", "9"), r"--level 9: one of trace, debug, info, warn, error, fatal is needed$"),
        (("--grep", "a(b"), r"--grep 'a\(b': not a regular expression: .* at position 1"),
        (("--grep", "a{99999999999}"), "not a regular expression"),
        (("--tail", "-3"), "--tail -3: a whole number from 0 on"),
        (("--after-seq", "x"), "--after-seq x: a whole number from -1 on"),
        (("-s", ","), "--source: the name of a process is needed"),
        (("--run", ""), "--run: the id of a run is needed"),
    ],
)
def test_logs_refused(environ: dict[str, str], args: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        logs_options(ask("logs", *args).parsed, environ)


def test_show(environ: dict[str, str]) -> None:
    options = show_options(ask("status", "-s", "a", "--run", "r", "--json").parsed, environ)

    assert (options.sources, options.run, options.json) == (("a",), "r", True)


def test_steer(environ: dict[str, str]) -> None:
    stop = steer_options(ask("stop", "web", "--json"), environ)
    wait = steer_options(ask("wait", "web", "--for", "re:ready", "--timeout", "1.5"), environ)

    assert (stop.verb, stop.name, stop.json, stop.wait_for, stop.timeout) == ("stop", "web", True, "", None)
    assert (wait.verb, wait.wait_for, wait.timeout) == ("wait", "re:ready", 1.5)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "wait needs --for ready, --for exit or --for RE"),
        (("--for", ""), "wait needs --for"),
        (("--for", "("), r"--for '\(': not a regular expression"),
        (("--for", "exit", "--timeout", "soon"), "--timeout soon: seconds are needed"),
    ],
)
def test_wait_refused(environ: dict[str, str], args: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        steer_options(ask("wait", "web", *args), environ)
