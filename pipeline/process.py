"""Processes as values: what to run, what is known of it, what to do with it. No effects here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["OVER", "Command", "CommandKind", "ProcessInfo", "ProcessSpec", "ProcessState", "ProcessTable"]


class ProcessState(StrEnum):
    """The states of architecture.md section 10."""

    STARTING = "starting"
    RUNNING = "running"
    READY = "ready"
    RESTARTING = "restarting"
    STOPPING = "stopping"
    EXITED = "exited"
    """Ended with 0, or because it was told to."""
    FAILED = "failed"
    """Ended with another code, or could not be started."""


OVER = (ProcessState.EXITED, ProcessState.FAILED)
"""Nothing runs; what it wrote may still be on its way."""


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """What to run; found in a project file or on the command line."""

    name: str
    argv: tuple[str, ...]
    """What is executed; a shell command is ("/bin/sh", "-c", TEXT)."""
    command: str
    """As shown to people."""
    cwd: str
    env: Mapping[str, str] = field(default_factory=dict)
    """Added to the inherited environment."""
    pty: bool | None = None
    """None: a PTY in the viewer, pipes elsewhere."""
    autostart: bool = True
    origin: str = ""
    """Where it was found, for messages: "package.json", "Procfile:3", ".brum.toml", "command line"."""


@dataclass(frozen=True, slots=True)
class ProcessInfo:
    """What is known of one process; one row of the table."""

    spec: ProcessSpec
    state: ProcessState
    incarnation: int = 0
    pid: int | None = None
    exit_code: int | None = None
    started_ns: int | None = None
    """Wall clock, ns."""
    ended_ns: int | None = None
    restarts: int = 0
    output_open: bool = False
    """Ended means: exited and the output closed."""
    detail: str = ""

    @property
    def name(self) -> str:
        """The process's name, which is also its source id."""
        return self.spec.name

    @property
    def ended(self) -> bool:
        """Whether it has exited (or failed to start) and its output is closed."""
        return self.state in OVER and not self.output_open


@dataclass(frozen=True, slots=True)
class ProcessTable:
    """All processes of a run at one moment, in the order of their specs."""

    version: int
    processes: tuple[ProcessInfo, ...]

    def get(self, name: str) -> ProcessInfo | None:
        """The row of that name."""
        return next((p for p in self.processes if p.name == name), None)

    def no_such(self, name: str) -> str:
        """What to say of a name that is none of the table's."""
        names = ", ".join(p.name for p in self.processes)
        return f"no process {name!r} in this run; there are: {names}"

    @property
    def all_ended(self) -> bool:
        """Whether nothing runs and all output was read."""
        return all(p.ended for p in self.processes)


class CommandKind(StrEnum):
    """What may be asked of the decider."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"
    STOP_ALL = "stop_all"
    KILL_ALL = "kill_all"


@dataclass(frozen=True, slots=True)
class Command:
    """A wish, from a key, a verb or a signal; the same decider serves all of them."""

    kind: CommandKind
    name: str = ""
    """The process; empty for the *_ALL kinds."""
