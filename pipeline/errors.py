"""The errors of brummer-rx.

::

    BrummerError                 exit code of the command line: 1
    ├── UsageError               2   a word of the command line or a file's content is wrong
    │   └── ConfigError          2   a setting: named with value, origin (file:line) and what would be right
    ├── NotFoundError            3   no such run, process or instance
    ├── BufferOverflow           a bounded stage or the pool's admission is full
    ├── SourceError              a source could not start or went away
    ├── SinkError                a sink could not take what it was given
    ├── OperatorError            an operator raised
    └── ThreadError              a rule of the thread table was broken (blocking on a worker, foreign writer),
                             or the system gives no thread
        ├── OwnershipError       a guard saw a write by a thread that does not own the state
        └── LockError            a guard saw locks in a circle, taken again, or held while others are called
"""

from __future__ import annotations

__all__ = [
    "BrummerError",
    "BufferOverflow",
    "ConfigError",
    "LockError",
    "NotFoundError",
    "OperatorError",
    "OwnershipError",
    "SinkError",
    "SourceError",
    "ThreadError",
    "UsageError",
]


class BrummerError(Exception):
    """Root of all errors that this project raises on purpose."""

    exit_code = 1


class UsageError(BrummerError):
    """A word of the command line or the content of a project file is wrong."""

    exit_code = 2


class ConfigError(UsageError):
    """A setting is wrong; the message names key, value, origin and what would be right."""


class NotFoundError(BrummerError):
    """There is no such run, process or instance."""

    exit_code = 3


class BufferOverflow(BrummerError):
    """A bounded buffer is full and its overflow choice is to say so."""


class SourceError(BrummerError):
    """A source could not start, or went away."""


class SinkError(BrummerError):
    """A sink could not take what it was given."""


class OperatorError(BrummerError):
    """An operator raised; the original exception is the cause."""


class ThreadError(BrummerError):
    """A rule of the thread table was broken (a bug of the caller), or the system gives no thread."""


class OwnershipError(ThreadError):
    """A run-time guard saw a state written by a thread that does not own it, or without its lock."""


class LockError(ThreadError):
    """A run-time guard saw locks taken in a circle, taken again, or held while others are called."""
