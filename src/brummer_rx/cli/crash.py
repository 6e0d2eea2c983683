"""Where the details of an unexpected error go: a file, so that stderr stays one line."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from pathlib import Path

__all__ = ["keep_details"]


def keep_details(error: BaseException) -> str:
    """Write the traceback to a new file (0600); says where, or prints it when that fails."""
    from brummer_rx import __version__

    head = f"brummer-rx {__version__}, Python {sys.version.split()[0]}, {sys.platform}\n"
    details = head + f"arguments: {sys.argv[1:]!r}\n\n" + "".join(traceback.format_exception(error))
    try:
        fd, name = tempfile.mkstemp(prefix="brummer-rx-error-", suffix=".txt")
        with open(fd, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(details)
    except OSError:
        os.write(2, details.encode("utf-8", "backslashreplace"))
        return "the details are above"
    return f"details in {Path(name)}"
