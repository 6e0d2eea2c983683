"""The sync lane's work when the disk refuses, and at the end."""

from __future__ import annotations

from pathlib import Path

from brummer_rx.pipeline.errors import ThreadError
from brummer_rx.sinks.store.files import Disk
from brummer_rx.sinks.store.manifest import read_manifest
from brummer_rx.sinks.store.reader import open_run
from tests.sinks.storekit import Kit, Oracle, all_lines, batch_of, some_batches


class Moody(Disk):
    """Refuses syncs and key files while `bad`."""

    bad = False

    def sync(self, fd: int) -> None:
        if self.bad:
            raise OSError(5, "Input/output error")
        super().sync(fd)


def test_a_refused_sync_is_told_once_until_it_works_again(tmp_path: Path) -> None:
    disk = Moody()
    kit = Kit(tmp_path, disk=disk)
    for bad in (True, True, False, True):
        disk.bad = bad
        kit.put([batch_of(b"x")])
        kit.flush()
        kit.clock.advance(1.5)
        kit.settle()

    assert [text.split(":")[0] for text, _ in kit.notices] == [
        "the log cannot be synced (Input/output error)"
    ] * 2
    disk.bad = False
    kit.close()


def test_a_refused_seal_is_made_up_for_with_the_next(tmp_path: Path) -> None:
    disk = Moody()
    kit = Kit(tmp_path, disk=disk)
    batches = some_batches(200)
    disk.bad = True
    kit.put(batches[:100])
    kit.flush()
    assert not list(kit.run.path.glob("*.key"))
    disk.bad = False
    kit.put(batches[100:])
    snapshot = kit.flush()

    assert len(list(kit.run.path.glob("*.key"))) == len(snapshot.sealed.segments)
    assert all(view.backing.file is None for view in snapshot.sealed.segments)
    assert all_lines(snapshot) == Oracle.of(batches).lines
    kit.close()


def test_the_end_is_written_to_the_manifest_and_the_lock_is_free(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.put(some_batches(50))
    snapshot = kit.close()

    manifest = read_manifest(kit.run.path)
    assert manifest.ended_ns == kit.clock.time_ns()
    assert manifest.totals is not None
    assert manifest.totals.lines == snapshot.end_seq
    assert manifest.sources == snapshot.sources
    assert not open_run(kit.run.path).live


def test_an_end_that_cannot_be_written_still_gives_the_lock_back(tmp_path: Path) -> None:
    class Refusing(Disk):
        def replace(self, path: Path, data: bytes, *, sync: bool) -> None:
            raise OSError(28, "full")

    kit = Kit(tmp_path)
    kit.run.manifest._disk = Refusing()
    kit.put([batch_of(b"x")])
    kit.close()

    assert [line.raw for line in all_lines(open_run(kit.run.path).snapshot())] == [b"x"]
    assert kit.notices[-1][0].startswith("the log cannot be ended")


def test_results_for_a_store_lane_that_has_ended_do_no_harm(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.put(some_batches(100))
    kit.store.flush()

    def ended(action: object) -> None:
        raise ThreadError("ended")

    kit.lane.submit = ended  # type: ignore[method-assign]
    kit.sync.run_all()

    assert list(kit.run.path.glob("*.key"))
    kit.run.release()


def test_files_that_somebody_removed_are_missed_at_once(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.put([batch_of(b"x")])
    kit.flush()
    for path in kit.run.path.glob("*.seg"):
        path.unlink()
    for _ in range(2):
        kit.clock.advance(1.5)
        kit.settle()
        kit.put([batch_of(b"y")])
        kit.flush()
    kit.clock.advance(1.5)
    kit.settle()

    assert [text.split(":")[0] for text, _ in kit.notices] == [
        "the log cannot be kept (its files were removed)"
    ]
    kit.close()
