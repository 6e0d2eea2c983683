"""Repair: kill -9, torn tails, flipped bytes, lost files. Never an exception, never a wrong line."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from brummer_rx.pipeline.event import GapReason
from brummer_rx.pipeline.reader import Line
from brummer_rx.sinks.store.files import Disk
from brummer_rx.sinks.store.format import HEADER_SIZE, decode_header
from brummer_rx.sinks.store.gaplog import GAPS_LOG
from brummer_rx.sinks.store.manifest import MANIFEST
from brummer_rx.sinks.store.reader import open_run
from brummer_rx.sinks.store.recover import needs_repair, repair
from brummer_rx.sinks.store.runs import find_run, list_runs
from tests.sinks.storekit import Kit, Oracle, all_lines, some_batches

WRITER = """
import sys, threading
from pathlib import Path
from brummer_rx.pipeline.clock import ClockThread
from brummer_rx.pipeline.event import LogBatch, Stream
from brummer_rx.pipeline.threads import Lane
from brummer_rx.sinks.store.runs import create_run
from brummer_rx.sinks.store.store import LogStore, StoreOptions
lane, sync, clock = Lane("store"), Lane("sync"), ClockThread()
clock.start()
run = create_run(Path(sys.argv[1]), project="p", command="c")
options = StoreOptions(segment_bytes=300_000, frame_bytes=16_384, gather_bytes=65_536)
store = LogStore(run, lane=lane, sync=sync, clock=clock, options=options)
store.on_change(lambda: print(store.snapshot().end_seq, flush=True))
rounds = int(sys.argv[2])
number = 0
def work():
    global number
    for _ in range(20):
        count = 1 + number * 7 % 90
        data = b"".join(b"%d some words of a line\\n" % n for n in range(number, number + count))
        source = "s%d" % (number % 3)
        store.append(LogBatch(source, Stream.OUT, number, count, 1_700_000_000_000_000_000, data))
        number += count
for _ in range(rounds):
    done = threading.Event()
    lane.submit(lambda: (work(), done.set()))
    done.wait()
store.close(10)
"""


def check(lines: list[Line]) -> None:
    assert [line.raw for line in lines] == [b"%d some words of a line" % line.seq for line in lines]


@pytest.mark.parametrize("seed", range(5))
def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path, seed: int) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path), "100000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(random.Random(seed).random() * 0.3)
        child.send_signal(signal.SIGKILL)
        written = child.stdout.read().split(b"\n")
    acknowledged = int(written[-2]) if len(written) > 1 else 0  # the last complete line
    info = find_run(tmp_path, "last")
    assert info.state == "died"

    with open_run(info.path) as reader:
        snapshot = reader.snapshot()
        lines = all_lines(snapshot)
        check(lines)
        assert len(lines) == snapshot.end_seq >= acknowledged
        assert snapshot.gaps == ()
        assert reader.verify() == 0
    assert not needs_repair(info.path)
    after = find_run(tmp_path, "last")
    assert (after.state, after.lines) == ("died", len(lines))
    assert all_lines(open_run(info.path).snapshot()) == lines


class Died:
    """A run as a kill leaves it: sealed segments and an unsealed one."""

    def __init__(self, folder: Path) -> None:
        kit = Kit(folder)
        self.batches = some_batches(160)
        kit.put(self.batches)
        kit.flush()
        kit.run.release()
        self.path = kit.run.path
        self.lines = Oracle.of(self.batches).lines
        self.newest = max(self.path.glob("*.seg"))

    def copy(self, folder: Path) -> Path:
        target = folder / self.path.name
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(self.path, target)
        return target


@pytest.fixture(scope="module")
def died(tmp_path_factory: pytest.TempPathFactory) -> Died:
    return Died(tmp_path_factory.mktemp("died"))


def read_all(path: Path) -> tuple[list[Line], set[int], int]:
    """Lines, the seqs that gaps tell of, and the end."""
    with open_run(path) as reader:
        reader.verify()
        snapshot = reader.snapshot()
        lines = all_lines(snapshot)
        lost = {seq for gap in snapshot.gaps for seq in range(gap.first_seq, gap.last_seq + 1)}
        return lines, lost, snapshot.end_seq


def damage(path: Path, rng: random.Random) -> str:
    """Hurt one file somehow."""
    kind = rng.choice(["cut", "tail", "flip", "flip", "zero", "lose", "manifest"])
    file = rng.choice(sorted([*path.glob("*.seg"), *path.glob("*.key")]))
    data = bytearray(file.read_bytes())
    at = rng.randrange(len(data))
    if kind == "cut":
        os.truncate(file, at)
    elif kind == "tail":
        file.write_bytes(data + rng.randbytes(rng.randrange(1, 3000)))
    elif kind == "flip":
        for _ in range(rng.randrange(1, 4)):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        file.write_bytes(data)
    elif kind == "zero":
        end = min(len(data), at + rng.randrange(1, 2000))
        file.write_bytes(data[:at] + bytes(end - at) + data[end:])
    elif kind == "lose":
        file.unlink()
    else:
        (path / MANIFEST).write_bytes(rng.randbytes(100))
    return f"{kind} {file.name} {at}"


@pytest.mark.parametrize("seed", range(100))
def test_damage_costs_only_what_it_hit(died: Died, tmp_path: Path, seed: int) -> None:
    path = died.copy(tmp_path)
    what = damage(path, random.Random(seed))
    sizes = {file.name: file.stat().st_size for file in path.glob("*.seg") if key_of(file).exists()}

    lines, lost, end = read_all(path)

    truth = {(line.seq, line.raw, line.level, line.time_ns) for line in died.lines}
    assert {(line.seq, line.raw, line.level, line.time_ns) for line in lines} <= truth, what
    seqs = [line.seq for line in lines]
    assert sorted(set(seqs)) == seqs
    assert not lost & set(seqs), what
    assert set(range(end)) == lost | set(seqs), what  # everything up to the end is there or told
    assert len(lines) > len(died.lines) / 3, what
    for name, size in sizes.items():
        assert (path / name).stat().st_size == size, f"a sealed segment was cut: {what}"
    again = read_all(path)
    assert again[0] == lines
    assert again[1:] == (lost, end)
    list_runs(path.parent)


def key_of(segment: Path) -> Path:
    return segment.with_suffix(".key")


def test_a_torn_tail_is_cut_off_and_the_run_sealed(died: Died, tmp_path: Path) -> None:
    path = died.copy(tmp_path)
    newest = path / died.newest.name
    whole = newest.read_bytes()
    newest.write_bytes(whole + whole[:100])
    assert needs_repair(path)

    assert read_all(path) == (died.lines, set(), len(died.lines))

    assert newest.read_bytes() == whole
    assert key_of(newest).exists()
    assert not needs_repair(path)


def test_a_segment_that_was_just_begun_is_repaired_once(died: Died, tmp_path: Path) -> None:
    for cut in (0, 50):
        path = died.copy(tmp_path / str(cut))
        begun = path / f"{int(died.newest.stem) + 1:08d}.seg"
        begun.write_bytes(died.newest.read_bytes()[:cut])
        with open_run(path) as reader:
            assert all_lines(reader.snapshot()) == died.lines
            assert reader.snapshot().gaps == ()
        assert not needs_repair(path)
        assert not begun.exists()


def test_a_segment_without_a_readable_line_is_put_aside_and_told_once(died: Died, tmp_path: Path) -> None:
    path = died.copy(tmp_path)
    whole = died.newest.read_bytes()
    header = decode_header(whole[:HEADER_SIZE])
    assert header is not None
    broken = bytearray(whole[: header.size])
    broken[-3] ^= 1
    (path / died.newest.name).write_bytes(broken)
    sizes = set()
    for _ in range(3):
        with open_run(path) as reader:
            assert all_lines(reader.snapshot()) == died.lines[: header.first_seq]
            (gap,) = reader.snapshot().gaps
        assert (gap.reason, gap.first_seq, gap.last_seq) == (
            GapReason.DAMAGE,
            header.first_seq,
            header.end_seq - 1,
        )
        sizes.add((path / GAPS_LOG).stat().st_size)
    assert len(sizes) == 1
    assert not needs_repair(path)
    assert (path / died.newest.name).with_suffix(".damaged").read_bytes() == broken


def test_without_repair_the_reader_sees_the_same(died: Died, tmp_path: Path) -> None:
    path = died.copy(tmp_path)
    newest = path / died.newest.name
    newest.write_bytes(newest.read_bytes() + b"BRXF garbage")
    names = sorted(file.name for file in path.iterdir())

    with open_run(path, mend=False) as reader:
        assert all_lines(reader.snapshot()) == died.lines

    assert sorted(file.name for file in path.iterdir()) == names


def test_a_damaged_last_frame_is_told_also_after_the_repair(died: Died, tmp_path: Path) -> None:
    path = died.copy(tmp_path)
    newest = path / died.newest.name
    data = bytearray(newest.read_bytes())
    data[-1] ^= 1
    newest.write_bytes(data)

    for _ in range(3):
        lines, lost, end = read_all(path)
        assert end == len(died.lines)
        assert lost == set(range(len(lines), end))
        assert lines == died.lines[: len(lines)]


def test_a_newer_frame_among_old_ones_is_a_gap(died: Died, tmp_path: Path) -> None:
    from brummer_rx.sinks.store.format import decode_header, encode_header

    path = died.copy(tmp_path)
    newest = path / died.newest.name
    data = newest.read_bytes()
    header = decode_header(data)
    assert header is not None
    newest.write_bytes(encode_header(header._replace(version=2)) + data[64:])

    lines, lost, end = read_all(path)

    assert lost == set(range(header.first_seq, header.end_seq))
    assert lines == [line for line in died.lines if line.seq not in lost]
    assert end == len(died.lines)


def test_missing_key_files_are_rebuilt(died: Died, tmp_path: Path) -> None:
    path = died.copy(tmp_path)
    keys = {key.name for key in path.glob("*.key")} | {key_of(died.newest).name}
    for key in path.glob("*.key"):
        key.unlink()
    (path / "00000000.seg.tmp").write_bytes(b"half")

    assert read_all(path)[0] == died.lines

    assert {key.name for key in path.glob("*.key")} == keys
    assert read_all(path)[0] == died.lines
    assert not list(path.glob("*.tmp"))


def test_a_segment_that_vanished_is_a_gap(died: Died, tmp_path: Path) -> None:
    path = died.copy(tmp_path)
    (path / "00000001.seg").unlink()

    with open_run(path) as reader:
        (gap,) = reader.snapshot().gaps
        assert gap.reason is GapReason.DAMAGE
        left = [line for line in died.lines if not gap.first_seq <= line.seq <= gap.last_seq]
        assert all_lines(reader.snapshot()) == left


def test_a_live_run_is_not_repaired(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.put(some_batches(20))
    kit.flush()
    (kit.run.path / "x.tmp").touch()

    assert not repair(kit.run.path)
    assert (kit.run.path / "x.tmp").exists()
    kit.close()


def test_a_disk_that_refuses_the_repair_is_no_reason_not_to_read(died: Died, tmp_path: Path) -> None:
    class Refusing(Disk):
        def replace(self, path: Path, data: bytes, *, sync: bool) -> None:
            raise OSError(30, "Read-only file system")

    path = died.copy(tmp_path)

    assert not repair(path, Refusing())
    assert all_lines(open_run(path, mend=False).snapshot()) == died.lines


def test_nothing_there_needs_no_repair(tmp_path: Path) -> None:
    assert not needs_repair(tmp_path / "none")
    assert not needs_repair(tmp_path)
