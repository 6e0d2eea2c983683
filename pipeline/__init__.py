"""The core: what flows, the bounded stages it flows through, and everything that has a thread.

==========  ==========================================================================================
values      `Event` and its six kinds; `Process*`, `Command`; `Line*`, `Log*`, `Search*` (how logs are read)
stages      `observe_on_bounded`, `BoundedStage`, `Overflow`, `Gate`, `Ledgers`: the one hop between threads
threads     `BoundedThreadPoolScheduler`, `Lane`, `MainLoop`, `IoLoop`, `ClockThread`
the run     `LineFlow` (the way of the lines), `Supervisor` (what becomes of processes), `RunView`
extensions  `Extension`, `extensions`, `Operator`, `GuardedTransform`; settings in `Settings`
for tests   `HandLane`, `VirtualClock`
errors      `BrummerError` and its kinds
==========  ==========================================================================================

Modules of this project import from the defining module; this catalogue is for readers and for extensions.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from brummer_rx.pipeline.clock import Clock, ClockThread, TimerHandle
    from brummer_rx.pipeline.errors import (
        BrummerError,
        BufferOverflow,
        ConfigError,
        NotFoundError,
        OperatorError,
        SinkError,
        SourceError,
        ThreadError,
        UsageError,
    )
    from brummer_rx.pipeline.event import (
        BatchFlag,
        Event,
        Finding,
        FindingKind,
        Gap,
        GapReason,
        HttpEvent,
        HttpPhase,
        Level,
        LogBatch,
        McpEvent,
        McpPhase,
        ProcessEvent,
        ProcessEventKind,
        Stream,
    )
    from brummer_rx.pipeline.flow import LineFlow, SinkSpec
    from brummer_rx.pipeline.gate import Gate, Room
    from brummer_rx.pipeline.guarded import GuardedTransform, Operator
    from brummer_rx.pipeline.ioloop import IoLoop
    from brummer_rx.pipeline.lane import DrainLane
    from brummer_rx.pipeline.ledger import Ledger, Ledgers
    from brummer_rx.pipeline.mainloop import MainLoop
    from brummer_rx.pipeline.overflow import EmitResult, Overflow, weight_of
    from brummer_rx.pipeline.process import (
        Command,
        CommandKind,
        ProcessInfo,
        ProcessSpec,
        ProcessState,
        ProcessTable,
    )
    from brummer_rx.pipeline.reader import (
        Line,
        LineFilter,
        LogReader,
        LogSnapshot,
        SearchProgress,
        SearchQuery,
        SearchService,
    )
    from brummer_rx.pipeline.registry import Extension, ExtensionKind, extensions
    from brummer_rx.pipeline.runview import Notice, RunView, Tail, Usage
    from brummer_rx.pipeline.scheduler import BoundedThreadPoolScheduler, PoolStatistics
    from brummer_rx.pipeline.settings import ExtensionSetting, Settings, Value
    from brummer_rx.pipeline.stage import BoundedStage, observe_on_bounded
    from brummer_rx.pipeline.supervisor import Effector, Supervisor
    from brummer_rx.pipeline.testing import HandLane, VirtualClock
    from brummer_rx.pipeline.text import strip_escapes, text_of
    from brummer_rx.pipeline.threads import Lane, live_threads, start_thread, thread_high_water

__all__ = [
    "BatchFlag",
    "BoundedStage",
    "BoundedThreadPoolScheduler",
    "BrummerError",
    "BufferOverflow",
    "Clock",
    "ClockThread",
    "Command",
    "CommandKind",
    "ConfigError",
    "DrainLane",
    "Effector",
    "EmitResult",
    "Event",
    "Extension",
    "ExtensionKind",
    "ExtensionSetting",
    "Finding",
    "FindingKind",
    "Gap",
    "GapReason",
    "Gate",
    "GuardedTransform",
    "HandLane",
    "HttpEvent",
    "HttpPhase",
    "IoLoop",
    "Lane",
    "Ledger",
    "Ledgers",
    "Level",
    "Line",
    "LineFilter",
    "LineFlow",
    "LogBatch",
    "LogReader",
    "LogSnapshot",
    "MainLoop",
    "McpEvent",
    "McpPhase",
    "NotFoundError",
    "Notice",
    "Operator",
    "OperatorError",
    "Overflow",
    "PoolStatistics",
    "ProcessEvent",
    "ProcessEventKind",
    "ProcessInfo",
    "ProcessSpec",
    "ProcessState",
    "ProcessTable",
    "Room",
    "RunView",
    "SearchProgress",
    "SearchQuery",
    "SearchService",
    "Settings",
    "SinkError",
    "SinkSpec",
    "SourceError",
    "Stream",
    "Supervisor",
    "Tail",
    "ThreadError",
    "TimerHandle",
    "Usage",
    "UsageError",
    "Value",
    "VirtualClock",
    "extensions",
    "live_threads",
    "observe_on_bounded",
    "start_thread",
    "strip_escapes",
    "text_of",
    "thread_high_water",
    "weight_of",
]

_WHERE = {
    "clock": ("Clock", "ClockThread", "TimerHandle"),
    "errors": (
        "BrummerError",
        "BufferOverflow",
        "ConfigError",
        "NotFoundError",
        "OperatorError",
        "SinkError",
        "SourceError",
        "ThreadError",
        "UsageError",
    ),
    "event": (
        "BatchFlag",
        "Event",
        "Finding",
        "FindingKind",
        "Gap",
        "GapReason",
        "HttpEvent",
        "HttpPhase",
        "Level",
        "LogBatch",
        "McpEvent",
        "McpPhase",
        "ProcessEvent",
        "ProcessEventKind",
        "Stream",
    ),
    "flow": ("LineFlow", "SinkSpec"),
    "gate": ("Gate", "Room"),
    "guarded": ("GuardedTransform", "Operator"),
    "ioloop": ("IoLoop",),
    "lane": ("DrainLane",),
    "ledger": ("Ledger", "Ledgers"),
    "mainloop": ("MainLoop",),
    "overflow": ("EmitResult", "Overflow", "weight_of"),
    "process": ("Command", "CommandKind", "ProcessInfo", "ProcessSpec", "ProcessState", "ProcessTable"),
    "reader": (
        "Line",
        "LineFilter",
        "LogReader",
        "LogSnapshot",
        "SearchProgress",
        "SearchQuery",
        "SearchService",
    ),
    "registry": ("Extension", "ExtensionKind", "extensions"),
    "runview": ("Notice", "RunView", "Tail", "Usage"),
    "scheduler": ("BoundedThreadPoolScheduler", "PoolStatistics"),
    "settings": ("ExtensionSetting", "Settings", "Value"),
    "stage": ("BoundedStage", "observe_on_bounded"),
    "supervisor": ("Effector", "Supervisor"),
    "testing": ("HandLane", "VirtualClock"),
    "text": ("strip_escapes", "text_of"),
    "threads": ("Lane", "live_threads", "start_thread", "thread_high_water"),
}

if not TYPE_CHECKING:  # a type checker reads the imports above, and finds misspelled names

    def __getattr__(name: str) -> object:
        """Import what is asked for, when it is: a program that needs one name starts at once."""
        from brummer_rx.pipeline.catalogue import find

        return find(name, _WHERE, globals())
