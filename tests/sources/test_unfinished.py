"""Unfinished lines in virtual time: shown after 50 ms, a piece after 1 s of silence."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from loguru import logger

from brummer_rx.pipeline.event import BatchFlag, Stream
from brummer_rx.sources.child import Child, ChildHandle
from brummer_rx.sources.lines import Cut
from brummer_rx.sources.pipes import IngestOptions, Pipe, Running
from brummer_rx.sources.unfinished import NEVER, Unfinished


class Fixture:
    def __init__(self) -> None:
        self.options = IngestOptions()
        self.lines = Unfinished(self.options)
        self.changes = 0
        self.stop = self.lines.on_change(self._changed)
        self.handle = ChildHandle(os.getpid())
        self.null = os.open(os.devnull, os.O_RDONLY)

    def _changed(self) -> None:
        self.changes += 1

    def pipe(self, name: str) -> Pipe:
        child = Child(name, 1, 1, {}, "r", self.handle)
        return Pipe(Running(child), Stream.OUT, self.null, self.options)

    def read(self, pipe: Pipe, data: bytes, now: float) -> None:
        pipe.read_ns = int(now * 1e9)
        self.lines.note(pipe, now, fresh=bool(pipe.cutter.feed(data)))

    def shown(self) -> list[tuple[str, bytes]]:
        return [(t.source, t.data) for t in self.lines.tails]

    def close(self) -> None:
        self.handle.close_pidfd()
        os.close(self.null)


@pytest.fixture
def it() -> Iterator[Fixture]:
    made = Fixture()
    yield made
    made.close()


def test_nothing_is_due_without_unfinished_lines(it: Fixture) -> None:
    it.read(it.pipe("a"), b"whole\n", 0)

    assert it.lines.due == NEVER
    assert it.lines.tick(1e9) == []


def test_shown_after_50_ms_and_gone_with_its_newline(it: Fixture) -> None:
    a = it.pipe("a")
    it.read(a, b"pro", 0)
    assert it.lines.due == pytest.approx(0.05)
    assert it.shown() == []

    assert it.lines.tick(0.05) == []
    assert it.shown() == [("a", b"pro")]
    assert it.lines.tails[0].stream is Stream.OUT

    it.read(a, b"mpt\n", 0.06)
    assert (it.shown(), it.changes) == ([], 2)


def test_a_line_that_goes_on_begins_its_50_ms_at_its_beginning(it: Fixture) -> None:
    a = it.pipe("a")
    for step in range(6):
        it.read(a, b".", step * 0.01)

    it.lines.tick(0.05)

    assert it.shown() == [("a", b"......")]


def test_a_new_unfinished_line_waits_its_own_50_ms(it: Fixture) -> None:
    a = it.pipe("a")
    it.read(a, b"one", 0)
    it.lines.tick(0.05)

    it.read(a, b"\ntwo", 0.06)
    assert it.shown() == []
    it.lines.tick(0.10)
    assert it.shown() == []
    it.lines.tick(it.lines.due)

    assert it.shown() == [("a", b"two")]


def test_a_shown_line_that_grows_is_published_each_50_ms_at_most(it: Fixture) -> None:
    a = it.pipe("a")
    it.read(a, b"0", 0)
    it.lines.tick(0.05)
    for step in range(1000):
        now = 0.05 + step / 1000
        it.read(a, b"%d" % (step % 10), now)
        if it.lines.due <= now:
            it.lines.tick(now)

    assert 18 <= it.changes <= 22
    it.lines.tick(it.lines.due)
    assert len(it.shown()[0][1]) == 1001


def test_a_second_of_silence_makes_a_piece(it: Fixture) -> None:
    a = it.pipe("a")
    it.read(a, b"prompt> ", 0)
    it.lines.tick(0.05)
    assert it.lines.tick(0.9) == []

    pieces = it.lines.tick(it.lines.due)

    assert pieces == [(a, [Cut(b"prompt> \n", 1, BatchFlag.MORE)])]
    assert it.shown() == []
    assert it.lines.due == NEVER


def test_every_byte_begins_the_silence_anew(it: Fixture) -> None:
    a = it.pipe("a")
    it.read(a, b"1", 0)
    it.read(a, b"2", 0.8)

    assert it.lines.tick(1.5) == []
    assert len(it.lines.tick(1.8)) == 1


def test_half_a_character_stays_shown_for_one_more_silence(it: Fixture) -> None:
    a = it.pipe("a")
    it.read(a, b"caf\xc3", 0)

    assert it.lines.tick(1.0) == [(a, [Cut(b"caf\n", 1, BatchFlag.MORE)])]
    assert it.shown() == [("a", b"\xc3")]
    assert it.lines.due == pytest.approx(2.0)
    assert it.lines.tick(2.0) == [(a, [Cut(b"\xc3\n", 1, BatchFlag.MORE)])]
    assert it.shown() == []


def test_streams_are_told_apart(it: Fixture) -> None:
    a, b = it.pipe("a"), it.pipe("b")
    it.read(a, b"A", 0)
    it.read(b, b"B", 0.04)
    it.lines.tick(0.05)
    assert it.shown() == [("a", b"A")]

    it.lines.tick(it.lines.due)
    assert it.shown() == [("a", b"A"), ("b", b"B")]

    it.lines.forget(a)
    it.lines.forget(a)
    assert it.shown() == [("b", b"B")]


def test_a_listener_can_stop_and_one_that_raises_harms_nobody(it: Fixture) -> None:
    def bad() -> None:
        raise ValueError

    told: list[str] = []
    sink = logger.add(told.append, level="ERROR")
    stop_bad = it.lines.on_change(bad)
    a = it.pipe("a")
    it.read(a, b"x", 0)
    it.lines.tick(0.05)
    assert (it.changes, len(told)) == (1, 1)

    stop_bad()
    it.stop()
    it.stop()
    it.lines.forget(a)
    logger.remove(sink)

    assert (it.changes, len(told)) == (1, 1)


def test_a_child_that_is_not_read_is_not_silent(it: Fixture) -> None:
    read, write = os.pipe()
    try:
        pipe = it.pipe("a")
        pipe.fd = read
        it.read(pipe, b"half of a", 0)
        os.write(write, b" line\n")

        assert it.lines.tick(5.0) == []
        assert it.lines.due <= 6.0
        os.read(read, 100)
        assert it.lines.tick(5.5) == []
        assert [data for _, cuts in it.lines.tick(6.0) for data, _, _ in cuts] == [b"half of a\n"]
    finally:
        os.close(read)
        os.close(write)
