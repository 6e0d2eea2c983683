"""A main loop without files and without waiting: the test moves the time."""

from __future__ import annotations

from collections.abc import Callable

Action = Callable[[], None]


class FakeTimer:
    """A timer of the fake loop."""

    def __init__(self, due: float, action: Action) -> None:
        self.due = due
        self.action: Action | None = action

    def cancel(self) -> None:
        """Forget it."""
        self.action = None


class FakeLoop:
    """Records what is asked of it; `advance` runs timers, `run_posts` what was posted."""

    def __init__(self) -> None:
        self.now = 0.0
        self.readers: dict[int, Action] = {}
        self.writers: dict[int, Action] = {}
        self.timers: list[FakeTimer] = []
        self.posts: dict[str, Action] = {}
        self.signals: dict[int, Action] = {}

    def add_reader(self, fd: int, action: Action) -> None:
        """Remember a reader."""
        self.readers[fd] = action

    def remove_reader(self, fd: int) -> None:
        """Forget a reader."""
        self.readers.pop(fd, None)

    def add_writer(self, fd: int, action: Action) -> None:
        """Remember a writer."""
        self.writers[fd] = action

    def remove_writer(self, fd: int) -> None:
        """Forget a writer."""
        self.writers.pop(fd, None)

    def call_later(self, delay: float, action: Action) -> FakeTimer:
        """Set a timer."""
        timer = FakeTimer(self.now + delay, action)
        self.timers.append(timer)
        return timer

    def post(self, key: str, action: Action) -> None:
        """Remember an action by its key."""
        self.posts[key] = action

    def on_signal(self, signum: int, action: Action) -> None:
        """Remember a signal's action."""
        self.signals[signum] = action

    @property
    def waiting(self) -> list[float]:
        """Seconds until each live timer."""
        return sorted(t.due - self.now for t in self.timers if t.action is not None)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        until = self.now + seconds
        while True:
            due = [t for t in self.timers if t.action is not None and t.due <= until]
            if not due:
                break
            first = min(due, key=lambda t: t.due)
            action, first.action = first.action, None
            assert action is not None
            self.now = max(self.now, first.due)
            action()
        self.now = until
        self.timers = [t for t in self.timers if t.action is not None]

    def run_posts(self) -> None:
        """Run what was posted."""
        posts, self.posts = self.posts, {}
        for action in posts.values():
            action()
