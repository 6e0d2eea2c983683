"""brummer-rx: runs development processes and keeps every line they write.

What an extension is made of is here, imported when it is asked for; `docs/operators.md` shows how::

    from brummer_rx import Event, LogBatch, Operator
"""

from __future__ import annotations

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from brummer_rx.pipeline.event import (
        BatchFlag,
        Event,
        Finding,
        FindingKind,
        Gap,
        GapReason,
        Level,
        LogBatch,
        ProcessEvent,
        ProcessEventKind,
        Stream,
    )
    from brummer_rx.pipeline.guarded import Operator
    from brummer_rx.pipeline.overflow import Overflow
    from brummer_rx.pipeline.scheduler import BoundedThreadPoolScheduler
    from brummer_rx.pipeline.stage import observe_on_bounded
    from brummer_rx.pipeline.text import text_of

__all__ = [
    "BatchFlag",
    "BoundedThreadPoolScheduler",
    "Event",
    "Finding",
    "FindingKind",
    "Gap",
    "GapReason",
    "Level",
    "LogBatch",
    "Operator",
    "Overflow",
    "ProcessEvent",
    "ProcessEventKind",
    "Stream",
    "__version__",
    "observe_on_bounded",
    "text_of",
]

_WHERE = {
    "pipeline.event": (
        "BatchFlag",
        "Event",
        "Finding",
        "FindingKind",
        "Gap",
        "GapReason",
        "Level",
        "LogBatch",
        "ProcessEvent",
        "ProcessEventKind",
        "Stream",
    ),
    "pipeline.guarded": ("Operator",),
    "pipeline.overflow": ("Overflow",),
    "pipeline.scheduler": ("BoundedThreadPoolScheduler",),
    "pipeline.stage": ("observe_on_bounded",),
    "pipeline.text": ("text_of",),
}

if not TYPE_CHECKING:  # a type checker reads the imports above, and finds misspelled names

    def __getattr__(name: str) -> object:
        """Import what is asked for, when it is: a program that needs one name starts at once."""
        from brummer_rx.pipeline.catalogue import find

        return find(name, _WHERE, globals())
