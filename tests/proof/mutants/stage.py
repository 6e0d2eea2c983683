"""Defects of the bounded stage: the producers' half, the overflow choices, the gate and the books."""

from __future__ import annotations

from tests.proof.mutants.mutant import Mutant, swap

__all__ = ["MUTANTS"]

STAGE = "pipeline/stage.py"
OVERFLOW = "pipeline/overflow.py"
GATE = "pipeline/gate.py"
LEDGER = "pipeline/ledger.py"
T_STAGE = "tests/pipeline/test_stage.py::"
T_LEDGER = "tests/pipeline/test_ledger.py::"

MUTANTS = (
    Mutant(
        "S1",
        "double drain: who enqueues does not look whether one is active",
        (
            swap(STAGE, "not self._active and self._claim()", "self._claim()"),
            swap(
                "pipeline/drain.py",
                "if self._active or self._closed or self._observer is None:",
                "if self._closed or self._observer is None:",
            ),
        ),
        ("tests/laws/test_laws_progress.py::test_l13_one_drain_however_much_there_is_to_do",),
        ("L13",),
        fast=True,
    ),
    Mutant(
        "S2",
        "check outside the lock: room is looked for before it is taken",
        (
            swap(
                STAGE,
                """
        with self._lock:
            result, start = self._admit(x, size)
            if result is EmitResult.OVERFLOW:
                if self.overflow.holds_back:""",
                """
        fits = self._books.fits(size)
        with self._lock:
            open_ = fits and not self._ending and not self._closed
            result, start = self._push(x, size) if open_ else self._admit(x, size)
            if result is EmitResult.OVERFLOW:
                if self.overflow.holds_back:""",
            ),
        ),
        ("tests/laws/races/test_races_of_the_stage.py::test_l4_two_producers_meet_at_the_last_place",),
        ("L4",),
    ),
    Mutant(
        "S3",
        "wrong victim: DROP_OLDEST drops the newest that waits",
        (
            swap(
                OVERFLOW,
                """
        x, size = self.items.popleft()
        self.bytes -= size
        self.dropped += 1""",
                """
        x, size = self.items.pop()
        self.bytes -= size
        self.dropped += 1""",
            ),
        ),
        (
            "tests/properties/test_eb_policy.py::test_eb_05_drop_oldest_keeps_the_last",
            "tests/laws/test_truth_table.py::test_cell",
        ),
        ("EB-5",),
        fast=True,
    ),
    Mutant(
        "S4",
        "counter outside the lock: what comes too late is booked without it",
        (
            swap(
                STAGE,
                """
        size = self._weigh(x)
        with self._lock:
            result, start = self._admit(x, size)
        if start:
            self._submit()
        elif result""",
                """
        size = self._weigh(x)
        if self._ending or self._closed:
            self._books.discard_incoming()
            return
        with self._lock:
            result, start = self._admit(x, size)
        if start:
            self._submit()
        elif result""",
            ),
        ),
        ("tests/laws/races/test_races_of_the_stage.py::test_l5_an_element_meets_dispose",),
        ("L5",),
    ),
    Mutant(
        "S5",
        "park without a second look: room that appeared meanwhile is missed",
        (
            swap(
                STAGE,
                """
            if self.has_room(size):
                return False
            self._resumes.append(resume)""",
                """
            self._resumes.append(resume)""",
            ),
        ),
        (
            "tests/laws/races/test_races_of_the_gate.py::test_l6_an_upstream_delivers_no_more_than_the_room_it_saw",
        ),
        ("L6",),
        fast=True,
    ),
    Mutant(
        "S6",
        "LATEST keeps as many as any other choice",
        (swap(STAGE, "1 if overflow is Overflow.LATEST else capacity", "capacity"),),
        (
            "tests/laws/test_laws_logic.py::test_l04_no_more_waits_than_the_bound_at_any_instant",
            "tests/properties/test_eb_policy.py::test_eb_05_latest_keeps_the_very_last",
        ),
        (
            "L4",
            "EB-5",
        ),
    ),
    Mutant(
        "S7",
        "BLOCK waits on a thread that serves a lane",
        (swap(STAGE, "elif serving() is None and not", "elif self.overflow is Overflow.BLOCK or not"),),
        ("tests/laws/test_laws_progress.py::test_l16_block_raises_on_a_thread_that_serves_a_lane",),
        ("L16",),
        hangs=True,
        seconds=8,
    ),
    Mutant(
        "S8",
        "a wait for room forgets its time limit",
        (swap(STAGE, "end = None if self._timeout is None else began + self._timeout", "end = None"),),
        (
            "tests/laws/test_laws_waits.py::test_l16_a_wait_ends_at_its_timeout_and_not_before",
            "tests/properties/test_eb_policy.py::test_eb_05_block_returns_at_its_timeout_with_an_error_and_counts_it",
        ),
        (
            "L16",
            "EB-5",
        ),
        hangs=True,
        seconds=8,
    ),
    Mutant(
        "S9",
        "bytes do not count against the bound",
        (swap(OVERFLOW, "and self.bytes + size <= self._max_bytes)", "and size >= 0)"),),
        ("tests/laws/test_laws_logic.py::test_l04_no_more_waits_than_the_bound_at_any_instant",),
        ("L4",),
        fast=True,
    ),
    Mutant(
        "S10",
        "on_drop is called under the lock",
        (
            swap(
                STAGE,
                """
                    result, victims, start = self._squeeze(x, size)
""",
                """
                    result, victims, start = self._squeeze(x, size)
                    for victim in victims if self._on_drop is not None else ():
                        self._on_drop(victim)
                    victims = []
""",
            ),
        ),
        (
            "tests/laws/test_laws_locks.py::test_l14_no_lock_is_held_while_others_are_called",
            "tests/properties/test_eb_faults.py::test_eb_07_nobody_is_called_under_a_lock",
        ),
        (
            "L14",
            "EB-7",
        ),
        hangs=True,
        seconds=10,
    ),
    Mutant(
        "S11",
        "a second end replaces the first",
        (
            swap(
                STAGE,
                """
            if self._ending or self._closed:
                return
            self._ending = True""",
                """
            if self._closed:
                return
            self._ending = True""",
            ),
        ),
        (
            "tests/laws/test_laws_end.py::test_l09_of_an_overflow_and_an_end_the_first_counts",
            "tests/pipeline/test_stage.py::test_the_end_is_delivered_behind_the_backlog_once",
        ),
        ("L9",),
    ),
    Mutant(
        "S12",
        "the end leaves who waits for room asleep",
        (
            swap(
                STAGE,
                """
            self._ending = True
            self._error = error
            wake = self._take_resumes()""",
                """
            self._ending = True
            self._error = error
            wake: list[Resume] = []""",
            ),
        ),
        (
            "tests/laws/test_laws_logic.py::test_l07_each_who_parks_is_resumed_once_and_nobody_after_the_end",
            "tests/laws/test_laws_waits.py::test_l16_a_wait_ends_when_there_is_room_or_an_end",
        ),
        (
            "L7",
            "L16",
        ),
    ),
    Mutant(
        "S13",
        "a full dropping stage holds its upstream back, and with it all others",
        (swap(STAGE, "or not self.overflow.holds_back or self._ending", "or self._ending"),),
        ("tests/pipeline/test_stage.py::test_a_dropping_stage_never_holds_its_upstream_back",),
        ("L18",),
    ),
    Mutant(
        "S14",
        "every subscription of the operator shares one stage",
        (
            swap(
                STAGE,
                """
    def hop(source: Observable[T]) -> Observable[T]:
        def subscribe(""",
                """
    def hop(source: Observable[T]) -> Observable[T]:
        known: list[BoundedStage[T]] = []

        def subscribe(""",
            ),
            swap(
                STAGE,
                """
            subscription = stage.connect(observer)
            stage.follow(source, scheduler)""",
                """
            known.append(stage)
            stage = known[0]
            subscription = stage.connect(observer)
            stage.follow(source, scheduler)""",
            ),
        ),
        ("tests/pipeline/test_stage.py::test_each_subscription_of_the_operator_has_a_stage_of_its_own",),
        ("L18",),
    ),
    Mutant(
        "S15",
        "the gate is open when one of the stages behind it has room",
        (swap(GATE, "return all(stage.has_room(size)", "return any(stage.has_room(size)"),),
        ("tests/laws/test_laws_progress.py::test_l18_unless_asked_a_joint_gate_holds_all_back",),
        ("L18",),
        fast=True,
    ),
    Mutant(
        "S16",
        "try_emit says OVERFLOW and keeps the element all the same",
        (
            swap(
                STAGE,
                """
                    self._books.refused += 1
""",
                """
                    self._books.refused += 1
                    self._books.push(x, size)
""",
            ),
        ),
        (
            "tests/laws/test_laws_logic.py::test_l05_every_element_has_one_fate",
            "tests/properties/test_eb_policy.py::test_eb_05_exact_for_any_size",
        ),
        (
            "L5",
            "EB-5",
        ),
    ),
    Mutant(
        "S17",
        "ERROR discards its backlog: the overflow overtakes it",
        (
            swap(
                STAGE,
                """
                self._books.discard_incoming()
                self._ending = True
                self._error = BufferOverflow""",
                """
                self._books.discard_incoming()
                self._books.discard_all()
                self._ending = True
                self._error = BufferOverflow""",
            ),
        ),
        (
            "tests/properties/test_eb_policy.py::test_eb_05_error_delivers_the_backlog_and_then_says_so",
            "tests/laws/test_laws_end.py::test_l09_of_an_overflow_and_an_end_the_first_counts",
        ),
        (
            "EB-5",
            "L9",
        ),
    ),
    Mutant(
        "S18",
        "the bound is one too large",
        (swap(OVERFLOW, "waiting < self.capacity and", "waiting <= self.capacity and"),),
        (
            "tests/properties/test_eb_bounds.py::test_eb_04_live_events_are_bounded_while_a_great_many_are_offered[drop_newest]",
        ),
        ("EB-4",),
        fast=True,
    ),
    Mutant(
        "S19",
        "the newest element comes first",
        (swap(OVERFLOW, "        items.append((x, size))\n", "        items.appendleft((x, size))\n"),),
        ("tests/laws/test_laws_logic.py::test_l03_each_producers_elements_come_in_its_order",),
        ("L3",),
        fast=True,
    ),
    Mutant(
        "S20",
        "what is offered behind the end is still taken",
        (
            swap(
                STAGE,
                """
        if self._ending or self._closed:
            self._books.discard_incoming()
""",
                """
        if self._closed:
            self._books.discard_incoming()
""",
            ),
        ),
        (
            "tests/laws/test_laws_logic.py::test_l01_one_terminal_signal_at_most_and_nothing_after_it"
            "[after-each-complete-error-dispose-DROP_OLDEST]",
        ),
        ("L1", "EB-9"),
        fast=True,
    ),
    Mutant(
        "G1",
        "the books of followers that have ended lose what was discarded",
        (swap(LEDGER, "discarded=a.discarded + b.discarded,", "discarded=a.discarded,"),),
        (T_LEDGER + "test_merged_books_close_as_the_parts_do",),
        ("L5", "EB-2"),
    ),
    Mutant(
        "G2",
        "what is offered to a stage that has left is not counted",
        (swap(LEDGER, "offered=1, discarded=1, ended=True", "ended=True"),),
        (T_LEDGER + "test_what_comes_after_the_end_is_still_counted",),
        ("L5", "EB-2"),
    ),
    Mutant(
        "G3",
        "ended stages are kept for ever",
        (swap(LEDGER, "if self._live.pop(id(stage), None) is not None:", "if id(stage) in self._live:"),),
        (T_LEDGER + "test_an_ended_stage_leaves_its_numbers_and_is_forgotten",),
        ("L11",),
    ),
    Mutant(
        "G4",
        "the books always close",
        (
            swap(
                LEDGER,
                "return self.offered == self.delivered + self.dropped + self.discarded + self.queued",
                "return self.offered >= 0",
            ),
        ),
        (T_LEDGER + "test_books_close_when_every_element_has_a_fate",),
        ("L5", "EB-2"),
    ),
)
