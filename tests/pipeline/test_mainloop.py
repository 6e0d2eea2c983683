"""The main thread's loop: files, signals, timers, posts, drains."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from brummer_rx.pipeline.errors import ThreadError
from brummer_rx.pipeline.lane import serving
from brummer_rx.pipeline.mainloop import MainLoop
from brummer_rx.pipeline.stage import BoundedStage, Overflow


@pytest.fixture
def loop() -> Iterator[MainLoop]:
    made = MainLoop()
    yield made
    made.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    a, b = socket.socketpair()
    with a, b:
        a.setblocking(False)
        yield a, b


def on_thread(call: Callable[[], None]) -> None:
    thread = threading.Thread(target=call)
    thread.start()
    thread.join(5)
    assert not thread.is_alive()


def later(seconds: float, call: Callable[[], None]) -> threading.Timer:
    timer = threading.Timer(seconds, call)
    timer.daemon = True
    timer.start()
    return timer


# --- posts and drains -------------------------------------------------------------------------------


def test_posts_and_drains_of_other_threads_run_in_the_loop(loop: MainLoop) -> None:
    ran: list[tuple[str, bool, str | None]] = []

    def note(name: str) -> Callable[[], None]:
        return lambda: ran.append((name, loop.is_current(), serving()))

    def others() -> None:
        loop.submit_drain(note("drain"))
        loop.post("key", note("post"))
        loop.post("end", loop.stop)

    timer = later(0.01, others)
    loop.run()
    timer.join()

    assert ran == [("drain", True, "main"), ("post", True, "main")]
    assert serving() is None


def test_of_several_posts_under_one_key_the_last_runs(loop: MainLoop) -> None:
    ran: list[int] = []
    for i in range(1000):
        loop.post("frame", lambda i=i: ran.append(i))
    loop.post("end", loop.stop)
    loop.run()

    assert ran == [999]


def test_a_flood_of_posts_and_drains_leaves_files_and_timers_their_turn(
    loop: MainLoop, pair: tuple[socket.socket, socket.socket]
) -> None:
    a, b = pair
    turns = 0
    read: list[int] = []

    def again() -> None:
        nonlocal turns
        turns += 1
        loop.submit_drain(again)

    def readable() -> None:
        a.recv(100)
        read.append(turns)
        loop.call_later(0.0, loop.stop)

    loop.submit_drain(again)
    loop.add_reader(a.fileno(), readable)
    b.send(b"x")
    loop.run()

    assert read[0] <= 2


def test_it_is_the_lane_of_a_stage(loop: MainLoop) -> None:
    got: list[int] = []
    stage: BoundedStage[int] = BoundedStage(
        loop, name="console", capacity=8, batch=3, overflow=Overflow.BLOCK
    )
    stage.output.subscribe(got.append, on_completed=loop.stop)

    def produce() -> None:
        for i in range(500):
            stage.offer(i)
        stage.complete()

    thread = threading.Thread(target=produce)
    thread.start()
    loop.run()
    thread.join(5)

    assert got == list(range(500))


def test_many_threads_wake_it_without_a_wake_up_lost(loop: MainLoop) -> None:
    got: list[int] = []

    def arrive() -> None:
        got.append(1)
        if len(got) == 800:
            loop.stop()

    def submit() -> None:
        for n in range(200):
            loop.submit_drain(arrive)
            if n % 10 == 0:
                time.sleep(0.001)  # the loop falls asleep again and again

    threads = [threading.Thread(target=submit) for _ in range(4)]
    for thread in threads:
        thread.start()
    asleep: list[bool] = []

    def give_up() -> None:
        asleep.append(True)
        loop.stop()

    loop.call_later(8, give_up)  # nothing but the bell wakes it before that
    loop.run()
    for thread in threads:
        thread.join(5)
    assert (len(got), asleep) == (800, [])


# --- files ------------------------------------------------------------------------------------------


def test_readers_and_writers(loop: MainLoop, pair: tuple[socket.socket, socket.socket]) -> None:
    a, b = pair
    heard: list[bytes] = []

    def readable() -> None:
        heard.append(a.recv(100))
        if heard[-1] == b"end":
            loop.stop()

    def writable() -> None:
        heard.append(b"writable")
        loop.remove_writer(a.fileno())
        b.send(b"end")

    b.send(b"one")
    loop.add_reader(a.fileno(), readable)
    loop.add_writer(a.fileno(), writable)
    loop.run()

    assert heard == [b"one", b"writable", b"end"]
    loop.remove_reader(a.fileno())
    loop.remove_reader(a.fileno())
    loop.remove_writer(12345)


def test_a_reader_removed_by_the_action_before_it_is_not_called(
    loop: MainLoop, pair: tuple[socket.socket, socket.socket]
) -> None:
    a, b = pair
    called: list[str] = []

    def first(name: str, mine: int, other: int) -> Callable[[], None]:
        def action() -> None:
            called.append(name)
            loop.remove_reader(mine)
            loop.remove_reader(other)
            loop.stop()

        return action

    loop.add_reader(a.fileno(), first("a", a.fileno(), b.fileno()))
    loop.add_reader(b.fileno(), first("b", b.fileno(), a.fileno()))
    a.send(b"x")
    b.send(b"x")
    loop.run()

    assert len(called) == 1


def test_a_second_reader_replaces_the_first(
    loop: MainLoop, pair: tuple[socket.socket, socket.socket]
) -> None:
    a, b = pair
    b.send(b"x")
    loop.add_reader(a.fileno(), lambda: pytest.fail("the first reader ran"))
    loop.add_reader(a.fileno(), loop.stop)
    loop.run()


def test_a_hang_up_is_readable(loop: MainLoop, pair: tuple[socket.socket, socket.socket]) -> None:
    a, b = pair
    loop.add_reader(a.fileno(), loop.stop)
    b.close()
    loop.run()


def test_plain_files_are_always_ready(loop: MainLoop) -> None:
    with tempfile.TemporaryFile() as file:
        fd, wrote = file.fileno(), []

        def write() -> None:
            wrote.append(os.write(fd, b"x"))
            if len(wrote) == 3:
                loop.remove_writer(fd)
                loop.call_later(0.01, loop.stop)

        loop.add_writer(fd, write)
        loop.add_reader(fd, lambda: loop.remove_reader(fd))
        loop.run()

        assert wrote == [1, 1, 1]


def test_a_bad_file_is_an_error_and_leaves_nothing(loop: MainLoop) -> None:
    for _ in range(2):
        with pytest.raises((OSError, ValueError)):
            loop.add_reader(987654, loop.stop)


# --- timers -----------------------------------------------------------------------------------------


def test_timers_run_in_order_and_not_when_cancelled(loop: MainLoop) -> None:
    ran: list[str] = []
    began = time.monotonic()
    loop.call_later(0.03, loop.stop)
    loop.call_later(0.02, lambda: ran.append("second"))
    loop.call_later(-1.0, lambda: ran.append("first"))
    loop.call_later(0.01, lambda: ran.append("cancelled")).cancel()
    loop.run()

    assert ran == ["first", "second"]
    assert time.monotonic() - began >= 0.03


def test_a_timer_that_rearms_itself_at_once_does_not_starve_stop(loop: MainLoop) -> None:
    timer = later(0.05, loop.stop)
    rounds = 0

    def tick() -> None:
        nonlocal rounds
        rounds += 1
        loop.call_later(0.0, tick)

    tick()
    loop.run()
    timer.join()
    assert rounds > 1


# --- signals ----------------------------------------------------------------------------------------


def test_signals_run_in_the_loop_and_handlers_come_back(loop: MainLoop) -> None:
    before = signal.getsignal(signal.SIGUSR1)
    heard: list[str | None] = []

    def on_signal() -> None:
        heard.append(serving())
        if len(heard) == 2:
            loop.stop()
        else:
            os.kill(os.getpid(), signal.SIGUSR1)

    loop.on_signal(signal.SIGUSR1, lambda: pytest.fail("it was replaced"))
    loop.on_signal(signal.SIGUSR1, on_signal)
    timer = later(0.01, lambda: os.kill(os.getpid(), signal.SIGUSR1))
    loop.run()
    timer.join()
    loop.close()

    assert heard == ["main", "main"]
    assert signal.getsignal(signal.SIGUSR1) is before
    assert signal.set_wakeup_fd(-1) == -1


def test_signals_among_many_wake_ups_are_not_lost(loop: MainLoop) -> None:
    heard: list[int] = []
    loop.on_signal(signal.SIGUSR1, lambda: heard.append(1))
    loop.on_signal(signal.SIGUSR2, loop.stop)

    def others() -> None:
        for _ in range(2000):
            loop.post("x", lambda: None)
        os.kill(os.getpid(), signal.SIGUSR1)
        for _ in range(2000):
            loop.post("x", lambda: None)
        os.kill(os.getpid(), signal.SIGUSR2)

    timer = later(0.0, others)
    loop.run()
    timer.join()
    assert heard == [1]


# --- errors -----------------------------------------------------------------------------------------


def test_an_exception_ends_run_and_comes_out(loop: MainLoop) -> None:
    ran: list[int] = []
    loop.submit_drain(lambda: 1 // 0)
    loop.submit_drain(lambda: ran.append(1))
    with pytest.raises(ZeroDivisionError):
        loop.run()
    assert loop.faults == 1

    loop.post("end", loop.stop)
    loop.run()  # what was behind it is not lost
    assert ran == [1]


def test_with_a_hook_the_loop_goes_on() -> None:
    errors: list[BaseException] = []
    loop = MainLoop(on_error=errors.append)
    loop.post("a", lambda: 1 // 0)
    loop.post("b", loop.stop)
    loop.run()
    loop.close()

    assert [type(e) for e in errors] == [ZeroDivisionError]
    assert loop.faults == 1


def test_a_keyboard_interrupt_always_comes_out() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    loop = MainLoop(on_error=lambda _: pytest.fail("hooked"))
    loop.post("a", interrupt)
    with pytest.raises(KeyboardInterrupt):
        loop.run()
    loop.close()


# --- stop, close, owner -----------------------------------------------------------------------------


def test_stop_before_run_and_run_again(loop: MainLoop) -> None:
    loop.stop()
    loop.run()
    loop.call_later(0.0, loop.stop)
    loop.run()


def test_stop_of_another_thread(loop: MainLoop) -> None:
    timer = later(0.01, loop.stop)
    loop.run()
    timer.join()


def test_after_close_drains_are_told_and_posts_are_forgotten(loop: MainLoop) -> None:
    errors: list[Exception] = []
    stage: BoundedStage[int] = BoundedStage(loop, name="s")
    stage.output.subscribe(on_error=errors.append)
    stage.offer(1)
    loop.close()
    loop.close()

    assert [type(e) for e in errors] == [ThreadError]
    with pytest.raises(ThreadError):
        loop.submit_drain(lambda: None)
    with pytest.raises(ThreadError):
        loop.run()
    ran: list[str] = []
    loop.post("x", lambda: ran.append("x"))
    loop.stop()
    assert ran == []
    assert not loop._posts, "what nobody will run is not kept"


def test_only_the_owner_may_touch_files_and_timers(loop: MainLoop) -> None:
    raised: list[Exception] = []

    def foreign() -> None:
        for call in (
            lambda: loop.call_later(0, loop.stop),
            lambda: loop.add_reader(0, loop.stop),
            lambda: loop.remove_writer(0),
            lambda: loop.on_signal(signal.SIGUSR1, loop.stop),
        ):
            try:
                call()
            except ThreadError as error:
                raised.append(error)

    on_thread(foreign)
    assert len(raised) == 4


def test_the_thread_that_runs_it_owns_it(loop: MainLoop) -> None:
    def run() -> None:
        loop.stop()
        loop.run()

    assert loop.is_current()
    on_thread(run)
    assert not loop.is_current()


def test_idle_it_sleeps(loop: MainLoop) -> None:
    timer = later(0.15, loop.stop)
    rounds, original = 0, loop._round

    def counted() -> None:
        nonlocal rounds
        rounds += 1
        original()

    loop._round = counted  # type: ignore[method-assign]
    began = time.process_time()
    loop.run()
    timer.join()

    assert rounds == 1
    assert time.process_time() - began < 0.1


def test_it_leaves_no_file_open() -> None:
    before = len(list(Path("/dev/fd").iterdir()))
    for _ in range(20):
        made = MainLoop()
        made.stop()
        made.run()
        made.close()
    assert len(list(Path("/dev/fd").iterdir())) == before


def test_an_owner_that_waits_elsewhere_can_look_for_signals(loop: MainLoop) -> None:
    seen: list[str] = []
    loop.on_signal(signal.SIGUSR1, lambda: seen.append("signal"))
    loop.post("a", lambda: seen.append("post"))
    os.kill(os.getpid(), signal.SIGUSR1)
    loop.answer_signals()
    assert seen == ["signal"]
    loop.answer_signals()
    assert seen == ["signal"]
    loop.close()
    loop.answer_signals()


def test_nobody_is_watched_after_the_end(loop: MainLoop, pair: tuple[socket.socket, socket.socket]) -> None:
    loop.close()
    loop.add_writer(pair[0].fileno(), lambda: None)
    loop.remove_writer(pair[0].fileno())
