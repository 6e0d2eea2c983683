"""Follows a live run in a process of its own and tells what it saw of batches (`storerig.told_batch`).

`python -m tests.properties.batchreader RUNFOLDER` prints "ready", then, when the run has ended, one JSON
object: how often it looked, the last seq, and every part of a batch that it ever saw.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from brummer_rx.pipeline.reader import Line
from brummer_rx.sinks.store.reader import open_run

__all__ = ["broken_batches"]


def broken_batches(lines: list[Line]) -> list[str]:
    """What of these neighbouring lines is no whole batch."""
    found = []
    expected = 0
    number = of = -1
    for line in lines:
        batch, place, many = (int(word) for word in line.raw.split()[:3])
        if expected and (batch, place, many) != (number, expected, of):
            found.append(f"seq {line.seq}: line {place} of batch {batch} after {expected} of {number}")
        elif not expected and place:
            found.append(f"seq {line.seq}: batch {batch} begins with line {place}")
        number, of = batch, many
        expected = 0 if place + 1 == many else place + 1
    if expected:
        found.append(f"batch {number} ends after {expected} of {of} lines")
    return found


def main(path: Path) -> None:
    parts: list[str] = []
    growths = seen = 0
    with open_run(path, mend=False) as reader:
        print("ready", flush=True)
        while True:
            snapshot = reader.snapshot()
            if snapshot.end_seq > seen:
                growths += 1
                parts += broken_batches(snapshot.lines(seen, snapshot.end_seq))
                seen = snapshot.end_seq
            if not reader.live:
                break
            if not reader.refresh():
                time.sleep(0.0002)
    print(json.dumps({"growths": growths, "seen": seen, "parts": parts[:5]}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
