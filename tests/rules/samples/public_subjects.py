"""Lines that end in `# flag` break the rule `public_subjects`; no other line does."""

from __future__ import annotations

from dataclasses import dataclass, field

import reactivex
from reactivex import Observable, Subject
from reactivex.subject import Subject as Hub

events = Subject()  # flag
_events: Subject[int] = Subject()


@dataclass
class Row:
    changes: Subject[int] = field(default_factory=Subject)  # flag
    name: str = ""


class Bus:
    shared = Hub()  # flag

    def __init__(self, given: Subject[int]) -> None:
        self.lines: Subject[str] = Subject()  # flag
        self.more = reactivex.Subject()  # flag
        self.maybe: Subject[str] | None = None  # flag
        self._lines: Subject[str] = Subject()
        self.out: Observable[str] = self._lines.as_observable()
        hub: Subject[str] = Subject()
        hub.subscribe(given)

    @property
    def input(self) -> Subject[str]:  # flag
        return self._lines

    def connect(self) -> Subject[str] | None:  # flag
        return self._lines

    def _connect(self) -> Subject[str]:
        return self._lines

    def watch(self) -> Observable[str]:
        def make() -> Subject[str]:
            return Subject()

        return make()
