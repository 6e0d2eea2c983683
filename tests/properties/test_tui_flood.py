"""TUI-3: any number of events between two frames is one frame, and no producer ever waits for the screen."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from brummer_rx.tui.intents import Seen
from brummer_rx.tui.reduce import reduce
from brummer_rx.tui.state import initial
from brummer_rx.tui.view import view
from tests.pipeline.until import until
from tests.proof.seed import rng
from tests.properties.storerig import WAIT, unguarded
from tests.properties.viewerrig import NAMES, Seat, in_threads
from tests.tui.fakelog import Endless
from tests.tui.tty_screen import expected

pytestmark = pytest.mark.pty

PRODUCERS, EVENTS = 4, 12_500
FREEZE = 2.0


def nearly_all(values: list[float]) -> float:
    """The 99th percentile."""
    return sorted(values)[len(values) * 99 // 100]


def flood(folder: Path) -> float:
    """Freezes the screen for two seconds in a flood; the 99th percentile of the seconds a publish took."""
    took: list[list[float]] = [[] for _ in range(PRODUCERS)]
    frozen, thaw = threading.Event(), threading.Event()
    facts: dict[str, int] = {}
    with Seat(folder) as seat:

        def freeze() -> None:
            frozen.set()
            thaw.wait(WAIT)

        def produce(n: int) -> None:
            end = time.monotonic() + FREEZE * 0.8
            for number in range(EVENTS):
                began = time.perf_counter()
                seat.publish(NAMES[n], number)
                took[n].append(time.perf_counter() - began)
                if number % 100 == 99:  # spread over the freeze; the store, not the screen, sets the pace
                    left = (end - time.monotonic()) / (EVENTS - number)
                    time.sleep(max(0.0005, left * 50))

        def script() -> None:
            seat.publish("web", -1)
            seat.caught_up(1)
            seat.loop.post("freeze", freeze)
            assert frozen.wait(WAIT)
            began = time.monotonic()
            before = (seat.loop.posted, len(seat.frames), threading.active_count())
            in_threads(PRODUCERS, produce)
            until(lambda: seat.store.snapshot().end_seq == PRODUCERS * EVENTS + 1, WAIT)
            seat.live.tell("in the ice", bad=False)
            time.sleep(max(0.0, FREEZE - (time.monotonic() - began)))
            facts["waiting"] = len(seat.loop._posts)
            facts["posted"] = seat.loop.posted - before[0]
            facts["frames"] = len(seat.frames) - before[1]
            facts["threads"] = threading.active_count() - before[2]
            facts["painted"] = len(seat.frames)
            thaw.set()
            seat.caught_up(PRODUCERS * EVENTS + 1)

        seat.play(script)

        assert facts["frames"] == 0, "painted while frozen"
        assert seat.longest_pulse < FREEZE / 2, "somebody waited for the screen"
        assert facts["waiting"] <= 1 and facts["posted"] <= 3, f"not conflated: {facts}"
        assert facts["threads"] <= 0, "somebody was started to wait for the screen"
        assert seat.stage.ledger().overshoots == 0
        after = len(seat.frames) - facts["painted"]
        assert 1 <= after <= 4, f"{after} frames for what one can show"

        # The screen against the events themselves: folded from the journal, no store, no thread, no viewer.
        _, shown, _ = seat.frames[-1]
        log = Endless(len(seat.journal), seat.journaled, sources=shown.log.sources)
        assert seat.first is not None
        start = initial(seat.first.width, seat.first.height, utc_offset_s=seat.first.utc_offset_s)
        model = replace(shown, log=log)
        state, _ = reduce(replace(start, glyphs=seat.first.glyphs), Seen(model))
        assert seat.screen() == expected(view(state, model))
        assert any(seat.journaled(len(seat.journal) - 1).text in row for row in seat.screen())
    return nearly_all([seconds for part in took for seconds in part])


def test_tui_3_a_frozen_screen_costs_the_producers_nothing_and_then_shows_everything(tmp_path: Path) -> None:
    """The time of a publish is measured again when the machine was busy; all else has to hold at once."""
    for n in range(3):
        with unguarded():
            took = flood(tmp_path / str(n))
        if took < 0.005:
            break
    assert took < 0.005


def test_tui_3_events_between_two_frames_are_one_frame(tmp_path: Path) -> None:
    random = rng("tui-3")
    with Seat(tmp_path) as seat:

        def script() -> None:
            total = 0
            for _ in range(6):
                count = random.randrange(1, 400)
                held, go = threading.Event(), threading.Event()

                def hold(held: threading.Event = held, go: threading.Event = go) -> None:
                    held.set()
                    go.wait(WAIT)

                seat.loop.post("hold", hold)
                assert held.wait(WAIT)
                frames = len(seat.frames)
                for number in range(count):
                    seat.publish("web", number)
                total += count
                until(lambda wanted=total: seat.store.snapshot().end_seq == wanted, WAIT)
                go.set()
                seat.caught_up(total)
                assert len(seat.frames) - frames <= 2, "more frames than moments that were looked at"

        seat.play(script)
