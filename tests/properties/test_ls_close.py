"""LS-6: what was accepted before `close` can be read, what comes after is refused, and twice is fine."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from brummer_rx.pipeline.errors import BufferOverflow, SinkError, ThreadError
from brummer_rx.pipeline.event import Gap, GapReason, LogBatch
from brummer_rx.pipeline.threads import Lane
from brummer_rx.sinks.store.reader import open_run
from brummer_rx.sinks.store.runs import find_run
from brummer_rx.sinks.store.store import LogStore, StoreOptions
from tests.pipeline.until import until
from tests.proof.seed import rng
from tests.properties.storerig import WAIT, LiveStore, contradictions, raws_of, told_batch
from tests.sinks.storekit import SMALL, Kit, all_lines

OPTIONS = StoreOptions(segment_bytes=16_000, frame_bytes=1024, gather_bytes=2048, recent_bytes=1024)


class Feeder:
    """A thread that has batches appended as fast as the lane takes them; notes which were accepted."""

    def __init__(self, live: LiveStore) -> None:
        self.accepted: list[tuple[int, LogBatch]] = []
        self.refused = 0
        self.broken: list[BaseException] = []
        self._live = live
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._feed, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(WAIT)
        assert not self._thread.is_alive()

    def _feed(self) -> None:
        n = 0
        while not self._stop.is_set():
            batch = told_batch(n)
            try:
                self._live.lane.submit(lambda batch=batch: self._append(batch))
            except BufferOverflow:
                self._stop.wait(0.0005)
                continue
            n += 1

    def _append(self, batch: LogBatch) -> None:
        try:
            self.accepted.append((self._live.store.append(batch), batch))
        except SinkError:
            self.refused += 1
        except BaseException as error:
            self.broken.append(error)


def test_ls_6_close_under_fire_keeps_what_was_accepted_and_refuses_the_rest(tmp_path: Path) -> None:
    random = rng("ls-6")
    for n in range(3):
        live = LiveStore(tmp_path / str(n), OPTIONS)
        feeder = Feeder(live)
        until(lambda f=feeder, least=random.randrange(1, 300): len(f.accepted) >= least, WAIT)
        answers: list[bool] = []
        closers = [
            threading.Thread(target=lambda s=live.store: answers.append(s.close(WAIT)), daemon=True)
            for _ in range(3)
        ]
        for closer in closers:
            closer.start()
        for closer in closers:
            closer.join(WAIT)
        answered = len(feeder.accepted) + feeder.refused
        until(lambda f=feeder, n=answered: len(f.accepted) + f.refused > n + 1, WAIT)
        feeder.stop()
        live.on_lane(lambda: None)  # nothing is on the lane any more
        snapshot = live.store.snapshot()

        assert answers == [True, True, True] and feeder.broken == []
        assert feeder.refused > 0, "an append after the end was accepted"
        accepted = [batch for _, batch in feeder.accepted]
        assert [line.raw for line in all_lines(snapshot)] == raws_of(accepted)
        assert snapshot.end_seq == live.store.stats.lines == sum(batch.lines for batch in accepted)
        assert contradictions(snapshot) == [] and snapshot.gaps == ()
        assert find_run(tmp_path / str(n), "last").state == "ended"
        with open_run(live.run.path) as reader:
            assert not reader.live
            assert all_lines(reader.snapshot()) == all_lines(snapshot)
        with pytest.raises(SinkError):
            live.on_lane(lambda s=live.store: s.append(told_batch(0)))
        live.end()
        assert live.store.close(0)
        assert live.store.snapshot().end_seq == snapshot.end_seq


def test_ls_6_lines_that_waited_for_their_write_are_in_the_files(tmp_path: Path) -> None:
    """Nothing was flushed, no timer has fired: `close` alone has to do it."""
    kit = Kit(tmp_path, replace(SMALL, frame_bytes=1 << 20, gather_bytes=1 << 20))
    batches = [told_batch(n) for n in range(30)]
    kit.put(batches)
    kit.store.append(Gap("s0", 3, 30, GapReason.OVERFLOW, -1, -1))
    assert kit.store.snapshot().end_seq == 0
    snapshot = kit.close()

    lines = sum(batch.lines for batch in batches)
    assert [line.raw for line in all_lines(snapshot)] == raws_of(batches)
    assert snapshot.end_seq == lines + 3
    with open_run(kit.run.path) as reader:
        assert all_lines(reader.snapshot()) == all_lines(snapshot)
        assert reader.snapshot().gaps == snapshot.gaps
        assert [gap.lines for gap in snapshot.gaps] == [3]
    assert list(kit.run.path.glob("*.key")) and not list(kit.run.path.glob("*.tmp")), "it is not sealed"


def test_ls_6_an_append_after_close_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.put([told_batch(5)])
    before = kit.close()
    size = {path: path.stat().st_size for path in kit.run.path.iterdir()}
    for event in (told_batch(6), Gap("s0", 3, 30, GapReason.OVERFLOW, -1, -1)):
        with pytest.raises(SinkError):
            kit.store.append(event)
    kit.clock.advance(10.0)
    kit.settle()
    kit.store.flush()

    assert all_lines(kit.store.snapshot()) == all_lines(before)
    assert kit.store.stats.lines == before.end_seq
    assert {path: path.stat().st_size for path in kit.run.path.iterdir()} == size


def test_ls_6_closing_again_in_every_state_is_fine(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.put([told_batch(5)])
    kit.lane.full = 1
    assert not kit.store.close(0), "the lane took nothing: it cannot be closed"
    assert not kit.store.close(0), "nothing has run yet"
    assert not kit.store.close(0)
    kit.lane.run_all()
    assert not kit.store.close(0), "the sync lane has still to seal"
    kit.settle()
    assert [kit.store.close(0) for _ in range(3)] == [True] * 3
    kit.settle()
    assert [line.raw for line in all_lines(kit.store.snapshot())] == raws_of([told_batch(5)])
    assert find_run(tmp_path, "last").lines == told_batch(5).lines


def test_ls_6_close_comes_through_a_full_lane_and_never_from_its_own(tmp_path: Path) -> None:
    live = LiveStore(tmp_path, OPTIONS)
    live.lane = Lane("store", capacity=2)
    live.store = LogStore(live.run, lane=live.lane, sync=live.sync, clock=live.clock, options=OPTIONS)
    raised: list[BaseException] = []

    def close_here() -> None:
        try:
            live.store.close(1)
        except ThreadError as error:
            raised.append(error)

    live.on_lane(close_here)
    live.sync.submit(close_here)
    until(lambda: len(raised) == 2, WAIT)

    held = threading.Event()
    live.lane.submit(lambda: bool(held.wait(WAIT)) and None)
    until(lambda: live.lane.counts().waiting == 0, WAIT)
    live.lane.submit(lambda: bool(live.store.append(told_batch(7))) and None)
    live.lane.submit(lambda: None)
    assert not live.store.close(0.02), "the lane is full and stands still"
    answers: list[bool] = []
    closer = threading.Thread(target=lambda: answers.append(live.store.close(WAIT)), daemon=True)
    closer.start()
    held.set()
    closer.join(WAIT)

    assert answers == [True]
    assert [line.raw for line in all_lines(live.store.snapshot())] == raws_of([told_batch(7)])
    live.end()
