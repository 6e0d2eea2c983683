"""Hits in the frames of one mapped segment: needles at memory speed, the pattern only where it must be asked.

Single pieces of a long line are ordinary lines here; `search_chains` deals with their joined text.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence

from brummer_rx.pipeline.fastbytes import TOOLS
from brummer_rx.pipeline.text import strip_escapes, text_of
from brummer_rx.sinks.store.format import HEADER_SIZE, FrameFlag, body_is_whole, decode_header
from brummer_rx.sinks.store.index import FrameRow
from brummer_rx.sinks.store.keymask import Rule, mask
from brummer_rx.sinks.store.search_plan import Needle, Plan
from brummer_rx.sinks.store.search_spots import SOMEWHERE, Spots, merge, spots_of, texts_of
from brummer_rx.sinks.store.segment import Damage, SegmentView

__all__ = ["CancelledError", "FrameSearch"]

_NEWLINE = b"\n"
_MANY = 16
"""With a candidate in more than one of so many lines a frame is decoded as a whole, else line by line."""
_TORN_MANY = 8
"""A frame with a candidate in one of so many lines is stripped as a whole."""
_AT_ONCE = 256
"""Lines between two questions whether to stop."""

_find, _rfind, _find_uncased, _lower = TOOLS.find, TOOLS.rfind, TOOLS.find_uncased, TOOLS.lower


class CancelledError(Exception):
    """`cancelled` said so."""


class FrameSearch:
    """One query in one mapped segment. Made, used and dropped by one thread, within `SegmentView.mapped`."""

    def __init__(
        self,
        view: SegmentView,
        data: memoryview,
        plan: Plan,
        rule: Rule,
        window: tuple[int, int],
        pieces: Sequence[int],
        damage: Damage,
        cancelled: Callable[[], bool],
    ) -> None:
        """`window`: first seq and the seq after the last; `pieces`: ascending seqs to leave out."""
        self._view = view
        self._damage = damage
        self._data = data
        self._plan = plan
        self._rule = rule
        self._start, self._stop = window
        self._pieces = pieces
        self._cancelled = cancelled
        self._escaped = set(view.frames.flagged(FrameFlag.HAS_ESCAPE))

    def hits(self, first: int, last: int) -> list[int]:
        """Seqs of the hits in the frames [first, last), ascending. Raises `CancelledError`."""
        plan = self._plan
        if plan.impossible:
            return []
        if plan.needles is None:
            return [seq for n in range(first, last) for seq in self._in_every_line(self._view.frames[n])]
        found: list[int] = []
        for begin, end in self._stretches(first, last):
            if begin in self._escaped:
                found += self._in_escaped(self._view.frames[begin])
            else:
                found += self._in_plain(begin, end)
        return found

    def _stretches(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Single frames with escape sequences, and as many others at once as there are."""
        at = first
        while at < last:
            end = at + 1
            if at not in self._escaped:
                while end < last and end not in self._escaped:
                    end += 1
            yield at, end
            at = end

    # --- frames without escape sequences ---

    def _in_plain(self, first: int, last: int) -> list[int]:
        """Frames without escape sequences, all at once: few of them are looked at one by one."""
        needles = self._plan.needles or ()
        frames = self._view.frames
        sure: dict[int, Spots] = {}
        asked: dict[int, Spots] = {}
        for needle in needles:
            into = sure if needle.exact else asked
            for number, spots in self._walk(needle, first, last):
                merge(into, number, spots)
        if self._plan.folds:
            for number in range(first, last):
                for spots in self._folding(frames[number]):
                    merge(asked, number, spots)
        found: list[int] = []
        for number in sorted(sure.keys() | asked.keys()):
            row = frames[number]
            if self._is_whole(row):
                lines = self._wanted(row, sure.get(number, {}))
                confirmed = self._confirm(row, self._wanted(row, asked.get(number, {})))
                seen = sorted({*lines, *confirmed}) if confirmed else lines
                found += [row.first_seq + line for line in seen]
        return found

    def _walk(self, needle: Needle, first: int, last: int) -> Iterator[tuple[int, Spots]]:
        """Frames with the needle, and the lines that have it. The search runs over headers and keys too."""
        frames, data = self._view.frames, self._data
        find = _find_uncased if needle.uncased else _find
        end = min(frames[last - 1].end_offset, len(data))
        at = frames[first].raw_offset
        while (hit := find(data, needle.data, at, end)) >= 0:
            number = frames.at_offset(hit)
            row = frames[number]
            if hit < row.raw_offset:
                at = row.raw_offset
                continue
            at = row.end_offset  # no needle reaches beyond it: a frame ends in a newline
            yield number, spots_of(data, needle, row.raw_offset, at, hit)

    def _folding(self, row: FrameRow) -> Iterator[Spots]:
        """Lines with a character that only `re.IGNORECASE` takes for a letter of the needles."""
        if row.end_offset > len(self._data) or bytes(self._data[row.raw_offset : row.end_offset]).isascii():
            return
        for data in self._plan.folds:
            hit = _find(self._data, data, row.raw_offset, row.end_offset)
            if hit >= 0:
                yield spots_of(self._data, Needle(data, False, False), row.raw_offset, row.end_offset, hit)

    def _confirm(self, row: FrameRow, spots: Spots) -> list[int]:
        """Those of the lines that the pattern takes."""
        if not spots:
            return []
        search, data = self._plan.search, self._data
        if len(spots) * _MANY > row.lines or SOMEWHERE in spots.values():
            return self._ask(spots, texts_of(bytes(data[row.raw_offset : row.end_offset])))
        self._beat()
        found = []
        for line, at in spots.items():
            start = max(row.raw_offset, _rfind(data, _NEWLINE, row.raw_offset, at) + 1)
            end = _find(data, _NEWLINE, at, row.end_offset)
            if search(str(data[start:end], "utf-8", "replace").rstrip("\r")):
                found.append(line)
        return found

    # --- frames with escape sequences ---

    def _in_escaped(self, row: FrameRow) -> list[int]:
        """One frame: lines with a needle, or the beginning of one up to an escape sequence, are stripped."""
        if row.end_offset > len(self._data):
            return []
        raw = bytes(self._data[row.raw_offset : row.end_offset])
        spots = self._torn_spots(raw, row.lines)
        if spots is None:
            return self._in_stripped(row, raw)
        if not spots or not self._is_whole(row):
            return []
        spots = self._wanted(row, spots)
        self._beat()
        found = []
        for line, at in spots.items():
            start = raw.rfind(_NEWLINE, 0, at) + 1
            if self._plan.search(text_of(raw[start : raw.find(_NEWLINE, at)])):
                found.append(row.first_seq + line)
        return found

    def _torn_spots(self, raw: bytes, lines: int) -> Spots | None:
        """Candidates in a frame's lines; None when there are so many that it is better stripped."""
        plan = self._plan
        if plan.folds and not raw.isascii():
            return None
        many = lines // _TORN_MANY
        look = _lower(raw) if plan.uncased else raw
        found: dict[int, Spots] = {}
        for steps in plan.torn:
            for data, of_lines in steps:
                hit = _find(look, data, 0, None)
                if hit >= 0 and of_lines:
                    needle = Needle(data, uncased=False, exact=False)
                    merge(found, 0, spots_of(look, needle, 0, len(look), hit, limit=many))
                    if len(found[0]) > many:
                        return None
                elif hit < 0 and not of_lines:
                    break
        return found.get(0, {})

    def _in_stripped(self, row: FrameRow, raw: bytes) -> list[int]:
        """One frame with its escape sequences taken out first."""
        plan = self._plan
        plain = strip_escapes(raw)
        look = _lower(plain) if plan.uncased else plain
        found: dict[int, Spots] = {}
        for data in (*(needle.data for needle in plan.needles or ()), *plan.folds):
            hit = _find(look, data, 0, None)
            if hit >= 0:
                needle = Needle(data, uncased=False, exact=False)
                merge(found, 0, spots_of(look, needle, 0, len(look), hit))
        if not found or not self._is_whole(row):
            return []
        spots = self._wanted(row, found[0])
        if plan.exact:
            return [row.first_seq + line for line in spots]
        return [row.first_seq + line for line in self._ask(spots, texts_of(plain))]

    # --- no needle ---

    def _in_every_line(self, row: FrameRow) -> list[int]:
        """One frame, the pattern asked of each of its lines that the filter lets through."""
        self._beat()
        if row.end_offset > len(self._data):
            return []
        lines = self._wanted(row, dict.fromkeys(range(row.lines), 0))
        if not lines or not self._is_whole(row):
            return []
        raw = bytes(self._data[row.raw_offset : row.end_offset])
        texts = texts_of(strip_escapes(raw) if row.has_escape else raw)
        return [row.first_seq + line for line in self._ask(lines, texts)]

    # --- what all of them need ---

    def _ask(self, spots: Spots, texts: list[str]) -> list[int]:
        """Those of the lines that the pattern takes; a few at a time, so that a slow one can be stopped."""
        search, lines = self._plan.search, list(spots)
        found: list[int] = []
        for at in range(0, len(lines), _AT_ONCE):
            self._beat()
            found += [line for line in lines[at : at + _AT_ONCE] if search(texts[line])]
        return found

    def _wanted(self, row: FrameRow, spots: Spots) -> Spots:
        """The lines that lie in the window, pass the filter and are no pieces."""
        if not spots:
            return spots
        first = row.first_seq
        if first < self._start or row.end_seq > self._stop:
            spots = {n: at for n, at in spots.items() if self._start <= first + n < self._stop}
        if not self._rule.everything:
            marks = mask(self._view, self._rule, row.key_at, row.key_at + row.lines)
            spots = {n: at for n, at in spots.items() if marks[n]}
        low = bisect_left(self._pieces, first)
        high = bisect_left(self._pieces, row.end_seq, low)
        for seq in self._pieces[low:high]:
            spots.pop(seq - first, None)
        return spots

    def _is_whole(self, row: FrameRow) -> bool:
        """Whether the frame is what was written; one that is not is reported, and has no hits."""
        header = decode_header(self._data, row.offset)
        whole = (
            header is not None
            and (header.first_seq, header.lines) == (row.first_seq, row.lines)
            and body_is_whole(header, self._data[row.offset + HEADER_SIZE : row.end_offset])
        )
        if not whole:
            self._damage.report(row)
        return whole

    def _beat(self) -> None:
        if self._cancelled():
            raise CancelledError
