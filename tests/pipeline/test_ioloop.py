"""The asyncio loop on the thread "io"."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError

import pytest

from brummer_rx.pipeline.errors import BufferOverflow, ThreadError
from brummer_rx.pipeline.ioloop import IoLoop
from brummer_rx.pipeline.lane import serving
from brummer_rx.pipeline.stage import BoundedStage
from tests.pipeline.until import until


@pytest.fixture
def io() -> Iterator[IoLoop]:
    made = IoLoop(capacity=4)
    made.start()
    yield made
    assert made.close(5)


async def value(x: int) -> int:
    await asyncio.sleep(0)
    return x


async def broken() -> None:
    raise ValueError("broken")


def test_a_coroutine_runs_on_the_io_thread(io: IoLoop) -> None:
    async def where() -> tuple[str, str | None, bool]:
        return threading.current_thread().name, serving(), io.is_current()

    assert io.submit(where()).result(5) == ("io", "io", True)
    assert io.submit(value(7)).result(5) == 7
    assert not io.is_current()
    until(lambda: io.pending == 0)


def test_an_exception_is_in_the_future_counted_and_told() -> None:
    errors: list[BaseException] = []
    io = IoLoop(on_error=errors.append)
    io.start()
    with pytest.raises(ValueError, match="broken"):
        io.submit(broken()).result(5)
    io.call(lambda: 1 // 0)
    until(lambda: len(errors) == 2)

    assert io.faults == 2
    assert [type(e) for e in errors] == [ValueError, ZeroDivisionError]
    assert io.close(5)


def test_tasks_whose_exception_nobody_read_are_counted(io: IoLoop) -> None:
    async def leave() -> None:
        import gc

        task = asyncio.ensure_future(broken())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        del task
        gc.collect()

    io.submit(leave()).result(5)
    until(lambda: io.faults == 1)


def test_more_coroutines_than_the_capacity_are_refused_and_closed(io: IoLoop) -> None:
    go = asyncio.Event()
    waiting = [io.submit(go.wait()) for _ in range(4)]
    with pytest.raises(BufferOverflow, match="4 coroutines"):
        io.submit(value(1))  # and no warning that it was never awaited

    io.call(go.set)
    assert [f.result(5) for f in waiting] == [True] * 4
    until(lambda: io.pending == 0)
    assert io.submit(value(1)).result(5) == 1


def test_calls_run_in_order(io: IoLoop) -> None:
    ran: list[int] = []
    done = threading.Event()
    for i in range(100):
        io.call(lambda i=i: ran.append(i))
    io.call(done.set)
    assert done.wait(5)
    assert ran == list(range(100))


def test_it_is_the_lane_of_a_stage(io: IoLoop) -> None:
    got: list[tuple[int, bool]] = []
    done = threading.Event()
    stage: BoundedStage[int] = BoundedStage(io, name="mcp", capacity=8)
    stage.output.subscribe(lambda x: got.append((x, io.is_current())), on_completed=done.set)
    for i in range(200):
        stage.offer(i)
    stage.complete()
    assert done.wait(5)
    assert got == [(i, True) for i in range(200)]


def test_the_end_cancels_what_runs() -> None:
    io, cleaned = IoLoop(), threading.Event()

    async def serve() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            cleaned.set()

    io.start()
    future = io.submit(serve())
    until(lambda: io.pending == 1)
    io.submit(value(1)).result(5)
    assert io.close(5)
    assert io.close(5)

    assert cleaned.is_set()
    with pytest.raises(CancelledError):
        future.result(5)
    assert io.faults == 0


def test_a_coroutine_that_ignores_its_cancellation_costs_the_deadline_only() -> None:
    io, started, end = IoLoop(), threading.Event(), False

    async def stubborn() -> None:
        while not end:
            started.set()
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                continue

    io.start()
    future = io.submit(stubborn())
    assert started.wait(5)
    began = time.monotonic()
    io.close(0.2)
    assert time.monotonic() - began < 3
    until(future.done)
    end = True


def test_a_loop_that_is_blocked_says_that_it_did_not_end() -> None:
    io, go, inside = IoLoop(), threading.Event(), threading.Event()
    io.start()
    io.call(lambda: (inside.set(), go.wait(10)))
    assert inside.wait(5)
    errors: list[Exception] = []
    stage: BoundedStage[int] = BoundedStage(io, name="s")
    stage.output.subscribe(on_error=errors.append)

    assert not io.close(0.02)
    stage.offer(1)
    assert [type(e) for e in errors] == [ThreadError]
    go.set()
    assert io.close(5)


def test_what_it_is_given_to_prepare_runs_on_its_thread_before_all_else() -> None:
    seen: list[str] = []
    io = IoLoop(prepare=lambda: seen.append(threading.current_thread().name))
    io.start()
    io.call(lambda: seen.append("call"))
    until(lambda: len(seen) == 2)

    assert seen == ["io", "call"]
    assert io.close(5)


def test_what_fails_to_prepare_is_counted_and_the_loop_runs_all_the_same() -> None:
    def fail() -> None:
        raise ImportError("no such library")

    io = IoLoop(prepare=fail)
    io.start()
    assert io.submit(value(1)).result(5) == 1
    assert io.faults == 1
    assert io.close(5)


def test_what_the_garbage_collector_tells_takes_no_lock() -> None:
    """It may tell it to a thread that holds the loop's lock just then."""
    told: list[BaseException] = []
    io = IoLoop(on_error=told.append)
    io.start()
    loop = io._loop
    assert loop is not None
    with io._lock:
        loop.call_exception_handler({"message": "never retrieved", "exception": KeyError("lost")})
    until(lambda: io.faults == 1)
    assert [type(error) for error in told] == [KeyError]
    assert io.close(5)

    loop.call_exception_handler({"message": "never retrieved", "exception": KeyError("late")})
    assert io.faults == 2


def test_before_the_start_and_after_the_end_it_refuses() -> None:
    io = IoLoop()
    for _ in range(2):
        with pytest.raises(ThreadError):
            io.submit(value(1))
        with pytest.raises(ThreadError):
            io.call(lambda: None)
        with pytest.raises(ThreadError):
            io.submit_drain(lambda: None)
        assert io.close(1)
    with pytest.raises(ThreadError):
        io.start()


def test_it_starts_once(io: IoLoop) -> None:
    with pytest.raises(ThreadError):
        io.start()


def test_it_cannot_wait_for_itself(io: IoLoop) -> None:
    async def close() -> bool:
        return io.close(1)

    with pytest.raises(ThreadError):
        io.submit(close()).result(5)


def test_asyncio_is_not_imported_with_the_module() -> None:
    # reactivex imports it by itself; the module must not.
    code = (
        "import ast, pathlib, brummer_rx.pipeline.ioloop as m;"
        "t = ast.parse(pathlib.Path(m.__file__).read_text());"
        "print([n.lineno for n in t.body if isinstance(n, ast.Import) and n.names[0].name == 'asyncio'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=20, check=True)
    assert done.stdout == b"[]\n"
