"""Which lines belong together; the hits in them are tested against an oracle in test_seek."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from brummer_rx.pipeline.event import Stream
from brummer_rx.sinks.store.format import Run
from brummer_rx.sinks.store.seek_joined import chains

MORE = 4


class View:
    """A segment of frames given as lists of runs; asks for a run table are counted."""

    def __init__(self, first_seq: int, *frames: list[Run]) -> None:
        self.asked = 0
        self._tables = frames
        self.frames: list[Any] = []
        for runs in frames:
            pieces = any(run.more for run in runs)
            self.frames.append(SimpleNamespace(first_seq=first_seq, has_pieces=pieces))
            first_seq += sum(run.lines for run in runs)

    def runs(self, frame: int) -> list[Run]:
        self.asked += 1
        return self._tables[frame]


def run(source: int, lines: int, *, more: bool = False, stream: Stream = Stream.OUT) -> Run:
    return Run(source, stream | (MORE if more else 0), lines, lines * 10, 0)


def found(*views: View) -> list[list[int]]:
    snapshot: Any = SimpleNamespace(segments=views)
    return [chain.seqs for chain in chains(snapshot)]


def test_pieces_of_one_source_and_stream_belong_together() -> None:
    view = View(
        0,
        [run(0, 3, more=True), run(1, 2), run(0, 1, more=True, stream=Stream.ERR)],
        [run(1, 1, more=True), run(0, 1, more=True)],
        [run(0, 2), run(0, 4, stream=Stream.ERR)],
    )

    assert sorted(found(view)) == [[2, 7, 8], [5, 10]]


def test_a_run_may_end_one_line_and_begin_another() -> None:
    assert found(View(0, [run(0, 1, more=True), run(0, 3, more=True), run(0, 1)])) == [[0, 1], [3, 4]]


def test_a_line_may_reach_over_segments_and_have_no_end_yet() -> None:
    first, second = View(0, [run(0, 1, more=True)]), View(1, [run(1, 1)], [run(0, 1, more=True)])

    assert found(first, second) == [[0, 2]]


def test_where_there_are_no_pieces_no_table_is_read() -> None:
    view = View(0, *([run(0, 5)] for _ in range(100)))

    assert found(view) == []
    assert view.asked == 0
