"""The acceptance checks that need a whole machine for some minutes: one line each, target and measured value.

::

    python -m bench.acceptance              all of them, full size (about 15 minutes on 2 cores)
    python -m bench.acceptance --quick      small sizes, about a minute
    python -m bench.acceptance --only 3     one of: 2 3 4 4v 5 5f

2: every line of short runs; 3: 64 children; 4: a reader that stopped, 4v: the viewer on a frozen terminal;
5: kill -9 at half of the measured rate, 5f: at full rate. Exit code 1 when something is missed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator

from bench.accept.complete import many_children, short_runs
from bench.accept.killed import at_full_rate, at_half_rate
from bench.accept.kit import Result
from bench.accept.pressure import frozen_viewer, stopped_reader

CHECKS: dict[str, Callable[[bool], Iterator[Result]]] = {
    "2": short_runs,
    "3": many_children,
    "4": stopped_reader,
    "4v": frozen_viewer,
    "5": at_half_rate,
    "5f": at_full_rate,
}


def main() -> int:
    """Run what was asked for; 1 when a target is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default=",".join(CHECKS), help="checks, separated by commas")
    parser.add_argument("--quick", action="store_true", help="small sizes")
    options = parser.parse_args()
    missed = 0
    for name in options.only.split(","):
        if name not in CHECKS:
            parser.error(f"no check {name}; there are: {' '.join(CHECKS)}")
        began = time.monotonic()
        for result in CHECKS[name](options.quick):
            print(result, flush=True)
            missed += not result.ok
        print(f"     ({name}: {time.monotonic() - began:.0f} s)", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
