"""Defects of the viewer's loop: state touched elsewhere, frames that hold others up, lost news."""

from __future__ import annotations

from tests.proof.mutants.mutant import Mutant, swap

__all__ = ["MUTANTS"]

APP = "tui/app.py"
MACHINE = "tui/machine.py"
T_APP = "tests/tui/test_app.py::"

MUTANTS = (
    Mutant(
        "V1",
        "a flood of changes is a flood of posts",
        (
            swap(
                APP,
                "        if not self._pulse:\n            self._pulse = True\n",
                "        if self._loop is not None:\n            self._pulse = True\n",
            ),
            swap(
                APP,
                'self._loop.post("viewer", self._data)',
                'self._loop.post(f"viewer{time.monotonic_ns()}", self._data)',
            ),
        ),
        (
            "tests/properties/test_tui_flood.py::test_tui_3_a_frozen_screen_costs_the_producers_nothing_and_then_shows_everything",
        ),
        ("TUI-3",),
        fast=True,
    ),
    Mutant(
        "V2",
        "the newest is lost: the pulse is answered after the looking",
        (
            swap(
                "tui/app.py",
                """
        self._painting = True
        self._pulse = False
        self._pacer.painted(self._clock())
        self._alarms.set("paint", None, self._paint_due)
        self._paint_at = None
        try:
            data = self._next_frame() if self._failure is None else None
            if data is None:
                data = self._error_bytes()
        finally:
            self._painting = False
""",
                """
        self._painting = True
        self._pacer.painted(self._clock())
        self._alarms.set("paint", None, self._paint_due)
        self._paint_at = None
        try:
            data = self._next_frame() if self._failure is None else None
            if data is None:
                data = self._error_bytes()
        finally:
            self._painting = False
            self._pulse = False
""",
            ),
        ),
        (
            "tests/properties/test_tui_view.py::test_tui_4_a_change_that_comes_while_a_frame_is_drawn_is_shown_by_the_next",
        ),
        ("TUI-4",),
    ),
    Mutant(
        "V3",
        "frames are made while the terminal takes none",
        (swap(APP, "        if self._out.pending:\n", "        if self._out is None:\n"),),
        ("tests/tui/test_app.py::test_a_slow_terminal_gets_fewer_frames_and_then_the_newest",),
        ("TUI-3",),
    ),
    Mutant(
        "V4",
        "a key waits for the next frame of data",
        (
            swap(
                "tui/pacing.py",
                "            return self._last + KEY_GAP\n",
                "            return self._last + 1.0\n",
            ),
        ),
        (
            "tests/properties/test_tui_latency.py::test_tui_5_key_to_frame_stays_under_100_ms_during_a_stop_of_three_seconds",
        ),
        ("TUI-5",),
        fast=True,
    ),
    Mutant(
        "V5",
        "an exception in the reducer ends the stream of intents",
        (
            swap(
                MACHINE,
                """
            self._on_error(error)
            return before[0], ()""",
                """
            self._on_error(error)
            raise""",
            ),
        ),
        ("tests/tui/test_machine.py::test_an_exception_in_the_reducer_keeps_the_state_and_the_stream",),
        ("EB-8", "TUI-4"),
    ),
    Mutant(
        "V6",
        "an intent that an effect makes overtakes the running one",
        (
            swap(
                MACHINE,
                "        if self._busy:\n            return\n        self._busy = True",
                "        self._busy = True",
            ),
        ),
        ("tests/tui/test_machine.py::test_effects_run_in_order_and_what_they_feed_comes_after_them",),
        ("TUI-4",),
    ),
    Mutant(
        "V7",
        "drawn with a snapshot that the state has not seen",
        (
            swap(
                "tui/app.py",
                """
            self._machine.feed(Seen(snap))
            if self._failure""",
                """
            if self._machine.state.snap is None:
                self._machine.feed(Seen(snap))
            if self._failure""",
            ),
        ),
        (
            "tests/properties/test_tui_view.py::test_tui_2_rendering_is_pure_states_are_frozen_and_versions_only_grow",
        ),
        ("TUI-2",),
    ),
    Mutant(
        "V8",
        "a key in the middle of a burst is lost",
        (
            swap(
                "tui/app.py",
                "        for event in coalesce(events):\n",
                "        for event in coalesce(events)[:1]:\n",
            ),
        ),
        (
            "tests/properties/test_tui_view.py::test_tui_4_the_screen_is_the_fold_of_everything_that_was_accepted",
        ),
        ("TUI-4",),
    ),
    Mutant(
        "V9",
        "a command is waited for",
        (
            swap(
                "tui/effects.py",
                "            self._run.send(command)\n",
                """
            self._run.send(command)
            __import__("time").sleep(3)
""",
            ),
        ),
        (
            "tests/properties/test_tui_latency.py::test_tui_5_key_to_frame_stays_under_100_ms_during_a_stop_of_three_seconds",
        ),
        ("TUI-5",),
    ),
    Mutant(
        "V10",
        "a producer waits until the viewer has looked",
        (
            swap(
                "tui/app.py",
                '            self._loop.post("viewer", self._data)\n',
                """
            self._loop.post("viewer", self._data)
            until = time.monotonic() + 3
            while self._pulse and time.monotonic() < until:
                time.sleep(0.001)
""",
            ),
        ),
        (
            "tests/properties/test_tui_flood.py::test_tui_3_a_frozen_screen_costs_the_producers_nothing_and_then_shows_everything",
        ),
        ("TUI-3",),
    ),
)
