"""A terminal emulator as the oracle: what bytes make of a screen."""

from __future__ import annotations

import unicodedata
from typing import Any

import pyte

from brummer_rx.tui.frame import Frame


class Emulator:
    """pyte, fed with what the viewer writes."""

    def __init__(self, width: int, height: int) -> None:
        self.screen = pyte.Screen(width, height)
        self.stream = pyte.ByteStream(self.screen)
        self.feed(b"\x1b[?7l")

    def feed(self, data: bytes) -> None:
        """Let the terminal read these bytes."""
        self.stream.feed(data)

    def text(self) -> list[str]:
        """The rows as text; the second cell of a wide character is empty."""
        return [
            "".join(self._cell(y, x).data for x in range(self.screen.columns))
            for y in range(self.screen.lines)
        ]

    def cells(self) -> list[list[Any]]:
        """Every cell with its attributes."""
        return [[self._cell(y, x) for x in range(self.screen.columns)] for y in range(self.screen.lines)]

    def _cell(self, y: int, x: int) -> Any:
        return self.screen.buffer[y][x]


def expected(frame: Frame) -> list[str]:
    """The rows of a frame as the emulator shows them (it composes marks)."""
    return [unicodedata.normalize("NFC", "".join(text for _, text in row)) for row in frame.rows]
