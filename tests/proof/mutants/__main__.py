"""The command line: `python -m tests.proof.mutants [--fast] [--only NAME…] [--list] [--without TEST…]`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence

from tests.proof.mutants.catalogue import MUTANTS
from tests.proof.mutants.mutant import Mutant
from tests.proof.mutants.runner import Outcome, check
from tests.proof.mutants.tree import PROJECT
from tests.proof.seed import SEED


def main(arguments: Sequence[str] | None = None) -> int:
    """0: all that were tried were killed, 1: one was not, 2: there is no such mutant."""
    options = _parser().parse_args(arguments)
    mutants = [
        m for m in MUTANTS if (not options.fast or m.fast) and (not options.only or m.name in options.only)
    ]
    unknown = set(options.only) - {m.name for m in MUTANTS}
    if unknown or not mutants:
        print(f"no such mutant: {', '.join(sorted(unknown)) or 'none is left'} (--list shows them)")
        return 2
    if options.list:
        for mutant in mutants:
            print(_row(mutant, " ".join(mutant.stands_for), "fast" if mutant.fast else ""))
        return 0
    return _run(mutants, options)


def _run(mutants: Sequence[Mutant], options: argparse.Namespace) -> int:
    off = f", without {', '.join(options.without)}" if options.without else ""
    print(f"{len(mutants)} mutants, {options.jobs} at a time, seed {SEED}{off}", flush=True)
    began = time.monotonic()
    outcomes = check(
        mutants, PROJECT, jobs=options.jobs, without=options.without, first=options.fast, tell=_tell
    )
    bad = [outcome for outcome in outcomes if not outcome.verdict.good]
    spent = time.monotonic() - began
    print(f"{len(outcomes) - len(bad)} of {len(outcomes)} mutants killed in {spent:.0f} s (seed {SEED})")
    for outcome in bad:
        print(f"{outcome.mutant.name}: {outcome.verdict}: {outcome.by} {outcome.why}")
    return 1 if bad else 0


def _tell(outcome: Outcome) -> None:
    by = outcome.by.rpartition("/")[2] if outcome.verdict.good else f"{outcome.verdict}: {outcome.by}"
    print(_row(outcome.mutant, by, f"{outcome.seconds:.1f} s"), flush=True)


def _row(mutant: Mutant, by: str, end: str) -> str:
    return f"{mutant.name:<5} {mutant.what:<76} {by:<100} {end:>7}".rstrip()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.proof.mutants", description="Do the tests bite?")
    parser.add_argument(
        "--fast", action="store_true", help="the subset that runs with every change, each by its first killer"
    )
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="these mutants")
    parser.add_argument("--list", action="store_true", help="show the mutants, run nothing")
    parser.add_argument(
        "--without", nargs="+", default=[], metavar="TEST", help="switch killers off whose id contains TEST"
    )
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="trials at a time")
    return parser


if __name__ == "__main__":
    sys.exit(main())
