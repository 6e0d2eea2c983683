"""Lines that end in `# flag` break the rule `unbounded_deques`; no other line does."""

import collections
from collections import deque
from dataclasses import dataclass, field

KEPT = deque()  # flag
LAST: deque[int] = deque(maxlen=10)


@dataclass
class Table:
    rows: deque[int] = field(default_factory=deque)  # flag
    notes: deque[int] = deque()  # flag


class Inbox:
    def __init__(self) -> None:
        self._items: deque[int] = deque()  # flag
        self._more = collections.deque([1, 2])  # flag
        self._none = deque([], None)  # flag
        self._last = deque(maxlen=20)
        self._few = deque([1], 5)
        self._a, self._b = [], deque()  # flag

    def swap(self) -> list[int]:
        old, self._items = self._items, deque()  # flag
        mine = deque(old)
        while mine:
            mine.popleft()
        return list(old)
