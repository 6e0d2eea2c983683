"""Defects of the drain: who runs it, when it rests, what happens at the end, on a fault, when disposed."""

from __future__ import annotations

from tests.proof.mutants.mutant import Mutant, swap

__all__ = ["MUTANTS"]

DRAIN = "pipeline/drain.py"
T_STAGE = "tests/pipeline/test_stage.py::"
T_DRAIN = "tests/pipeline/test_drain.py::"

MUTANTS = (
    Mutant(
        "E1",
        "lost wake-up: empty and not active are two critical sections",
        (
            swap(
                DRAIN,
                """
                    rest = self._rest()
                    break
            left -= 1""",
                """
                    idle = not len(books.items) and not self._ending and not self._closed
                    break
            left -= 1""",
            ),
            swap(
                DRAIN,
                """
        self._stop_draining(rest, observer)

    def""",
                """
        with lock:
            if idle:
                self._active = False
                rest = _Rest.IDLE
            else:
                rest = self._rest()
        self._stop_draining(rest, observer)

    def""",
            ),
        ),
        ("tests/laws/races/test_races_of_the_stage.py::test_l2_l12_a_drain_ends_while_an_element_comes",),
        ("L12",),
    ),
    Mutant(
        "E2",
        "lost wake-up: what waits for the subscriber is never drained",
        (
            swap(
                DRAIN,
                "start = (len(self._books.items) > 0 or self._ending) and self._claim()",
                "start = False",
            ),
        ),
        ("tests/pipeline/test_stage.py::test_what_is_offered_before_the_subscriber_comes_waits_for_it",),
        ("L12",),
        fast=True,
    ),
    Mutant(
        "E3",
        "forgotten requeue: a used up batch leaves the rest lying",
        (
            swap(
                DRAIN,
                """
        if rest is _Rest.AGAIN:
            self._submit()
        elif""",
                """
        if rest is _Rest.AGAIN:
            return
        elif""",
            ),
        ),
        (
            "tests/pipeline/test_stage.py::test_batch_is_the_most_that_one_drain_delivers",
            "tests/laws/test_stage_machine.py::test_every_law_holds_after_every_step[PARK]",
        ),
        ("L12",),
        fast=True,
    ),
    Mutant(
        "E4",
        "early completion: at the end of a batch the end comes at once",
        (
            swap(
                DRAIN,
                "        if len(self._books.items):\n            return _Rest.AGAIN",
                "        if len(self._books.items) and not self._ending:\n            return _Rest.AGAIN",
            ),
        ),
        ("tests/laws/test_laws_end.py::test_l09_the_end_comes_once_behind_the_backlog",),
        ("L9",),
        fast=True,
    ),
    Mutant(
        "E5",
        "terminal before backlog: a drain that sees the end delivers it first",
        (
            swap(
                DRAIN,
                "if left and len(books.items) and not self._closed:",
                "if left and len(books.items) and not self._closed and not self._ending:",
            ),
            swap(
                DRAIN,
                "        if len(self._books.items):\n            return _Rest.AGAIN",
                "        if len(self._books.items) and not self._ending:\n            return _Rest.AGAIN",
            ),
        ),
        ("tests/laws/test_laws_end.py::test_l09_the_end_comes_once_behind_the_backlog",),
        ("L9",),
        fast=True,
    ),
    Mutant(
        "E19",
        "the end cancels what waits instead of delivering it",
        (
            swap(
                DRAIN,
                "if left and len(books.items) and not self._closed:",
                "if self._ending:\n                    books.discard_all()\n"
                "                if left and len(books.items) and not self._closed:",
            ),
        ),
        ("tests/laws/test_laws_end.py::test_l09_the_end_comes_once_behind_the_backlog",),
        ("L9", "EB-9"),
    ),
    Mutant(
        "E6",
        "dispose that blocks: it waits for the element being delivered",
        (
            swap(
                DRAIN,
                """
            wake = self._close()
        self._call_resumes(wake)
        self._release()""",
                """
            wake = self._close()
        while self._books.flying:
            __import__("time").sleep(0.001)
        self._call_resumes(wake)
        self._release()""",
            ),
        ),
        ("tests/laws/test_laws_end.py::test_l11_dispose_does_not_wait_for_the_element_in_flight",),
        ("L11",),
        hangs=True,
        seconds=6,
        fast=True,
    ),
    Mutant(
        "E7",
        "dispose wakes nobody",
        (
            swap(
                DRAIN,
                """
        self._closed = True
        self._books.discard_all()
        return self._take_resumes()""",
                """
        self._closed = True
        self._books.discard_all()
        return []""",
            ),
        ),
        ("tests/laws/test_laws_end.py::test_l11_dispose_wakes_all_who_wait",),
        ("L11",),
        hangs=True,
        seconds=8,
    ),
    Mutant(
        "E8",
        "dispose keeps the backlog",
        (
            swap(
                "pipeline/overflow.py",
                """
        self.discarded += len(self.items)
        self.items.clear()""",
                """
        self.discarded += len(self.items)""",
            ),
        ),
        (
            "tests/laws/test_laws_logic.py::test_l05_every_element_has_one_fate",
            "tests/pipeline/test_stage.py::test_after_dispose_nothing_holds_the_elements",
        ),
        (
            "L5",
            "L11",
        ),
    ),
    Mutant(
        "E9",
        "a batch has no end: a flooded stage keeps its worker",
        (swap(DRAIN, "            left -= 1\n", "            left -= 0\n"),),
        (
            "tests/laws/test_laws_time.py::test_l17_a_quiet_stage_waits_for_one_batch_of_each_flooded_one",
            "tests/properties/test_eb_policy.py::test_eb_11_a_control_event_waits_for_at_most_one_batch_of_each_flooded_stage",
        ),
        (
            "L17",
            "EB-11",
        ),
        hangs=True,
        seconds=6,
    ),
    Mutant(
        "E10",
        "the drain asks nobody for room",
        (swap(DRAIN, "        if feeds.has_room(size):\n", "        if size >= 0:\n"),),
        ("tests/laws/test_laws_logic.py::test_l06_nothing_passes_without_room_behind",),
        ("L6",),
        fast=True,
    ),
    Mutant(
        "E11",
        "the drain waits for room on its worker instead of giving it back",
        (
            swap(
                DRAIN,
                """
        if not feeds.park(self._resume, size):
            return True""",
                """
        while not feeds.has_room(size) and not self._closed:
            __import__("time").sleep(0.001)
        if not feeds.park(self._resume, size):
            return True""",
            ),
        ),
        ("tests/laws/test_laws_stress.py::test_l15_chains_finish_on_few_workers",),
        ("L15",),
        hangs=True,
        seconds=10,
    ),
    Mutant(
        "E18",
        "what waits is delivered although the stage was disposed",
        (
            swap(
                DRAIN, "if left and len(books.items) and not self._closed:", "if left and len(books.items):"
            ),
            swap(
                DRAIN,
                """
        self._closed = True
        self._books.discard_all()
        return self._take_resumes()""",
                """
        self._closed = True
        return self._take_resumes()""",
            ),
        ),
        ("tests/properties/test_eb_ends.py::test_eb_10_no_call_begins_after_the_unsubscription",),
        ("EB-10", "L11"),
    ),
    Mutant(
        "E13",
        "a resume is called twice",
        (
            swap(
                DRAIN,
                """
        wake, self._resumes = self._resumes, []
        return wake""",
                """
        wake = list(self._resumes)
        return wake""",
            ),
        ),
        ("tests/laws/test_laws_logic.py::test_l07_each_who_parks_is_resumed_once_and_nobody_after_the_end",),
        ("L7",),
    ),
    Mutant(
        "E14",
        "a subscriber's exception ends the stage in silence",
        (swap(DRAIN, "if first and observer is not None:", "if first and observer is None:"),),
        (
            "tests/laws/test_laws_end.py::test_l10_a_subscriber_that_raises_ends_the_stage_once",
            "tests/properties/test_eb_faults.py::test_eb_08_a_subscriber_that_raises_is_told_its_end_and_its_worker_lives",
        ),
        (
            "L10",
            "EB-8",
        ),
        fast=True,
    ),
    Mutant(
        "E15",
        "a lane that refuses leaves the stage dead and active",
        (
            swap(
                DRAIN,
                """
        except Exception as error:  # noqa: BLE001 - the lane is gone: the stage ends and says so
            self._fault(error)""",
                """
        except Exception:  # noqa: BLE001
            return""",
            ),
        ),
        ("tests/laws/test_laws_end.py::test_l10_a_lane_that_takes_no_drain_ends_the_stage_once",),
        ("L10",),
    ),
    Mutant(
        "E17",
        "the subscriber is called under the stage's lock",
        (
            swap(
                DRAIN,
                """
                observer.on_next(x)
            except""",
                """
                with lock:
                    observer.on_next(x)
            except""",
            ),
        ),
        (
            "tests/laws/test_laws_progress.py::test_l08_elements_offered_from_inside_come_next_on_a_flat_stack",
            "tests/laws/test_laws_locks.py::test_l14_no_lock_is_held_while_others_are_called",
        ),
        (
            "L8",
            "L14",
        ),
        hangs=True,
        seconds=8,
    ),
)
