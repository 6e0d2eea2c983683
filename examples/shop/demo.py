"""`make demo`: the shop in brummer-rx, on this machine, now.

With a terminal the viewer opens. Without one the shop runs to its end as a plain stream, and then this prints
what the store holds: lines per source, what was lost (0), errors, bytes on disk, how long a search took.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from brummer_rx.pipeline.event import Level
from brummer_rx.pipeline.reader import LineFilter, LogSnapshot, SearchQuery
from brummer_rx.sinks.store.reader import open_run
from brummer_rx.sinks.store.runs import find_run
from brummer_rx.sinks.store.search import scan

SHOP = Path(__file__).resolve().parent
REQUESTS, JOBS = 60, 100


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(*, bounded: bool) -> dict[str, str]:
    """The shop's own settings; `python3` is the interpreter that runs this."""
    found = {**os.environ, "SHOP_PORT": str(free_port())}
    found["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    if bounded:
        found |= {"SHOP_REQUESTS": str(REQUESTS), "SHOP_JOBS": str(JOBS)}
    return found


def command() -> list[str]:
    """brummer-rx of this environment, in the shop's folder."""
    return [sys.executable, "-m", "brummer_rx", "-d", str(SHOP)]


def claimed(snapshot: LogSnapshot) -> dict[str, int]:
    """What each program said that it wrote: its last line is `wrote N lines`."""
    said = {}
    for progress in scan(snapshot, SearchQuery(r"^wrote \d+ lines$", regex=True), lambda: False):
        for line in snapshot.read(progress.seqs):
            said[line.source] = int(line.text.split()[1])
    return said


def summary(state_dir: Path) -> int:
    """Print what the store of the last run holds; the number of lines that are missing."""
    run = find_run(state_dir, "last")
    reader = open_run(run.path)
    snapshot = reader.snapshot()
    said, stored = claimed(snapshot), snapshot.source_counts()
    lost = sum(abs(said.get(name, 0) - lines) for name, lines in stored.items())
    lost += sum(gap.lines for gap in snapshot.gaps)
    began = time.perf_counter()
    hits = sum(len(p.seqs) for p in scan(snapshot, SearchQuery("module_123456"), lambda: False))
    took = (time.perf_counter() - began) * 1000
    print("\nWhat the store holds:")
    for name, lines in sorted(stored.items()):
        print(f"  {name:8} {lines:>9,} lines   (the program says it wrote {said.get(name, 0):,})")
    print(f"  lost: {lost}")
    print(f"  lines of level error: {snapshot.count(LineFilter(min_level=Level.ERROR)):,}")
    print(f"  bytes on disk: {snapshot.bytes_on_disk:,}")
    print(f"  one search over {snapshot.end_seq:,} lines: {took:.1f} ms ({hits} hit)")
    return lost


def next_steps() -> None:
    """Three commands that answer from the run that has just ended."""
    tool = os.path.relpath(shutil.which("brummer-rx", path=str(Path(sys.executable).parent)) or "brummer-rx")
    folder = os.path.relpath(SHOP)
    print("\nTry next:")
    print(f"  {tool} logs -d {folder} -s worker --level error --tail 8")
    print(f"  {tool} logs -d {folder} --grep '404' --json --limit 3")
    print(f"  {tool} -d {folder}        (in a terminal: the viewer)")


def main() -> int:
    """The viewer, or the plain run and its summary."""
    if os.isatty(0) and os.isatty(1):
        return subprocess.call(command(), env=environment(bounded=False))
    env = environment(bounded=True)
    with tempfile.TemporaryFile() as shown:
        code = subprocess.call([*command(), "--plain"], env=env, stdin=subprocess.DEVNULL, stdout=shown)
        shown.seek(0)
        lines = shown.read().splitlines()
    print(f"brummer-rx --plain printed {len(lines):,} lines; the last five:")
    print("\n".join(line.decode("utf-8", "replace") for line in lines[-5:]))
    from brummer_rx.pipeline.settings import load

    lost = summary(load(SHOP, {}, os.environ).state_dir)
    next_steps()
    return code or (1 if lost else 0)


if __name__ == "__main__":
    sys.exit(main())
