"""The rules of concurrency as law: what is forbidden, why, where it holds, and who may do it nevertheless.

To change the law is to change this table: an exception names the file, the number of places and the reason.
One that is not needed any more fails the test, and so does one place more than it allows.
"""

from __future__ import annotations

import ast
import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.rules import finders
from tests.rules.names import Finding
from tests.rules.tree import is_product, is_pure, is_test, relative
from tests.rules.under_lock import called_under_lock

__all__ = ["RULES", "Breach", "May", "Rule", "breaches", "check", "stale"]


@dataclass(frozen=True, slots=True)
class May:
    """Who may break a rule."""

    reason: str
    places: int | None = None
    """Exactly so many; None: as many as it likes (the module whose business it is)."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One law."""

    name: str
    why: str
    find: Callable[[ast.Module], Iterable[Finding]]
    holds_in: Callable[[str], bool] = is_product
    may: Mapping[str, May] = field(default_factory=dict)
    words: tuple[bytes, ...] = (b"",)
    """A file with none of them is not worth parsing."""


@dataclass(frozen=True, slots=True, order=True)
class Breach:
    """A rule broken, for people."""

    file: str
    line: int
    rule: str
    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.rule}: {self.what}: {self.why}"


def _everywhere(name: str) -> bool:
    return is_product(name) or is_test(name)


RULES = (
    Rule(
        "threads",
        "only pipeline/ creates threads, tasks and executors: counted, named, bounded and ended",
        finders.threads,
        may={
            "pipeline/threads.py": May("the only creator of threads"),
            "pipeline/clock.py": May("the clock's one thread"),
            "pipeline/ioloop.py": May("the io loop's one thread, its loop and its coroutines"),
            "pipeline/loopwatch.py": May("makes the loop of the io thread", 1),
            "pipeline/scheduler.py": May("subclasses reactivex's pool and its executor; never starts theirs"),
            "src/brummer_rx/cli/system.py": May("passes start_thread on to those that may"),
            "sources/ingest.py": May("the one reader thread: made by start_thread, so counted and ended", 2),
        },
    ),
    Rule(
        "hops",
        "reactivex's hops have unbounded queues and swallow what subscribers raise: observe_on_bounded",
        finders.hops,
    ),
    Rule("unbounded_queues", "what waits without a bound is a leak under load", finders.unbounded_queues),
    Rule(
        "unbounded_deques",
        "a deque that is kept needs maxlen, or a reason here why it cannot grow",
        finders.unbounded_deques,
        may={
            "pipeline/overflow.py": May("the backlog: `fits` is asked before each push", 1),
            "pipeline/threads.py": May("drains: one per stage; jobs: `limit`", 1),
            "pipeline/scheduler.py": May("jobs of a caller: at most `admission`", 1),
            "pipeline/mainloop.py": May("drains: one per stage", 2),
            "pipeline/guarded.py": May("the answer to one event, taken before the next", 1),
            "pipeline/testing.py": May("drains: one per stage; for tests", 1),
            "sources/outbox.py": May("what one read brought: nothing is read while something waits", 1),
            "tui/machine.py": May("what the effects of one intent made; emptied before feed returns", 1),
            "src/brummer_rx/cli/plain.py": May("checked against its limit in _say before each append", 1),
        },
    ),
    Rule(
        "replaying_subjects",
        "ReplaySubject keeps everything, BehaviorSubject's value and its order race: snapshots instead",
        finders.replaying_subjects,
    ),
    Rule(
        "boundary_buffers",
        "buffer(boundary) and buffer_when lose what comes while their subscriber runs",
        finders.boundary_buffers,
    ),
    Rule(
        "runs_in_callbacks",
        "Observable.run() blocks its thread; in a callback that is a worker, and the pool deadlocks",
        finders.runs_in_callbacks,
    ),
    Rule(
        "time_operators",
        "without scheduler= reactivex starts a thread per pending item",
        finders.timeless,
    ),
    Rule(
        "calls_under_lock",
        "what is called under a lock may want it too, or wait: release first, then call",
        called_under_lock,
        may={
            "sinks/store/manifest.py": May(
                "`change` is a pure function of ours: one manifest into the next", 1
            ),
        },
    ),
    Rule(
        "impure_reducers",
        "what decides must be replayable: no clock, no chance, no I/O, no other thread",
        finders.impure,
        holds_in=is_pure,
    ),
    Rule(
        "public_subjects",
        "who sees a Subject can emit into it from any thread: show as_observable()",
        finders.public_subjects,
    ),
    Rule(
        "sleeps_then_assert",
        "a sleep guesses how long others take: wait on a condition with a deadline",
        finders.sleeps_then_assert,
        holds_in=is_test,
        words=(b"sleep",),
        may={
            "tests/pipeline/test_clock.py": May("CPU time of an idle clock over a while", 1),
            "tests/pipeline/test_threads.py": May("CPU time of an idle crew over a while", 1),
            "tests/sources/test_ingest.py": May("that nothing happens for a while: polls, memory", 2),
        },
    ),
    Rule(
        "swallowed",
        "an error that nobody hears of is a bug that nobody finds",
        finders.swallowed,
        holds_in=_everywhere,
        words=(b"except", b"suppress"),
    ),
    Rule(
        "bare_locks",
        "a lock that was not made by pipeline/guards.py is not in the acquisition graph",
        finders.bare_locks,
        may={
            "pipeline/guards.py": May("makes the locks that the recorder knows"),
            "pipeline/lockgraph.py": May("the lock inside of a recorded lock", 1),
            "pipeline/threads.py": May(
                "an idle worker's bell: who wakes it releases it, it guards nothing", 1
            ),
        },
    ),
)


def check(rule: Rule, name: str, tree: ast.Module) -> list[Breach]:
    """What `rule` has to say about a file; nothing where it does not hold or the file may."""
    if not rule.holds_in(name):
        return []
    found = sorted(rule.find(tree))
    may = rule.may.get(name)
    if may is not None and (may.places is None or len(found) <= may.places):
        return []
    why = rule.why if may is None else f"{rule.why} (only {may.places} may: {may.reason})"
    return [Breach(name, finding.line, rule.name, finding.what, why) for finding in found]


def breaches(files: Iterable[Path], rules: Iterable[Rule] = RULES) -> list[Breach]:
    """Every breach of a rule in these files."""
    found: list[Breach] = []
    with _without_collector():
        for path in files:
            name, source = relative(path), path.read_bytes()
            looking = [r for r in rules if r.holds_in(name) and any(word in source for word in r.words)]
            if looking:
                tree = ast.parse(source, name)
                for rule in looking:
                    found += check(rule, name, tree)
    return sorted(found)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Syntax trees are large and free of cycles: the collector would only look at them, again and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def stale(rule: Rule, root: Path) -> list[str]:
    """Exceptions that are not needed (any more), or allow more places than there are."""
    left = []
    for name, may in rule.may.items():
        path = root / name
        if not path.is_file():
            if may.places is not None:
                left.append(f"{rule.name}: {name} does not exist")
            continue
        found = len(list(rule.find(ast.parse(path.read_bytes(), name))))
        if found == 0 or (may.places is not None and found != may.places):
            left.append(f"{rule.name}: {name} may {may.places}, has {found}")
    return left
