"""One run from start to end: builds the parts, wires them, and takes them down in order.

The shutdown protocol (each step bounded, see `Session.close`)::

    children end (or are told to) -> their outputs close -> ingest ends, its streams complete
    -> the stages drain in order -> the sinks complete -> store sealed -> pool, lanes, io, clock end

Everything here runs on the main thread.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any, cast

import reactivex
from loguru import logger
from reactivex import Observable

from brummer_rx import __version__
from brummer_rx.cli.live import LiveRun
from brummer_rx.cli.transforms import transforms
from brummer_rx.pipeline.clock import ClockThread
from brummer_rx.pipeline.decider import exit_code
from brummer_rx.pipeline.effect import Tell
from brummer_rx.pipeline.event import Event
from brummer_rx.pipeline.flow import LineFlow, SinkSpec
from brummer_rx.pipeline.ledger import Ledgers
from brummer_rx.pipeline.mainloop import MainLoop
from brummer_rx.pipeline.process import Command, CommandKind, ProcessSpec
from brummer_rx.pipeline.scheduler import BoundedThreadPoolScheduler
from brummer_rx.pipeline.settings import Settings
from brummer_rx.pipeline.supervisor import Supervisor
from brummer_rx.pipeline.threads import Lane
from brummer_rx.sinks.store.helper import SearchHelper
from brummer_rx.sinks.store.runs import create_run
from brummer_rx.sinks.store.store import LogStore, StoreOptions
from brummer_rx.sources.effector import ProcessEffector, sweep
from brummer_rx.sources.ingest import Ingest

__all__ = ["STUCK_AFTER", "Session", "terminal_size"]

END_TIMEOUT = 5.0
"""Seconds that each step of the shutdown may take before it is given up (and said)."""
LOG_BYTES = 4 * 1024 * 1024
"""Our own messages of one run: two files of this size at most."""
LARGE_BLOCK = 16 * 1024 * 1024
STUCK_AFTER = 1.0
"""After a stop signal: a console whose reader took nothing for so long is let go, the store goes on."""


class Session:
    """The parts of one run and its life. Made, run and closed by the main thread, once.

    :param specs: all processes of the run; those with `autostart` are started by `run`
    :param pty: what children without a wish of their own run on
    :param size: columns and rows of their terminals
    :param on_notice: told of every notice, on any thread
    """

    def __init__(
        self,
        settings: Settings,
        specs: tuple[ProcessSpec, ...],
        *,
        pty: bool,
        size: tuple[int, int] = (80, 24),
        command: str = "",
        on_notice: Callable[[str, bool], None],
    ) -> None:
        _keep_large_blocks()
        self.settings = settings
        self.specs = specs
        self.code: int | None = None
        """What the tool ends with when a signal or a broken pipe decided it."""
        self._on_notice = on_notice
        self._stops = 0
        self._finishing = False
        self._table_seen = -1
        self.run_folder = create_run(
            settings.state_dir, project=str(settings.folder), command=command, tool=__version__
        )
        self._log = logger.add(
            self.run_folder.path / "tool.log",
            level="INFO",
            rotation=LOG_BYTES,
            retention=1,
            opener=_private,
        )
        self.loop = MainLoop(on_error=self._loop_failed)
        self.clock = ClockThread()
        self.ledgers = Ledgers()
        self.pool = BoundedThreadPoolScheduler(settings.workers, clock=self.clock)
        self._store_lane = Lane("store")
        self._sync_lane = Lane("sync")
        self.store = LogStore(
            self.run_folder,
            lane=self._store_lane,
            sync=self._sync_lane,
            clock=self.clock,
            options=StoreOptions(
                max_bytes=settings.store_max_bytes, max_age=settings.store_max_days * 86400.0
            ),
            on_notice=self.tell,
        )
        self.flow = LineFlow(self.pool, self.ledgers, self._sink_ended)
        self.ingest = Ingest(gate=self.flow.entrance, clock=self.clock)
        self.effector = ProcessEffector(
            self.ingest,
            clock=self.clock,
            run_id=self.run_folder.id,
            pty=pty,
            size=size,
            expected=len(specs),
            pipe_buffer=settings.pipe_buffer,
        )
        self.supervisor = Supervisor(
            specs,
            grace=settings.grace,
            lane=self.pool,
            clock=self.clock,
            effector=self.effector,
            on_tell=self._told,
            on_change=self._table_changed,
            ledgers=self.ledgers,
        )
        self.search = SearchHelper(self.run_folder.path)
        self.live = LiveRun(
            self.run_folder.id,
            reader=self.store,
            search=self.search,
            supervisor=self.supervisor,
            ingest=self.ingest,
            pool=self.pool,
            clock=self.clock,
        )

    # --- running --------------------------------------------------------------------------------------

    def run(self, *sinks: SinkSpec) -> None:
        """Start everything and serve until the run is over. `close` must follow, whatever happens here."""
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored by our parent, no exit code could be read
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self.loop.on_signal(signum, self._on_signal(signum))
        self._connect(sinks)
        self.clock.start()
        self.ingest.start()
        for spec in self.specs:
            if spec.autostart:
                self.supervisor.send(Command(CommandKind.START, spec.name))
        self.loop.run()

    def _connect(self, sinks: tuple[SinkSpec, ...]) -> None:
        store = SinkSpec("store", self._store_lane, cast(Callable[[Event], None], self.store.append))
        # Both streams are emitted by the ingest thread, one at a time: merging them adds no second producer.
        lines = reactivex.merge(
            cast(Observable[Event], self.ingest.batches), cast(Observable[Event], self.ingest.gaps)
        )
        self.ingest.events.subscribe(self.supervisor.deliver)
        self.flow.connect(lines, transforms(self.settings, self._transform_failed), (store, *sinks))

    def _on_signal(self, signum: int) -> Callable[[], None]:
        def stop() -> None:
            self.stop(128 + signum, f"{signal.Signals(signum).name}: stopping")

        return stop

    def stop(self, code: int, why: str = "") -> None:
        """End the run: all children are told to end; the second time they are killed."""
        self._stops += 1
        if self.code is None:
            self.code = code
        if why:
            self.tell(why + (" at once" if self._stops > 1 else ""), False)
        self.supervisor.send(Command(CommandKind.STOP_ALL if self._stops == 1 else CommandKind.KILL_ALL))
        self._finish_if_over()

    def resize(self, columns: int, rows: int) -> None:
        """Our terminal has another size now: so have those of the children."""
        self.effector.resize(columns, rows)
        self.ingest.resize(columns, rows)

    @property
    def stopping(self) -> bool:
        """Whether the run was told to end."""
        return self._stops > 0

    def tell(self, text: str, bad: bool = False) -> None:
        """Something to say: kept for the viewer, and said where there is none. Any thread."""
        (logger.warning if bad else logger.info)("{}", text)
        self.live.tell(text, bad=bad)
        self._on_notice(text, bad)

    # --- what happens ---------------------------------------------------------------------------------

    def _told(self, tell: Tell) -> None:
        self.tell(tell.text, tell.bad)

    def _transform_failed(self, name: str, error: Exception, bypassed: bool) -> None:
        end = "; it is bypassed from now on" if bypassed else ""
        self.tell(f"operator {name} failed, its lines went on unchanged: {error!r}{end}", True)

    def _loop_failed(self, error: BaseException) -> None:
        self.tell(f"an action of the main thread failed: {error!r}", True)

    def _sink_ended(self, name: str, error: Exception | None) -> None:
        """On the sink's lane."""
        if error is not None:
            self.tell(f"{name} failed and gets no more lines: {error!r}", True)
        self.loop.post("sinks", self.drained)

    def _table_changed(self) -> None:
        """On a worker of the pool."""
        self.live.changed()
        self.loop.post("table", self._look_at_table)

    def _look_at_table(self) -> None:
        self._save_table()
        self._finish_if_over()

    def _save_table(self) -> None:
        """Keep the table in the run's folder for `status` after the end; the newest one wins."""
        table = self.supervisor.table
        if table.version != self._table_seen:
            self._table_seen = table.version
            self._sync_lane.submit(lambda: self._write_table(table))

    def _write_table(self, table: Any) -> None:
        """On the sync lane."""
        from brummer_rx.pipeline.status import write_status_file

        if table.version < self._table_seen:
            return  # a newer one follows
        try:
            write_status_file(self.run_folder.path, table)
        except OSError as error:
            logger.warning("the table of processes could not be kept: {}", error)

    # --- the end --------------------------------------------------------------------------------------

    ends_with_children = True
    """Whether the run is over when all children have ended (`--plain`); else only when it is told to stop."""

    def _finish_if_over(self) -> None:
        """All have ended, and the run is to end: close the sources; the rest follows downstream."""
        table = self.supervisor.table
        may = self.stopping or (self.ends_with_children and table.version > 0)
        if self._finishing or not may or not table.all_ended or self._still_to_start():
            return
        self._finishing = True
        if not self.ingest.close(END_TIMEOUT):
            self.tell("the ingest thread did not end", True)
        self.drained()

    def _still_to_start(self) -> bool:
        """Whether a start was asked for that the decider has not heard of yet."""
        if self.stopping:
            return False
        infos = self.supervisor.table.processes
        return any(info.spec.autostart and info.incarnation == 0 for info in infos)

    def drained(self) -> None:
        """A sink has ended or was let go: the loop ends when it was the last one."""
        if self._finishing and not self.flow.open_sinks:
            self.loop.stop()

    def close(self) -> int:
        """Take everything down in order; the exit code. A step that does not end in time is said and left."""
        steps: tuple[tuple[str, Callable[[], bool]], ...] = (
            ("the ingest thread", lambda: self.ingest.close(END_TIMEOUT)),
            ("the process control", self._close_supervisor),
            ("the children", self._sweep),
            ("the store", lambda: self.store.close(END_TIMEOUT)),
            ("the search", self._close_search),
            ("the worker pool", lambda: self.pool.dispose(True, END_TIMEOUT)),
            ("the store lane", lambda: self._store_lane.close(END_TIMEOUT)),
            ("the sync lane", self._close_sync),
            ("the clock", lambda: self.clock.close(END_TIMEOUT)),
        )
        for name, step in steps:
            try:
                if not step():
                    self.tell(f"{name} did not end in {END_TIMEOUT:g} s", True)
            except Exception as error:  # noqa: BLE001 - the steps after it must still be taken
                logger.opt(exception=error).error("ending {} failed", name)
                self.tell(f"ending {name} failed: {error!r}", True)
        self.loop.close()
        logger.remove(self._log)
        if self.code is not None:
            return self.code
        return exit_code(self.supervisor.state) if self.ends_with_children else 0

    def _close_supervisor(self) -> bool:
        self.supervisor.close()
        return True

    def _close_search(self) -> bool:
        self.search.close()
        return True

    def _close_sync(self) -> bool:
        self._save_table()
        return self._sync_lane.close(END_TIMEOUT)

    def _sweep(self) -> bool:
        """Whatever still carries the run's tag: grandchildren that left their group."""
        for name in sweep(self.run_folder.id, 0.0 if self._stops > 1 else self.settings.grace):
            self.tell(f"stopped what was left over: {name}", False)
        return True


def _keep_large_blocks() -> None:
    """Let the C library keep the memory of large blocks.

    glibc gives each block over 128 KiB back to the system, page by page, until one larger was freed once;
    with batches of that size this costs more than reading them (measured: 25 % of a run's CPU).
    """
    bytes(LARGE_BLOCK)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def terminal_size(fd: int = 1) -> tuple[int, int]:
    """Columns and rows of our terminal, or 80 x 24."""
    try:
        columns, rows = os.get_terminal_size(fd)
    except OSError:
        return 80, 24
    return max(1, columns), max(1, rows)
