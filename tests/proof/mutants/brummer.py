"""The defects of the ancestor (its list M1 to M26), as they would look here."""

from __future__ import annotations

from tests.proof.mutants.mutant import Mutant, swap

__all__ = ["MUTANTS"]

STAGE = "pipeline/stage.py"
DRAIN = "pipeline/drain.py"
STORE = "sinks/store/store.py"
T_STAGE = "tests/pipeline/test_stage.py::"
T_STORE = "tests/sinks/test_store.py::"

MUTANTS = (
    Mutant(
        "M1",
        "a full stage starts a thread for the element",
        (
            swap(
                STAGE,
                """
    def _offer_full(self, x: T, size: int) -> None:
        if""",
                """
    def _offer_full(self, x: T, size: int) -> None:
        if self._observer is not None:
            from brummer_rx.pipeline.threads import start_thread

            with self._lock:
                self._books.accepted += 1
                self._books.delivered += 1
            start_thread("overflow", lambda: self._observer.on_next(x))
            return
        if""",
            ),
        ),
        (
            "tests/properties/test_eb_bounds.py::test_eb_03_threads_are_bounded_while_all_handlers_hang_and_all_queues_are_full",
            "tests/properties/test_eb_order.py::test_eb_01_in_order_under_overflow_and_slow_handlers",
        ),
        (
            "EB-3",
            "EB-1",
        ),
        fast=True,
    ),
    Mutant(
        "M2",
        "one queue, two workers: two drains of one stage at once",
        (
            swap(STAGE, "not self._active and self._claim()", "self._claim()"),
            swap(
                DRAIN,
                "if self._active or self._closed or self._observer is None:",
                "if self._closed or self._observer is None:",
            ),
        ),
        (
            "tests/properties/test_eb_order.py::test_eb_01_in_order_under_overflow_and_slow_handlers[park]",
            "tests/laws/test_laws_stress.py::test_l02_several_producers_and_no_two_signals_at_once",
        ),
        (
            "EB-1",
            "L2",
        ),
        fast=True,
    ),
    Mutant(
        "M3",
        "the proof itself counts threads at the end only",
        (
            swap(
                "tests/properties/bus.py",
                "            self.high_water = max(self.high_water, len(self._counted))\n",
                "",
            ),
            swap(
                "tests/properties/bus.py",
                """
        with self._lock:
            return sum(thread.is_alive() for thread in self._counted)""",
                """
        with self._lock:
            self.high_water = sum(thread.is_alive() for thread in self._counted)
            return self.high_water""",
            ),
        ),
        ("tests/properties/test_eb_bounds.py::test_eb_03_counting_at_the_end_is_no_evidence",),
        ("EB-3",),
    ),
    Mutant(
        "M4",
        "the end of a crew cancels what waits instead of running it",
        (swap("pipeline/threads.py", "lost = self._begin_end(drain)", "lost = self._begin_end(False)"),),
        (
            "tests/properties/test_eb_ends.py::test_eb_09_stop_runs_everything_that_was_accepted",
            "tests/laws/test_laws_shutdown.py::test_l20_with_drain_what_was_accepted_is_delivered_and_completed",
        ),
        ("EB-9", "L20"),
        fast=True,
    ),
    Mutant(
        "M4b",
        "the end of a crew waits without a deadline",
        (
            swap(
                "pipeline/threads.py",
                "            thread.join(max(0.0, deadline - time.monotonic()))",
                "            thread.join()",
            ),
        ),
        (
            "tests/properties/test_eb_ends.py::test_eb_09_stop_with_a_hanging_handler_returns_at_its_deadline_and_says_what_it_left",
        ),
        ("EB-9",),
        hangs=True,
        seconds=8,
    ),
    Mutant(
        "M5",
        "what is offered after the end vanishes without a count",
        (
            swap(
                STAGE,
                """
        if self._ending or self._closed:
            self._books.discard_incoming()
""",
                """
        if self._ending or self._closed:
""",
            ),
        ),
        (
            "tests/properties/test_eb_ends.py::test_eb_09_what_is_offered_after_the_stop_is_refused_and_counted",
            "tests/properties/test_eb_order.py::test_eb_02_everything_offered_is_accounted_for",
        ),
        (
            "EB-9",
            "EB-2",
        ),
        fast=True,
    ),
    Mutant(
        "M6",
        "who waits is called under the lock",
        (
            swap(
                DRAIN,
                """
                    if self._resumes and books.is_low():
                        wake = self._take_resumes()""",
                """
                    if self._resumes and books.is_low():
                        for resume in self._take_resumes():
                            resume()""",
            ),
        ),
        (
            "tests/properties/test_eb_faults.py::test_eb_07_nobody_is_called_under_a_lock",
            "tests/laws/test_laws_locks.py::test_l14_no_lock_is_held_while_others_are_called",
        ),
        (
            "EB-7",
            "L14",
        ),
        hangs=True,
        seconds=8,
    ),
    Mutant(
        "M7",
        "batches can be changed by whoever gets them",
        (
            swap(
                "pipeline/event.py",
                "@dataclass(frozen=True, slots=True)\nclass LogBatch:",
                "@dataclass(slots=True)\nclass LogBatch:",
            ),
        ),
        ("tests/properties/test_eb_ends.py::test_eb_12_an_event_cannot_be_changed",),
        ("EB-12",),
        fast=True,
    ),
    Mutant(
        "M8",
        "who waited for room overtakes what is queued",
        (
            swap(
                STAGE,
                """
                result, start = self._admit(x, size)
                if result is not EmitResult.OVERFLOW or (end""",
                """
                result, start = self._admit(x, size)
                if result is EmitResult.OK:
                    self._books.items.rotate(1)
                if result is not EmitResult.OVERFLOW or (end""",
            ),
        ),
        (
            "tests/properties/test_ls_order.py"
            "::test_ls_1_25_writers_through_the_real_flow_lose_and_reorder_nothing",
            "tests/properties/test_eb_order.py::test_eb_01_in_order_under_overflow_and_slow_handlers",
        ),
        ("LS-1", "EB-1"),
    ),
    Mutant(
        "M9",
        "append answers with a number that is not the line's",
        (
            swap(
                STORE,
                "self._flush_later)\n        return seq",
                "self._flush_later)\n        return seq + 1",
            ),
        ),
        (
            "tests/properties/test_ls_receipt.py::test_ls_2_a_receipt_is_readable_the_moment_the_store_publishes_it",
        ),
        ("LS-2",),
        fast=True,
    ),
    Mutant(
        "M10",
        "evicted segments stay in the index",
        (
            swap(
                STORE,
                "self._set_sealed(tuple(kept for kept in known if kept.number != view.number))",
                "self._set_sealed(known)",
            ),
        ),
        ("tests/properties/test_ls_bound.py::test_ls_3_a_hundred_times_the_bound_stays_within_it",),
        ("LS-3",),
    ),
    Mutant(
        "M11",
        "an append after close is taken and lost",
        (
            swap(
                STORE,
                '            raise SinkError("the log is closed")',
                "            return self._intake.next_seq",
            ),
        ),
        (
            "tests/properties/test_ls_close.py::test_ls_6_an_append_after_close_is_refused_and_changes_nothing",
        ),
        ("LS-6",),
        fast=True,
    ),
    Mutant(
        "M11b",
        "a second close raises",
        (
            swap(
                STORE,
                """
        deadline = monotonic() + timeout
        while not""",
                """
        deadline = monotonic() + timeout
        if self._closed.is_set():
            raise SinkError("the log is closed")
        while not""",
            ),
        ),
        ("tests/properties/test_ls_close.py::test_ls_6_closing_again_in_every_state_is_fine",),
        ("LS-6",),
    ),
    Mutant(
        "M14",
        "a child that exited is not read any further",
        (
            swap(
                "sources/ingest.py",
                """
        self._outbox.tell(self._event(running, ProcessEventKind.EXITED, code))
""",
                """
        self._outbox.tell(self._event(running, ProcessEventKind.EXITED, code))
        for pipe in tuple(running.open):
            self._end(pipe)
        self._outbox.flush()
""",
            ),
        ),
        ("tests/properties/test_pm_3.py::test_pm_3_the_end_of_output_waits_for_lines_that_find_no_room",),
        ("PM-3",),
        fast=True,
    ),
    Mutant(
        "M23",
        "a change of the run edits the viewer's state on the thread that made it",
        (
            swap(
                "tui/app.py", '            self._loop.post("viewer", self._data)', "            self._data()"
            ),
        ),
        (
            "tests/properties/test_tui_writer.py::test_tui_1_only_its_own_thread_writes_the_state_of_the_viewer",
        ),
        ("TUI-1",),
        fast=True,
    ),
    Mutant(
        "M25",
        "a raw Subject: the subscriber is called on each producer's thread",
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
        observer = self._observer
        if observer is not None and not self._ending and not self._closed:
            self._books.accepted += 1
            self._books.delivered += 1
            observer.on_next(x)
            return
        with self._lock:
            result, start = self._admit(x, size)
        if start:
            self._submit()
        elif result""",
            ),
        ),
        ("tests/properties/test_eb_order.py::test_eb_01_each_source_in_order_with_many_producers[1-10000]",),
        ("EB-1",),
        fast=True,
    ),
    Mutant(
        "M25b",
        "ingest's Subject stands in a public attribute",
        (
            swap(
                "sources/outbox.py",
                "self.batches: Observable[LogBatch] = self._batches.pipe(ops.as_observable())",
                "self.batches: Subject[LogBatch] = Subject()\n        self._batches = self.batches",
            ),
        ),
        ("tests/rules/test_rules.py::test_the_tree_keeps_the_rule",),
        ("EB-1",),
    ),
    Mutant(
        "M26",
        "an exception of a transform ends the stream",
        (
            swap(
                "pipeline/guarded.py",
                """
            attempt.take()  # half of an answer
            out.append(event)""",
                """
            raise""",
            ),
        ),
        (
            "tests/properties/test_eb_faults.py"
            "::test_eb_08_a_transform_that_raises_at_item_3_of_10_is_tried_ten_times_and_costs_nothing",
        ),
        ("EB-8",),
        fast=True,
    ),
)
