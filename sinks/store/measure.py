"""How much a run holds, cheaply: heads of key files and frame headers only.

For lists of runs; nothing is verified.

What was written when the run ended (the manifest's totals) is better; this is for live runs and those
that died.
"""

from __future__ import annotations

import os
from pathlib import Path

from brummer_rx.sinks.store.files import OpenFile, folder_size
from brummer_rx.sinks.store.format import HEADER_SIZE, decode_header
from brummer_rx.sinks.store.keyfile import KeyHead, read_key_head
from brummer_rx.sinks.store.load import all_gaps, read_gaps, segment_numbers
from brummer_rx.sinks.store.manifest import Manifest, Totals
from brummer_rx.sinks.store.seal import key_path, segment_path

__all__ = ["measure"]

Span = tuple[int, int]
"""First seq and lines of a stretch without a hole."""


def measure(folder: Path, manifest: Manifest, *, live: bool) -> Totals:
    """Lines, bytes on disk and gaps of the run in `folder`."""
    spans: list[Span] = []
    lines = 0
    for number in segment_numbers(folder):
        path = segment_path(folder, number)
        head = read_key_head(key_path(path))
        found = _walk(path) if head is None or _has_holes(head) else [(head.first_seq, head.lines)]
        spans += found
        lines += sum([count for _, count in found])
    end_seq = sum(spans[-1]) if spans else 0
    gaps, _ = all_gaps(spans, read_gaps(folder, manifest.sources), end_seq, live=live)
    return Totals(lines, folder_size(folder)[0], len(gaps))


def _has_holes(head: KeyHead) -> bool:
    return head.end_seq - head.first_seq != head.lines


def _walk(path: Path) -> list[Span]:
    """The stretches of a segment by its frame headers, up to the first that is not sound."""
    try:
        file = OpenFile(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
    except OSError:
        return []
    spans: list[Span] = []
    offset, size = 0, file.size()
    while header := decode_header(file.read(offset, HEADER_SIZE)):
        offset += header.size
        if offset > size:
            break
        if spans and sum(spans[-1]) == header.first_seq:
            spans[-1] = (spans[-1][0], spans[-1][1] + header.lines)
        else:
            spans.append((header.first_seq, header.lines))
    return spans
