"""Numbers and source ids."""

from __future__ import annotations

from brummer_rx.pipeline.testing import VirtualClock
from brummer_rx.sinks.store.format import MAX_SOURCE, decode_runs
from brummer_rx.sinks.store.intake import Intake
from tests.sinks.storekit import batch_of


def test_sources_get_ids_in_the_order_of_their_first_line() -> None:
    intake = Intake(VirtualClock(), 1000)

    for name in ("b", "a", "b", "c"):
        intake.add(batch_of(b"x", source=name))

    assert intake.names == ("b", "a", "c")
    (frame,) = intake.take()
    assert [run.source for run in decode_runs(frame.body[:64], frame.header.wall_ns)] == [0, 1, 0, 2]


def test_a_skip_ends_the_frame_so_that_seqs_stay_contiguous_within() -> None:
    intake = Intake(VirtualClock(), 1000)
    intake.add(batch_of(b"a"))

    assert intake.skip(10) == 1
    intake.add(batch_of(b"b"))

    assert intake.waiting_seq() == 0
    assert [(frame.header.first_seq, frame.header.lines) for frame in intake.take()] == [(0, 1), (11, 1)]
    assert (intake.next_seq, intake.waiting_seq(), intake.waiting_bytes) == (12, 12, 0)


def test_there_is_an_end_to_ids_but_not_to_sources() -> None:
    intake = Intake(VirtualClock(), 1 << 30)
    intake._tables = [b""] * MAX_SOURCE
    assert intake.id_of("last") == MAX_SOURCE
    assert intake.id_of("one more") == MAX_SOURCE

    intake.add(batch_of(b"x", source="and another"))

    assert len(intake.take()) == 1
