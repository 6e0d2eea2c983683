"""One run from start to end: builds the parts, wires them, and takes them down in order.

The shutdown protocol (each step bounded, see `Session.close`)::

    children end (or are told to) -> their outputs close -> ingest ends, its streams complete
    -> the stages drain in order -> the sinks complete -> store sealed -> pool, lanes, io, clock end

Everything here runs on the main thread.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import cast

import reactivex
from loguru import logger
from reactivex import Observable

from brummer_rx.cli.books import write_books
from brummer_rx.cli.doors import CONSOLE, more_sinks
from brummer_rx.cli.ending import EndWatch
from brummer_rx.cli.live import LiveRun
from brummer_rx.cli.readers import Readers
from brummer_rx.cli.resources import prepare
from brummer_rx.cli.system import SYSTEM, System
from brummer_rx.cli.tablefile import TableFile
from brummer_rx.cli.toollog import ToolLog
from brummer_rx.cli.transforms import transforms
from brummer_rx.pipeline.decider import CUT_AFTER, exit_code
from brummer_rx.pipeline.effect import Tell
from brummer_rx.pipeline.errors import OperatorError
from brummer_rx.pipeline.event import Event
from brummer_rx.pipeline.flow import LineFlow, SinkSpec
from brummer_rx.pipeline.ledger import Ledgers
from brummer_rx.pipeline.mainloop import MainLoop
from brummer_rx.pipeline.process import Command, CommandKind, ProcessSpec
from brummer_rx.pipeline.settings import Settings
from brummer_rx.pipeline.supervisor import Supervisor
from brummer_rx.pipeline.watchdog import watch
from brummer_rx.sinks.store.helper import SearchHelper
from brummer_rx.sources.effector import ProcessEffector, sweep

__all__ = ["Session"]

END_TIMEOUT = 5.0
"""Seconds that each step of the shutdown may take before it is given up (and said)."""
SAME_WISH = 0.2
"""Seconds within which a signal that comes again is no second wish: `timeout` and `npm` send what they get
on to a group that got it, too, and a closing terminal sends HUP by the kernel and by the shell."""


class Session:
    """The parts of one run and its life. Made, run and closed by the main thread, once.

    :param specs: all processes of the run; those with `autostart` are started by `run`
    :param pty: what children without a wish of their own run on
    :param size: columns and rows of their terminals
    :param on_notice: told of every notice, on any thread
    :param system: what it asks of the system; tests give one that fails
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
        system: System = SYSTEM,
    ) -> None:
        prepare(len(specs), guarded=settings.guards)
        self.settings = settings
        self.specs = specs
        self.code: int | None = None
        """What the tool ends with when a signal or a broken pipe decided it."""
        self.incomplete = False
        """Somebody did not get all lines: the run does not end with 0. Set on any thread."""
        self._on_notice = on_notice
        self._wishes = 0  # how often it was told to end
        self._stopping = False
        self._finishing = False
        self._stuck = False
        # Before there is a run: a wrong setting makes none.
        self._transforms = transforms(settings, self._transform_failed)
        self.loop = MainLoop(on_error=self._loop_failed)
        with ExitStack() as undo:
            undo.callback(self.loop.close)
            names = tuple(spec.name for spec in specs)
            self._more = more_sinks(settings, self.loop, names, self._writing_failed)
            for sink in self._more.values():
                undo.callback(sink.close)
            self.run_folder = system.create_run(settings.state_dir, str(settings.folder), command)
            undo.pop_all()
        outlets = {name: sink.outlet for name, sink in self._more.items()}
        self.readers = Readers(self.loop, outlets, hurried=lambda: self.hurried, let_go=self._reader_stuck)
        """What must be written, too, before the run is over."""
        self._log = ToolLog(self.run_folder.path / "tool.log")
        # Without the values of variables: they hold whole environments, and so people's secrets.
        self._handler = logger.add(self._log, level="INFO", backtrace=False, diagnose=False)
        self._end_watch = EndWatch(
            self.loop, position=self._position, patience=self._patience, on_stuck=self._let_go
        )
        self.clock = system.clock()
        self.ledgers = Ledgers()
        self.pool = system.pool(settings.workers, self.clock)
        self._store_lane = system.lane("store")
        self._sync_lane = system.lane("sync")
        self.store = system.store(
            self.run_folder, self._store_lane, self._sync_lane, self.clock, settings, self.tell
        )
        self.flow = LineFlow(self.pool, self.ledgers, self._sink_ended)
        self.ingest = system.ingest(self.flow.entrance, self.clock)
        self.effector = ProcessEffector(
            self.ingest,
            clock=self.clock,
            run_id=self.run_folder.id,
            pty=pty,
            size=size,
            expected=len(specs),
            pipe_buffer=settings.pipe_buffer,
            start=system.start_process,
        )
        self.supervisor = Supervisor(
            specs,
            grace=settings.grace,
            lane=self.pool,
            clock=self.clock,
            effector=self.effector,
            on_tell=self._told,
            on_change=self._table_changed,
            on_failed=self._give_up,
            ledgers=self.ledgers,
        )
        self._table_file = TableFile(self.run_folder.path, self._sync_lane, lambda: self.supervisor.table)
        self.search = SearchHelper(self.run_folder.path, start=system.start_process)
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
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            self.loop.on_signal(signum, self._on_signal(signum))
        self._connect(sinks)
        self.clock.start()
        watch(self.clock, self.ledgers)
        self.ingest.start()
        for spec in self.specs:
            if spec.autostart:
                self.supervisor.deliver(Command(CommandKind.START, spec.name))
        self.loop.run()

    def _connect(self, sinks: tuple[SinkSpec, ...]) -> None:
        store = SinkSpec("store", self._store_lane, cast(Callable[[Event], None], self.store.append))
        # Both streams are emitted by the ingest thread, one at a time: merging them adds no second producer.
        lines = reactivex.merge(
            cast(Observable[Event], self.ingest.batches), cast(Observable[Event], self.ingest.gaps)
        )
        self.ingest.events.subscribe(self.supervisor.deliver)
        more = [SinkSpec(name, self.loop, s.write, feeds=s.gate) for name, s in self._more.items()]
        self.flow.connect(lines, self._transforms, (store, *more, *sinks))

    def _on_signal(self, signum: int) -> Callable[[], None]:
        last = -1e9

        def stop() -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= SAME_WISH:
                last = now
                if signum == signal.SIGQUIT:  # the key of those who have no patience
                    self._wishes = max(self._wishes, 1)
                self.stop(128 + signum, f"{signal.Signals(signum).name}: stopping")

        return stop

    def stop(self, code: int, why: str = "") -> None:
        """Somebody wants the run to end: all children are told to; the second time they are killed."""
        self._wishes += 1
        if self._wishes > 2:
            return  # there is nothing after KILL
        if why:
            self.tell(why + (" at once" if self.hurried else ""), False)
        self._end(code, CommandKind.KILL_ALL if self.hurried else CommandKind.STOP_ALL)

    def abandon(self, code: int) -> None:
        """Whoever watched is gone (a broken pipe, a closed terminal, the log): end the run, with all grace.

        It comes together with the signal that ended the watcher, and so is never a second wish.
        """
        if not self._stopping:
            self._end(code, CommandKind.STOP_ALL)

    def _end(self, code: int, kind: CommandKind) -> None:
        self._stopping = True
        if self.code is None:
            self.code = code
        self.supervisor.deliver(Command(kind))
        self._end_watch.start()
        self.readers.watch()
        self._finish_if_over()

    def resize(self, columns: int, rows: int) -> None:
        """Our terminal has another size now: so have those of the children."""
        self.effector.resize(columns, rows)
        self.ingest.resize(columns, rows)

    @property
    def stopping(self) -> bool:
        """Whether the run was told to end."""
        return self._stopping

    @property
    def hurried(self) -> bool:
        """Whether it was told so twice: nobody is waited for."""
        return self._wishes > 1

    def tell(self, text: str, bad: bool = False) -> None:
        """Something to say: kept for the viewer, and said where there is none. Any thread."""
        (logger.warning if bad else logger.info)("{}", text)
        self.live.tell(text, bad=bad)
        self._on_notice(text, bad)

    # --- what happens ---------------------------------------------------------------------------------

    def _told(self, tell: Tell) -> None:
        self.tell(tell.text, tell.bad)

    def _transform_failed(self, name: str, error: BaseException, bypassed: bool) -> None:
        end = "; it is bypassed from now on" if bypassed else ""
        what = f": {error}"
        if not isinstance(error, OperatorError):
            what = f", its lines went on unchanged: {error!r}"
        self.tell(f"operator {name} failed{what}{end}", True)

    def _loop_failed(self, error: BaseException) -> None:
        self.tell(f"an action of the main thread failed: {error!r}", True)

    def _writing_failed(self, name: str, error: OSError) -> None:
        self.tell(f"{name} failed ({error.strerror or error}) and gets no more lines; the log goes on", True)
        self.incomplete = True

    def _reader_stuck(self, name: str, waiting: int) -> None:
        self.flow.detach(name)
        what = "stdout" if name == CONSOLE else f"the reader of {name}"
        self.tell(
            f"{what} takes nothing: at least {waiting} bytes were not printed; they are in the log", True
        )
        self.loop.post("sinks", self.drained)

    def _sink_ended(self, name: str, error: Exception | None) -> None:
        """On the sink's lane."""
        if error is not None:
            self.tell(f"{name} failed and gets no more lines: {error!r}", True)
            self.incomplete = True
            if name == "store" and not self._finishing:
                self.tell("nothing is kept any more: the run is ended", True)
                self.loop.post("kept", lambda: self.abandon(1))
        elif not self._finishing:
            self.loop.post("early", self._ended_early)
        self.loop.post("sinks", self.drained)

    def _ended_early(self) -> None:
        """The ingest thread died: nobody reads the children any more, nobody hears of their end."""
        self.tell("reading has failed (see tool.log in the run's folder): the run is ended", True)
        self._give_up()

    def _give_up(self) -> None:
        """On any thread: a part without which there is no run is gone, so the run is ended."""
        self.incomplete = True
        self.loop.stop()

    def _table_changed(self) -> None:
        """On a worker of the pool."""
        self.live.changed()
        self.loop.post("table", self._look_at_table)

    def _look_at_table(self) -> None:
        self._finish_if_over()
        self._table_file.save()

    # --- the end --------------------------------------------------------------------------------------

    ends_with_children = True
    """Whether the run is over when all children have ended (`--plain`); else only when it is told to stop."""

    def _finish_if_over(self) -> None:
        """All have ended, and the run is to end: close the sources; the rest follows downstream."""
        state = self.supervisor.state
        may = self.stopping or (self.ends_with_children and state.table.version > 0)
        if self._finishing or not may or not state.table.all_ended or self._still_to_start():
            return
        if not state.closing:  # from then on nothing can be started any more; we hear of it
            self.supervisor.deliver(Command(CommandKind.STOP_ALL))
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
        """A sink has ended or was let go: the loop ends with the last one, when all of it is written."""
        if not self._finishing or self.flow.open_sinks:
            return
        if not self.readers.when_out(self.drained):
            self.loop.stop()

    def _position(self) -> tuple[int, ...]:
        """Where the end of the run stands; the same for long: nothing moves any more."""
        delivered = sum(ledger.delivered for ledger in self.ledgers.snapshot())
        version = self.supervisor.table.version
        return version, delivered, self.readers.written, self.hurried, self._finishing

    def _patience(self) -> float:
        """How long nothing may move: with all rungs of the ladder before the children have ended."""
        grace = 0.0 if self.hurried else self.settings.grace
        return END_TIMEOUT if self._finishing else grace + CUT_AFTER + END_TIMEOUT

    def _let_go(self) -> None:
        """Something hangs (an operator, the disk, a child that the kernel holds): end without it."""
        self._stuck = True
        waiting = [ledger.stage for ledger in self.ledgers.snapshot() if ledger.queued]
        where = f" (lines wait in: {', '.join(waiting)}; they are lost)" if waiting else ""
        self.tell(f"the end does not come{where}; what hangs is let go", True)
        self.incomplete = True
        self.loop.stop()

    def close(self) -> int:
        """Take everything down in order; the exit code. A step that does not end in time is said and left."""
        self._finishing = True
        steps: tuple[tuple[str, Callable[[], bool | None]], ...] = (
            ("the ingest thread", lambda: self.ingest.close(END_TIMEOUT)),
            ("the process control", self.supervisor.close),
            ("the children", self._sweep),
            ("the store", lambda: self.store.close(END_TIMEOUT)),
            ("the other sinks", self._close_more),
            ("the search", self.search.close),
            ("the worker pool", lambda: self.pool.dispose(True, END_TIMEOUT)),
            ("the store lane", lambda: self._store_lane.close(END_TIMEOUT)),
            ("the sync lane", self._close_sync),
            ("the clock", lambda: self.clock.close(END_TIMEOUT)),
        )
        for name, step in steps:
            try:
                if step() is False:
                    self.tell(f"{name} did not end in {END_TIMEOUT:g} s", True)
            except Exception as error:  # noqa: BLE001 - the steps after it must still be taken
                logger.opt(exception=error).error("ending {} failed", name)
                self.tell(f"ending {name} failed: {error!r}", True)
        self.loop.close()
        write_books(self.ledgers.snapshot())
        logger.remove(self._handler)
        self._log.close()
        code = self.code
        if code is None:
            code = exit_code(self.supervisor.state) if self.ends_with_children else 0
        return code or int(self.incomplete)

    def _close_more(self) -> None:
        for name, sink in self._more.items():  # who did not take all of it was named when it happened
            sink.close(END_TIMEOUT if name in self.readers else 0.0)

    def _close_sync(self) -> bool:
        self._table_file.save()
        return self._sync_lane.close(END_TIMEOUT)

    def _sweep(self) -> None:
        """Whatever still carries the run's tag: grandchildren that left their group."""
        grace = 0.0 if self.hurried or self._stuck else self.settings.grace
        for name in sweep(self.run_folder.id, grace, hurry=self._hurry):
            self.tell(f"stopped what was left over: {name}", False)

    def _hurry(self) -> bool:
        """Whether a signal that came meanwhile was the second one; the loop runs no more."""
        self.loop.answer_signals()
        return self.hurried
