"""The search helper: a process that answers, is replaced, killed, stopped, and leaves nothing behind."""

from __future__ import annotations

import gc
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from brummer_rx.pipeline.errors import SinkError
from brummer_rx.pipeline.reader import SearchProgress, SearchQuery
from brummer_rx.sinks.store.helper import SearchHelper
from brummer_rx.sinks.store.search_wire import decode_part, encode_request
from tests.sinks.storekit import Kit, batch_of

WAIT = 20.0
"""Seconds; far more than anything here takes."""
STUCK = SearchQuery(r"(a+)+$", regex=True)
"""Exponential on the line `aaa…b`."""


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kit]:
    """A live run: 2,000 lines, each hundredth with a needle, and one that makes `STUCK` stick."""
    kit = Kit(tmp_path_factory.mktemp("run"))
    for start in range(0, 2000, 100):
        kit.store.append(batch_of(b"needle", *(b"line %d" % n for n in range(start + 1, start + 100))))
    kit.store.append(batch_of(b"a" * 60 + b"b"))
    kit.flush()
    yield kit
    kit.close()


@pytest.fixture
def helper(kit: Kit) -> Iterator[SearchHelper]:
    helper = SearchHelper(kit.run.path)
    yield helper
    helper.close()


def until(helper: SearchHelper, enough: Callable[[list[SearchProgress]], bool]) -> list[SearchProgress]:
    """What arrives, as a loop that waits for the descriptor sees it."""
    parts: list[SearchProgress] = []
    deadline = time.monotonic() + WAIT
    while not enough(parts):
        left = deadline - time.monotonic()
        assert left > 0, parts
        assert select.select([helper.fileno()], [], [], left)[0], parts
        parts += helper.receive()
    return parts


def is_done(parts: list[SearchProgress]) -> bool:
    return bool(parts) and parts[-1].done


def answer(helper: SearchHelper, query: SearchQuery) -> list[SearchProgress]:
    token = helper.submit(query)
    parts = until(helper, is_done)
    assert {part.token for part in parts} == {token}
    return parts


def seqs_of(parts: list[SearchProgress]) -> list[int]:
    return sorted(seq for part in parts for seq in part.seqs)


def open_descriptors() -> set[str]:
    links = [fd for fd in Path("/proc/self/fd").iterdir() if fd.is_symlink()]
    return {f"{fd.name} {target}" for fd in links if not (target := str(fd.readlink())).startswith("/proc")}


def test_nothing_is_started_before_the_first_search(kit: Kit) -> None:
    helper = SearchHelper(kit.run.path)

    assert helper.fileno() == -1
    assert helper.pid is None
    assert helper.receive() == []
    helper.cancel()
    helper.close()


def test_a_search_is_answered_with_its_token(helper: SearchHelper) -> None:
    first = answer(helper, SearchQuery("needle"))
    second = answer(helper, SearchQuery("LINE 19", ignore_case=True, max_hits=3))

    assert seqs_of(first) == list(range(0, 2000, 100))
    assert first[-1].total == 20
    assert seqs_of(second) == [1997, 1998, 1999]
    assert second[-1].total == 110
    assert second[0].token == first[0].token + 1


def test_lines_written_since_are_found(kit: Kit, helper: SearchHelper) -> None:
    answer(helper, SearchQuery("fresh"))
    first = kit.store.append(batch_of(b"fresh 1", b"fresh 2"))
    snapshot = kit.flush()

    parts = answer(helper, SearchQuery("fresh", start=first, stop=snapshot.end_seq))

    assert seqs_of(parts) == [first, first + 1]


def test_a_bad_pattern_is_told(helper: SearchHelper) -> None:
    (part,) = answer(helper, SearchQuery("(", regex=True))

    assert part.error.startswith("bad pattern")
    assert seqs_of(answer(helper, SearchQuery("needle", stop=1))) == [0]


def test_a_pattern_that_sticks_ends_with_an_error_and_the_helper_lives_on(helper: SearchHelper) -> None:
    part = answer(helper, STUCK)[-1]

    assert "takes too long" in part.error
    pid = helper.pid
    assert seqs_of(answer(helper, SearchQuery("needle", stop=1))) == [0]
    assert helper.pid == pid


def test_a_new_search_replaces_one_that_sticks(helper: SearchHelper) -> None:
    answer(helper, SearchQuery("needle"))
    helper.submit(STUCK)
    started = time.monotonic()

    parts = answer(helper, SearchQuery("needle", stop=1))

    assert seqs_of(parts) == [0]
    assert time.monotonic() - started < 1.5


def test_after_a_cancel_nothing_of_the_search_is_told(helper: SearchHelper) -> None:
    helper.submit(STUCK)
    helper.cancel()
    assert select.select([helper.fileno()], [], [], WAIT)[0]  # the cancel is answered

    assert helper.receive() == []
    assert seqs_of(answer(helper, SearchQuery("needle", stop=1))) == [0]


def test_of_many_searches_only_the_last_is_answered(helper: SearchHelper) -> None:
    for n in range(50):
        helper.submit(SearchQuery(f"line {n}"))

    assert seqs_of(answer(helper, SearchQuery("line 77", stop=100))) == [77]


def test_a_helper_that_does_not_read_costs_no_memory_and_blocks_nobody(helper: SearchHelper) -> None:
    answer(helper, SearchQuery("needle"))
    assert helper.pid is not None
    os.kill(helper.pid, signal.SIGSTOP)
    started = time.monotonic()
    for n in range(3000):
        helper.submit(SearchQuery(f"line {n} {'x' * 100}"))
    helper.submit(SearchQuery("needle", stop=1))
    assert time.monotonic() - started < 5.0
    assert len(helper._child._unsent) < 2000  # type: ignore[union-attr]
    os.kill(helper.pid, signal.SIGCONT)

    assert seqs_of(until(helper, is_done)) == [0]


def test_a_killed_helper_is_an_error_for_the_search_and_is_started_again(
    helper: SearchHelper,
) -> None:
    token = helper.submit(STUCK)
    before = helper.fileno()
    assert helper.pid is not None
    os.kill(helper.pid, signal.SIGKILL)

    part = until(helper, is_done)[-1]

    assert part.token == token
    assert "signal 9" in part.error
    assert helper.fileno() == -1
    os.fstat(before)  # still open: whoever watches it can let go of it in peace
    assert seqs_of(answer(helper, SearchQuery("needle", stop=1))) == [0]
    assert helper.fileno() not in (-1, before)
    with pytest.raises(OSError):
        os.fstat(before)


def test_a_helper_killed_between_two_searches_is_started_again(helper: SearchHelper) -> None:
    answer(helper, SearchQuery("needle"))
    assert helper.pid is not None
    process = psutil.Process(helper.pid)
    process.kill()
    while process.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.005)

    assert seqs_of(answer(helper, SearchQuery("needle", stop=1))) == [0]


def test_a_killed_helper_that_nobody_waits_for_is_quietly_gone(helper: SearchHelper) -> None:
    answer(helper, SearchQuery("needle"))
    assert helper.pid is not None
    os.kill(helper.pid, signal.SIGKILL)
    assert select.select([helper.fileno()], [], [], WAIT)[0]

    assert helper.receive() == []
    assert helper.fileno() == -1


def test_a_helper_that_talks_nonsense_is_ended(helper: SearchHelper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("brummer_rx.sinks.store.helper._BOOT", "print('nonsense', flush=True); input()")
    helper.submit(SearchQuery("needle"))

    part = until(helper, is_done)[-1]

    assert part.error
    assert helper.pid is None


def test_half_an_answer_is_a_sign_of_life(helper: SearchHelper, monkeypatch: pytest.MonkeyPatch) -> None:
    """The viewer stops listening to a descriptor that is readable and says nothing."""
    half = "import sys; print('{', end='', flush=True); sys.stdin.read()"
    monkeypatch.setattr("brummer_rx.sinks.store.helper._BOOT", half)
    token = helper.submit(SearchQuery("needle"))

    assert until(helper, bool) == [SearchProgress(token, (), 0, False)]


def test_a_helper_that_cannot_start_is_an_error(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    helper = SearchHelper(kit.run.path)

    with pytest.raises(OSError):
        helper.submit(SearchQuery("needle"))
    assert helper.fileno() == -1
    helper.close()


def test_a_run_that_is_gone_is_told(tmp_path: Path) -> None:
    helper = SearchHelper(tmp_path / "gone")

    (part,) = answer(helper, SearchQuery("needle"))

    assert "there is no run" in part.error
    helper.close()


def test_an_endless_pattern_is_refused(helper: SearchHelper) -> None:
    with pytest.raises(SinkError, match="too long"):
        helper.submit(SearchQuery("x" * 100_000))
    assert helper.pid is None


def test_close_leaves_no_process_and_no_descriptor(kit: Kit) -> None:
    gc.collect()
    before = open_descriptors()
    helper = SearchHelper(kit.run.path)
    for query in (SearchQuery("needle"), STUCK):
        helper.submit(query)
        pid = helper.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        until(helper, is_done)
    helper.submit(STUCK)
    pid = helper.pid
    helper.close()
    helper.close()

    assert pid is not None
    assert not psutil.pid_exists(pid)
    assert open_descriptors() == before
    with pytest.raises(SinkError):
        helper.submit(SearchQuery("needle"))
    assert helper.receive() == []


def test_the_run_s_tag_is_not_given_to_the_helper(helper: SearchHelper) -> None:
    helper.submit(SearchQuery("needle"))
    assert helper.pid is not None
    process = psutil.Process(helper.pid)

    assert process.environ().get("BRUMMER_RUN") == os.environ.get("BRUMMER_RUN")
    assert os.getsid(helper.pid) == helper.pid
    assert process.cwd() == "/"


def test_it_starts_without_the_heavy_parts() -> None:
    code = (
        "import sys; import brummer_rx.sinks.store.search_child;"
        "heavy = {'loguru', 'asyncio', 'reactivex', 'subprocess', 'psutil'}; print(heavy & set(sys.modules))"
    )

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=WAIT)

    assert said.stdout == b"set()\n"


@pytest.mark.parametrize("query", [SearchQuery("needle"), STUCK], ids=["idle", "busy"])
def test_it_ends_with_its_stdin(kit: Kit, query: SearchQuery) -> None:
    words = [sys.executable, "-m", "brummer_rx.sinks.store.helper", str(kit.run.path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(encode_request(5, query))
        process.stdin.flush()
        if query is not STUCK:
            assert decode_part(process.stdout.readline()).token == 5
        process.stdin.close()

        assert process.wait(WAIT) == 0
