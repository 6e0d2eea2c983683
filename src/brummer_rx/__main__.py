"""`brummer-rx` and `python -m brummer_rx`: words in, exit code out; every error is one clear line on stderr.

Exit codes: 0 done; 1 an error; 2 wrong usage or settings; 3 no such run, process or instance;
130 interrupted; 141 stdout was closed by its reader; of the start form see `brummer_rx.cli.start`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from brummer_rx.cli.dispatch import dispatch
from brummer_rx.cli.output import Output, complain, hold_standard_files
from brummer_rx.pipeline.errors import BrummerError

__all__ = ["main"]


def main(args: Sequence[str] | None = None) -> int:
    """Run one command line (default: the process's own); returns the exit code."""
    words = sys.argv[1:] if args is None else args
    hold_standard_files()
    try:
        return dispatch(words, os.environ, Output())
    except BrokenPipeError:
        return 141
    except KeyboardInterrupt:
        return 130
    except BrummerError as error:
        complain(f"error: {_one_line(str(error))}")
        return error.exit_code
    except OSError as error:
        complain(f"error: {_one_line(str(error))}")
        return 1
    except Exception as error:  # noqa: BLE001 - the last place where it can be said
        from brummer_rx.cli.crash import keep_details

        complain(f"error: unexpected {type(error).__name__}: {_one_line(str(error))}; {keep_details(error)}")
        return 1


def _one_line(text: str) -> str:
    """Nothing in a message may act on the terminal or look like a second message."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text.replace("\n", "; "))


if __name__ == "__main__":
    sys.exit(main())
