"""The one ledger checker: who offered what, who heard what, and whether both and the stages' books agree.

Producers and subscribers journal each event, cheaply (one append to a list of their own thread, no lock):

    journal = Journal()                     # one per stage (or per fan-out of one stage)
    ear = journal.listener("store")         # one per subscriber
    stage = BoundedStage(..., on_drop=journal.dropped)
    ear.listen(stage.output)
    journal.offer(stage, x)                 # any thread; or journal.offered(x) / left(x) / discarded(x)
    ...
    assert_clean(journal.freeze(), {"store": stage.ledger()})

`check` is a pure function over what `freeze` returned. It is exact at quiescence: nobody offers any more; a
callback that still runs has not been journalled (the stage's ledger counts its element as queued, too).

What an event is called is the journal's `key`: a source, the number of its first line in that source, and how
many lines it is. `by_line` knows `LogBatch` (numbers within the source), `Gap` (so many lines, which ones is
not said) and pairs `(source, seq)`; `by_seq` takes the store's numbers, in which a `Gap` names its lines.

For hours of load there is `Tally`: the same questions in bounded memory.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from brummer_rx.pipeline.stage import EmitResult
from tests.proof.checker import assert_clean, check
from tests.proof.entries import (
    UNKNOWN,
    Books,
    Entry,
    Fate,
    Hearing,
    Key,
    Latency,
    Range,
    Record,
    Report,
    by_line,
    by_seq,
)
from tests.proof.tally import Tally

__all__ = [
    "UNKNOWN",
    "Books",
    "Entry",
    "Fate",
    "Hearing",
    "Journal",
    "Key",
    "Latency",
    "Listener",
    "Range",
    "Record",
    "Report",
    "Tally",
    "assert_clean",
    "by_line",
    "by_seq",
    "check",
]

now = time.monotonic_ns


class _Pages:
    """A list per thread; only the first entry of a thread takes the lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._mine = threading.local()
        self._all: list[list[tuple[Any, ...]]] = []

    def mine(self) -> list[tuple[Any, ...]]:
        try:
            page: list[tuple[Any, ...]] = self._mine.page
        except AttributeError:
            page = self._mine.page = []
            with self._lock:
                self._all.append(page)
        return page

    def size(self) -> int:
        with self._lock:
            return sum(len(page) for page in self._all)

    def entries(self) -> tuple[Entry, ...]:
        with self._lock:
            pages = list(self._all)
        # Slices: a thread may append meanwhile.
        return tuple(Entry(*row, thread) for thread, page in enumerate(pages) for row in page[:])


class Journal:
    """The journal of a stage's producers, and the place where its subscribers' ones are made. Any thread."""

    def __init__(self, key: Callable[[Any], Key] = by_line) -> None:
        self._key = key
        self._pages = _Pages()
        self._listeners: list[Listener] = []

    def _write(self, fate: Fate, x: Any) -> None:
        source, first, lines, _ = self._key(x)
        at = now()
        self._pages.mine().append((fate, source, first, lines, at, at))

    def offered(self, x: Any) -> None:
        """`x` is about to be given to the stage."""
        self._write(Fate.OFFERED, x)

    def dropped(self, x: Any) -> None:
        """The overflow choice dropped `x`; fits `on_drop`."""
        self._write(Fate.DROPPED, x)

    def discarded(self, x: Any) -> None:
        """The stage did not take `x` and it is gone (CLOSED, or it raised)."""
        self._write(Fate.DISCARDED, x)

    def left(self, x: Any) -> None:
        """The stage did not take `x`; it may be offered again."""
        self._write(Fate.LEFT, x)

    def offer(self, stage: Any, x: Any) -> None:
        """`stage.offer(x)`, journalled; what it raises goes on."""
        self.offered(x)
        try:
            stage.offer(x)
        except BaseException:
            self.discarded(x)
            raise

    def try_emit(self, stage: Any, x: Any) -> EmitResult:
        """`stage.try_emit(x)`, journalled (for stages that drop: `on_drop` has the victim)."""
        self.offered(x)
        result: EmitResult = stage.try_emit(x)
        if result is EmitResult.CLOSED:
            self.discarded(x)
        elif result is EmitResult.OVERFLOW and stage.overflow.holds_back:
            self.left(x)
        return result

    def listener(
        self, name: str, body: Callable[[Any], object] | None = None, *, partial: bool = False
    ) -> Listener:
        """The journal of one subscriber; `body` is what it does with an event."""
        listener = Listener(name, self._key, body, partial)
        self._listeners.append(listener)
        return listener

    def freeze(self) -> Record:
        """What was written so far, as a value."""
        return Record(self._pages.entries(), tuple(listener.freeze() for listener in self._listeners))


class Listener:
    """The journal of one subscriber: call it with each event."""

    def __init__(
        self, name: str, key: Callable[[Any], Key], body: Callable[[Any], object] | None, partial: bool
    ) -> None:
        self.name = name
        self.ended = threading.Event()
        """Set by the first terminal signal."""
        self.error: Exception | None = None
        self._key = key
        self._body = body
        self._partial = partial
        self._pages = _Pages()
        self._ends: list[int] = []
        self._silent_from: int | None = None

    def __call__(self, x: Any) -> None:
        began = now()
        source, first, lines, gap = self._key(x)
        try:
            if self._body is not None:
                self._body(x)
        finally:
            fate = Fate.GAP if gap else Fate.HEARD
            self._pages.mine().append((fate, source, first, lines, began, now()))

    def listen(self, stream: Any) -> Any:
        """Subscribe to `stream`; the subscription."""
        return stream.subscribe(self, self.failed, self.completed)

    def completed(self) -> None:
        """The end."""
        self._ends.append(now())
        self.ended.set()

    def failed(self, error: Exception) -> None:
        """The end, with an error."""
        self.error = error
        self.completed()

    def silenced(self) -> None:
        """Its unsubscription has returned: no call may begin from now on."""
        self._silent_from = now()

    @property
    def heard(self) -> int:
        """Events so far (exact at rest)."""
        return self._pages.size()

    def freeze(self) -> Books:
        """What it heard so far, as a value."""
        return Books(self.name, self._pages.entries(), tuple(self._ends), self._silent_from, self._partial)
