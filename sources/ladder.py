"""The rungs of the stop ladder: who is to be signalled, and signalling them. Nothing here waits.

The waiting (TERM, grace, KILL) is the decider's. A rung reaches the child's group, and descendants that left
the group: those that hang below the child while it lives, and those seen on an earlier rung. What got away
all the same is found at the end of the run, on Linux: by the run's tag in its environment. Only those are
ever signalled, by pid and start time, never by name or port: the group by its id while the child is not
reaped (the id cannot be anybody else's), afterwards process by process.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Collection, Iterable
from pathlib import Path

import psutil

from brummer_rx.sources.child import Child
from brummer_rx.sources.spawn import TAG

__all__ = [
    "descendants",
    "leftovers",
    "signal_child",
    "signal_group",
    "signal_processes",
    "tagged",
]

PROC = Path("/proc")


def signal_group(child: Child, signum: int) -> bool:
    """Signal the child's process group; False when nobody is left in it. After the child's exit, too."""
    sent = child.handle.signal_group(signum)
    if sent and signum == signal.SIGTERM:
        child.handle.signal_group(signal.SIGCONT)  # who was stopped could not hear it
    return signal_processes(_group_of_dead(child), signum) > 0 if sent is None else sent


def signal_child(child: Child, signum: int) -> bool:
    """One rung for one child: its group, and the descendants that left it. False when nobody was there.

    Descendants seen now are remembered for later rungs: when their parents die they hang below somebody else.
    """
    strays = child.handle.remember(p for p in descendants(child) if _group(p.pid) != child.pid)
    reached = signal_group(child, signum)
    return signal_processes(strays, signum) > 0 or reached


def leftovers(run_id: str) -> list[psutil.Process]:
    """What is alive of a run, on Linux: all that carry its tag.

    Zombies do not count. Sorted by pid. Costs a walk over the system's processes (some ms).
    """
    return sorted(filter(_alive, tagged(run_id)), key=lambda p: p.pid)


def descendants(child: Child) -> list[psutil.Process]:
    """All that hang below the child now, not itself; once it has exited they hang below others."""
    process = child.handle.process
    if process is None or child.handle.exit_code is not None:
        return []
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def tagged(run_id: str) -> list[psutil.Process]:
    """All processes that carry the run's tag in their environment; found on Linux only."""
    if not sys.platform.startswith("linux") or not run_id:
        return []
    entry = f"{TAG}={run_id}".encode()
    return _processes(pid for pid in psutil.pids() if pid != os.getpid() and _has_entry(pid, entry))


def signal_processes(processes: Collection[psutil.Process], signum: int) -> int:
    """Signal each that is still the process it was (pid and start time); how many were."""
    sent = 0
    for process in processes:
        try:
            if _alive(process):
                process.send_signal(signum)
                sent += 1
                if signum == signal.SIGTERM:
                    process.send_signal(signal.SIGCONT)
        except psutil.Error:  # it ended meanwhile, or it belongs to somebody else by now
            continue
    return sent


def _group_of_dead(child: Child) -> list[psutil.Process]:
    """Members of the group whose leader was reaped. Its id may be somebody else's by now: only ours count.

    While any member of ours lives, the system gives the id to no new process; so a process of that very pid
    means that the group is a stranger's. That a stranger left members and went is told by the run's tag.
    """
    members = _processes(pid for pid in psutil.pids() if _group(pid) == child.pid)
    if any(p.pid == child.pid for p in members) or psutil.pid_exists(child.pid):
        return []
    if not sys.platform.startswith("linux"):
        return [p for p in members if _session(p.pid) == child.pid]
    entry = f"{TAG}={child.run_id}".encode()
    known = child.handle.remember(())
    return [p for p in members if p in known or _has_entry(p.pid, entry)]


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _processes(pids: Iterable[int]) -> list[psutil.Process]:
    found = []
    for pid in pids:
        try:
            found.append(psutil.Process(pid))
        except psutil.Error:  # it ended meanwhile
            continue
    return found


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except OSError:
        return -1


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return -1


def _has_entry(pid: int, entry: bytes) -> bool:
    try:
        environ = (PROC / str(pid) / "environ").read_bytes()
    except OSError:  # it ended, or it is another user's
        return False
    return entry in environ.split(b"\0")
