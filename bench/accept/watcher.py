"""Looking at a process from outside: its threads and its memory, often."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path


def status_of(pid: int) -> dict[str, int]:
    """Numbers of /proc/PID/status: VmRSS, VmHWM in bytes, Threads; empty when it has ended."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return {}
    found = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key in ("VmRSS", "VmHWM"):
            found[key] = int(value.split()[0]) * 1024
        elif key == "Threads":
            found[key] = int(value)
    return found


def cpu_of(pid: int) -> float:
    """CPU seconds of a process, children not included."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Watcher:
    """Samples a process on a thread of its own until it has ended or `stop`."""

    def __init__(self, pid: int, every: float = 0.001) -> None:
        self.pid = pid
        self.threads = 0
        """The most that were seen at once."""
        self.peak = 0
        """Bytes: the kernel's own high-water mark."""
        self.samples: list[tuple[float, int]] = []
        """(monotonic, resident bytes), about 20 a second."""
        self.looks = 0
        self._every = every
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        tasks = Path(f"/proc/{self.pid}/task")
        next_status = 0.0
        while not self._stop.wait(self._every):
            try:
                # The folder's link count counts the threads: cheaper than a listing.
                now = tasks.stat().st_nlink - 2
            except OSError:
                return
            self.looks += 1
            self.threads = max(self.threads, now)
            if time.monotonic() >= next_status:
                next_status = time.monotonic() + 0.05
                found = status_of(self.pid)
                self.peak = max(self.peak, found.get("VmHWM", 0))
                self.threads = max(self.threads, found.get("Threads", 0))
                if "VmRSS" in found:
                    self.samples.append((time.monotonic(), found["VmRSS"]))

    def stop(self) -> None:
        """No more."""
        self._stop.set()
        self._thread.join()

    def between(self, start: float, end: float) -> list[int]:
        """Resident bytes in that time."""
        return [size for at, size in self.samples if start <= at <= end]
