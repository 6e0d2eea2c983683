"""Lines that end in `# flag` break the rule `time_operators`; no other line does."""

import time
from datetime import datetime

import reactivex
from reactivex import operators as ops
from reactivex.operators import debounce as settle


def timed(source, clock, options):
    reactivex.interval(1.0)  # flag
    reactivex.timer(1.0)  # flag
    reactivex.timer(1.0, scheduler=None)  # flag
    reactivex.start(print)  # flag
    source.debounce(0.1)  # flag
    source.pipe(settle(0.1))  # flag
    source.pipe(ops.timeout(1.0))  # flag
    source.timeout(1.0)  # flag
    source.sample(0.1)  # flag
    source.delay(0.1)  # flag
    source.throttle_first(0.1)  # flag
    source.throttle_with_timeout(0.1)  # flag
    source.buffer_with_time(0.1)  # flag
    source.buffer_with_time_or_count(0.1, 10)  # flag
    source.pipe(
        ops.map(str),
        ops.window_with_time(0.1),  # flag
        ops.take_until_with_time(1.0),  # flag
    )
    source.time_interval()  # flag
    source.timestamp()  # flag
    reactivex.interval(1.0, scheduler=clock)
    source.debounce(0.1, scheduler=clock)
    source.pipe(settle(0.1, scheduler=clock), ops.timeout(1.0, scheduler=clock))
    source.sample(0.1, **options)
    time.sleep(0.1)
    datetime.now().timestamp  # noqa: B018
