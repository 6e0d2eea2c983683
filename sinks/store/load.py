"""Reading a run's folder: which segments there are, what is in them, what is missing.

Nothing is changed on disk.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from brummer_rx.pipeline.event import Gap
from brummer_rx.sinks.store.files import OpenFile
from brummer_rx.sinks.store.gaplog import GAPS_LOG
from brummer_rx.sinks.store.gaps import decode_gaps, explain, holes_between
from brummer_rx.sinks.store.growing import Growing
from brummer_rx.sinks.store.keyfile import read_key_file
from brummer_rx.sinks.store.seal import key_path, open_sealed, segment_path
from brummer_rx.sinks.store.segment import Backing, Reading, SegmentView

__all__ = [
    "Loaded",
    "all_gaps",
    "in_order",
    "load_segment",
    "load_segments",
    "read_gaps",
    "segment_numbers",
    "spans_of",
]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a folder holds. `views` are the segments nobody writes to, ascending."""

    views: tuple[SegmentView, ...]
    growing: Growing | None
    """The newest segment of a live run."""
    scanned: tuple[Growing, ...]
    """Segments among `views` that had no sound key file."""
    end_seq: int
    """Behind the last line that is known to have been written, readable or not."""


def segment_numbers(folder: Path) -> list[int]:
    """The numbers of the segment files, ascending."""
    return sorted(_numbers(folder, ".seg"))


def _numbers(folder: Path, suffix: str) -> set[int]:
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError:
        return set()
    stems = [name.removesuffix(suffix) for name in names if name.endswith(suffix)]
    return {int(stem) for stem in stems if len(stem) == 8 and stem.isascii() and stem.isdigit()}


def load_segment(folder: Path, number: int, reading: Reading, *, final: bool) -> SegmentView | Growing | None:
    """A segment by its key file, else scanned; None when it is gone.

    Not `final`: it may still be written to.
    """
    path = segment_path(folder, number)
    sealed = open_sealed(folder, number, reading, keep_keys=True)
    if sealed is not None:
        return sealed
    try:
        file = OpenFile(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
    except OSError:
        return None
    growing = Growing(Backing(number, path, file=file), file, reading)
    growing.scan(final=final)
    if final:  # cut short after its seal: the key file knows how many lines there were
        key = read_key_file(key_path(path))
        growing.seen_seq = max(growing.seen_seq, key.end_seq if key else 0)
    return growing


def load_segments(folder: Path, reading: Reading, *, live: bool) -> Loaded:
    """Everything in a run's folder. A live run's newest segment may be growing, all others are final."""
    numbers = segment_numbers(folder)
    views: list[SegmentView] = []
    scanned: list[Growing] = []
    growing: Growing | None = None
    end_seq = _end_of_lost(folder, numbers)
    for number in numbers:
        final = not live or number != numbers[-1]
        loaded = load_segment(folder, number, reading, final=final)
        if isinstance(loaded, Growing):
            end_seq = max(end_seq, loaded.seen_seq)
            if not final:
                growing = loaded
                continue
            scanned.append(loaded)
            loaded = loaded.view()
        if loaded is not None:
            views.append(loaded)
            end_seq = max(end_seq, loaded.end_seq)
    return Loaded(in_order(views), growing, tuple(scanned), end_seq)


def _end_of_lost(folder: Path, numbers: Sequence[int]) -> int:
    """End seq of segments of which only the key file is left."""
    keys = [read_key_file(key_path(segment_path(folder, n))) for n in _numbers(folder, ".key") - set(numbers)]
    return max((key.end_seq for key in keys if key), default=0)


def in_order(views: Iterable[SegmentView]) -> tuple[SegmentView, ...]:
    """Those whose seqs ascend: a copied or foreign segment file that overlaps the others is left out."""
    kept: list[SegmentView] = []
    for view in views:
        if not kept or view.first_seq >= kept[-1].end_seq:
            kept.append(view)
    return tuple(kept)


def read_gaps(folder: Path, names: Sequence[str]) -> list[Gap]:
    """The logged gaps of a run, in the order of the log."""
    try:
        return decode_gaps((folder / GAPS_LOG).read_bytes(), names)
    except OSError:
        return []


def all_gaps(
    spans: Iterable[tuple[int, int]], logged: Sequence[Gap], end_seq: int, *, live: bool
) -> tuple[tuple[Gap, ...], int]:
    """What is missing beside the lines in `spans`, and the run's end seq with trailing gaps counted in.

    A live run's log may tell of a gap whose preceding lines are not seen yet: it waits until they are.
    """
    counted: list[Gap] = []
    for gap in sorted(logged, key=lambda gap: gap.first_seq):
        if live and gap.first_seq > end_seq:
            break
        end_seq = max(end_seq, gap.last_seq + 1)
        counted.append(gap)
    known = set(counted)
    return explain(holes_between(spans, end_seq), [gap for gap in logged if gap in known]), end_seq


def spans_of(views: Iterable[SegmentView]) -> list[tuple[int, int]]:
    """Stretches of lines in these segments: (first seq, lines)."""
    return [(first, lines) for first, _, lines in chain.from_iterable(v.frames.spans() for v in views)]
