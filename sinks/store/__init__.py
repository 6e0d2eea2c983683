"""The log store: append-only segments of checksummed frames, one key byte a line, readers without locks.

::

    RUN/manifest.json      names of sources, command, state; replaced by rename
    RUN/00000000.seg       frames (`format`); the newest one grows
    RUN/00000000.key       beside each sealed segment (`keyfile`): its index, counters and key bytes
    RUN/gaps.log           40-byte records (`gaps`): lines that are not where they belong
"""
