"""Filters over key bytes."""

from __future__ import annotations

from pathlib import Path

from brummer_rx.pipeline.event import Level
from brummer_rx.pipeline.reader import LineFilter
from brummer_rx.sinks.store.format import key_of
from brummer_rx.sinks.store.keymask import compile_rule, frame_mask, mask, matching
from tests.sinks.storekit import Kit, batch_of

NAMES = tuple(f"n{i}" for i in range(40))


def test_a_rule_answers_per_key() -> None:
    rule = compile_rule(LineFilter(frozenset({"n2", "n35", "nobody"}), Level.WARN), NAMES)

    assert rule.table[key_of(2, Level.WARN)] == 1
    assert rule.table[key_of(2, Level.INFO)] == 0
    assert rule.table[key_of(3, Level.FATAL)] == 0
    assert rule.table[key_of(35, Level.FATAL)] == 2
    assert rule.table[key_of(2, 7)] == 0
    assert rule.admits(35, Level.FATAL)
    assert not rule.admits(34, Level.FATAL)
    assert not rule.admits(35, 7)
    assert not rule.everything


def test_no_filter_is_everything_but_unreadable_keys() -> None:
    rule = compile_rule(LineFilter(), NAMES)

    assert rule.everything
    assert rule.table.count(1) == 32 * 6
    assert rule.table[key_of(39, 7)] == 0


def test_run_tables_settle_sources_in_slot_31(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.put([batch_of(b"a", b"b", source=name, levels=[4, 2]) for name in NAMES])
    snapshot = kit.flush()
    live = snapshot.segments[-1]
    rule = compile_rule(LineFilter(frozenset({"n1", "n33", "n39"}), Level.WARN), snapshot.sources)

    marks = b"".join(mask(view, rule, 0, view.lines) for view in snapshot.segments)

    assert [n for n, mark in enumerate(marks) if mark] == [2, 66, 78]
    assert sum(matching(view, rule) for view in snapshot.segments) == 3
    assert b"".join(frame_mask(live, n, rule) for n in range(len(live.frames))) == marks[-live.lines :]
    assert marks[60:70] == b"".join(mask(view, rule, 0, view.lines) for view in snapshot.segments)[60:70]
    kit.close()


def test_a_run_table_that_cannot_be_read_matches_nothing(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.put([batch_of(b"a", source=name) for name in NAMES])
    snapshot = kit.close()
    rule = compile_rule(LineFilter(frozenset({"n33", "n2"})), snapshot.sources)
    for view in snapshot.segments:
        data = bytearray(view.path.read_bytes())
        for row in view.frames:
            data[row.runs_offset + 4] ^= 0xFF
        view.path.write_bytes(data)

    marks = b"".join(mask(view, rule, 0, view.lines) for view in snapshot.segments)

    assert [n for n, mark in enumerate(marks) if mark] == [2]
