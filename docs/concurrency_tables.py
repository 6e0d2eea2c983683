"""Renews the tables in docs/concurrency.md: threads and stages of a real run, owners and locks of the code.

.venv/bin/python -m docs.concurrency_tables
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

__all__ = [
    "DOES",
    "PAGE",
    "Lock",
    "Observed",
    "Owned",
    "locks",
    "main",
    "observe",
    "owned",
    "renewed",
    "tables",
]

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "concurrency.md"
FOLDERS = ("pipeline", "operators", "sources", "sinks", "tui", "src/brummer_rx/cli")

DOES = {
    "clock": "all timers; its actions only enqueue",
    "ingest": "reads all children, cuts whole lines, reaps",
    "io": "asyncio: the control socket",
    "main": "signals, viewer or console; `MainLoop`",
    "pool-N": "drains of stages, jobs; N from 1 to `workers`",
    "store": "the one writer of the log",
    "sync": "fdatasync, seals, eviction, `processes.json`",
}
"""What each thread is for; a thread that is not here may not exist."""


class Observed(NamedTuple):
    """What a whole run, with one sink more than the store, showed."""

    threads: tuple[str, ...]
    stages: tuple[tuple[str, str, int, int | None], ...]
    """(name, overflow, elements, bytes)."""
    edges: tuple[tuple[str, str], ...]
    """(lock that was held, lock that was taken)."""


class Owned(NamedTuple):
    """A class that a guard watches."""

    name: str
    file: str
    by: str


class Lock(NamedTuple):
    """A place that makes locks."""

    name: str
    file: str


# --- from the code --------------------------------------------------------------------------------------


def _calls(what: str) -> Iterator[tuple[str, ast.Call, ast.AST]]:
    """(file, call, what it stands on) of every call of `guards.WHAT`, decorators with their class."""
    for path in sorted(p for folder in FOLDERS for p in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            decorators = node.decorator_list if isinstance(node, ast.ClassDef) else []
            for call in [node, *decorators]:
                if isinstance(call, ast.Call) and ast.unparse(call.func) == f"guards.{what}":
                    yield path.relative_to(ROOT).as_posix(), call, node


def locks() -> list[Lock]:
    """Every place that makes a lock."""
    return sorted({Lock(ast.literal_eval(call.args[0]), file) for file, call, _ in _calls("lock")})


def owned() -> list[Owned]:
    """Every class whose objects have an owner thread."""
    found = {
        Owned(on.name, file, ast.literal_eval(call.args[0]))
        for file, call, on in _calls("owned")
        if isinstance(on, ast.ClassDef)
    }
    return sorted(found, key=lambda one: (one.by, one.file, one.name))


# --- from a run -----------------------------------------------------------------------------------------


def observe() -> Observed:
    """A whole run in a process of its own, guards on."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "docs.concurrency_tables", "--observe", folder],
            cwd=ROOT,
            env={**os.environ, "BRUMMER_GUARDS": "1"},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    found = json.loads(done.stdout.splitlines()[-1])
    return Observed(
        tuple(found["threads"]),
        tuple((name, overflow, most, size) for name, overflow, most, size in found["stages"]),
        tuple((held, taken) for held, taken in found["edges"]),
    )


def _observe(folder: Path) -> None:
    from brummer_rx.cli.control_socket import Control
    from brummer_rx.cli.session import Session
    from brummer_rx.pipeline import guards
    from brummer_rx.pipeline.flow import SinkSpec
    from brummer_rx.pipeline.process import ProcessSpec
    from brummer_rx.pipeline.settings import load
    from brummer_rx.pipeline.stage import BoundedStage
    from brummer_rx.pipeline.threads import live_threads

    text = "echo one; echo two >&2; exec sleep 30"
    spec = ProcessSpec("web", ("/bin/sh", "-c", text), text, ".")
    settings = load(folder, {"state_dir": str(folder / "state")}, {"HOME": str(folder)})
    session = Session(settings, (spec,), pty=False, on_notice=lambda text, bad: None)
    session.ends_with_children = False
    control = Control(session)
    threads: list[str] = []
    stages: list[tuple[str, str, int, int | None]] = []

    def look() -> None:
        if session.stopping:
            return
        threads[:] = sorted({"main", *(re.sub(r"^pool-\d+$", "pool-N", name) for name in live_threads())})
        stages[:] = sorted(
            (stage.name, stage.overflow.name, *stage.bound)
            for stage in session.ledgers.live()
            if isinstance(stage, BoundedStage)
        )
        if session.store.snapshot().end_seq >= 2 and set(threads) >= set(DOES):
            session.stop(0)

    def every(action: Callable[[], None], end: float) -> None:
        action()
        if time.monotonic() > end:
            session.stop(1)
        else:
            session.loop.call_later(0.02, lambda: every(action, end))

    session.loop.call_later(0.0, control.start)
    session.loop.call_later(0.0, lambda: every(look, time.monotonic() + 20))
    session.run(SinkSpec("console", session.loop, lambda event: None))
    control.close()
    session.close()
    edges = [(edge.held, edge.taken) for edge in guards.graph().edges]
    sys.stdout.write(json.dumps({"threads": threads, "stages": stages, "edges": edges}) + "\n")


# --- the page -------------------------------------------------------------------------------------------


def tables(seen: Observed) -> dict[str, str]:
    """Name -> table."""
    threads = [f"| `{name}` | {DOES.get(name, '?')} |" for name in seen.threads]
    stages = [
        f"| `{name}` | {overflow} | {most:,} | {'-' if size is None else f'{size:,}'} |"
        for name, overflow, most, size in seen.stages
    ]
    owners = [f"| `{one.name}` | `{one.file}` | {one.by} |" for one in owned()]
    places = [f"| {one.name} | `{one.file}` |" for one in locks()]
    order = [f"| {held} | {taken} |" for held, taken in seen.edges] or ["| (none) | (none) |"]
    return {
        "threads": "\n".join(["| thread | does |", "|---|---|", *threads]),
        "stages": "\n".join(["| stage | when full | elements | bytes |", "|---|---|---|---|", *stages]),
        "owners": "\n".join(["| class | file | written by |", "|---|---|---|", *owners]),
        "locks": "\n".join(["| lock | made in |", "|---|---|", *places]),
        "order": "\n".join(["| held | taken meanwhile |", "|---|---|", *order]),
    }


def renewed(page: str, seen: Observed) -> str:
    """The page with the tables of now."""
    for name, table in tables(seen).items():
        begin, end = f"<!-- made by concurrency_tables.py: {name} -->", f"<!-- end of {name} -->"
        head, _, rest = page.partition(begin)
        _, _, tail = rest.partition(end)
        page = f"{head}{begin}\n{table}\n{end}{tail}"
    return page


def main() -> None:
    """Write the page."""
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8"), observe()), encoding="utf-8")


if __name__ == "__main__":
    if "--observe" in sys.argv:
        _observe(Path(sys.argv[-1]))
    else:
        main()
