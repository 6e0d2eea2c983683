"""Counts what a program writes, so that its last line can say how much should have arrived.

`wrote N lines` counts itself too. The demo compares N with the lines that the store holds.
"""

from __future__ import annotations

import sys
from threading import Lock


class Said:
    """Two streams of one program and the number of lines written to them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._lines = 0

    def out(self, text: str) -> None:
        """One or more lines to standard output."""
        self._write(sys.stdout, text)

    def err(self, text: str) -> None:
        """One or more lines to standard error."""
        self._write(sys.stderr, text)

    def goodbye(self) -> None:
        """The last line: how many there were."""
        self.out(f"wrote {self._lines + 1} lines")

    def _write(self, stream: object, text: str) -> None:
        with self._lock:
            self._lines += text.count("\n") + 1
            print(text, file=stream, flush=True)  # type: ignore[arg-type]
