"""What each verb is asked to do, as values: the judged form of the parsed words."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from brummer_rx.cli.parser import Parsed, integer, nearest, port, seconds
from brummer_rx.cli.words import Asked
from brummer_rx.pipeline.errors import UsageError
from brummer_rx.pipeline.event import Level
from brummer_rx.pipeline.settings import Settings, load

__all__ = [
    "LogsOptions",
    "Place",
    "ShowOptions",
    "StartOptions",
    "SteerOptions",
    "logs_options",
    "place_of",
    "show_options",
    "start_options",
    "steer_options",
]


@dataclass(frozen=True, slots=True)
class Place:
    """Which project, and the settings in force there."""

    settings: Settings

    @property
    def state_dir(self) -> Path:
        """The folder of the project's runs, absolute; it may not exist yet."""
        return self.settings.state_dir


@dataclass(frozen=True, slots=True)
class StartOptions:
    """The start form; --port, --no-mcp and --no-proxy are in `place.settings` with all other settings."""

    place: Place
    words: tuple[str, ...] = ()
    names_only: bool = False
    """The words follow `run` or `--`: never verbs."""
    plain: bool = False
    headless: bool = False
    """--no-tui."""
    list_settings: bool = False
    """--settings: nothing is started."""


@dataclass(frozen=True, slots=True)
class LogsOptions:
    """The verb `logs`."""

    place: Place
    sources: tuple[str, ...] | None = None
    level: Level = Level.TRACE
    grep: str | None = None
    """A Python regular expression that compiles."""
    after_seq: int | None = None
    tail: int | None = None
    limit: int | None = None
    run: str | None = None
    follow: bool = False
    raw: bool = False
    json: bool = False


@dataclass(frozen=True, slots=True)
class ShowOptions:
    """The verbs `status` and `runs`."""

    place: Place
    sources: tuple[str, ...] | None = None
    run: str | None = None
    json: bool = False


@dataclass(frozen=True, slots=True)
class SteerOptions:
    """The verbs `start`, `stop`, `restart` and `wait`."""

    place: Place
    verb: str
    name: str
    run: str | None = None
    json: bool = False
    wait_for: str = ""
    timeout: float | None = None
    """Seconds."""


def place_of(parsed: Parsed, environ: Mapping[str, str]) -> Place:
    """The project and its settings; raises `UsageError` (no such folder), `ConfigError` (a wrong setting)."""
    for key in ("dir", "state-dir"):
        if parsed.text(key) == "":
            raise UsageError(f"--{key}: the name of a folder is needed")
    flags = {
        "state_dir": parsed.text("state-dir"),
        "mcp_port": port(parsed),
        "no_mcp": parsed.has("no-mcp") or None,
        "no_proxy": parsed.has("no-proxy") or None,
    }
    return Place(load(parsed.text("dir") or ".", flags, environ))


def start_options(asked: Asked, environ: Mapping[str, str]) -> StartOptions:
    """Judge the start form; raises `UsageError`."""
    parsed = asked.parsed
    port(parsed)
    if parsed.has("mcp"):
        raise UsageError("--mcp: this version has no stdio hub yet; leave the option out to run processes")
    if parsed.has("plain") and parsed.has("no-tui"):
        raise UsageError("--plain and --no-tui exclude each other: a stream on stdout, or none")
    if parsed.has("settings") and parsed.words:
        raise UsageError(f"--settings starts nothing; {parsed.words[0]!r} is one word too many")
    if "" in parsed.words:
        raise UsageError("an empty word is neither a name nor a command")
    return StartOptions(
        place_of(parsed, environ),
        parsed.words,
        asked.names_only,
        parsed.has("plain"),
        parsed.has("no-tui"),
        parsed.has("settings"),
    )


def logs_options(parsed: Parsed, environ: Mapping[str, str]) -> LogsOptions:
    """Judge the options of `logs`; raises `UsageError`."""
    tail, limit = integer(parsed, "tail"), integer(parsed, "limit")
    if tail is not None and limit is not None:
        raise UsageError(
            f"--tail {tail} and --limit {limit} exclude each other: the last lines, or the first"
        )
    follow = parsed.has("follow")
    if follow and limit is not None:
        raise UsageError(f"--follow and --limit {limit} exclude each other; --tail N says where to begin")
    if parsed.has("raw") and parsed.has("json"):
        raise UsageError("--raw and --json exclude each other: bytes, or objects")
    return LogsOptions(
        place_of(parsed, environ),
        _sources(parsed),
        _level(parsed),
        _grep(parsed),
        integer(parsed, "after-seq", least=-1),
        tail,
        limit,
        _run(parsed),
        follow,
        parsed.has("raw"),
        parsed.has("json"),
    )


def show_options(parsed: Parsed, environ: Mapping[str, str]) -> ShowOptions:
    """Judge the options of `status` and `runs`; raises `UsageError`."""
    return ShowOptions(place_of(parsed, environ), _sources(parsed), _run(parsed), parsed.has("json"))


def steer_options(asked: Asked, environ: Mapping[str, str]) -> SteerOptions:
    """Judge the options of `start`, `stop`, `restart` and `wait`; raises `UsageError`."""
    parsed, verb = asked.parsed, asked.verb.name
    wait_for = parsed.text("for") or ""
    if verb == "wait":
        if not wait_for:
            raise UsageError(f"wait needs --for ready, --for exit or --for RE: {asked.verb.usage}")
        if wait_for not in ("ready", "exit"):
            _compiled("--for", wait_for.removeprefix("re:"))
    timeout = seconds(parsed, "timeout")
    place = place_of(parsed, environ)
    return SteerOptions(place, verb, parsed.words[0], _run(parsed), parsed.has("json"), wait_for, timeout)


def _sources(parsed: Parsed) -> tuple[str, ...] | None:
    given = parsed.values.get("source")
    if given is None:
        return None
    names = tuple(dict.fromkeys(name for text in given for name in text.split(",") if name))
    if not names:
        raise UsageError("--source: the name of a process is needed")
    return names


def _run(parsed: Parsed) -> str | None:
    run = parsed.text("run")
    if run == "":
        raise UsageError("--run: the id of a run is needed, or `last` (brummer-rx runs lists them)")
    return run


def _level(parsed: Parsed) -> Level:
    text = parsed.text("level")
    if text is None:
        return Level.TRACE
    names = [level.name.lower() for level in Level]
    if text.lower() not in names:
        near = nearest(text.lower(), names)
        hint = f"; did you mean {near}?" if near else ""
        raise UsageError(f"--level {text}: one of {', '.join(names)} is needed{hint}")
    return Level[text.upper()]


def _grep(parsed: Parsed) -> str | None:
    text = parsed.text("grep")
    return None if text is None else _compiled("--grep", text)


def _compiled(option: str, pattern: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "possible nested set": legal, and not for the user's stderr
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise UsageError(f"{option} {pattern!r}: not a regular expression: {error}") from error
    return pattern
