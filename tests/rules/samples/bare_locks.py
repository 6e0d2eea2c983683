"""Lines that end in `# flag` break the rule `bare_locks`; no other line does."""

import threading
from dataclasses import dataclass, field
from threading import RLock as Re

from brummer_rx.pipeline import guards


@dataclass
class Row:
    lock: threading.Lock = field(default_factory=threading.Lock)  # flag


class Box:
    def __init__(self) -> None:
        self._lock = threading.Lock()  # flag
        self._again = Re()  # flag
        self._more = threading.Condition()  # flag
        self._known = guards.lock("box")
        self._bell = threading.Event()
        self._local = threading.local()

    def give(self, lock: threading.Lock) -> None:
        isinstance(lock, threading.Lock)
