"""The log store: append-only segments of checksummed frames, one key byte a line, readers without locks.

::

    RUN/manifest.json      names of sources, command, state; replaced by rename
    RUN/00000000.seg       frames (`format`); the newest one grows
    RUN/00000000.key       beside each sealed segment (`keyfile`): its index, counters and key bytes
    RUN/gaps.log           40-byte records (`gaps`): lines that are not where they belong

What it offers: `create_run` and `LogStore` to write, `open_run` and `StoreSnapshot` to read (also what
another process writes), `list_runs` and `find_run` to choose, `scan` to search here and `SearchHelper` to
search in a process of its own.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from brummer_rx.sinks.store.helper import SearchHelper
    from brummer_rx.sinks.store.manifest import Manifest, read_manifest
    from brummer_rx.sinks.store.ports import StoreOptions
    from brummer_rx.sinks.store.reader import RunReader, open_run
    from brummer_rx.sinks.store.runs import RunFolder, RunInfo, create_run, find_run, list_runs
    from brummer_rx.sinks.store.search import scan
    from brummer_rx.sinks.store.segment import SegmentView
    from brummer_rx.sinks.store.snapshot import StoreSnapshot
    from brummer_rx.sinks.store.store import LogStore, StoreStats

__all__ = [
    "LogStore",
    "Manifest",
    "RunFolder",
    "RunInfo",
    "RunReader",
    "SearchHelper",
    "SegmentView",
    "StoreOptions",
    "StoreSnapshot",
    "StoreStats",
    "create_run",
    "find_run",
    "list_runs",
    "open_run",
    "read_manifest",
    "scan",
]

_WHERE = {
    "helper": ("SearchHelper",),
    "manifest": ("Manifest", "read_manifest"),
    "ports": ("StoreOptions",),
    "reader": ("RunReader", "open_run"),
    "runs": ("RunFolder", "RunInfo", "create_run", "find_run", "list_runs"),
    "search": ("scan",),
    "segment": ("SegmentView",),
    "snapshot": ("StoreSnapshot",),
    "store": ("LogStore", "StoreStats"),
}

if not TYPE_CHECKING:  # a type checker reads the imports above, and finds misspelled names

    def __getattr__(name: str) -> object:
        """Import what is asked for, when it is: a program that needs one name starts at once."""
        from brummer_rx.pipeline.catalogue import find

        return find(name, _WHERE, globals())
