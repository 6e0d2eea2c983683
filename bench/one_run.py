"""A whole run over one file in this process; prints what it cost as JSON. Used by bench_scale."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from loguru import logger

from brummer_rx.cli.session import Session
from brummer_rx.pipeline.process import ProcessSpec
from brummer_rx.pipeline.settings import load
from brummer_rx.pipeline.threads import thread_high_water


def peak_mb() -> float:
    """Most memory of this process, in MB. (`ru_maxrss` also holds that of the process it was forked from.)"""
    status = Path("/proc/self/status")
    if not status.exists():
        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return round(int(line.split()[1]) / 1024, 1)


def main(source: str, state: str) -> None:
    """One writer (`cat`), from the spawn until the last line is stored and visible."""
    logger.remove()
    settings = load(Path(source).parent, {"state_dir": state}, {"HOME": "/"})
    spec = ProcessSpec("w", ("/bin/cat", source), "cat", "/")
    session = Session(settings, (spec,), pty=False, on_notice=lambda text, bad: None)
    cpu, wall = time.process_time(), time.perf_counter()
    session.run()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    session.close()
    stored = session.store.snapshot().end_seq
    print(
        json.dumps(
            {
                "stored": stored,
                "cpu_ns_per_line": round(cpu / stored * 1e9),
                "wall_ns_per_line": round(wall / stored * 1e9),
                "rss_mb": peak_mb(),
                "threads": thread_high_water() + 1,
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
