"""`python -m tests.rules [paths]`: every breach of the rules as `file:line rule: what: why`.

Without paths the whole tree. The exit code is 1 when there is one.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.rules.rules import RULES, breaches
from tests.rules.tree import python_files


def main(arguments: list[str]) -> int:
    """Print what is wrong; 1 if anything is."""
    files = python_files([Path(argument) for argument in arguments])
    found = breaches(files)
    for breach in found:
        print(breach)
    print(f"{len(files)} files, {len(RULES)} rules, {len(found)} breaches", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
