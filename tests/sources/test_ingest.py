"""The ingest thread with real children: every line, in order, whatever the bytes and whoever waits."""

from __future__ import annotations

import os
import selectors
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import psutil
import pytest
from loguru import logger

from brummer_rx.pipeline.clock import ClockThread
from brummer_rx.pipeline.errors import ThreadError
from brummer_rx.pipeline.event import BatchFlag, Gap, GapReason, LogBatch, ProcessEventKind, Stream
from brummer_rx.pipeline.gate import Gate
from brummer_rx.pipeline.threads import live_threads
from brummer_rx.sources.child import Child
from brummer_rx.sources.ingest import UNKNOWN_SEQ, Ingest
from brummer_rx.sources.pipes import IngestOptions
from brummer_rx.sources.poller import Poller, SelectorPoller, make_poller
from brummer_rx.sources.spawn import spawn
from tests.sources.rig import RUN, Rig, exists, open_fds, python, raw, shell, spec, until

MORE, UNTERMINATED, NONE = BatchFlag.MORE, BatchFlag.UNTERMINATED, BatchFlag.NONE
QUICK = IngestOptions(show_after=0.02, store_after=0.15)
both = pytest.mark.parametrize("pty", [False, pytest.param(True, marks=pytest.mark.pty)])


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    before = open_fds()
    yield
    assert open_fds() == before
    assert "ingest" not in live_threads()


def pollers() -> dict[str, Callable[[], Poller | None]]:
    return {"best": lambda: None, "selectors": lambda: SelectorPoller(selectors.SelectSelector())}


@pytest.fixture(params=list(pollers()))
def any_poller(request: pytest.FixtureRequest) -> Poller | None:
    return pollers()[request.param]()


def numbered(count: int, stream: int = 1) -> str:
    return f"import os\nos.set_blocking({stream}, True)\nf = open({stream}, 'w', closefd=False)\n" + (
        f"for i in range({count}): f.write('%d\\n' % i)\nf.flush()"
    )


def numbers(data: bytes) -> list[int]:
    return [int(word) for word in data.split()]


def test_lines_exit_and_end_of_one_child(any_poller: Poller | None) -> None:
    with Rig(poller=any_poller) as rig:
        before = time.time_ns()
        child = rig.run(shell("web", "echo one; echo two; exit 3"))
        rig.finish(child)

        assert rig.output(child) == b"one\ntwo\n"
        (exited,) = rig.of(ProcessEventKind.EXITED, child)
        (closed,) = rig.of(ProcessEventKind.OUTPUT_CLOSED, child)
        assert (exited.exit_code, exited.pid, exited.incarnation) == (3, child.pid, 1)
        assert (closed.exit_code, closed.pid) == (None, child.pid)
        assert rig.all.index(closed) > rig.all.index(rig.batches[-1])
        assert all(before <= b.time_ns <= time.time_ns() for b in rig.batches)
        assert rig.threads == {"ingest"}

    assert rig.completed == ["batches", "events", "gaps"]
    assert len(rig.events) == 2
    assert rig.gaps == []
    assert not psutil.pid_exists(child.pid)


def test_the_system_s_fallbacks_tell_of_exits_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    with Rig(options=IngestOptions(reap_every=0.01)) as rig:
        child = rig.run(shell("web", "exec >&- 2>&-; sleep 0.1; kill -KILL $$"))
        rig.finish(child)

        assert [e.kind for e in rig.events] == [ProcessEventKind.OUTPUT_CLOSED, ProcessEventKind.EXITED]
        assert rig.events[1].exit_code == 137


def test_numbers_of_lines_go_on_over_streams_and_restarts() -> None:
    with Rig() as rig:
        first = rig.run(shell("web", "echo a; echo b >&2; echo c"))
        rig.finish(first)
        second = rig.run(shell("web", "echo d; echo e"), incarnation=2)
        rig.finish(second)
        other = rig.run(shell("db", "echo x"))
        rig.finish(other)

    web = [b for b in rig.batches if b.source == "web"]
    assert [b.first_line for b in web] == [sum(b.lines for b in web[:n]) for n in range(len(web))]
    assert sum(b.lines for b in web) == 5
    assert [b.first_line for b in rig.batches if b.source == "db"] == [0]
    assert [e.incarnation for e in rig.events if e.source == "web"] == [1, 1, 2, 2]


HOSTILE = (
    b"\xff\xfe\x80 invalid\n" b"nul \0 inside\n" b"crlf\r\n" b"10%\r20%\r100%\n" b"\n\n"
    b"\x1b]0;title\x07\x1b[31mred\x1b[0m\n"
    b"\x1b[999999;999999H\x1bPnever ends\n" b"\xc3\n\xa9 split\n" b"last without newline"
)  # fmt: skip


def test_hostile_bytes_pass_unharmed() -> None:
    with Rig() as rig:
        child = rig.run(python("web", f"import os; os.write(1, {HOSTILE!r}); os.write(2, b'\\r')"))
        rig.finish(child)

        assert rig.output(child) == HOSTILE
        assert rig.output(child, Stream.ERR) == b"\r"
        assert [b.flags for b in rig.batches_of(child)] == [NONE, UNTERMINATED]
        assert sum(b.lines for b in rig.batches_of(child)) == HOSTILE.count(b"\n") + 1


def test_a_ten_mebibyte_line_is_stored_in_pieces_of_one_line() -> None:
    with Rig() as rig:
        child = rig.run(python("web", "import sys; sys.stdout.write('x' * (10 << 20) + '\\nnext\\n')"))
        rig.finish(child)

    batches = rig.batches_of(child)
    assert raw(batches) == b"x" * (10 << 20) + b"\nnext\n"
    assert [b.flags for b in batches[:9]] == [MORE] * 9
    assert batches[9].flags is NONE
    assert max(len(b.data) for b in batches) <= 2 << 20


@pytest.mark.parametrize("size", [1, 2, 3, 7, 4096])
def test_multi_byte_lines_cut_at_every_border(size: int, tmp_path: Path) -> None:
    count = 20_000 if size > 1_000 else 1_000
    text = "".join(f"{i} äöü € 😀 日本語 ✓\n" for i in range(count)).encode()
    (tmp_path / "text").write_bytes(text)
    with Rig(options=IngestOptions(read_min=size, read_max=size, pause=0.0)) as rig:
        child = rig.run(spec("web", "/bin/cat", str(tmp_path / "text")))
        rig.finish(child)

    assert rig.output(child) == text
    assert sum(b.lines for b in rig.batches) == count
    assert all(b.flags is NONE and b.data.decode() for b in rig.batches)


def test_both_streams_with_100_000_lines_each(any_poller: Poller | None) -> None:
    code = "import threading\n" + "\n".join(
        f"def w{n}():\n" + "\n".join("    " + line for line in numbered(100_000, n).splitlines())
        for n in (1, 2)
    )
    code += "\nt = threading.Thread(target=w2); t.start(); w1(); t.join()"
    with Rig(poller=any_poller) as rig:
        child = rig.run(python("web", code))
        rig.finish(child)

    for stream in (Stream.OUT, Stream.ERR):
        assert numbers(rig.output(child, stream)) == list(range(100_000))
    assert sum(b.lines for b in rig.batches) == 200_000
    counts = rig.ingest.counts()
    assert (counts.lines, counts.bytes, counts.faults) == (200_000, sum(len(b.data) for b in rig.batches), 0)
    assert counts.reads > 0


def test_many_children_each_complete_and_in_order() -> None:
    with Rig() as rig:
        children = [rig.run(python(f"c{n}", numbered(5_000)), pipe_size=8192) for n in range(12)]
        rig.finish(*children)

    for child in children:
        assert numbers(rig.output(child)) == list(range(5_000))


def test_small_writes_under_a_flood_are_read_together() -> None:
    code = "import os\nfor i in range(60_000): os.write(1, b'%067d\\n' % i)"
    with Rig() as rig:
        child = rig.run(python("web", code))
        rig.finish(child)

    assert numbers(rig.output(child)) == list(range(60_000))
    # It paused for more, or it was so slow itself that more had come.
    assert rig.ingest.counts().reads < 6_000


def test_a_grandchild_that_writes_after_the_exit_is_read_to_its_end() -> None:
    with Rig() as rig:
        child = rig.run(shell("web", "(sleep 0.3; for i in 1 2 3; do echo late $i; done) & echo first"))
        until(lambda: rig.exited(child))
        assert not rig.closed(child)
        rig.finish(child)

        assert rig.output(child) == b"first\nlate 1\nlate 2\nlate 3\n"
        assert [e.kind for e in rig.events] == [ProcessEventKind.EXITED, ProcessEventKind.OUTPUT_CLOSED]


def test_output_that_closes_before_the_exit() -> None:
    with Rig() as rig:
        child = rig.run(shell("web", "echo hi; exec >&- 2>&-; sleep 0.2; exit 5"))
        until(lambda: rig.closed(child))
        assert not rig.exited(child)
        rig.finish(child)

        assert rig.events[-1].exit_code == 5


# --- back-pressure -----------------------------------------------------------------------------------


class Counting:
    """A poller that counts how often it is asked."""

    def __init__(self, poller: Poller) -> None:
        self.polls = 0
        self._poller = poller
        self.add, self.remove, self.close = poller.add, poller.remove, poller.close

    def poll(self, timeout: float | None) -> list[int]:
        self.polls += 1
        return self._poller.poll(timeout)


def writer_waits(child: Child) -> bool:
    """Whether the child does nothing: it sleeps in its own write."""
    process = psutil.Process(child.pid)
    before = process.cpu_times()
    time.sleep(0.05)
    return process.cpu_times() == before and process.status() == psutil.STATUS_SLEEPING


def test_a_full_stage_makes_the_child_wait_and_then_nothing_is_missing(any_poller: Poller | None) -> None:
    total = 400_000
    poller = Counting(any_poller or make_poller())
    with Rig(poller=poller) as rig:
        rig.room.full = True
        child = rig.run(python("web", numbered(total)), pipe_size=65536)
        quick = rig.run(shell("other", "exit 4"))
        until(lambda: rig.room.waiting == 1)
        until(lambda: writer_waits(child))
        until(lambda: rig.exited(quick))  # exits are told in the meantime
        polls = poller.polls
        time.sleep(0.1)
        assert poller.polls - polls <= 2, "the ingest thread spins while it is parked"
        assert rig.batches == []
        assert not rig.closed(quick)
        asked = len(rig.room.asked)

        rig.room.open()
        rig.finish(child, quick)

        assert asked <= 3
        assert numbers(rig.output(child)) == list(range(total))
        assert rig.ingest.counts().parks == 1


def test_a_stage_that_is_full_again_and_again_loses_nothing(any_poller: Poller | None) -> None:
    """A room of 5 elements that somebody empties."""
    with Rig(poller=any_poller) as rig:
        taken = threading.Semaphore(0)

        def count(_: LogBatch) -> None:
            taken.release()
            if len(rig.batches) % 5 == 0:
                rig.room.full = True

        rig.ingest.batches.subscribe(count)
        children = [rig.run(python(f"c{n}", numbered(30_000)), pipe_size=8192) for n in range(3)]
        opened = 0
        deadline = time.monotonic() + 30
        while not rig.ended(*children):
            assert time.monotonic() < deadline
            if rig.room.waiting:
                assert len(rig.batches) <= 5 * (opened + 1)
                rig.room.open()
                opened += 1
            time.sleep(0.0002)

    assert opened > 5
    for child in children:
        assert numbers(rig.output(child)) == list(range(30_000))
    assert rig.ingest.counts().parks == opened


def test_who_found_no_room_has_the_first_turn_when_there_is_some(any_poller: Poller | None) -> None:
    """Room for one element at a time: each of the flooding children gets its share of it."""
    with Rig(poller=any_poller) as rig:

        def close_the_door(_: LogBatch) -> None:
            rig.room.full = True

        rig.ingest.batches.subscribe(close_the_door)
        rig.room.full = True
        children = [rig.run(shell(f"c{n}", "exec yes"), pipe_size=65536) for n in range(4)]
        until(lambda: all(writer_waits(child) for child in children))
        deadline = time.monotonic() + 30
        while len(rig.batches) < 16:
            assert time.monotonic() < deadline
            # All of them wait again: a slow machine has no say in whose turn it is.
            if rig.room.waiting and all(writer_waits(child) for child in children):
                rig.room.open()
            time.sleep(0.0002)
        counts = [len(rig.batches_of(child)) for child in children]

    assert min(counts) >= max(counts) // 2, counts


def test_what_was_read_and_finds_no_room_waits_and_keeps_its_place() -> None:
    """Room for the read but, once it is made, not for its batch."""
    with Rig() as rig:
        answers = iter([True, False])
        rig.room.has_room = lambda size=0: next(answers, not rig.room.full)  # type: ignore[method-assign]
        rig.room.full = True
        child = rig.run(shell("web", "echo one; sleep 0.1; echo two"))
        until(lambda: rig.exited(child))
        assert rig.batches == []

        rig.room.open()
        rig.finish(child)

        assert rig.output(child) == b"one\ntwo\n"


def test_the_gate_is_asked_for_the_size_of_the_read_and_of_the_batch() -> None:
    with Rig(options=IngestOptions(read_min=4096, read_max=8192)) as rig:
        child = rig.run(shell("web", "echo hello"))
        rig.finish(child)

        assert rig.room.asked[:2] == [4096, 6]


# --- unfinished lines ----------------------------------------------------------------------------------


def test_an_unfinished_line_is_shown_stored_and_completed() -> None:
    with Rig(options=QUICK) as rig:
        changes = []
        stop = rig.ingest.on_change(lambda: changes.append([t.data for t in rig.ingest.tails()]))
        child = rig.run(shell("web", "printf 'name? '; sleep 0.4; echo; echo next; printf end"))
        until(lambda: rig.ingest.tails())
        (tail,) = rig.ingest.tails()
        assert (tail.source, tail.stream, tail.data) == ("web", Stream.OUT, b"name? ")
        assert rig.batches == []
        rig.finish(child)
        stop()

        assert [(b.data, b.flags) for b in rig.batches][:1] == [(b"name? \n", MORE)]
        assert raw(rig.batches) == b"name? \nnext\nend"
        assert rig.batches[-1].flags is UNTERMINATED
        assert b"".join(b.data for b in rig.batches) == b"name? \n\nnext\nend\n"
        assert rig.ingest.tails() == ()
        assert changes[:2] == [[b"name? "], []]


def test_a_piece_finds_no_room_either() -> None:
    with Rig(options=QUICK) as rig:
        child = rig.run(shell("web", "printf 'name? '; sleep 60"))
        until(lambda: rig.ingest.tails())
        rig.room.full = True
        until(lambda: rig.room.waiting)
        assert rig.batches == []

        rig.room.open()
        until(lambda: rig.batches)

        assert rig.batches[0].flags is MORE
        child.handle.signal_group(signal.SIGKILL)
        rig.finish(child)
        assert [(b.data, b.flags) for b in rig.batches] == [(b"name? \n", MORE), (b"\n", UNTERMINATED)]


# --- terminals -------------------------------------------------------------------------------------------


@pytest.mark.pty
def test_a_child_on_a_terminal() -> None:
    with Rig() as rig:
        code = "import os; print(os.isatty(1)); os.write(1, b'x' * 100_000); os.write(2, b'end\\n')"
        child = rig.run(python("web", code), pty=True)
        rig.finish(child)

        assert rig.output(child, Stream.TTY) == b"True\r\n" + b"x" * 100_000 + b"end\r\n"
        assert {b.stream for b in rig.batches} == {Stream.TTY}


@pytest.mark.pty
def test_a_terminal_s_flood_is_complete() -> None:
    with Rig() as rig:
        child = rig.run(python("web", numbered(50_000)), pty=True)
        rig.finish(child)

        assert numbers(rig.output(child, Stream.TTY)) == list(range(50_000))
        assert rig.ingest.counts().faults == 0


@pytest.mark.pty
def test_a_terminal_s_new_size_reaches_the_child() -> None:
    with Rig() as rig:
        code = (
            "import os, signal, time\n"
            "show = lambda *_: os.write(1, b'%d x %d\\n' % os.get_terminal_size(0)) and os._exit(0)\n"
            "signal.signal(signal.SIGWINCH, show)\n"
            "os.write(1, b'up\\n')\nwhile True: time.sleep(0.01)\n"
        )
        child = rig.run(python("web", code), pty=True)
        piped = rig.run(shell("db", "echo up"))
        until(lambda: rig.output(child, Stream.TTY) == b"up\r\n" and rig.ended(piped))

        rig.ingest.resize(132, 43)
        rig.finish(child)

        assert rig.output(child, Stream.TTY) == b"up\r\n132 x 43\r\n"


# --- the end ----------------------------------------------------------------------------------------------


@both
def test_cut_reads_what_is_there_and_leaves_a_gap(pty: bool) -> None:
    with Rig() as rig:
        stream = Stream.TTY if pty else Stream.OUT
        child = rig.run(shell("web", "echo one; printf unfinished; sleep 60"), pty=pty)
        other = rig.run(shell("other", "echo up; sleep 60"))
        until(lambda: rig.output(child, stream) and rig.output(other))
        until(lambda: rig.ingest.tails())

        rig.ingest.cut("web")
        until(lambda: rig.closed(child))

        assert rig.output(child, stream).split() == [b"one", b"unfinished"]
        assert rig.batches_of(child, stream)[-1].flags is UNTERMINATED
        assert len(rig.gaps) == (1 if pty else 2)
        gap = rig.gaps[0]
        assert (gap.source, gap.lines, gap.bytes, gap.reason) == ("web", 0, 0, GapReason.CUT)
        assert (gap.first_seq, gap.last_seq) == (UNKNOWN_SEQ, UNKNOWN_SEQ)
        assert not rig.closed(other)
        rig.ingest.cut("web")
        rig.ingest.cut("nobody")


def test_cut_does_not_wait_for_a_child_that_goes_on_writing_nor_for_room() -> None:
    with Rig() as rig:
        rig.room.full = True
        child = rig.run(spec("web", "/usr/bin/yes"))
        until(lambda: rig.room.waiting)

        rig.ingest.cut("web", 1)
        rig.finish(child)  # SIGPIPE

        assert rig.output(child).count(b"y\n") > 1000
        assert [g.reason for g in rig.gaps] == [GapReason.CUT] * len(rig.gaps)
        assert 1 <= len(rig.gaps) <= 2
        assert rig.events[-1].exit_code == 128 + signal.SIGPIPE


def test_a_descriptor_that_was_cut_while_it_found_no_room_is_forgotten() -> None:
    """Its number may be another file's by the time that there is room."""

    class Offered:
        """The real poller; keeps what it was asked to watch."""

        def __init__(self) -> None:
            self.real = make_poller()
            self.added: list[int] = []

        def add(self, fd: int) -> None:
            self.added.append(fd)
            self.real.add(fd)

        def __getattr__(self, name: str) -> object:
            return getattr(self.real, name)

    poller = Offered()
    with Rig(poller=cast(Poller, poller)) as rig:
        rig.room.full = True
        child = rig.run(shell("web", "echo one; exec sleep 60"))
        until(lambda: rig.room.waiting)
        fds = set(child.fds.values())
        rig.ingest.cut("web")
        until(lambda: fds.isdisjoint(rig.ingest._pipes))
        child.handle.signal_group(9)
        offered = len(poller.added)
        rig.room.open()
        until(lambda: rig.closed(child) and not rig.ingest._held)

        assert fds.isdisjoint(poller.added[offered:])


def test_cut_can_mean_one_incarnation() -> None:
    with Rig() as rig:
        first = rig.run(shell("web", "sleep 60"))
        second = rig.run(shell("web", "sleep 60"), incarnation=2)

        rig.ingest.cut("web", 1)
        until(lambda: rig.closed(first))

        assert not rig.closed(second)


def test_cut_of_an_output_that_is_at_its_end_leaves_no_gap() -> None:
    with Rig() as rig:
        rig.room.full = True
        child = rig.run(shell("web", "echo one; printf two"))
        until(lambda: rig.exited(child))

        rig.ingest.cut("web")
        until(lambda: rig.closed(child))

        assert rig.output(child) == b"one\ntwo"
        assert rig.gaps == []


def test_close_cuts_completes_and_gives_everything_back() -> None:
    rig = Rig()
    with rig:
        child = rig.run(shell("web", "echo one; sleep 60"))
        until(lambda: rig.output(child))
        assert rig.ingest.close(10)
        assert rig.ingest.close(0)

        assert rig.closed(child)
        assert not rig.exited(child)
        assert len(rig.gaps) == 2
        assert rig.completed == ["batches", "events", "gaps"]
        os.kill(child.pid, signal.SIGKILL)
        until(lambda: child.handle.reap() is not None)


def test_close_tells_of_the_exit_that_has_just_happened() -> None:
    rig = Rig(options=IngestOptions(reap_every=60))
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(os, "pidfd_open", raising=False)
        with rig:
            child = rig.run(shell("web", "echo one; exec >&- 2>&-; exit 6"))
            until(lambda: rig.closed(child))
            until(lambda: rig.exited(child) or not exists(child.pid))
            assert rig.ingest.close(10)

    assert [e.exit_code for e in rig.events if e.kind is ProcessEventKind.EXITED] == [6]


def test_after_close_nothing_is_taken() -> None:
    ingest = Ingest(gate=Gate(), clock=ClockThread())
    ended: list[str] = []
    ingest.batches.subscribe(on_completed=lambda: ended.append("batches"))
    assert ingest.close(0)
    assert ingest.close(0)
    before = open_fds()

    child = spawn(shell("web", "sleep 60"), incarnation=1, pty=False, run_id=RUN)
    ingest.add(child)
    ingest.cut("web")

    assert open_fds() == before
    assert ended == ["batches"]
    child.handle.signal_group(signal.SIGKILL)
    until(lambda: child.handle.reap() is not None)
    with pytest.raises(ThreadError):
        ingest.start()


def test_children_that_were_added_before_the_start_are_read() -> None:
    rig = Rig()
    child = rig.run(shell("web", "echo one"))
    with rig:
        rig.finish(child)

    assert rig.output(child) == b"one\n"


def test_children_that_were_added_and_never_read_are_given_back() -> None:
    rig = Rig()
    child = rig.run(shell("web", "sleep 60"))

    assert rig.ingest.close(1)

    assert rig.closed(child)
    child.handle.signal_group(signal.SIGKILL)
    until(lambda: child.handle.reap() is not None)


def test_it_can_be_started_once_and_cannot_wait_for_itself() -> None:
    with Rig() as rig:
        with pytest.raises(ThreadError):
            rig.ingest.start()
        errors: list[BaseException] = []

        def close(_: LogBatch) -> None:
            try:
                rig.ingest.close(1)
            except ThreadError as error:
                errors.append(error)

        rig.ingest.batches.subscribe(close)
        child = rig.run(shell("web", "echo one"))
        until(lambda: errors)
        until(lambda: rig.completed)
        until(lambda: child.handle.reap() is not None)


def test_a_read_that_fails_ends_its_stream_only_and_leaves_a_gap() -> None:
    told: list[str] = []
    sink = logger.add(told.append, format="{message}")
    child = spawn(shell("web", "echo one; echo err >&2"), incarnation=1, pty=False, run_id=RUN)

    def read(fd: int, size: int) -> bytes:
        if fd == child.fds[Stream.OUT]:
            raise OSError(5000, "a broken disk")
        return os.read(fd, size)

    with Rig(read=read) as rig:
        rig.children.append(child)
        rig.ingest.add(child)
        rig.finish(child)

        assert rig.output(child, Stream.ERR) == b"err\n"
        assert rig.ingest.counts().faults == 1
        assert rig.gaps == [Gap("web", 0, 4, GapReason.CUT, UNKNOWN_SEQ, UNKNOWN_SEQ)]
    logger.remove(sink)
    assert any("reading OUT of web" in text for text in told)


def test_twenty_starts_and_ends_leave_nothing() -> None:
    before, threads = open_fds(), threading.active_count()
    for n in range(20):
        with Rig() as rig:
            rig.finish(rig.run(spec("web", "/bin/echo", str(n)), pty=n % 2 == 1))

    assert open_fds() == before
    assert threading.active_count() == threads
    assert not [c for c in psutil.Process().children() if c.status() == psutil.STATUS_ZOMBIE]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads VmRSS")
def test_memory_stays_flat_while_the_child_waits() -> None:
    with Rig() as rig:
        seen = [0]
        rig.ingest.batches.subscribe(lambda b: seen.__setitem__(0, seen[0] + b.lines))
        rig.room.full = True
        child = rig.run(shell("web", "head -c 200000000 /dev/zero | tr '\\0' '\\n'"))
        until(lambda: rig.room.waiting)
        before = psutil.Process().memory_info().rss
        time.sleep(0.2)
        assert psutil.Process().memory_info().rss - before < 4 << 20
        child.handle.signal_group(signal.SIGKILL)
        rig.room.open()
        rig.finish(child)
        assert seen[0] > 0


def test_a_thread_that_ends_by_a_mistake_gives_everything_back_and_completes() -> None:
    class Broken(SelectorPoller):
        def poll(self, timeout: float | None) -> list[int]:
            raise RuntimeError("a mistake")

    told: list[str] = []
    sink = logger.add(told.append, level="CRITICAL")
    rig = Rig(poller=Broken())
    child = rig.run(shell("web", "sleep 60"))
    rig.ingest.start()
    until(lambda: rig.completed == ["batches", "events", "gaps"])
    until(lambda: "ingest" not in live_threads())

    assert rig.closed(child)
    assert len(told) == 1
    late = spawn(shell("web", "sleep 60"), incarnation=2, pty=False, run_id=RUN)
    rig.ingest.add(late)  # closed at once
    assert rig.ingest.close(1)
    for orphan in (child, late):
        orphan.handle.signal_group(signal.SIGKILL)
        until(lambda orphan=orphan: orphan.handle.reap() is not None)
    logger.remove(sink)


def test_a_wish_that_fails_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    with Rig() as rig:
        child = rig.run(shell("web", "echo up; read x; echo never"), pty=True)
        until(lambda: rig.output(child, Stream.TTY))

        def refuse(fd: int, size: tuple[int, int]) -> None:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr("brummer_rx.sources.ingest.termios.tcsetwinsize", refuse)
        rig.ingest.resize(132, 43)
        until(lambda: rig.ingest.counts().faults == 1)
        other = rig.run(shell("other", "echo read all the same"))
        rig.finish(other)

        assert rig.output(other) == b"read all the same\n"
        rig.ingest.cut("web")  # the terminal hangs up, and that ends the child
        until(lambda: rig.ended(child))


def test_a_wish_that_comes_while_wishes_are_granted_is_heard() -> None:
    """The waker is cleared before it is looked what was wished for, or nobody would wake for this one."""
    with Rig() as rig:
        heard = threading.Event()
        rig.ingest._wish(lambda: cast(None, rig.ingest._wish(heard.set)))

        assert heard.wait(5)
