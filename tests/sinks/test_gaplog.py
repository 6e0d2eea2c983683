"""The writer's gaps."""

from __future__ import annotations

import errno
from pathlib import Path

from brummer_rx.pipeline.event import Gap, GapReason
from brummer_rx.sinks.store.files import Disk
from brummer_rx.sinks.store.gaplog import GAPS_LOG, GapLog, LostLines
from brummer_rx.sinks.store.gaps import RECORD_SIZE, decode_gaps


class Refusing(Disk):
    refuses = True

    def append(self, path: Path, data: bytes, *, sync: bool) -> None:
        if self.refuses:
            raise OSError(errno.ENOSPC, "full")
        super().append(path, data, sync=sync)


def lost(first: int, lines: int, source: str = "a", reason: GapReason = GapReason.DISK) -> LostLines:
    return LostLines(
        Gap(source, lines, lines * 10, reason, first, first + lines - 1), frozenset({ord(source) - 97}), 2, 0
    )


def test_a_gap_is_known_at_once_and_logged_when_the_disk_takes_it(tmp_path: Path) -> None:
    disk = Refusing()
    log = GapLog(tmp_path, disk, 0)
    log.add(lost(0, 5))
    log.log()
    assert log.gaps == (lost(0, 5).gap,)
    assert not (tmp_path / GAPS_LOG).exists()

    disk.refuses = False
    log.log()
    log.log()

    assert decode_gaps((tmp_path / GAPS_LOG).read_bytes(), ["a"]) == [lost(0, 5).gap]
    assert log.gaps == (lost(0, 5).gap,)


def test_waiting_neighbours_are_one_gap_of_nobody_when_sources_differ(tmp_path: Path) -> None:
    log = GapLog(tmp_path, Disk(), 0)
    for n in range(1000):
        log.add(lost(n, 1, "ab"[n % 2]))
    log.add(lost(1000, 2, "a", GapReason.CUT))
    log.log()

    assert log.gaps == (
        Gap("", 1000, 10_000, GapReason.DISK, 0, 999),
        Gap("a", 2, 20, GapReason.CUT, 1000, 1001),
    )
    assert (tmp_path / GAPS_LOG).stat().st_size == 2 * RECORD_SIZE


def test_gaps_of_others_join_in(tmp_path: Path) -> None:
    log = GapLog(tmp_path, Disk(), 0)
    log.add(lost(50, 1))
    log.know([Gap("", 5, 50, GapReason.BUDGET, 0, 4)])
    log.know([Gap("", 5, 50, GapReason.BUDGET, 5, 9)])

    assert log.gaps == (Gap("", 10, 100, GapReason.BUDGET, 0, 9), lost(50, 1).gap)
