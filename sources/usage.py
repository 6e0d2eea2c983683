"""CPU and memory of each process of the run and its descendants, by psutil.

One walk over the system's processes per sample (some ms): sampled once a second, while somebody looks.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

import psutil

from brummer_rx.pipeline import guards
from brummer_rx.pipeline.process import ProcessTable
from brummer_rx.pipeline.runview import Usage

__all__ = ["UsageSampler"]


@guards.owned("sampling job", "sample", serial=True)
class UsageSampler:
    """Keeps what the last sample saw, because CPU is a difference of two. Used by one thread at a time.

    Of a process that is new since the last sample all its CPU time counts; in the first sample none does.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._last = 0.0
        self._cpu: dict[psutil.Process, float] = {}  # seconds used so far, as of the last sample
        self._first = True

    def sample(self, table: ProcessTable) -> Mapping[str, Usage]:
        """By process name; processes that do not run are left out."""
        roots = {p.name: p.pid for p in table.processes if p.pid is not None and not p.ended}
        family = _families(roots.values()) if roots else {}
        now = self._now()
        elapsed = now - self._last
        seen: dict[psutil.Process, float] = {}
        answer = {}
        for name, pid in roots.items():
            usage = self._usage(family.get(pid, ()), elapsed, seen)
            if usage is not None:
                answer[name] = usage
        self._cpu, self._last, self._first = seen, now, False
        return answer

    def _usage(
        self, processes: Iterable[psutil.Process], elapsed: float, seen: dict[psutil.Process, float]
    ) -> Usage | None:
        used, rss, alive = 0.0, 0, False
        for process in processes:
            try:
                times = process.cpu_times()
                rss += process.memory_info().rss
            except psutil.Error:  # it ended meanwhile
                continue
            alive = True
            total = times.user + times.system
            seen[process] = total
            before = self._cpu.get(process, total if self._first else 0.0)
            used += max(0.0, total - before)
        percent = 100.0 * used / elapsed if elapsed > 0 and not self._first else 0.0
        return Usage(cpu_percent=percent, rss_bytes=rss) if alive else None


def _families(roots: Iterable[int]) -> dict[int, list[psutil.Process]]:
    """Each root with its descendants, as they hang together now."""
    below: dict[int, list[psutil.Process]] = defaultdict(list)
    by_pid: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        try:
            parent = process.ppid()
        except psutil.Error:  # it ended meanwhile
            continue
        by_pid[process.pid] = process
        below[parent].append(process)
    families = {}
    for root in roots:
        family, new = [], [by_pid[root]] if root in by_pid else []
        while new:
            process = new.pop()
            family.append(process)
            new.extend(below.get(process.pid, ()))
        families[root] = family
    return families
