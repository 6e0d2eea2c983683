"""The writer: order, numbers, timing, disk trouble, the end."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brummer_rx.pipeline.clock import ClockThread
from brummer_rx.pipeline.errors import SinkError, ThreadError
from brummer_rx.pipeline.event import BatchFlag, Gap, GapReason, Level, LogBatch, Stream
from brummer_rx.pipeline.threads import Lane
from brummer_rx.sinks.store.files import Disk
from brummer_rx.sinks.store.reader import open_run
from brummer_rx.sinks.store.runs import create_run, find_run
from brummer_rx.sinks.store.store import LogStore, StoreOptions
from tests.sinks.storekit import SMALL, START_NS, Kit, Oracle, all_lines, batch_of, some_batches


class FullDisk(Disk):
    """Takes `room` bytes, then refuses; `most` bytes a call."""

    def __init__(self, room: int, most: int = 1 << 30, error: int = errno.ENOSPC) -> None:
        self.room = room
        self.most = most
        self.error = error
        self.truncates = True

    def writev(self, fd: int, buffers: Sequence[bytes | memoryview]) -> int:
        data = b"".join(buffers)[: min(self.room, self.most)]
        if not data:
            raise OSError(self.error, os.strerror(self.error))
        self.room -= len(data)
        return os.write(fd, data)

    def truncate(self, fd: int, length: int) -> None:
        if not self.truncates:
            raise OSError(errno.EIO, "no")
        super().truncate(fd, length)

    def append(self, path: Path, data: bytes, *, sync: bool) -> None:
        if self.room <= 0:
            raise OSError(self.error, os.strerror(self.error))
        super().append(path, data, sync=sync)


RAW = st.binary(max_size=60).map(lambda raw: raw.replace(b"\n", b"\r"))
BATCH = st.builds(
    lambda raws, source, stream, flags, us, levels: batch_of(
        *raws,
        source=source,
        stream=stream,
        flags=flags,
        time_ns=START_NS + us * 1000,
        levels=None if levels is None else [levels[n % len(levels)] for n in range(len(raws))],
    ),
    st.lists(RAW, min_size=1, max_size=30),
    st.sampled_from([f"p{n}" for n in range(40)]),
    st.sampled_from(Stream),
    st.sampled_from([BatchFlag.NONE, BatchFlag.MORE, BatchFlag.UNTERMINATED]),
    st.integers(0, 10**11),
    st.none() | st.lists(st.integers(0, 5), min_size=1, max_size=4),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(BATCH, max_size=6), max_size=8))
def test_what_goes_in_comes_out_in_order_live_sealed_and_from_another_reader(
    tmp_path: Path, rounds: list[list[LogBatch]]
) -> None:
    kit = Kit(tmp_path)
    oracle = Oracle.of([batch for batches in rounds for batch in batches])
    for batches in rounds:
        kit.put(batches)
        kit.store.flush()
    assert all_lines(kit.store.snapshot()) == oracle.lines
    assert all_lines(open_run(kit.run.path).snapshot()) == oracle.lines
    kit.settle()
    assert all_lines(kit.close()) == oracle.lines
    reader = open_run(kit.run.path)
    snapshot = reader.snapshot()
    assert all_lines(snapshot) == oracle.lines
    assert snapshot.read([line.seq for line in oracle.lines]) == oracle.lines
    assert snapshot.gaps == ()
    assert reader.verify() == 0


def test_append_gives_contiguous_numbers(tmp_path: Path) -> None:
    kit = Kit(tmp_path)

    firsts = [
        kit.store.append(batch_of(b"a", b"b")),
        kit.store.append(batch_of(b"c")),
        kit.store.append(batch_of(b"d")),
    ]

    assert firsts == [0, 2, 3]
    kit.close()


def test_a_line_is_visible_20_ms_after_its_append_and_not_before(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.store.append(batch_of(b"hello"))

    kit.clock.advance(0.019)
    kit.settle()
    assert kit.store.snapshot().end_seq == 0
    kit.clock.advance(0.002)
    kit.settle()

    assert [line.raw for line in all_lines(kit.store.snapshot())] == [b"hello"]
    kit.close()


def test_a_full_store_lane_only_delays_the_flush(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.store.append(batch_of(b"hello"))
    kit.lane.full = 3

    kit.clock.advance(0.2)
    kit.settle()

    assert kit.store.snapshot().end_seq == 1
    kit.close()


def test_a_first_full_frame_is_written_at_once_and_a_flood_is_gathered(tmp_path: Path) -> None:
    kit = Kit(tmp_path)

    kit.store.append(batch_of(b"x" * 600))
    assert kit.store.snapshot().end_seq == 1
    kit.store.append(batch_of(b"y" * 600))
    assert kit.store.snapshot().end_seq == 1
    kit.store.append(batch_of(b"z" * 600))

    assert kit.store.snapshot().end_seq == 3
    assert kit.store.stats.writes == 2
    assert kit.store.stats.frames == 3
    kit.close()


def test_a_batch_larger_than_a_frame_is_split_at_line_borders(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    batch = replace(
        batch_of(*(b"%d " % n + b"x" * 90 for n in range(50)), b"y" * 2000, b"end", flags=BatchFlag.MORE),
        levels=bytes(n % 6 for n in range(52)),
    )

    kit.put([batch])
    snapshot = kit.flush()

    assert all_lines(snapshot) == Oracle.of([batch]).lines
    sizes = [row.raw_length for segment in snapshot.segments for row in segment.frames]
    assert sorted(sizes)[-1] == 2001
    assert all(size <= 512 for size in sizes if size != 2001)
    kit.close()


def test_a_second_writing_thread_is_refused(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.store.append(batch_of(b"a"))
    raised: list[BaseException] = []

    def other() -> None:
        try:
            kit.store.append(batch_of(b"b"))
        except ThreadError as error:
            raised.append(error)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()

    assert len(raised) == 1
    assert [line.raw for line in all_lines(kit.close())] == [b"a"]


def test_levels_that_do_not_fit_the_lines_count_as_none(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.put([replace(batch_of(b"a", b"b"), levels=b"\4"), replace(batch_of(b"c", b"d"), levels=b"\4\xff")])

    assert [line.level for line in all_lines(kit.flush())] == [Level.INFO] * 2 + [Level.ERROR, Level.INFO]
    kit.close()


def test_segments_roll_and_are_sealed_and_the_names_are_in_the_manifest(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    batches = some_batches(300)

    kit.put(batches)
    snapshot = kit.flush()

    assert len(snapshot.segments) > 3
    assert sorted(path.name for path in kit.run.path.glob("*.key")) == [
        f"{view.number:08d}.key" for view in snapshot.sealed.segments
    ]
    assert kit.run.manifest.value.sources == snapshot.sources
    assert all_lines(snapshot) == Oracle.of(batches).lines
    kit.close()


def test_a_trickle_is_regrouped_when_it_is_sealed_and_old_snapshots_go_on_reading(tmp_path: Path) -> None:
    kit = Kit(tmp_path, replace(SMALL, segment_bytes=20_000, frame_bytes=4096))
    batches = some_batches(120, lines=1)
    for batch in batches:
        kit.store.append(batch)
        kit.store.flush()
    kit.store._roll()
    kit.store._publish()
    before = kit.store.snapshot()
    kit.settle()
    after = kit.store.snapshot()

    assert len(before.segments[0].frames) == 120
    assert len(after.segments[0].frames) < 5
    assert all_lines(before) == all_lines(after) == Oracle.of(batches).lines
    kit.close()


def test_a_segment_of_very_many_frames_rolls_too(tmp_path: Path) -> None:
    kit = Kit(tmp_path, replace(SMALL, segment_frames=10))
    for n in range(25):
        kit.store.append(batch_of(b"%d" % n))
        kit.store.flush()
    kit.settle()

    assert [len(view.frames) for view in kit.store.snapshot().segments] == [1, 1, 5]
    assert [line.raw for line in all_lines(kit.close())] == [b"%d" % n for n in range(25)]


def test_a_gap_from_before_the_store_gets_the_next_numbers(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.put([batch_of(b"a")])
    assert kit.store.append(Gap("web", 10, 700, GapReason.OVERFLOW, -1, -1)) == 1
    kit.store.append(Gap("late", 0, 99, GapReason.CUT, -1, -1))
    kit.put([batch_of(b"b")])
    expected = (
        Gap("web", 10, 700, GapReason.OVERFLOW, 1, 10),
        Gap("late", 0, 99, GapReason.CUT, 11, 10),
    )

    snapshot = kit.flush()

    assert [(line.seq, line.raw) for line in all_lines(snapshot)] == [(0, b"a"), (11, b"b")]
    assert snapshot.gaps == expected
    assert snapshot.end_seq == 12
    assert open_run(kit.run.path).snapshot().gaps == expected
    kit.close()
    assert open_run(kit.run.path).snapshot().gaps == expected


def test_a_swap_does_not_show_gaps_whose_earlier_lines_are_not_written(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.put([batch_of(b"a")])
    kit.store.append(Gap("web", 5, 50, GapReason.OVERFLOW, -1, -1))

    kit.store._publish()

    assert (kit.store.snapshot().gaps, kit.store.snapshot().end_seq) == ((), 0)
    kit.close()


def test_a_full_disk_becomes_a_gap_and_writing_resumes(tmp_path: Path) -> None:
    disk = FullDisk(2000)
    kit = Kit(tmp_path, disk=disk)
    batches = some_batches(60)
    for batch in batches[:40]:
        kit.store.append(batch)
        kit.store.flush()
    disk.room = 1 << 30
    kit.clock.advance(2)
    for batch in batches[40:]:
        kit.store.append(batch)
        kit.store.flush()

    oracle = Oracle.of(batches).lines
    snapshot = kit.flush()
    (gap,) = snapshot.gaps
    expected = [line for line in oracle if not gap.first_seq <= line.seq <= gap.last_seq]
    assert gap.reason is GapReason.DISK
    assert gap.lines == gap.last_seq + 1 - gap.first_seq == kit.store.stats.lost_lines
    assert all_lines(snapshot) == expected
    assert [bad for _, bad in kit.notices] == [True, False]
    assert str(kit.run.path) in kit.notices[0][0]
    assert f"{gap.lines} lines" in kit.notices[1][0]
    assert all_lines(open_run(kit.run.path).snapshot()) == expected
    kit.close()
    reader = open_run(kit.run.path)
    assert all_lines(reader.snapshot()) == expected
    assert reader.snapshot().gaps == (gap,)


def test_what_is_lost_with_the_very_last_write_is_on_record(tmp_path: Path) -> None:
    class NoFrames(Disk):
        def writev(self, fd: int, buffers: Sequence[bytes | memoryview]) -> int:
            raise OSError(errno.EIO, "no")

    kit = Kit(tmp_path, disk=NoFrames())
    kit.put([batch_of(b"a", b"b")])
    kit.close()

    snapshot = open_run(kit.run.path).snapshot()
    assert [(gap.first_seq, gap.last_seq, gap.reason) for gap in snapshot.gaps] == [(0, 1, GapReason.DISK)]
    assert snapshot.end_seq == 2


def test_one_notice_for_a_period_of_flapping(tmp_path: Path) -> None:
    disk = FullDisk(0)
    kit = Kit(tmp_path, disk=disk)
    for n in range(10):
        disk.room = 0 if n % 2 else 10_000
        kit.store.append(batch_of(b"%d" % n))
        kit.store.flush()
        kit.clock.advance(0.1)

    assert [bad for _, bad in kit.notices] == [True]
    assert kit.store.stats.lost_lines == 5
    assert len(kit.store.snapshot().gaps) == 5
    kit.close()


def test_a_disk_that_cannot_even_cut_gets_a_new_segment(tmp_path: Path) -> None:
    disk = FullDisk(100, error=errno.EIO)
    disk.truncates = False
    kit = Kit(tmp_path, disk=disk)
    kit.put([batch_of(b"lost" * 50)])
    kit.store.flush()
    disk.room = 1 << 30
    kit.put([batch_of(b"kept")])

    snapshot = kit.flush()

    assert [line.raw for line in all_lines(snapshot)] == [b"kept"]
    assert [view.number for view in snapshot.segments] == [1]
    kit.close()
    assert [line.raw for line in all_lines(open_run(kit.run.path).snapshot())] == [b"kept"]


def test_short_writes_are_finished(tmp_path: Path) -> None:
    kit = Kit(tmp_path, disk=FullDisk(1 << 30, most=7))
    batches = some_batches(20)
    kit.put(batches)

    assert all_lines(kit.flush()) == Oracle.of(batches).lines
    assert all_lines(kit.close()) == Oracle.of(batches).lines
    assert kit.notices == []


def test_a_folder_that_vanished_is_told_and_nothing_is_raised(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    for path in kit.run.path.iterdir():
        path.unlink()
    kit.run.path.rmdir()
    kit.put([batch_of(b"a")])

    snapshot = kit.flush()

    assert [gap.reason for gap in snapshot.gaps] == [GapReason.DISK]
    assert kit.notices[0][1]
    kit.close()


def test_readers_are_told_after_each_write_and_their_faults_stay_theirs(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    seen: list[int] = []

    def broken() -> None:
        raise ValueError("broken")

    stop = kit.store.on_change(lambda: seen.append(kit.store.snapshot().end_seq))
    kit.store.on_change(broken)
    kit.put([batch_of(b"a")])
    kit.flush()
    kit.put([batch_of(b"b")])
    kit.flush()
    stop()
    kit.put([batch_of(b"c")])
    kit.flush()

    assert seen == [1, 2]
    assert kit.store.stats.callback_faults == 3
    kit.close()


def test_an_empty_flush_publishes_nothing(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    before = kit.store.snapshot()

    assert kit.flush() is before
    kit.close()


def test_close_keeps_what_was_accepted_and_refuses_more(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.put([batch_of(b"a")])

    snapshot = kit.close()

    assert [line.raw for line in all_lines(snapshot)] == [b"a"]
    with pytest.raises(SinkError):
        kit.store.append(batch_of(b"b"))
    assert kit.store.close(0)
    info = find_run(tmp_path, "last")
    assert (info.state, info.lines, info.gaps) == ("ended", 1, 0)
    assert info.ended_ns is not None


def test_a_close_that_finds_no_room_on_the_lane_tries_until_its_deadline(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.lane.full = 2

    assert not kit.store.close(0.05)
    kit.settle()
    assert kit.store.close(0)
    kit.lane.full = 1 << 30
    assert kit.store.close(0.02)


def test_close_from_its_own_lane_is_refused(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.lane.is_current = lambda: True  # type: ignore[method-assign]

    with pytest.raises(ThreadError):
        kit.store.close(1)
    kit.lane.is_current = lambda: False  # type: ignore[method-assign]
    kit.close()


def test_timers_after_the_end_of_the_lanes_do_no_harm(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.put([batch_of(b"a")])
    kit.flush()
    kit.close()

    def ended(action: object) -> None:
        raise ThreadError("ended")

    kit.lane.submit = ended  # type: ignore[method-assign]
    kit.clock.advance(5)


def test_data_is_synced_each_second_while_there_is_something_new(tmp_path: Path) -> None:
    class Counting(Disk):
        syncs = 0

        def sync(self, fd: int) -> None:
            Counting.syncs += 1

    kit = Kit(tmp_path, disk=Counting())
    for _ in range(5):
        kit.put([batch_of(b"a")])
        kit.flush()
    for _ in range(12):
        kit.clock.advance(0.1)
        kit.settle()
    assert Counting.syncs == 1
    kit.clock.advance(10)
    kit.settle()
    assert Counting.syncs == 1
    kit.put([batch_of(b"b")])
    kit.flush()
    kit.clock.advance(1.1)
    kit.settle()
    assert Counting.syncs == 2
    kit.close()


def test_keys_beyond_the_memory_limit_stay_on_disk(tmp_path: Path) -> None:
    kit = Kit(tmp_path, replace(SMALL, keys_in_memory=100))
    batches = some_batches(300)
    kit.put(batches)
    snapshot = kit.flush()
    in_memory = [view.backing.keys is not None for view in snapshot.segments]

    assert in_memory[0] is False
    assert in_memory[-1] is True
    oracle = Oracle.of(batches).lines
    assert snapshot.segments[0].keys(0)[0] & 7 == oracle[0].level
    assert snapshot.segments[0].backing.keys is None
    kit.close()


def test_with_real_threads_readers_see_gap_free_windows_while_it_writes(tmp_path: Path) -> None:
    lane, sync, clock = Lane("store"), Lane("sync"), ClockThread()
    clock.start()
    run = create_run(tmp_path, project="p", command="c")
    options = StoreOptions(segment_bytes=60_000, frame_bytes=4096, gather_bytes=8192)
    store = LogStore(run, lane=lane, sync=sync, clock=clock, options=options)
    batches = some_batches(1500)
    oracle = Oracle.of(batches).lines
    done = threading.Event()

    def write() -> None:
        for n, batch in enumerate(batches):
            store.append(batch)
            if n % 50 == 0:
                time.sleep(0.001)
        done.set()

    lane.submit(write)
    last = 0
    while True:
        ended = done.is_set()
        snapshot = store.snapshot()
        assert snapshot.end_seq >= last
        last = snapshot.end_seq
        start = max(0, last - 300)
        assert snapshot.lines(start, last) == oracle[start:last]
        if ended:
            break
    assert store.close(10)
    assert all_lines(store.snapshot()) == oracle
    assert lane.close(5)
    assert sync.close(5)
    assert clock.close(5)
