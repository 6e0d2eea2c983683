"""What the viewer needs of the main loop (`pipeline.mainloop`), in parts, so that tests may give less."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from brummer_rx.pipeline.clock import TimerHandle

__all__ = ["Loop", "ReaderLoop", "TimerLoop", "WriterLoop"]


class ReaderLoop(Protocol):
    """Hearing of bytes that have come."""

    def add_reader(self, fd: int, action: Callable[[], None]) -> None:
        """Call `action` whenever `fd` has bytes."""
        ...

    def remove_reader(self, fd: int) -> None:
        """Stop that."""
        ...


class WriterLoop(Protocol):
    """Going on writing later."""

    def add_writer(self, fd: int, action: Callable[[], None]) -> None:
        """Call `action` whenever `fd` takes bytes."""
        ...

    def remove_writer(self, fd: int) -> None:
        """Stop that."""
        ...


class TimerLoop(Protocol):
    """Doing something later."""

    def call_later(self, delay: float, action: Callable[[], None]) -> TimerHandle:
        """Run `action` in `delay` seconds."""
        ...


class Loop(ReaderLoop, WriterLoop, TimerLoop, Protocol):
    """All of it."""

    def post(self, key: str, action: Callable[[], None]) -> None:
        """Run `action` soon; any thread; at most one waiting action a key."""
        ...

    def on_signal(self, signum: int, action: Callable[[], None]) -> None:
        """Run `action` in the loop when the signal comes."""
        ...
