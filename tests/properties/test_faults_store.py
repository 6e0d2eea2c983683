"""Faults x store: each line that was appended is on disk, whole and in order, or in a gap that says why."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from loguru import logger

from brummer_rx.pipeline.clock import ClockThread
from brummer_rx.pipeline.errors import ConfigError, ThreadError
from brummer_rx.pipeline.event import GapReason, LogBatch
from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.ledger import Ledgers
from brummer_rx.pipeline.stage import BoundedStage
from brummer_rx.pipeline.threads import Lane
from brummer_rx.sinks.store import files
from brummer_rx.sinks.store.ports import StoreOptions
from brummer_rx.sinks.store.reader import open_run
from brummer_rx.sinks.store.runs import create_run, list_runs
from brummer_rx.sinks.store.snapshot import StoreSnapshot
from brummer_rx.sinks.store.store import LogStore
from tests.pipeline.until import until
from tests.proof.faultports import FaultyDisk, FaultyHandler, FaultyThreads, FaultyWall
from tests.proof.faults import (
    FOR_EVER,
    Fails,
    Fault,
    FaultPlan,
    Hangs,
    Injector,
    Jumps,
    NoThread,
    Raises,
    Short,
    Slow,
    plan,
)
from tests.proof.seed import rng
from tests.sinks.storekit import SMALL, HandActions, Kit, batch_of

EIO, ENOSPC, EMFILE, EDQUOT, EINTR = errno.EIO, errno.ENOSPC, errno.EMFILE, errno.EDQUOT, errno.EINTR
FLOODED = StoreOptions(segment_bytes=65536, frame_bytes=4096, gather_bytes=8192, sync_every=0.01)
HOUR = 3600.0
DEADLINE = 10.0


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logger.disable("brummer_rx")
    yield
    logger.enable("brummer_rx")


def batches(count: int, first: int = 0) -> list[LogBatch]:
    """Each line says its own number; three sources."""
    random = rng(f"faults/store/{first}")
    found, n = [], first
    for _ in range(count):
        lines = random.randrange(1, 6)
        raws = [b"%d %s" % (n + k, b"x" * random.randrange(60)) for k in range(lines)]
        found.append(batch_of(*raws, source=f"s{random.randrange(3)}"))
        n += lines
    return found


def judge(snapshot: StoreSnapshot, written: int) -> int:
    """Every number once: as its line, or in a gap. Returns how many are in gaps."""
    lines = {line.seq: line for line in snapshot.lines(0, snapshot.end_seq)}
    lost = [seq for gap in snapshot.gaps if gap.lines for seq in range(gap.first_seq, gap.last_seq + 1)]

    assert snapshot.end_seq == written
    assert len(lost) == len(set(lost)) and not lines.keys() & set(lost)
    assert sorted([*lines, *lost]) == list(range(written))
    assert all(line.text.startswith(f"{seq} ") for seq, line in lines.items())
    return len(lost)


class Load:
    """A store that is written to in three parts: before, during and after the fault."""

    def __init__(self, folder: Path, played: FaultPlan) -> None:
        self.faults = Injector(played)
        self.kit = Kit(folder, disk=FaultyDisk(self.faults))
        self.written = 0

    def write(self, count: int) -> None:
        for batch in batches(count, self.written):
            self.kit.store.append(batch)
            self.written += batch.lines
            self.kit.clock.advance(0.03)
            self.kit.settle()

    def later(self, seconds: float) -> None:
        """Time goes on."""
        for _ in range(round(seconds / 0.1)):
            self.kit.clock.advance(0.1)
            self.kit.settle()

    def close(self) -> StoreSnapshot:
        return self.kit.close()

    def bad_words(self) -> list[str]:
        return [text for text, bad in self.kit.notices if bad]


def each(where: str, *whats: object, **more: object) -> list[FaultPlan]:
    return [plan(Fault(where, what, **more)) for what in whats]  # type: ignore[arg-type]


LOSING = [
    *each("writev", Fails(EIO), Fails(ENOSPC), Fails(EDQUOT), Short(0), first=10, times=5),
    *each("create", Fails(EMFILE), Fails(ENOSPC), first=2, times=3),
    plan(Fault("writev", Short(30), 10), Fault("writev", Fails(ENOSPC), 11), name="writev:torn"),
    plan(
        Fault("writev", Short(30), 10),
        Fault("writev", Fails(ENOSPC), 11),
        Fault("truncate", Fails(EIO)),
        name="writev:torn,truncate:EIO",
    ),
    plan(
        Fault("writev", Fails(ENOSPC), 5, FOR_EVER, 0.3),
        Fault("append", Fails(ENOSPC), 1, 20),
        Fault("replace", Fails(ENOSPC), 1, 20),
        Fault("sync", Fails(ENOSPC), 1, 20),
        name="full-disk",
    ),
    plan(
        Fault("writev", Short(50), 1, FOR_EVER, 0.2),
        Fault("writev", Fails(EIO), 1, FOR_EVER, 0.1),
        Fault("truncate", Fails(EIO), 1, FOR_EVER, 0.3),
        Fault("create", Fails(EMFILE), 1, FOR_EVER, 0.2),
        Fault("append", Short(17), 1, FOR_EVER, 0.3),
        Fault("sync", Fails(EIO), 1, FOR_EVER, 0.3),
        Fault("replace", Fails(EIO), 1, FOR_EVER, 0.3),
        name="all-at-once",
    ),
]
HARMLESS = [
    *each("writev", Short(1), Short(70), times=FOR_EVER, chance=0.5),
    *each("sync", Fails(EIO), Fails(ENOSPC), times=5),
    *each("replace", Fails(EIO), Fails(ENOSPC), times=5),
    *each("truncate", Fails(EIO)),
    *each("append", Fails(EIO)),
]


@pytest.mark.parametrize("played", LOSING, ids=str)
def test_store_disk_refuses(played: FaultPlan, tmp_path: Path) -> None:
    load = Load(tmp_path, played)
    load.write(60)
    load.later(2)
    load.faults.calm()  # ST-4: from here on nothing is lost, and 5 s later nothing waits
    during = load.written
    load.write(20)
    load.later(5)
    kit = load.kit
    waiting = kit.store.snapshot().end_seq
    snapshot = load.close()

    assert load.faults
    assert waiting == load.written
    lost = judge(snapshot, load.written)
    assert kit.store.stats.lost_lines == lost > 0
    assert all(gap.last_seq < during for gap in snapshot.gaps)
    assert {gap.reason for gap in snapshot.gaps} == {GapReason.DISK}
    assert kit.notices[0][1] and "cannot be" in kit.notices[0][0]
    assert any("is written again" in text for text, bad in kit.notices if not bad)

    again = open_run(kit.run.path).snapshot()  # and whoever comes later sees the same
    assert judge(again, load.written) == lost
    assert again.gaps == snapshot.gaps
    assert list_runs(tmp_path)[0].state == "ended"


@pytest.mark.parametrize(
    "played", each("writev", Fails(ENOSPC), Fails(EIO), first=10, times=FOR_EVER), ids=str
)
def test_store_disk_refuses_to_the_very_end(played: FaultPlan, tmp_path: Path) -> None:
    """No write comes after the last one: that its lines are lost is on record all the same."""
    load = Load(tmp_path, played)
    load.write(30)
    for batch in batches(3, load.written):
        load.kit.store.append(batch)
        load.written += batch.lines
    snapshot = load.close()

    lost = judge(snapshot, load.written)
    assert lost == load.kit.store.stats.lost_lines > 0
    assert judge(open_run(load.kit.run.path).snapshot(), load.written) == lost


@pytest.mark.parametrize("played", HARMLESS, ids=str)
def test_store_loses_nothing_by_a_passing_fault(played: FaultPlan, tmp_path: Path) -> None:
    load = Load(tmp_path, played)
    load.write(60)
    load.later(3)
    load.faults.calm()
    load.write(20)
    load.later(5)
    snapshot = load.close()

    where = played.faults[0].where
    assert load.faults or where in ("truncate", "append")  # nothing was cut, no gap was logged
    assert judge(snapshot, load.written) == judge(open_run(load.kit.run.path).snapshot(), load.written) == 0
    assert snapshot.gaps == ()
    assert list_runs(tmp_path)[0].state == "ended"
    said = len(load.bad_words())  # one for each time it began: a sync that works ends a trouble of sealing
    assert said <= load.faults.injected[where] if where in ("sync", "replace") else said == 0


@pytest.mark.parametrize("played", each("sync", Fails(EIO), Fails(ENOSPC)), ids=str)
def test_store_sync_fails_is_told_once_and_the_next_one_is_asked(played: FaultPlan, tmp_path: Path) -> None:
    load = Load(tmp_path, played)
    load.write(5)
    load.later(2)
    load.write(5)
    load.later(2)

    why = os.strerror(played.faults[0].what.number)  # type: ignore[union-attr]
    assert [text for text in load.bad_words() if f"cannot be synced ({why})" in text] == load.bad_words()
    assert len(load.bad_words()) == 1
    assert load.faults.calls["sync"] > 1
    assert judge(load.close(), load.written) == 0


@pytest.mark.parametrize("where", ["sync", "replace", "create", "writev"])
@pytest.mark.parametrize("number", [EIO, ENOSPC], ids=["EIO", "ENOSPC"])
def test_store_seal_fails_and_is_made_up_for(where: str, number: int, tmp_path: Path) -> None:
    """The disk refuses exactly while the sync lane seals (small frames are regrouped into a new file)."""
    load = Load(tmp_path, plan(Fault(where, Fails(number), 1, FOR_EVER)))
    load.faults.pause()
    while load.kit.store.snapshot().sealed.segments == ():
        for batch in batches(1, load.written):
            load.kit.store.append(batch)
            load.written += batch.lines
        load.kit.store.flush()  # nothing settles: the seal waits on the sync lane
        load.kit.lane.run_all()
    load.faults.strike()
    load.kit.settle()
    assert load.faults.injected[where] == 1
    assert not load.kit.run.path.joinpath("00000000.key").exists()
    assert judge(load.kit.store.snapshot(), load.written) == 0

    load.faults.calm()
    load.write(20)
    assert judge(load.close(), load.written) == 0
    assert load.kit.run.path.joinpath("00000000.key").exists()
    assert not list(load.kit.run.path.glob("*.tmp"))
    assert judge(open_run(load.kit.run.path).snapshot(), load.written) == 0


@pytest.mark.parametrize("played", each("pread", Short(10), times=FOR_EVER, chance=0.5), ids=str)
def test_store_read_short(played: FaultPlan, tmp_path: Path) -> None:
    """What cannot be read back now is a gap of this reader; on disk it is whole."""
    load = Load(tmp_path, played)
    load.write(60)
    snapshot = load.kit.store.snapshot()
    seen = snapshot.lines(0, snapshot.end_seq)
    assert load.faults
    assert all(line.text.startswith(f"{line.seq} ") for line in seen)
    assert [line.seq for line in seen] == sorted({line.seq for line in seen})

    load.faults.calm()
    load.write(10)
    load.close()
    assert judge(open_run(load.kit.run.path).snapshot(), load.written) == 0


@pytest.mark.parametrize("played", each("handler", Raises(), times=3), ids=str)
def test_store_handler_raises(played: FaultPlan, tmp_path: Path) -> None:
    load, heard = Load(tmp_path, played), [0]
    load.kit.store.on_change(FaultyHandler(load.faults))
    load.kit.store.on_change(lambda: heard.__setitem__(0, heard[0] + 1))
    load.write(30)

    assert load.kit.store.stats.callback_faults == 3
    assert heard[0] >= load.faults.calls["handler"] > 3
    assert judge(load.close(), load.written) == 0


@pytest.mark.parametrize("which", ["lane", "sync"])
def test_store_queue_full(which: str, tmp_path: Path) -> None:
    """A lane that takes nothing for a while: its actions come again."""
    load = Load(tmp_path, plan(name="none"))
    lane: HandActions = getattr(load.kit, which)
    for _ in range(4):
        lane.full = 7
        load.write(15)
    load.later(1)
    assert lane.full == 0

    assert load.kit.store.snapshot().end_seq == load.written
    snapshot = load.close()
    assert judge(snapshot, load.written) == 0
    assert all(view.backing.key_place is not None for view in snapshot.segments)


@pytest.mark.parametrize(
    "played",
    [
        *each("wall", Jumps(HOUR), Jumps(-HOUR), Jumps(-30 * 24 * HOUR), first=20),
        *each("wall", Jumps(-700.0), Jumps(5000.0), times=FOR_EVER, chance=0.2),
    ],
    ids=str,
)
def test_store_clock_jump(played: FaultPlan, tmp_path: Path) -> None:
    """Times of lines are what the clock said; order and numbers do not depend on them."""
    faults = Injector(played)
    wall = FaultyWall(faults)
    kit = Kit(
        tmp_path,
        StoreOptions(segment_bytes=4096, frame_bytes=512, recent_bytes=1024, max_age=10 * 365 * 24 * HOUR),
    )
    written, times = 0, []
    for batch in batches(80):
        now = wall()
        kit.store.append(batch_of(*batch.data.splitlines(), source=batch.source, time_ns=now))
        times += [now // 1000 * 1000] * batch.lines
        written += batch.lines
        kit.clock.advance(0.03)
        kit.settle()
    snapshot = kit.close()

    assert (faults and times != sorted(times)) or played.faults[0].what.seconds > 0  # type: ignore[union-attr]
    for seen in (snapshot, open_run(kit.run.path).snapshot()):
        assert judge(seen, written) == 0
        assert [line.time_ns for line in seen.lines(0, written)] == times


def test_store_clock_jump_beyond_the_age_evicts_with_a_gap(tmp_path: Path) -> None:
    """A clock that is suddenly a month ahead makes old what is not; what goes is said."""
    kit = Kit(tmp_path, StoreOptions(segment_bytes=4096, frame_bytes=512, max_age=14 * 24 * HOUR))
    written = 0
    for n, batch in enumerate(batches(120)):
        kit.store.append(batch)
        written += batch.lines
        kit.clock.advance(0.03)
        kit.settle()
        if n == 90:
            kit.clock._wall_offset_ns += 30 * 24 * 3600 * 10**9
    snapshot = kit.close()

    lost = judge(snapshot, written)
    assert lost > 0 and {gap.reason for gap in snapshot.gaps} == {GapReason.AGE}
    assert judge(open_run(kit.run.path).snapshot(), written) == lost


@pytest.mark.parametrize("number", [EIO, ENOSPC, EMFILE], ids=["EIO", "ENOSPC", "EMFILE"])
def test_store_run_that_cannot_be_made(number: int, tmp_path: Path) -> None:
    disk = FaultyDisk(Injector(plan(Fault("replace", Fails(number)))))
    with pytest.raises(ConfigError, match="cannot be written"):
        create_run(tmp_path, project="p", command="c", disk=disk)
    assert list(tmp_path.iterdir()) == []
    create_run(tmp_path, project="p", command="c", disk=disk).release()


# --- with threads -----------------------------------------------------------------------------------------


class Threads:
    """A stage, the store behind it on its lane, the sync lane."""

    def __init__(self, folder: Path, played: FaultPlan, options: StoreOptions = SMALL) -> None:
        self.faults = Injector(played)
        start = FaultyThreads(self.faults)
        self.lane, self.sync = Lane("store", start_thread=start), Lane("sync", start_thread=start)
        self.clock, self.gate, self.ledgers = ClockThread(), Gate(), Ledgers()
        self.clock.start()
        self.notices: list[tuple[str, bool]] = []
        self.run = create_run(folder, project="p", command="c")
        self.store = LogStore(
            self.run,
            lane=self.lane,
            sync=self.sync,
            clock=self.clock,
            options=options,
            on_notice=lambda text, bad: self.notices.append((text, bad)),
            disk=FaultyDisk(self.faults),
        )
        self.stage: BoundedStage[LogBatch] = BoundedStage(
            self.lane,
            name="store",
            capacity=16,
            joins=self.gate,
            ledgers=self.ledgers,
        )
        self.ends: list[object] = []
        self.stage.output.subscribe(
            self.store.append, self.ends.append, lambda: self.ends.append("completed")
        )
        self.written = 0

    def feed(self, count: int) -> threading.Thread:
        def body() -> None:
            for batch in batches(count):
                self.stage.offer(batch)
                self.written += batch.lines
            self.stage.complete()

        thread = threading.Thread(target=body)
        thread.start()
        return thread

    def stands(self) -> bool:
        """The stage is so full that its producer waits (until a quarter is free)."""
        return self.stage.ledger().queued > 12

    def close(self) -> None:
        self.faults.calm()
        assert self.lane.close(DEADLINE) and self.sync.close(DEADLINE) and self.clock.close(DEADLINE)
        assert all(ledger.closes and ledger.queued == 0 for ledger in self.ledgers.snapshot())
        self.run.release()


@pytest.mark.parametrize(
    "played",
    [
        *each("writev", Hangs(), first=3),
        *each("writev", Slow(0.01), first=1, times=20),
        *each("sync", Hangs(), first=1),
        *each("sync", Slow(0.05), first=1, times=5),
        plan(
            Fault("writev", Fails(ENOSPC), 2, FOR_EVER, 0.2),
            Fault("writev", Short(40), 2, FOR_EVER, 0.2),
            name="flood",
        ),
    ],
    ids=str,
)
def test_store_disk_hangs_is_slow_or_fails_under_a_flood(played: FaultPlan, tmp_path: Path) -> None:
    run = Threads(tmp_path, played, FLOODED)
    feeder = run.feed(1500)
    hangs = played.faults[0].what == Hangs()
    if hangs:
        assert run.faults.hanging.wait(DEADLINE)
    if hangs and played.faults[0].where == "writev":
        until(run.stands, DEADLINE)  # what comes before it waits, nothing piles up
        assert run.stage.ledger().high_water <= 16
        assert not run.store.close(0.05)  # nor does the end wait for it
        run.faults.release()
        feeder.join(DEADLINE)
        until(lambda: bool(run.ends), DEADLINE)  # after the close what comes is refused: the stage books it
        ledger = run.stage.ledger()
        assert ledger.closes and ledger.offered == 1500 and ledger.queued == 0
        assert run.store.close(5)
        judge(run.store.snapshot(), run.store.stats.lines)
        run.close()
        return
    feeder.join(DEADLINE)
    until(lambda: run.ends == ["completed"], DEADLINE)
    run.faults.release()
    assert run.store.close(5)

    lost = judge(run.store.snapshot(), run.written)
    assert run.faults and (lost > 0) == (played.name == "flood")
    assert judge(open_run(run.run.path).snapshot(), run.written) == lost == run.store.stats.lost_lines
    run.close()


@pytest.mark.parametrize("played", each("writev", Hangs(), first=3), ids=str)
def test_store_disk_that_hung_goes_on(played: FaultPlan, tmp_path: Path) -> None:
    run = Threads(tmp_path, played)
    feeder = run.feed(300)
    assert run.faults.hanging.wait(DEADLINE)
    until(run.stands, DEADLINE)
    run.faults.release()
    feeder.join(DEADLINE)
    until(lambda: run.ends == ["completed"], 5)
    assert run.store.close(5)
    assert judge(run.store.snapshot(), run.written) == 0
    run.close()


@pytest.mark.parametrize("name", ["store", "sync"])
def test_store_thread_start_failure(name: str, tmp_path: Path) -> None:
    """A lane without a thread is told at once, to whoever gave it something to do."""
    played = plan(Fault(f"thread.{name}", NoThread()))
    if name == "sync":
        with pytest.raises(ThreadError, match="sync could not start a thread"):
            Threads(tmp_path, played)
        return
    run = Threads(tmp_path, played)
    run.feed(300).join(DEADLINE)
    assert [type(end) for end in run.ends] == [ThreadError]
    ledger = run.stage.ledger()
    assert (ledger.delivered, ledger.discarded, ledger.ended) == (0, 300, True)
    assert run.store.close(5)  # there are threads again
    assert judge(run.store.snapshot(), 0) == 0
    run.close()


def test_the_real_disk_does_what_the_faulty_one_wraps(tmp_path: Path) -> None:
    """A faulty disk without a plan is a disk: same file, same bytes."""
    checks: list[Callable[[files.Disk, Path], bytes]] = [_exercise, _exercise]
    disks = (files.Disk(), FaultyDisk(Injector(plan(name="none"))))
    seen = [check(disk, tmp_path / str(n)) for n, (check, disk) in enumerate(zip(checks, disks, strict=True))]

    assert seen[0] == seen[1]


def _exercise(disk: files.Disk, path: Path) -> bytes:
    file = disk.create(path)
    assert disk.writev(file.fd, [b"abc", b"defgh"]) == 8
    disk.truncate(file.fd, 5)
    disk.sync(file.fd)
    assert disk.writev(file.fd, [b"X"]) == 1
    disk.append(path, b"end", sync=True)
    assert not disk.removed(file.fd)
    with pytest.raises(FileExistsError):
        disk.create(path)
    told = file.read(0, 100) + b"%d" % file.size()
    disk.replace(path, b"new", sync=False)
    assert disk.removed(file.fd)
    return told + path.read_bytes()
