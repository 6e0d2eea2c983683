"""Defects of what runs things: crews and lanes, the pool's admission, the clock, the main loop."""

from __future__ import annotations

from tests.proof.mutants.mutant import Mutant, swap

__all__ = ["MUTANTS"]

THREADS = "pipeline/threads.py"
POOL = "pipeline/scheduler.py"
CLOCK = "pipeline/clock.py"
LOOP = "pipeline/mainloop.py"
T_THREADS = "tests/pipeline/test_threads.py::"
T_POOL = "tests/pipeline/test_scheduler.py::"
T_CLOCK = "tests/pipeline/test_clock.py::"
T_LOOP = "tests/pipeline/test_mainloop.py::"

MUTANTS = (
    Mutant(
        "P1",
        "admission without a bound",
        (
            swap(
                THREADS,
                "if limit is not None and self._waiting >= limit:",
                "if limit is not None and limit < 0:",
            ),
        ),
        (T_THREADS + "test_a_lane_refuses_actions_beyond_its_capacity_but_takes_drains",),
        ("EB-4",),
        fast=True,
    ),
    Mutant(
        "P2",
        "the pool's refused job runs on the thread of the table that asked",
        (swap(POOL, "mine = self._crew.is_current() or not is_ours()", "mine = True"),),
        ("tests/properties/test_eb_policy.py::test_eb_05_a_thread_of_the_table_is_refused_instead",),
        ("EB-5",),
    ),
    Mutant(
        "P3",
        "a due timer that finds the admission full is lost",
        (
            swap(
                POOL,
                "            job.timer = self._clock.call_later(RETRY_SECONDS, lambda: self._due(job))",
                "            self._forget(job)",
            ),
        ),
        (T_POOL + "test_a_due_timer_that_finds_the_admission_full_comes_again",),
        ("EB-2",),
    ),
    Mutant(
        "P4",
        "a timer holds a worker until it is due",
        (
            swap(
                POOL,
                """
            job.timer = self._clock.call_later(max(0.0, self.to_seconds(duetime)), lambda: self._due(job))
""",
                """
            seconds = max(0.0, self.to_seconds(duetime))
            self.admit(lambda: (threading.Event().wait(seconds), job()))
""",
            ),
        ),
        ("tests/laws/test_laws_time.py::test_l19_timers_of_a_blocked_pool_come_due_in_virtual_time",),
        ("L19",),
        hangs=True,
        seconds=8,
    ),
    Mutant(
        "P5",
        "a job's exception is swallowed",
        (
            swap(
                THREADS,
                """
            self.report(error)

    def report""",
                """
            del error

    def report""",
            ),
        ),
        (
            "tests/properties/test_eb_faults.py::test_eb_08_a_job_that_raises_is_counted_and_the_next_one_runs",
        ),
        ("EB-8",),
    ),
    Mutant(
        "P6",
        "a lane runs its newest task first",
        (
            swap(
                THREADS,
                "            self._queue.append((task, limit is not None))",
                "            self._queue.appendleft((task, limit is not None))",
            ),
        ),
        (T_THREADS + "test_a_lane_runs_actions_and_drains_in_order_on_its_one_thread",),
        ("L3", "EB-1"),
        fast=True,
    ),
    Mutant(
        "P7",
        "a lane has two threads",
        (
            swap(
                THREADS,
                "Crew(name, lambda _: name, 1, on_error, ",
                "Crew(name, lambda _: name, 2, on_error, ",
            ),
        ),
        ("tests/pipeline/test_threads.py::test_a_lane_refuses_actions_beyond_its_capacity_but_takes_drains",),
        (
            "EB-1",
            "EB-3",
        ),
    ),
    Mutant(
        "P8",
        "a crew that drains ends while a task still runs",
        (swap(THREADS, "busy <= 0 and not self._starting()", "busy >= 0"),),
        (
            "tests/laws/test_laws_shutdown.py::test_l20_with_drain_what_was_accepted_is_delivered_and_completed",
        ),
        ("L20",),
    ),
    Mutant(
        "P9",
        "a put wakes nobody",
        (
            swap(
                THREADS,
                """
        if wake is not None:
            wake.release()
        return True""",
                """
        return True""",
            ),
        ),
        ("tests/pipeline/test_threads.py::test_tasks_on_many_threads_all_run",),
        ("L12",),
        hangs=True,
        seconds=8,
    ),
    Mutant(
        "P10",
        "threads are counted when somebody asks, not when they are made",
        (
            swap(
                THREADS,
                """
        _census.live[thread] = name
        _census.high_water = max(_census.high_water, len(_census.live))""",
                """
        _census.live[thread] = name""",
            ),
            swap(
                THREADS,
                """
    with _census.lock:
        return _census.high_water
""",
                """
    with _census.lock:
        _census.high_water = max(_census.high_water, len(_census.live))
        return _census.high_water
""",
            ),
        ),
        ("tests/pipeline/test_threads.py::test_the_high_water_is_taken_when_threads_are_created",),
        ("EB-3",),
    ),
    Mutant(
        "P11",
        "an idle crew grows all the same",
        (
            swap(
                THREADS,
                "            if self._idle:\n                wake",
                "            if self._idle and len(self._threads) >= self._size:\n                wake",
            ),
        ),
        (T_THREADS + "test_a_crew_grows_only_while_nobody_is_idle",),
        ("EB-3",),
    ),
    Mutant(
        "P12",
        "a job that runs on its caller runs its own jobs inside itself",
        (swap(POOL, 'getattr(self._local, "later", None)', "None"),),
        (
            "tests/properties/test_eb_policy.py"
            "::test_eb_06_jobs_of_a_job_that_runs_on_its_caller_come_after_it_in_order",
        ),
        ("EB-6",),
    ),
    Mutant(
        "P13",
        "check outside the lock: the admission's bound is looked at before",
        (
            swap(
                THREADS,
                """
        with self._lock:
            if self._state != _OPEN and not self._takes_late(limit):""",
                """
        full = limit is not None and self._waiting >= limit
        with self._lock:
            if self._state != _OPEN and not self._takes_late(limit):""",
            ),
            swap(THREADS, "if limit is not None and self._waiting >= limit:", "if full:"),
        ),
        (
            "tests/laws/races/test_races_of_crews.py::test_l4_two_jobs_meet_at_the_last_place_of_the_admission",
        ),
        ("L4",),
    ),
    Mutant(
        "P14",
        "lost wake-up: nothing to do and idle are two critical sections",
        (
            swap(
                THREADS,
                """
                self._idle.append(bell)
            bell.acquire()""",
                """
            with self._lock:
                self._idle.append(bell)
            bell.acquire()""",
            ),
        ),
        ("tests/laws/races/test_races_of_crews.py::test_l20_a_crew_that_drains_runs_all_and_ends",),
        ("L12", "L20"),
    ),
    Mutant(
        "K1",
        "a nearer timer does not wake the clock",
        (
            swap(
                CLOCK,
                """
        if first:
            self._changed.set()
        return timer""",
                """
        return timer""",
            ),
        ),
        (T_CLOCK + "test_a_timer_is_not_early_and_a_nearer_one_overtakes",),
        ("L12",),
        hangs=True,
        seconds=10,
    ),
    Mutant(
        "K2",
        "a timer's exception ends the clock",
        (
            swap(
                CLOCK,
                """
                logger.opt(exception=error).error("a timer's action raised")""",
                """
                raise""",
            ),
        ),
        ("tests/pipeline/test_clock.py::test_an_action_that_raises_is_counted_and_the_clock_goes_on",),
        ("L19",),
    ),
    Mutant(
        "K3",
        "a cancelled timer keeps its action",
        (
            swap(
                CLOCK,
                "            timer.action = None\n            self._cancelled += 1",
                "            self._cancelled += 1",
            ),
        ),
        (
            "tests/laws/races/test_races_of_time_and_books.py::test_a_timer_runs_or_is_cancelled_never_both",
            "tests/pipeline/test_clock.py::test_a_cancelled_timer_lets_go_of_its_action_at_once",
        ),
        ("L7",),
    ),
    Mutant(
        "K4",
        "timers that are due together run newest first",
        (swap(CLOCK, "(due, next(self._order), timer))", "(due, -next(self._order), timer))"),),
        (T_CLOCK + "test_the_heap_gives_live_timers_by_due_time_first_in_first_out",),
        ("L3",),
    ),
    Mutant(
        "K5",
        "lost wake-up: the clock forgets what was set while it looked",
        (
            swap(
                CLOCK,
                """
                self._run_due()
                due = self._timers.next_due()
                self._changed.wait(""",
                """
                self._run_due()
                due = self._timers.next_due()
                self._changed.clear()
                self._changed.wait(""",
            ),
        ),
        (
            "tests/laws/races/test_races_of_time_and_books.py"
            "::test_l12_the_clock_wakes_for_a_timer_that_is_set_while_it_falls_asleep",
        ),
        ("L12",),
    ),
    Mutant(
        "R1",
        "lost wake-up: the main loop's bell rings once only",
        (
            swap(
                LOOP,
                """
            self._rung = False
            drains, posts""",
                """
            drains, posts""",
            ),
        ),
        ("tests/pipeline/test_mainloop.py::test_many_threads_wake_it_without_a_wake_up_lost",),
        ("L12",),
    ),
    Mutant(
        "R2",
        "any thread may touch the main loop's files and timers",
        (
            swap(
                LOOP,
                "        if not self.is_current():\n            raise ThreadError",
                "        if self._lock is None:\n            raise ThreadError",
            ),
        ),
        (T_LOOP + "test_only_the_owner_may_touch_files_and_timers",),
        ("TUI-1",),
    ),
)
