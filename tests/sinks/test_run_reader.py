"""Reading a run from outside its process."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from brummer_rx.pipeline.errors import NotFoundError
from brummer_rx.pipeline.event import Gap, GapReason, Level
from brummer_rx.pipeline.reader import LineFilter
from brummer_rx.sinks.store import reader as reader_module
from brummer_rx.sinks.store.manifest import MANIFEST
from brummer_rx.sinks.store.reader import RunReader, open_run
from tests.sinks.storekit import SMALL, Kit, Oracle, all_lines, batch_of, some_batches
from tests.sinks.test_recover import WRITER, check


def test_a_follower_sees_each_write_once_over_seals_and_evictions(tmp_path: Path) -> None:
    kit = Kit(tmp_path, replace(SMALL, max_bytes=30_000))
    batches = some_batches(800)
    oracle = Oracle.of(batches).lines
    reader = open_run(kit.run.path)
    assert reader.live
    assert not reader.refresh()
    told: list[int] = []
    stop = reader.on_change(lambda: told.append(reader.snapshot().end_seq))
    seen = []
    for n, batch in enumerate(batches):
        kit.store.append(batch)
        if n % 7 == 0:
            kit.store.flush()
        if n % 31 == 0:
            kit.settle()
        if n % 3 == 0:
            before = reader.snapshot()
            changed = reader.refresh()
            after = reader.snapshot()
            assert changed == (after is not before)
            seen += after.lines(before.end_seq, after.end_seq)
            assert after.end_seq == kit.store.snapshot().end_seq
            assert after.sources == kit.store.snapshot().sources
    kit.settle()
    before = reader.snapshot()
    kit.close()
    assert reader.refresh()
    after = reader.snapshot()
    seen += after.lines(before.end_seq, after.end_seq)
    assert seen == oracle
    assert not reader.live
    assert not reader.refresh()
    assert after.gaps == kit.store.snapshot().gaps
    assert after.first_seq == kit.store.snapshot().first_seq > 0
    assert all_lines(after) == all_lines(kit.store.snapshot())
    assert told[-1] == after.end_seq
    assert sorted(set(told)) == sorted(told) or len(told) > 10
    stop()
    reader.close()


def test_gaps_appear_while_it_follows(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.put([batch_of(b"a")])
    kit.flush()
    with open_run(kit.run.path) as reader:
        gap = Gap("web", 5, 50, GapReason.OVERFLOW, -1, -1)
        kit.store.append(gap)
        kit.flush()
        assert reader.refresh()
        assert reader.snapshot().gaps == (replace(gap, first_seq=1, last_seq=5),)
        assert reader.snapshot().end_seq == 6
        kit.put([batch_of(b"b")])
        kit.flush()
        reader.refresh()
        assert [line.seq for line in all_lines(reader.snapshot())] == [0, 6]
    kit.close()


def test_a_half_written_frame_is_waited_for(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.put([batch_of(b"a")])
    view = kit.flush().segments[0]
    whole = view.path.read_bytes()
    kit.put([batch_of(b"b")])
    kit.store.flush()
    complete = view.path.read_bytes()
    view.path.write_bytes(whole)
    with open_run(kit.run.path) as reader:
        for length in range(len(whole), len(complete)):
            view.path.write_bytes(complete[:length])
            reader.refresh()
            assert reader.snapshot().end_seq == 1
        view.path.write_bytes(complete)
        reader.refresh()
        assert reader.snapshot().end_seq == 2
    kit.run.release()


def test_a_writer_that_dies_is_noticed(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.put(some_batches(10))
    kit.flush()
    with open_run(kit.run.path) as reader:
        kit.run.release()
        assert reader.refresh()
        assert not reader.live
        assert all_lines(reader.snapshot()) == all_lines(kit.store.snapshot())


def test_an_unsealed_segment_is_swapped_for_its_sealed_form(tmp_path: Path) -> None:
    kit = Kit(tmp_path, replace(SMALL, segment_bytes=6000, frame_bytes=4000))
    batches = some_batches(100, lines=1)
    for batch in batches:
        kit.store.append(batch)
        kit.store.flush()
    with open_run(kit.run.path) as reader:
        before = reader.snapshot()
        assert any(view.backing.file for view in before.sealed.segments)
        kit.settle()
        assert reader.refresh()
        after = reader.snapshot()
        assert not any(view.backing.file for view in after.sealed.segments)
        assert all_lines(before) == all_lines(after) == Oracle.of(batches).lines
    kit.close()


def test_names_that_the_manifest_learns_later(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.put([batch_of(b"a", source="one")])
    kit.flush()
    with open_run(kit.run.path) as reader:
        assert reader.manifest.sources == ("one",)
        kit.put([batch_of(b"b", source="two", levels=[4])])
        kit.flush()
        reader.refresh()
        assert reader.snapshot().source_counts() == {"one": 1, "two": 1}
        assert reader.snapshot().count(LineFilter(min_level=Level.ERROR)) == 1
    (kit.run.path / MANIFEST).unlink()
    assert [line.source for line in all_lines(open_run(kit.run.path).snapshot())] == ["source-0", "source-1"]
    kit.close()


def test_key_bytes_of_old_lines_stay_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kit = Kit(tmp_path)
    kit.put(some_batches(300))
    kit.close()
    monkeypatch.setattr(reader_module, "StoreOptions", lambda: replace(SMALL, keys_in_memory=200))
    snapshot = open_run(kit.run.path).snapshot()
    warn = LineFilter(min_level=Level.WARN)
    end = snapshot.end_seq
    assert snapshot.select(warn, 0, end, end) == kit.store.snapshot().select(warn, 0, end, end)

    kept = [view.backing.keys is not None for view in snapshot.segments]
    assert kept[0] is False
    assert kept[-1] is True


def test_no_run_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="none"):
        open_run(tmp_path / "none")


def test_an_empty_run_is_empty(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    reader = RunReader(kit.run.path)
    assert (reader.snapshot().end_seq, reader.snapshot().segments) == (0, ())
    kit.close()
    reader.refresh()
    assert all_lines(reader.snapshot()) == []


def test_it_follows_a_flooding_process_to_its_end(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path), "100"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        (path,) = tmp_path.iterdir()
        last = 0
        deadline = time.monotonic() + 60
        with open_run(path) as reader:
            while reader.live and time.monotonic() < deadline:
                snapshot = reader.snapshot()
                check(snapshot.lines(last, snapshot.end_seq))
                assert snapshot.gaps == ()
                last = snapshot.end_seq
                reader.refresh()
            snapshot = reader.snapshot()
            check(all_lines(snapshot))
            assert not reader.live
        final = [int(text) for text in child.stdout.read().split()][-1]
    assert len(all_lines(snapshot)) == snapshot.end_seq == final


def test_what_a_writer_leaves_as_it_ends_is_read_by_the_look_that_hears_of_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit = Kit(tmp_path)
    kit.put(some_batches(3))
    kit.flush()
    reader = open_run(kit.run.path)
    reader.refresh()
    real = reader_module.is_live

    def ends_just_then(path: Path) -> bool:
        monkeypatch.setattr(reader_module, "is_live", real)
        kit.store.append(batch_of(b"the last line", source="late"))
        kit.store.append(Gap("late", 3, 30, GapReason.CUT, -1, -1))
        kit.close()
        return real(path)

    monkeypatch.setattr(reader_module, "is_live", ends_just_then)
    while reader.refresh():
        pass

    assert not reader.live
    assert reader.manifest.ended_ns is not None
    assert "late" in reader.snapshot().sources
    assert [gap.reason for gap in reader.snapshot().gaps] == [GapReason.CUT]
