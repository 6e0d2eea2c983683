"""TUI-5: the viewer answers keys at once, also while a stop takes three seconds."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from brummer_rx.pipeline.effect import Effect, Signal
from brummer_rx.pipeline.event import ProcessEvent
from brummer_rx.pipeline.process import ProcessState
from brummer_rx.tui.state import View
from tests.pipeline.until import until
from tests.properties.storerig import WAIT, unguarded
from tests.properties.viewerrig import Seat

pytestmark = pytest.mark.pty

STOP_TAKES = 3.0


def latencies(folder: Path) -> list[float]:
    """Seconds from key to frame, for each key pressed while a process is being stopped."""
    took: list[float] = []
    stopping, stopped = threading.Event(), threading.Event()
    with Seat(folder, listening=False) as seat:

        def slow(effect: Effect, deliver: Callable[[ProcessEvent], None]) -> None:
            if isinstance(effect, Signal):
                stopping.set()
                stopped.wait(STOP_TAKES)  # what serves the command is busy all that time
                seat.exits(effect.name)

        seat.hands.other = slow

        def key_to_frame(key: bytes, wanted: View) -> float:
            began = time.perf_counter()
            os.write(seat.pty.master, key)
            while True:
                assert select.select([seat.pty.master], [], [], WAIT)[0], "no frame follows the key"
                seat.pty.read()
                if seat.frames[-1][0].view is wanted:
                    return time.perf_counter() - began

        def script() -> None:
            until(lambda: seat.supervisor.table.processes[0].state is ProcessState.RUNNING, WAIT)
            key_to_frame(b"2", View.PROCS)
            os.write(seat.pty.master, b"s")
            assert stopping.wait(WAIT), "the key has not reached the process"
            end = time.monotonic() + STOP_TAKES
            while time.monotonic() < end - 0.1:
                for key, wanted in ((b"1", View.LOGS), (b"2", View.PROCS)):
                    took.append(key_to_frame(key, wanted))
                    time.sleep(0.02)
            info = seat.supervisor.table.get("web")
            assert info is not None and info.state is ProcessState.STOPPING, "it took no three seconds"
            until(lambda: seat.supervisor.table.processes[0].state is ProcessState.EXITED, WAIT)

        seat.play(script)
    return took


def test_tui_5_key_to_frame_stays_under_100_ms_during_a_stop_of_three_seconds(tmp_path: Path) -> None:
    slowest = 0.0
    for n in range(2):  # again when the machine was busy
        with unguarded():
            took = latencies(tmp_path / str(n))
        assert len(took) >= 20 or slowest, took
        slowest = sorted(took)[len(took) * 95 // 100]
        if slowest < 0.1:
            break
    assert slowest < 0.1, sorted(took)[-10:]
