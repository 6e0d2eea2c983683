"""Mutants against their tests: what becomes of each, on several copies of the tree at once."""

from __future__ import annotations

import queue
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from tests.proof.mutants.mutant import Mutant, StaleAnchorError, is_race
from tests.proof.mutants.tree import Tree
from tests.proof.mutants.trial import Heard, Trial, run

__all__ = ["Answer", "Outcome", "Verdict", "check"]

CLEAN_LIMIT = 90.0
"""Seconds that a test may need on the sound tree."""
SLACK = 4.0
"""A mutant's time limit is at least so many times what its tests need on the sound tree, and some seconds:
a busy machine must not be taken for a hang."""


class Verdict(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    SURVIVED = "SURVIVED"
    """Its tests passed: they have no teeth for it."""
    STALE = "STALE ANCHOR"
    """Its text is not in the file exactly once: it changes nothing any more."""
    UNPROVEN = "KILLER FAILS ANYWAY"
    """A test of its list does not pass on the sound tree: it proves nothing."""
    HUNG = "HANGS"
    """A test ran into the time limit, and that is not what the mutant should look like."""
    BROKEN = "PROVES NOTHING"
    """Not the defect was noticed: something could not be imported, or came from another tree."""

    @property
    def good(self) -> bool:
        """Whether the run may pass."""
        return self is Verdict.KILLED


@dataclass(frozen=True, slots=True)
class Outcome:
    """One row of the table."""

    mutant: Mutant
    verdict: Verdict
    by: str = ""
    """The test that noticed, or what is wrong."""
    why: str = ""
    seconds: float = 0.0


Answer = Callable[[Outcome], None]


def check(
    mutants: Sequence[Mutant],
    project: Path,
    *,
    jobs: int = 1,
    without: Sequence[str] = (),
    first: bool = False,
    tell: Answer = lambda outcome: None,
) -> list[Outcome]:
    """What becomes of the mutants, in their order.

    :param project: the tree that is copied; nothing in it is touched
    :param jobs: copies, and trials at a time
    :param without: tests that are switched off; a mutant that has no other killer meets the rest of its file
    :param first: only the first killer of each is tried; without it every one of them has to notice
    :param tell: called with each outcome as it comes, one at a time
    """
    with (
        tempfile.TemporaryDirectory(prefix="mut", ignore_cleanup_errors=True) as folder,
        _trees(project, Path(folder), jobs) as trees,
    ):
        works = _Works(trees, jobs, tuple(without), first)
        sound = works.sound(mutants)
        outcomes: dict[str, Outcome] = {}
        with ThreadPoolExecutor(jobs) as pool:
            for outcome in pool.map(lambda mutant: works.judge(mutant, sound), mutants):
                outcomes[outcome.mutant.name] = outcome
                tell(outcome)
        return [outcomes[mutant.name] for mutant in mutants]


@contextmanager
def _trees(project: Path, folder: Path, jobs: int) -> Iterator[queue.SimpleQueue[Tree]]:
    trees: queue.SimpleQueue[Tree] = queue.SimpleQueue()
    for n in range(jobs):
        trees.put(Tree(project, folder / str(n)))
    yield trees


@dataclass(frozen=True, slots=True)
class _Works:
    trees: queue.SimpleQueue[Tree]
    jobs: int
    without: tuple[str, ...]
    first: bool

    @contextmanager
    def _tree(self) -> Iterator[Tree]:
        tree = self.trees.get()
        try:
            yield tree
        finally:
            self.trees.put(tree)

    def sound(self, mutants: Iterable[Mutant]) -> Mapping[str, Heard]:
        """Every test of every mutant on the sound tree, once: how long it took, or why it is no use."""
        tests = dict.fromkeys(test for mutant in mutants for test in self._suite(mutant)[0])
        parts = [group[n :: self.jobs] for group in _by_kind(tests) for n in range(self.jobs)]
        with ThreadPoolExecutor(self.jobs) as pool:
            return {
                t: heard
                for part in pool.map(self._sound_part, filter(None, parts))
                for t, heard in part.items()
            }

    def _sound_part(self, tests: Sequence[str]) -> dict[str, Heard]:
        with self._tree() as tree:
            trial = run(tree, tests, limit=CLEAN_LIMIT)
        if not trial.heard and len(tests) > 1:  # one that cannot be found or imported silences all
            return {test: heard for one in tests for test, heard in self._sound_part([one]).items()}
        return {test: _as_one(test, trial) for test in tests}

    def _suite(self, mutant: Mutant) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The tests that a mutant meets, and which parts of them are left out."""
        off = tuple(test for test in mutant.killers if any(word in test for word in self.without))
        left = tuple(test for test in mutant.killers if test not in off)
        if left or not off:
            return left[:1] if self.first else left, ()
        return tuple(dict.fromkeys(test.partition("::")[0] for test in off)), off

    def judge(self, mutant: Mutant, sound: Mapping[str, Heard]) -> Outcome:
        """One mutant's end."""
        began = time.monotonic()
        suite, off = self._suite(mutant)
        bad = [sound[test] for test in suite if sound[test].outcome != "passed"]
        if bad:
            outcome = Outcome(mutant, Verdict.UNPROVEN, bad[0].test, bad[0].why)
        else:
            limit = max(mutant.seconds, 5 + SLACK * max(sound[test].seconds for test in suite))
            outcome = self._meet(mutant, suite, off, limit)
        return replace(outcome, seconds=time.monotonic() - began)

    def _meet(self, mutant: Mutant, suite: Sequence[str], off: Sequence[str], limit: float) -> Outcome:
        with self._tree() as tree:
            try:
                with tree.changed(mutant.edits):
                    trials = [
                        run(tree, tests, limit=limit, without=off) for tests in _by_kind(suite) if tests
                    ]
            except StaleAnchorError as error:
                return Outcome(mutant, Verdict.STALE, str(error))
        return _judged(mutant, trials, suite)


def _by_kind(tests: Iterable[str]) -> tuple[list[str], list[str]]:
    every = list(tests)
    return [test for test in every if not is_race(test)], [test for test in every if is_race(test)]


def _as_one(test: str, trial: Trial) -> Heard:
    """A test with all its parameters as one: the worst of them, and the slowest."""
    said = trial.of(test)
    if not said:
        return Heard(test, "missing", 0.0, False, next(iter(trial.problems), "it did not run"))
    decisive = min(said, key=lambda h: ("failed", "passed", "skipped").index(h.outcome))
    return replace(decisive, test=test, seconds=max(h.seconds for h in said))


def _judged(mutant: Mutant, trials: Sequence[Trial], suite: Sequence[str]) -> Outcome:
    """Killed: every test of the suite noticed; by its time limit only where that is meant."""
    for problem in (problem for trial in trials for problem in trial.problems):
        return Outcome(mutant, Verdict.BROKEN, problem)
    noticed: list[Heard] = []
    for test in suite:
        failed = [h for trial in trials for h in trial.of(test) if h.outcome == "failed"]
        if failed:
            noticed.append(failed[0])
        elif any(trial.killed_at_limit for trial in trials):
            noticed.append(Heard(test, "failed", 0.0, True, "the interpreter did not end in time"))
        else:
            return Outcome(mutant, Verdict.SURVIVED, test)
    hung = [heard for heard in noticed if heard.hung]
    if hung and not mutant.hangs:
        return Outcome(mutant, Verdict.HUNG, hung[0].test, hung[0].why)
    more = f" (+{len(noticed) - 1})" if len(noticed) > 1 else ""
    return Outcome(mutant, Verdict.KILLED, noticed[0].test + more, noticed[0].why)
