"""What flows: frozen, slotted values (architecture.md section 2).

A `LogBatch` is the unit of work: the bytes of whole lines from one read. Lines are views made when somebody
reads them (`brummer_rx.pipeline.reader.Line`); nothing on the way in makes an object per line.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag, StrEnum

__all__ = [
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
]


class Level(IntEnum):
    """Level of a line. A line without a mark is INFO, on stderr too."""

    TRACE = 0
    DEBUG = 1
    INFO = 2
    WARN = 3
    ERROR = 4
    FATAL = 5


class Stream(IntEnum):
    """Where a line was written."""

    OUT = 0
    ERR = 1
    TTY = 2
    SYSTEM = 3


class BatchFlag(IntFlag):
    """What is special about a batch. In both cases the last line's newline was added by us."""

    NONE = 0
    MORE = 1
    """The last line is a piece of a line that goes on in the next batch of this source and stream."""
    UNTERMINATED = 2
    """The last line ended without a newline (end of output)."""


@dataclass(frozen=True, slots=True)
class LogBatch:
    """Whole lines of one source, read at one moment."""

    source: str
    """Name of the process."""
    stream: Stream
    first_line: int
    """Number of the first line within the source, from 0, over both streams and over restarts."""
    lines: int
    """Number of lines in `data` (> 0)."""
    time_ns: int
    """Wall clock of the read, ns since the epoch."""
    data: bytes
    """The lines, each ending in one newline; otherwise exactly what the child wrote."""
    flags: BatchFlag = BatchFlag.NONE
    levels: bytes | None = None
    """One `Level` a line; None until the operator `levels` has seen the batch."""
    first_seq: int | None = None
    """Number of the first line within the run; None until the store has appended the batch."""


class GapReason(StrEnum):
    """Why lines are missing."""

    BUDGET = "budget"
    AGE = "age"
    OVERFLOW = "overflow"
    DAMAGE = "damage"
    DISK = "disk"
    """The disk was full or refused a write."""
    CUT = "cut"
    """A deadline of the shutdown passed, or a stream could not be read any more."""


@dataclass(frozen=True, slots=True)
class Gap:
    """The visible trace of every drop: lines that are not where they belong."""

    source: str
    """Name of the process; empty where it is not known or where several are meant."""
    lines: int
    bytes: int
    reason: GapReason
    first_seq: int
    last_seq: int
    """Inclusive. Seqs are never given to other lines."""


class ProcessEventKind(StrEnum):
    """Steps in a process's life. `exited` is final and emitted once; output may close later."""

    STARTING = "starting"
    STARTED = "started"
    READY = "ready"
    RESTARTING = "restarting"
    EXITED = "exited"
    OUTPUT_CLOSED = "output_closed"


@dataclass(frozen=True, slots=True)
class ProcessEvent:
    """A step in the life of one incarnation of a process."""

    source: str
    kind: ProcessEventKind
    time_ns: int
    incarnation: int
    """1 for the first start in this run, then counting up."""
    pid: int | None = None
    exit_code: int | None = None
    """Set on EXITED: the exit code, or 128 + n for signal n."""
    detail: str = ""


class HttpPhase(StrEnum):
    """Which part of an exchange an `HttpEvent` tells of."""

    REQUEST = "request"
    RESPONSE = "response"
    BODY = "body"
    DONE = "done"
    FAILED = "failed"
    UPGRADED = "upgraded"


@dataclass(frozen=True, slots=True)
class HttpEvent:
    """One step of an HTTP exchange; `id` ties the steps together. Bodies are captured by reference."""

    id: int
    phase: HttpPhase
    time_ns: int
    method: str = ""
    url: str = ""
    status: int = 0
    body_bytes: int = 0
    detail: str = ""


class McpPhase(StrEnum):
    """Which part of an MCP call an `McpEvent` tells of."""

    STARTED = "started"
    PROGRESS = "progress"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class McpEvent:
    """One step of an MCP call; `id` ties the steps together."""

    id: int
    phase: McpPhase
    time_ns: int
    client: str
    tool: str
    body_bytes: int = 0
    duration: float = 0.0
    """Seconds since the call started."""


class FindingKind(StrEnum):
    """What was found in the lines."""

    URL = "url"
    ERROR = "error"
    WARNING = "warning"
    TEST = "test"
    BUILD = "build"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that an operator read out of the lines; it points at them by seq."""

    kind: FindingKind
    source: str
    first_seq: int
    last_seq: int
    text: str
    fingerprint: str = ""


Event = LogBatch | ProcessEvent | HttpEvent | McpEvent | Finding | Gap
"""Everything that may flow on a stream."""
