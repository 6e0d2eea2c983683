"""Defects of the ingest thread: reading without room, forgetting to read again, ends that overtake lines."""

from __future__ import annotations

from tests.proof.mutants.mutant import Mutant, swap

__all__ = ["MUTANTS"]

INGEST = "sources/ingest.py"
OUTBOX = "sources/outbox.py"
LINES = "sources/lines.py"
T_INGEST = "tests/sources/test_ingest.py::"
T_OUTBOX = "tests/sources/test_outbox.py::"
T_LINES = "tests/sources/test_lines.py::"

MUTANTS = (
    Mutant(
        "I1",
        "a full stage does not stop the reading",
        (swap(INGEST, "        if not self._outbox.has_room(pipe.want):\n", "        if pipe.want < 0:\n"),),
        (T_INGEST + "test_a_full_stage_makes_the_child_wait_and_then_nothing_is_missing",),
        ("L6", "EB-4"),
    ),
    Mutant(
        "I2",
        "descriptors that found no room are never looked at again",
        (
            swap(
                INGEST,
                """
            for fd in self._held:
                self._poller.add(fd)
            self._held.clear()""",
                """
            self._held.clear()""",
            ),
        ),
        (T_INGEST + "test_a_full_stage_makes_the_child_wait_and_then_nothing_is_missing",),
        ("L12",),
        hangs=True,
        seconds=15,
    ),
    Mutant(
        "I3",
        "the end of an output overtakes its last lines",
        (
            swap(
                INGEST,
                "self._outbox.put(self._event(running, ProcessEventKind.OUTPUT_CLOSED))",
                "self._outbox.tell(self._event(running, ProcessEventKind.OUTPUT_CLOSED))",
            ),
        ),
        ("tests/properties/test_pm_3.py::test_pm_3_a_last_line_without_a_newline_comes_before_the_end_too",),
        ("PM-3",),
    ),
    Mutant(
        "I4",
        "an unterminated last line is lost",
        (swap(INGEST, "        self._queue(pipe, pipe.cutter.end())\n", ""),),
        (
            "tests/properties/test_pm_3.py::test_pm_3_a_last_line_without_a_newline_comes_before_the_end_too",
            "tests/sources/test_ingest.py::test_hostile_bytes_pass_unharmed",
        ),
        ("PM-3",),
    ),
    Mutant(
        "I5",
        "the rest of a chunk behind its last newline is lost",
        (
            swap(
                LINES,
                """
            data = chunk[:cut]
            self._carry = bytearray(view[cut:])""",
                """
            data = chunk[:cut]""",
            ),
        ),
        (T_LINES + "test_any_chunking_gives_the_same_lines",),
        ("PM-3", "LS-1"),
        fast=True,
    ),
    Mutant(
        "I6",
        "line numbers of a source begin anew with each batch",
        (swap(INGEST, "            number += lines\n", ""),),
        (T_INGEST + "test_numbers_of_lines_go_on_over_streams_and_restarts",),
        ("EB-1",),
    ),
    Mutant(
        "I7",
        "what was read is emitted although there is no room",
        (swap(OUTBOX, "if not force and not self.has_room(len(item.data)):", "if len(item.data) < 0:"),),
        (T_OUTBOX + "test_a_full_stage_holds_everything_behind_the_batch_and_is_asked_once",),
        ("L6",),
        fast=True,
    ),
    Mutant(
        "I8",
        "the outbox parks and forgets that it did",
        (
            swap(
                OUTBOX,
                """
        self.parked = True
        self.parks += 1""",
                """
        self.parks += 1""",
            ),
        ),
        (T_OUTBOX + "test_a_full_stage_holds_everything_behind_the_batch_and_is_asked_once",),
        ("L7",),
    ),
    Mutant(
        "I9",
        "a subscriber's exception stops the reading of all children",
        (
            swap(
                OUTBOX,
                """
            self.faults += 1
            logger.opt(exception=error).error("a subscriber of ingest raised")""",
                """
            self.faults += 1
            raise""",
            ),
        ),
        (
            "tests/properties/test_eb_faults.py::test_eb_08_a_subscriber_of_ingest_that_raises_is_counted_and_reading_goes_on",
        ),
        ("EB-8",),
    ),
    Mutant(
        "I10",
        "the stream that was first has every turn",
        (
            swap(
                INGEST,
                "        pipes.sort(key=lambda pipe: pipe.turn)\n",
                "        pipes.sort(key=lambda pipe: -pipe.turn)\n",
            ),
        ),
        (T_INGEST + "test_who_found_no_room_has_the_first_turn_when_there_is_some",),
        ("L17",),
    ),
    Mutant(
        "I12",
        "lost wake-up: the waker is cleared after the looking",
        (
            swap(
                INGEST,
                """
        if self._waker.fd in ready:
            self._waker.clear()
        held = bool(self._held)
        self._grant()""",
                """
        held = bool(self._held)
        self._grant()
        if self._waker.fd in ready:
            self._waker.clear()""",
            ),
        ),
        ("tests/sources/test_ingest.py::test_a_wish_that_comes_while_wishes_are_granted_is_heard",),
        ("L12",),
    ),
    Mutant(
        "I11",
        "lost wake-up: the waker wakes once only",
        (
            swap(
                "sources/poller.py",
                "                self._woken = False\n                os.read(self.fd, 1)",
                "                os.read(self.fd, 1)",
            ),
        ),
        ("tests/sources/test_poller.py",),
        ("L12",),
        hangs=True,
        seconds=15,
    ),
    Mutant(
        "I13",
        "a closed descriptor that found no room is given to the poller again",
        (swap(INGEST, "        self._held.discard(pipe.fd)\n", ""),),
        (T_INGEST + "test_a_descriptor_that_was_cut_while_it_found_no_room_is_forgotten",),
        ("L11",),
    ),
    Mutant(
        "I14",
        "check outside the lock: a child is signalled after it was reaped",
        (
            swap(
                "sources/child.py",
                """
                return None
            try:
                os.killpg(self._pid, signum)
            except (ProcessLookupError, PermissionError):
                return False
            return True
""",
                """
                return None
        try:
            os.killpg(self._pid, signum)
        except (ProcessLookupError, PermissionError):
            return False
        return True
""",
            ),
        ),
        ("tests/laws/races/test_races_of_the_edges.py::test_a_reaped_child_is_not_signalled",),
        ("L11",),
    ),
    Mutant(
        "I15",
        "what an operator sent late is lost when its next event fails",
        (
            swap(
                "pipeline/guarded.py",
                "            attempt.take()  # half of an answer\n",
                "            out = []\n            attempt.take()  # half of an answer\n",
            ),
        ),
        (
            "tests/pipeline/test_guarded.py::test_what_came_out_late_is_not_lost_with_the_next_event_s_failure",
        ),
        ("EB-8",),
    ),
)
