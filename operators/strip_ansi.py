"""The operator `strip_ansi`: batches without escape sequences, for sinks that want the text.

::

    in   --A("\\x1b[31mred\\x1b[0m\\n")---p--B("plain\\n")--|     p: any other event
            strip_ansi()
    out  --A'("red\\n")----------------p--B------------|     B itself: there was nothing to remove

One batch in, one batch out, on the thread that delivers; the number of lines stays. An escape sequence that
never ends ends with its line (architecture.md section 2); a carriage return stays. The store keeps raw bytes:
put this on a branch of its own, not before the store.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from reactivex import Observable
from reactivex import operators as ops

from brummer_rx.pipeline.event import Event, LogBatch
from brummer_rx.pipeline.text import ESC, strip_escapes

__all__ = ["strip_ansi"]


def strip_ansi() -> Callable[[Observable[Event]], Observable[Event]]:
    """Remove escape sequences from the data of each `LogBatch`; other events pass as they are.

    >>> import reactivex as rx
    >>> from brummer_rx.pipeline.event import LogBatch, Stream
    >>> batch = LogBatch("web", Stream.TTY, 0, 1, 0, b"\\x1b[31mred\\x1b[0m\\n")
    >>> rx.of(batch).pipe(strip_ansi()).subscribe(lambda e: print(e.data)).dispose()
    b'red\\n'
    """
    return ops.map(_without_escapes)


def _without_escapes(event: Event) -> Event:
    if isinstance(event, LogBatch) and ESC in event.data:
        return replace(event, data=strip_escapes(event.data))
    return event
