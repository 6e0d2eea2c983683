"""A child that says what it wrote: numbered, stamped lines in blocks, and a record of each write in a file.

`python writer.py RECORD BLOCKS RATE`: BLOCKS of 1,000 lines (0: for ever), RATE lines a second (0: as fast as
the pipe takes them). A line is 68 bytes: the monotonic ns before the write, the number, a web server's text.
RECORD holds (monotonic ns after the write, blocks, bytes, ns that the write took) per write, after a count.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
import time

LINES = 1000
LINE = 68
BLOCK = LINES * LINE
HOLE = b"@" * 26
"""Where the stamp (19 digits) and the block's number (6) go; 3 digits more are the line in the block."""
TEMPLATE = b"".join(b"%s%03d GET /api/items/search 200 in 17ms a17\n" % (HOLE, n) for n in range(LINES))
ENTRY = struct.Struct("<QQQQ")
ROOM = 1 << 22


def block(number: int, stamp: int) -> bytes:
    """The bytes of one block."""
    return TEMPLATE.replace(HOLE, b"%019d %06d" % (stamp, number))


def main(record: str, blocks: int, rate: int) -> None:
    """Write until done or until nobody reads."""
    fd = os.open(record, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    os.ftruncate(fd, ROOM)
    log = mmap.mmap(fd, ROOM)
    most = ROOM // ENTRY.size - 1
    written, number, due = 0, 0, time.monotonic()
    while not blocks or number < blocks:
        if rate:
            due += LINES / rate
            wait = due - time.monotonic()
            if wait > 0:
                time.sleep(wait)
        before = time.monotonic_ns()
        data = memoryview(block(number, before))
        while data:
            sent = os.write(1, data)
            written += sent
            data = data[sent:]
        number += 1
        after = time.monotonic_ns()
        ENTRY.pack_into(log, ENTRY.size * (1 + (number - 1) % most), after, number, written, after - before)
        struct.pack_into("<Q", log, 0, number)


if __name__ == "__main__":
    assert len(TEMPLATE) == BLOCK
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
