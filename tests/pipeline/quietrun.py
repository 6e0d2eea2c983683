"""A run of which nobody hears anything: what the doubles of a `RunView` have in common."""

from __future__ import annotations

from collections.abc import Mapping

from brummer_rx.pipeline.errors import BufferOverflow
from brummer_rx.pipeline.process import Command
from brummer_rx.pipeline.runview import Notice, Tail, Usage


class QuietRun:
    """Uses nothing, says nothing; keeps the wishes it is sent, unless it is `full`."""

    def __init__(self) -> None:
        self.sent: list[Command] = []
        self.full = False

    def usage(self) -> Mapping[str, Usage]:
        return {}

    def tails(self) -> tuple[Tail, ...]:
        return ()

    def notices(self) -> tuple[Notice, ...]:
        return ()

    def send(self, command: Command) -> None:
        if self.full:
            raise BufferOverflow("full")
        self.sent.append(command)
