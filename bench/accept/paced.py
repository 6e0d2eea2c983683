"""A child of the soak: numbered lines at a steady rate, and a record of how many each life has written.

`python paced.py FOLDER NAME RATE`: `LIFE NUMBER text`, both numbers with leading zeros, NUMBER from 0 in each
life; FOLDER/NAME.LIFE.lives holds how many lines of that life are out. Every 200th line is an error.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
import time
from pathlib import Path

TICK = 0.01


def line(life: int, number: int) -> bytes:
    """One line, with its newline."""
    word = b"ERROR checkout failed: timeout" if number % 200 == 7 else b"INFO GET /api/items 200 in 17ms"
    return b"%04d %08d %s trace=%08x\n" % (life, number, word, number * 2654435761 & 0xFFFFFFFF)


def main(folder: str, name: str, rate: int) -> None:
    """Write until nobody reads or somebody ends us."""
    life = len(list(Path(folder).glob(f"{name}.*.lives")))
    fd = os.open(Path(folder) / f"{name}.{life:04}.lives", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    os.ftruncate(fd, 8)
    record = mmap.mmap(fd, 8)
    number, began = 0, time.monotonic()
    while True:
        due = int((time.monotonic() - began) * rate)
        if due > number:
            data = memoryview(b"".join(line(life, n) for n in range(number, due)))
            while data:
                data = data[os.write(1, data) :]
            number = due
            struct.pack_into("<Q", record, 0, number)
        time.sleep(TICK)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
