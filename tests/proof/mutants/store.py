"""Defects of the log: numbers, receipts, snapshots, torn tails, gaps, eviction, the end."""

from __future__ import annotations

from tests.proof.mutants.mutant import Mutant, swap

__all__ = ["MUTANTS"]

STORE = "sinks/store/store.py"
WRITER = "sinks/store/writer.py"
RECOVER = "sinks/store/recover.py"
UPKEEP = "sinks/store/upkeep.py"
INTAKE = "sinks/store/intake.py"
T_STORE = "tests/sinks/test_store.py::"
T_WRITER = "tests/sinks/test_writer.py::"
T_RECOVER = "tests/sinks/test_recover.py::"

MUTANTS = (
    Mutant(
        "D1",
        "published before it is written",
        (
            swap(
                STORE,
                """
        if frames:
            self._write(frames)
        growing""",
                """
        self._publish()
        if frames:
            self._write(frames)
        growing""",
            ),
        ),
        (
            "tests/properties/test_ls_snapshot.py::test_ls_4_windows_have_no_unexplained_hole_during_writes_and_evictions",
        ),
        ("LS-4",),
    ),
    Mutant(
        "D2",
        "a torn frame stays at the segment's end after a refused write",
        (
            swap(
                WRITER,
                "            self._disk.truncate(growing.file.fd, growing.end)\n",
                "            self.broken = False\n",
            ),
        ),
        ("tests/properties/test_ls_batch.py::test_ls_5_a_batch_that_fails_leaves_nothing",),
        ("LS-5",),
        fast=True,
    ),
    Mutant(
        "D3",
        "the torn frame of a writer that died stays",
        (swap(RECOVER, "            _cut_torn_tail(growing)\n", "            growing.file.size()\n"),),
        (T_RECOVER + "test_a_torn_tail_is_cut_off_and_the_run_sealed",),
        ("LS-5",),
    ),
    Mutant(
        "D4",
        "lines that the disk refused leave no gap",
        (
            swap(
                STORE,
                """
            self._gaps.add(LostLines(gap, ids, level, self._clock.time_ns()))
            self._lost += header.lines""",
                """
            self._lost += header.lines""",
            ),
        ),
        (
            "tests/properties/test_ls_receipt.py::test_ls_2_a_receipt_is_readable_or_explained_whatever_the_disk_does",
        ),
        ("LS-2",),
    ),
    Mutant(
        "D5",
        "the gap of evicted lines is written after they went",
        (
            swap(
                UPKEEP,
                """
            self._disk.append(self._run.path / GAPS_LOG, data, sync=True)  # before the lines go
            view.path.unlink(missing_ok=True)
            key_path(view.path).unlink(missing_ok=True)""",
                """
            view.path.unlink(missing_ok=True)
            key_path(view.path).unlink(missing_ok=True)
            self._disk.append(self._run.path / GAPS_LOG, data, sync=True)""",
            ),
        ),
        (
            "tests/sinks/test_retention.py::test_a_gap_is_on_disk_before_the_lines_go_and_without_it_they_stay",
        ),
        ("LS-1",),
    ),
    Mutant(
        "D6",
        "a second thread may append",
        (
            swap(
                STORE,
                """
        if self._writer_thread:
            raise ThreadError("lines are appended on the store lane only")
""",
                "",
            ),
        ),
        (T_STORE + "test_a_second_writing_thread_is_refused",),
        ("LS-1",),
    ),
    Mutant(
        "D7",
        "a short write counts as a whole one",
        (swap(WRITER, "                left -= done\n", "                left = 0\n"),),
        ("tests/sinks/test_store.py::test_short_writes_are_finished",),
        ("LS-5",),
        fast=True,
    ),
    Mutant(
        "D8",
        "a batch that is split for its size leaves a number out",
        (
            swap(
                INTAKE,
                """
        at = 0
        for piece, lines in pieces_of(data, self._frame_bytes):""",
                """
        at = 0
        self.next_seq += 1
        for piece, lines in pieces_of(data, self._frame_bytes):""",
            ),
        ),
        (T_STORE + "test_a_batch_larger_than_a_frame_is_split_at_line_borders",),
        ("LS-4",),
    ),
    Mutant(
        "D11",
        "the frames of one batch are published one by one",
        (
            swap(
                STORE,
                """
        if frames:
            self._write(frames)
        growing""",
                """
        for frame in frames:
            self._write([frame])
            self._publish()
        growing""",
            ),
        ),
        ("tests/properties/test_ls_batch.py::test_ls_5_a_batch_of_many_frames_is_published_as_one",),
        ("LS-5",),
    ),
    Mutant(
        "D9",
        "a reader's exception stops the log",
        (
            swap(
                STORE,
                """
                self._faults += 1
                logger.opt(exception=error).error("a reader's on_change raised")""",
                """
                self._faults += 1
                raise""",
            ),
        ),
        (T_STORE + "test_readers_are_told_after_each_write_and_their_faults_stay_theirs",),
        ("EB-8",),
    ),
    Mutant(
        "D10",
        "gaps show before the lines in front of them are written",
        (swap(STORE, "if gaps and gaps[-1].last_seq >= end_seq:", "if gaps and end_seq < 0:"),),
        ("tests/sinks/test_store.py::test_a_swap_does_not_show_gaps_whose_earlier_lines_are_not_written",),
        ("LS-4",),
    ),
    Mutant(
        "D12",
        "the index of the growing segment is one frame short",
        (
            swap(
                "sinks/store/growing.py",
                "        frames = Frames(self.columns, length)\n",
                "        frames = Frames(self.columns, max(1, length - 1))\n",
            ),
        ),
        (
            "tests/properties/test_ls_receipt.py::test_ls_2_a_receipt_is_readable_the_moment_the_store_publishes_it",
        ),
        ("LS-2",),
    ),
    Mutant(
        "D13",
        "an eviction leaves no gap in the snapshot",
        (swap("sinks/store/store.py", "        self._gaps.know([gap])\n", ""),),
        (
            "tests/properties/test_ls_snapshot.py::test_ls_4_windows_have_no_unexplained_hole_during_writes_and_evictions",
        ),
        ("LS-4",),
    ),
    Mutant(
        "D14",
        "close loses what waits for its write",
        (
            swap(
                "sinks/store/store.py",
                """
        self._closing = True
        self.flush()
""",
                "        self._closing = True\n",
            ),
        ),
        ("tests/properties/test_ls_close.py::test_ls_6_lines_that_waited_for_their_write_are_in_the_files",),
        ("LS-6",),
        fast=True,
    ),
    Mutant(
        "D15",
        "lines are published that still wait for their write",
        (
            swap(
                "sinks/store/store.py",
                "        end_seq = self._intake.waiting_seq()\n",
                "        end_seq = self._intake.next_seq\n",
            ),
        ),
        ("tests/properties/test_ls_snapshot.py::test_ls_4_gaps_of_all_kinds_leave_windows_that_add_up",),
        ("LS-4",),
    ),
    Mutant(
        "D16",
        "a reader takes a frame that is still being written",
        (
            swap(
                "sinks/store/growing.py",
                """
            if header is not None and self.end + header.size <= size and header.first_seq >= self.seen_seq:
                body = self._read(self.end + HEADER_SIZE, header.stored_length)
                if body_is_whole(header, body):
""",
                """
            if header is not None and header.first_seq >= self.seen_seq:
                body = self._read(self.end + HEADER_SIZE, header.stored_length)
                if header:
""",
            ),
        ),
        ("tests/properties/test_ls_batch.py::test_ls_5_readers_never_see_a_part_of_a_batch",),
        ("LS-5",),
    ),
    Mutant(
        "D17",
        "age is no bound",
        (
            swap(
                "sinks/store/retention.py",
                """
        if not too_old and total <= max_bytes:
            break
        chosen""",
                """
        if total <= max_bytes:
            break
        chosen""",
            ),
        ),
        ("tests/properties/test_ls_bound.py::test_ls_3_age_is_a_bound_too",),
        ("LS-3",),
    ),
    Mutant(
        "D18",
        "an eviction gives numbers a second time",
        (
            swap(
                "sinks/store/store.py",
                "        self._gaps.know([gap])\n",
                """
        self._gaps.know([gap])
        self._intake.next_seq -= view.lines
""",
            ),
        ),
        ("tests/properties/test_ls_bound.py::test_ls_3_a_hundred_times_the_bound_stays_within_it",),
        ("LS-3", "LS-2"),
    ),
    Mutant(
        "D19",
        "a reader that hears of the writer's end has read its last notes before",
        (
            swap(
                "sinks/store/reader.py",
                """
        self._live = is_live(self.path)  # asked first: what a writer that just ended has left is read below
        changed = self._reload_logs()
""",
                """
        changed = self._reload_logs()
        self._live = is_live(self.path)
""",
            ),
        ),
        (
            "tests/sinks/test_run_reader.py"
            "::test_what_a_writer_leaves_as_it_ends_is_read_by_the_look_that_hears_of_the_end",
        ),
        ("LS-6",),
    ),
)
