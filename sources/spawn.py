"""Starting a child: leader of its own session, on pipes or on a terminal of its own.

No code of ours runs between fork and exec (`preexec_fn`): other threads are running, and a lock that one of
them held at the fork would be held for ever in the child. So the controlling terminal is taken by a
trampoline after the exec: `/bin/sh`, leader of the new session by then, opens the terminal (on Linux and
macOS that makes it the controlling one) and replaces itself by the command. The slave's descriptor is the
child's from the start, so the master never sees an early end. All our ends are close-on-exec: no child
inherits another's pipes.
"""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import termios
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from brummer_rx.pipeline.errors import SourceError
from brummer_rx.pipeline.event import Stream
from brummer_rx.pipeline.process import ProcessSpec
from brummer_rx.sources.child import Child, ChildHandle

__all__ = [
    "NOT_EXECUTABLE",
    "NOT_FOUND",
    "PIPE_MAX",
    "TAG",
    "StartProcess",
    "child_environment",
    "pipe_share",
    "spawn",
]

StartProcess = Callable[..., subprocess.Popen[bytes]]
"""`subprocess.Popen`, or what tests put in its place."""

TAG = "BRUMMER_RUN"
"""Environment variable by which descendants of a run are recognised; never a setting."""
PIPE_MAX = 1 << 20
"""Bytes of one pipe's buffer at most."""
PIPES_TOTAL = 16 << 20
"""Bytes of all pipes' buffers together: beyond a user's limit (64 MiB by default) new pipes get 8 KiB."""
NOT_FOUND = 127
"""Exit code of a command that does not exist, as in a shell."""
NOT_EXECUTABLE = 126
"""Exit code of a command that exists and cannot be run."""

_TRAMPOLINE = ("/bin/sh", "-c", ': 0<>"$0"; exec "$@"')
_F_SETPIPE_SZ: int | None = getattr(fcntl, "F_SETPIPE_SZ", None)


class _Ends(NamedTuple):
    """What the child gets as 0, 1 and 2, what we keep, and the words that are executed."""

    child: tuple[int, int, int]
    fds: dict[Stream, int]
    stdin: int
    argv: Sequence[str]


def spawn(
    spec: ProcessSpec,
    *,
    incarnation: int,
    pty: bool,
    run_id: str,
    pipe_size: int = PIPE_MAX,
    cols: int = 80,
    rows: int = 24,
    environ: Mapping[str, str] | None = None,
    start: StartProcess = subprocess.Popen,
) -> Child:
    """Start `spec`. The caller owns the result: `Ingest.add` takes it over, `Child.close` gives it up.

    `pipe_size` (bytes, see `pipe_share`) is asked for, the system may refuse; `cols`, `rows`: the terminal's.
    Raises `SourceError` with `exit_code` 127 (no such command) or 126 (it, its folder or its pipes cannot be
    used); nothing stays open then. Any thread; waits for the fork and exec only.
    """
    env = child_environment(spec, pty=pty, run_id=run_id, environ=os.environ if environ is None else environ)
    with ExitStack() as ours, ExitStack() as theirs:
        try:
            _check(spec, env)
            make = _terminal if pty else _pipes
            ends = make(spec, ours, theirs, (cols, rows) if pty else (pipe_size, 0))
            pid = _execute(ends, spec, env, start)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            raise _failure(spec, error) from error
        handle = ChildHandle(pid, stdin=ends.stdin)
        ours.pop_all()
    return Child(
        source=spec.name,
        incarnation=incarnation,
        pid=pid,
        fds=ends.fds,
        run_id=run_id,
        handle=handle,
    )


def pipe_share(pipes: int) -> int:
    """Buffer size in bytes for each of `pipes` pipes: a power of two (the system rounds up to one)."""
    share = min(PIPE_MAX, PIPES_TOTAL // max(1, pipes))
    return 1 << (share.bit_length() - 1)


def child_environment(
    spec: ProcessSpec, *, pty: bool, run_id: str, environ: Mapping[str, str]
) -> dict[str, str]:
    """The whole environment, the spec's additions, the run's tag; on pipes Python is told not to buffer."""
    env = {**environ, **spec.env, TAG: run_id}
    if not pty:
        env.setdefault("PYTHONUNBUFFERED", "1")
    return env


def _execute(ends: _Ends, spec: ProcessSpec, env: Mapping[str, str], start: StartProcess) -> int:
    stdin, stdout, stderr = ends.child
    popen = start(
        list(ends.argv),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        cwd=spec.cwd,
        env=env,
        start_new_session=True,
        close_fds=True,
    )
    # Reaping is `ChildHandle.reap`'s alone: with a code set, Popen's finaliser does not wait for the pid.
    popen.returncode = 0
    return popen.pid


def _pipe(stack_ours: ExitStack, stack_theirs: ExitStack, *, child_reads: bool) -> tuple[int, int]:
    """(our end, the child's end)."""
    read, write = os.pipe()
    mine, other = (write, read) if child_reads else (read, write)
    stack_ours.callback(os.close, mine)
    stack_theirs.callback(os.close, other)
    return mine, other


def _pipes(spec: ProcessSpec, ours: ExitStack, theirs: ExitStack, size: tuple[int, int]) -> _Ends:
    silent, stdin = _pipe(ours, theirs, child_reads=True)
    out, stdout = _pipe(ours, theirs, child_reads=False)
    err, stderr = _pipe(ours, theirs, child_reads=False)
    for fd in (out, err):
        os.set_blocking(fd, False)
        _enlarge(fd, size[0])
    return _Ends((stdin, stdout, stderr), {Stream.OUT: out, Stream.ERR: err}, silent, spec.argv)


def _terminal(spec: ProcessSpec, ours: ExitStack, theirs: ExitStack, size: tuple[int, int]) -> _Ends:
    master, slave = os.openpty()
    ours.callback(os.close, master)
    theirs.callback(os.close, slave)
    cols, rows = size
    termios.tcsetwinsize(slave, (rows, cols))
    os.set_blocking(master, False)
    argv = (*_TRAMPOLINE, os.ttyname(slave), *spec.argv)
    return _Ends((slave, slave, slave), {Stream.TTY: master}, -1, argv)


def _enlarge(fd: int, size: int) -> None:
    if _F_SETPIPE_SZ is None:
        return
    try:
        fcntl.fcntl(fd, _F_SETPIPE_SZ, size)
    except OSError:  # EPERM: over the user's limit; the pipe keeps its size and works
        return


def _check(spec: ProcessSpec, env: Mapping[str, str]) -> None:
    """What a trampoline could only say in the shell's words is found out before. Raises `SourceError`."""
    if not Path(spec.cwd).is_dir():
        what = "is not a folder" if Path(spec.cwd).exists() else "does not exist"
        raise _error(spec, f"its folder {spec.cwd} {what}", NOT_EXECUTABLE)
    if not spec.argv or not spec.argv[0]:
        raise _error(spec, "there is no command", NOT_FOUND)
    word = spec.argv[0]
    found = [p for p in _candidates(word, spec.cwd, env) if p.is_file()]
    if not found:
        hint = "no such file" if os.sep in word else "it is not in PATH"
        raise _error(spec, f"command not found: {word} ({hint})", NOT_FOUND)
    if not any(os.access(p, os.X_OK) for p in found):
        raise _error(spec, f"cannot execute {found[0]}: permission denied", NOT_EXECUTABLE)


def _candidates(word: str, cwd: str, env: Mapping[str, str]) -> list[Path]:
    if os.sep in word:
        return [Path(cwd, word)]
    return [Path(cwd, folder, word) for folder in os.get_exec_path(env)]


def _failure(spec: ProcessSpec, error: Exception) -> SourceError:
    """What an error of the system means for this command."""
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.ENOENT:  # the command was there: what its first line names is not
        return _error(spec, f"command not found: {spec.argv[0]}, or the interpreter it names", NOT_FOUND)
    if number == errno.ENOEXEC:
        return _error(spec, f"cannot execute {spec.argv[0]}: not a program, no #! line", NOT_EXECUTABLE)
    why = os.strerror(number).lower() if number else str(error)
    return _error(spec, f"cannot start {spec.argv[0]}: {why}", NOT_EXECUTABLE)


def _error(spec: ProcessSpec, text: str, exit_code: int) -> SourceError:
    error = SourceError(f"{spec.name}: {text}")
    error.exit_code = exit_code
    return error
