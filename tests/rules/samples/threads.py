"""Lines that end in `# flag` break the rule `threads`; no other line does."""

from __future__ import annotations

import _thread
import asyncio
import concurrent.futures as futures
import multiprocessing
import os
import threading
import threading as th
from functools import partial
from threading import Thread as Worker
from threading import Timer as Later

from reactivex.scheduler import EventLoopScheduler, NewThreadScheduler, TimeoutScheduler

from brummer_rx.pipeline.clock import Timer
from brummer_rx.pipeline.threads import Crew, Lane, start_thread


class Mine(threading.Thread):  # flag
    pass


class Port:
    def __init__(self, start_thread=start_thread, make=threading.Thread) -> None:  # flag # flag
        self._start_thread = start_thread
        self._start_thread("mine", print)  # flag


class TaskGroup:
    """Ours, of the same name."""


def work(pool: threading.Thread, executor: futures.ThreadPoolExecutor) -> None:
    threading.Thread(target=print).start()  # flag
    th.Timer(1, print)  # flag
    Worker(target=print)  # flag
    Later(1, print)  # flag
    _thread.start_new_thread(print, ())  # flag
    futures.ThreadPoolExecutor(2)  # flag
    futures.ProcessPoolExecutor()  # flag
    multiprocessing.Process(target=print)  # flag
    multiprocessing.Pool()  # flag
    os.fork()  # flag
    start_thread("mine", print)  # flag
    Crew("mine", str, 1, None)  # flag
    Lane("store")
    NewThreadScheduler()  # flag
    EventLoopScheduler()  # flag
    TimeoutScheduler.singleton()  # flag
    sched = TimeoutScheduler()  # flag
    make = partial(threading.Thread, daemon=True)  # flag
    factory(thread=Worker)  # flag
    isinstance(pool, threading.Thread)
    Timer(heap, 1.0, print)
    TaskGroup()
    threading.current_thread()


async def tasks(loop: asyncio.AbstractEventLoop) -> None:
    loop.create_task(work())  # flag
    asyncio.create_task(work())  # flag
    asyncio.ensure_future(work())  # flag
    await asyncio.to_thread(print)  # flag
    await loop.run_in_executor(None, print)  # flag
    asyncio.run_coroutine_threadsafe(work(), loop)  # flag
    asyncio.new_event_loop()  # flag
    async with asyncio.TaskGroup() as group:  # flag
        group.create_task(work())  # flag
    await asyncio.gather(work())
