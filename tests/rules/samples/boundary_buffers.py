"""Lines that end in `# flag` break the rule `boundary_buffers`; no other line does."""

import sys

from reactivex import operators as ops
from reactivex.operators import buffer_toggle as toggle


def batches(source, clock, ticks):
    source.buffer(ticks)  # flag
    source.pipe(ops.buffer(ticks))  # flag
    source.buffer_when(lambda: ticks)  # flag
    source.pipe(ops.buffer_when(lambda: ticks))  # flag
    source.pipe(toggle(ticks, lambda _: ticks))  # flag
    source.buffer_with_count(64)
    source.buffer_with_time_or_count(0.1, 64, scheduler=clock)
    sys.stdout.buffer.write(b"")
