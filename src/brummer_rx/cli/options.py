"""The options of every verb as one table of values: the parser reads it, the help texts are made from it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["RESERVED", "START", "VERBS", "Option", "Verb", "all_options"]


@dataclass(frozen=True, slots=True)
class Option:
    """One option; `value` is what help calls its value, empty for a switch."""

    names: tuple[str, ...]
    """Short ones first; the last one, without dashes, is the key in `Parsed.values`."""
    help: str
    value: str = ""
    repeat: bool = False
    hidden: bool = False
    """Known, so that a message can be clear, but not offered."""

    @property
    def key(self) -> str:
        """The name under which its value is found."""
        return self.names[-1].lstrip("-")


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb: how it is written, what it does, what it takes."""

    name: str
    usage: str
    summary: str
    """One line, for the list of verbs."""
    about: str
    options: tuple[Option, ...]
    min_words: int = 0
    max_words: int | None = 0
    """None: any number."""
    examples: tuple[tuple[str, str], ...] = ()


DIR = Option(("-d", "--dir"), "project folder (default: the current one)", "DIR")
STATE = Option(
    ("--state-dir",),
    "folder of this project's runs (default: $BRUMMER_STATE_DIR, else $XDG_STATE_HOME/brummer-rx/PROJECT)",
    "DIR",
)
HELP = Option(("-h", "--help"), "this text")
JSON = Option(("--json",), "one JSON object a line")
RUN = Option(("--run",), "this run instead of the newest live one, else the last one", "ID|last")
SOURCES = Option(("-s", "--source"), "only this process (repeat it, or NAME,NAME)", "NAME", repeat=True)
COMMON = (DIR, STATE, HELP)

START = Verb(
    "",
    "brummer-rx [run] [NAME | 'COMMAND' ...] [options]",
    "run processes and watch them",
    "Runs your development processes and keeps every line they write: in order, on disk, searchable.\n"
    "\n"
    "NAME is a process of .brum.toml, Procfile or package.json (in this order); anything else is a shell\n"
    "command. Without names: every autostart process of .brum.toml, else the whole Procfile; with only a\n"
    "package.json the viewer lists its scripts.",
    (
        DIR,
        Option(("--plain",), "no viewer: one merged stream on stdout, ends with the last process"),
        Option(("--no-tui",), "headless: runs and answers the verbs below until it is stopped"),
        Option(("-p", "--port"), "MCP port, 0 takes a free one (default 7777); not yet in effect", "N"),
        Option(("--no-mcp",), "no MCP server; not yet in effect"),
        Option(("--no-proxy",), "no proxy; not yet in effect"),
        STATE,
        Option(("--settings",), "list the settings in force, each with its origin, and end"),
        Option(("--version",), "print the version and end"),
        Option(("--mcp",), "stdio hub", hidden=True),
        HELP,
    ),
    max_words=None,
    examples=(
        ("brummer-rx", "everything this project starts by itself"),
        ("brummer-rx web api", "two processes by name"),
        ("brummer-rx 'npm run dev' 'python3 worker.py'", "two commands"),
        ("brummer-rx --plain web | tee web.txt", "no viewer"),
        ("brummer-rx run logs", "the script that is called like a verb"),
    ),
)

_LOGS = Verb(
    "logs",
    "brummer-rx logs [options]",
    "the lines of a run, filtered",
    "Prints the lines of the newest live run of this folder, else of the last one, oldest first.\n"
    "Filters come first, then --after-seq, then --tail or --limit.",
    (
        SOURCES,
        Option(
            ("--level",),
            "this level and above: trace, debug, info, warn, error, fatal (a line without a mark is info)",
            "L",
        ),
        Option(("--grep",), "lines whose text matches this Python regular expression", "RE"),
        Option(("--after-seq",), "lines after this number (the seq of --json)", "N"),
        Option(("--tail",), "the last N of what is left", "N"),
        Option(("--limit",), "the first N of what is left", "N"),
        RUN,
        Option(("-f", "--follow"), "the last 10 (or --tail N), then go on until the run ends"),
        Option(("--raw",), "the bytes as the process wrote them"),
        JSON,
        *COMMON,
    ),
    examples=(
        ("brummer-rx logs -s web --level warn --tail 50", "the newest warnings of one process"),
        ("brummer-rx logs --grep 'timeout after \\d+' --json", "for a program"),
        ("brummer-rx logs -f", "follow the live run from another terminal"),
        ("brummer-rx logs --run last --raw -s build > build.out", "bytes, untouched"),
    ),
)

_STATUS = Verb(
    "status",
    "brummer-rx status [options]",
    "processes, lines and gaps of a run",
    "Asks the newest live run of this folder; without one it tells how the last one ended.",
    (SOURCES, RUN, JSON, *COMMON),
)

_RUNS = Verb(
    "runs",
    "brummer-rx runs [options]",
    "the stored runs, newest first",
    "Lists the stored runs of this folder, newest first: live, ended, or died (it was killed).",
    (
        Option(
            ("-s", "--source"), "runs in which this process wrote (repeat it, or NAME,NAME)", "NAME", True
        ),
        Option(("--run",), "this run alone", "ID|last"),
        JSON,
        *COMMON,
    ),
    examples=(
        ("brummer-rx runs", "what is there"),
        ("brummer-rx logs --run 20261125-005723-67cdab47e06c", "the lines of one of them"),
    ),
)

_STEER = (Option(("--run",), "this live run instead of the newest one", "ID"), JSON, *COMMON)

_START = Verb(
    "start",
    "brummer-rx start NAME [options]",
    "start a process of the live run",
    "Starts a process of the live run that has ended. (A bare `start` runs the script `start`.)",
    _STEER,
    1,
    1,
)
_STOP = Verb(
    "stop",
    "brummer-rx stop NAME [options]",
    "stop a process of the live run",
    "Stops a process of the live run and all its children: TERM, then KILL after the grace time.\n"
    "Returns when it was told; `wait NAME --for exit` waits for the end.",
    _STEER,
    1,
    1,
)
_RESTART = Verb(
    "restart",
    "brummer-rx restart NAME [options]",
    "stop it, then start it",
    "Stops a process of the live run and starts it again; one that has ended is just started.",
    _STEER,
    1,
    1,
)
_WAIT = Verb(
    "wait",
    "brummer-rx wait NAME --for ready|exit|RE [options]",
    "wait until a process is ready, exits, or prints a line",
    "Waits for a process of the live run: until it is ready, until it has exited, or until a line of its\n"
    "present incarnation matches RE (also one that is there already; `re:ready` looks for the word).\n"
    "Exit: 0 it happened; 1 time is up, or the process ended without it; 3 nothing runs here.",
    (
        Option(("--for",), "what to wait for", "ready|exit|RE"),
        Option(("--timeout",), "give up after S seconds (default: never)", "S"),
        *_STEER,
    ),
    1,
    1,
    (
        ("brummer-rx wait web --for 'listening on' --timeout 30", "in a script"),
        ("brummer-rx wait build --for exit", "until it is through"),
    ),
)

VERBS: dict[str, Verb] = {v.name: v for v in (_LOGS, _STATUS, _RUNS, _START, _STOP, _RESTART, _WAIT)}

RESERVED = ("errors", "urls", "requests", "operators", "import", "mcp-config")
"""Verbs of later versions: kept free now, so that no script changes its meaning then."""


def all_options() -> dict[str, Option]:
    """Every spelling of every option. A spelling takes a value everywhere or nowhere (a test holds that)."""
    verbs = (START, *VERBS.values())
    return {name: option for verb in verbs for option in verb.options for name in option.names}
