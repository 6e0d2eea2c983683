"""A whole run but for its children: real stages, lanes, store, decider, and the viewer on a terminal of ours.

The thread that makes a `Seat` is the user interface's: `play` runs its loop while a script in another thread
does what the world does to a run.
"""

from __future__ import annotations

import os
import termios
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

from brummer_rx.cli.live import LiveRun
from brummer_rx.pipeline.clock import ClockThread
from brummer_rx.pipeline.effect import Effect as Deed
from brummer_rx.pipeline.effect import Spawn, Tell
from brummer_rx.pipeline.event import Level, LogBatch, ProcessEvent, ProcessEventKind, Stream
from brummer_rx.pipeline.mainloop import MainLoop
from brummer_rx.pipeline.process import Command, CommandKind, ProcessSpec
from brummer_rx.pipeline.reader import Line
from brummer_rx.pipeline.scheduler import BoundedThreadPoolScheduler
from brummer_rx.pipeline.stage import BoundedStage, Overflow
from brummer_rx.pipeline.supervisor import Supervisor
from brummer_rx.pipeline.threads import Lane
from brummer_rx.sinks.store.runs import create_run
from brummer_rx.sinks.store.store import LogStore
from brummer_rx.sources.ingest import Ingest
from brummer_rx.tui.app import Viewer
from brummer_rx.tui.frame import Frame
from brummer_rx.tui.intents import Effect, Intent
from brummer_rx.tui.keynames import resolver
from brummer_rx.tui.keys import Key
from brummer_rx.tui.reduce import reduce
from brummer_rx.tui.state import Snap, State
from brummer_rx.tui.terminal import Facts, Terminal
from brummer_rx.tui.view import view
from tests.pipeline.until import until
from tests.properties.storerig import WAIT, QuietDisk
from tests.tui.fakerun import FakeSearch
from tests.tui.test_terminal import Pty
from tests.tui.tty_screen import Emulator

WIDTH, HEIGHT = 90, 24
NAMES = ("web", "api", "db", "job")
T0 = 1_700_000_000_000_000_000


class NoIngest:
    """Nothing is read from children here."""

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        return lambda: None

    def tails(self) -> tuple[()]:
        return ()


class Hands:
    """An effector whose processes start at once; what else happens to them the test decides."""

    def __init__(self) -> None:
        self.other: Callable[[Deed, Callable[[ProcessEvent], None]], None] = lambda deed, deliver: None

    def run(self, effect: Deed, deliver: Callable[[ProcessEvent], None]) -> None:
        if isinstance(effect, Spawn):
            event = ProcessEvent(effect.spec.name, ProcessEventKind.STARTED, T0, effect.incarnation)
            deliver(event)
        else:
            self.other(effect, deliver)


class CountedLoop(MainLoop):
    """A main loop that counts what is posted to it."""

    def __init__(self) -> None:
        super().__init__()
        self._keys: list[str] = []

    @property
    def posted(self) -> int:
        """How often somebody did."""
        return len(self._keys)

    def post(self, key: str, action: Callable[[], None]) -> None:
        self._keys.append(key)
        super().post(key, action)


class Seat:
    """The run and who watches it. `with Seat(...) as seat: seat.play(script)`."""

    def __init__(
        self, folder: Path, *, viewer: Callable[[State, Snap], Frame] = view, listening: bool = True
    ) -> None:
        self.clock = ClockThread()
        self.clock.start()
        self.pool = BoundedThreadPoolScheduler(2, clock=self.clock)
        self.lane, self.sync = Lane("store"), Lane("sync")
        self.folder = create_run(folder, project="shop", command="npm start")
        self.store = LogStore(self.folder, lane=self.lane, sync=self.sync, clock=self.clock, disk=QuietDisk())
        self.journal: list[LogBatch] = []
        """What the store has accepted, in its order (one line each); written by the store lane."""
        self.stage: BoundedStage[LogBatch] = BoundedStage(
            self.lane, name="store", capacity=1024, overflow=Overflow.PARK
        )
        self.stage.output.subscribe(self._append)
        self.hands = Hands()
        self.supervisor = Supervisor(
            tuple(ProcessSpec(name, ("true",), f"run {name}", "/") for name in NAMES),
            grace=60.0,
            lane=self.pool,
            clock=self.clock,
            effector=self.hands,
            on_tell=self._tell,
            on_change=lambda: self.live.changed(),
        )
        self.live = LiveRun(
            "r1",
            reader=self.store,
            search=FakeSearch(),
            supervisor=self.supervisor,
            ingest=cast(Ingest, NoIngest()),
            pool=self.pool,
            clock=self.clock,
        )
        self.loop = CountedLoop()
        self.pty = Pty()
        os.set_blocking(self.pty.master, False)
        termios.tcsetwinsize(self.pty.slave, (HEIGHT, WIDTH))
        self.raw = bytearray()
        self.frames: list[tuple[State, Snap, Frame]] = []
        """What was painted."""
        self.intents: list[Intent] = []
        self.effects: list[Effect] = []
        self.first: State | None = None
        self.quits = 0
        self.longest_pulse = 0.0
        """Seconds that telling the viewer of a change took at most, on whichever thread."""
        self._pulses: dict[int, float] = {}
        self._inner = viewer
        self._listening = listening
        for name in NAMES:
            self.supervisor.deliver(Command(CommandKind.START, name))

    def _append(self, batch: LogBatch) -> None:
        assert self.store.append(batch) == len(self.journal)
        self.journal.append(batch)

    def journaled(self, seq: int) -> Line:
        """A line as the journal has it."""
        batch = self.journal[seq]
        return Line(seq, batch.time_ns, batch.source, batch.stream, Level.INFO, batch.data[:-1])

    def _tell(self, tell: Tell) -> None:
        self.live.tell(tell.text, bad=tell.bad)

    def _spy_view(self, state: State, snap: Snap) -> Frame:
        frame = self._inner(state, snap)
        self.frames.append((state, snap, frame))
        return frame

    def _spy_reduce(self, state: State, intent: Intent) -> tuple[State, tuple[Effect, ...]]:
        if self.first is None:
            self.first = state
        self.intents.append(intent)
        state, effects = reduce(state, intent)
        self.effects += effects
        return state, effects

    # --- the stage --------------------------------------------------------------------------------

    def __enter__(self) -> Seat:
        self.viewer = Viewer(
            self.live,
            self.loop,
            on_quit=self._quit,
            environ={"LANG": "C.UTF-8"},
            terminal=Terminal(infd=self.pty.slave, outfd=self.pty.slave),
            facts=Facts(256, "xterm", 1, "\x1b[?1049h", "\x1b[?1049l", resolver(), b""),
            reducer=self._spy_reduce,
            viewer=self._spy_view,
        )
        return self

    def _pulse_begins(self) -> None:
        self._pulses[threading.get_ident()] = time.monotonic()

    def _pulse_ends(self) -> None:
        took = time.monotonic() - self._pulses[threading.get_ident()]
        self.longest_pulse = max(self.longest_pulse, took)

    def _quit(self) -> None:
        self.quits += 1

    def __exit__(self, *_: object) -> None:
        self.viewer.finish()
        self.loop.close()
        self.supervisor.close()
        self.stage.dispose()
        assert self.store.close(WAIT)
        assert self.pool.dispose(True, WAIT)
        assert self.lane.close(WAIT) and self.sync.close(WAIT) and self.clock.close(WAIT)
        self.pty.close()

    def play(self, script: Callable[[], None]) -> None:
        """Run the loop here until the script, in another thread, is over; what it raises comes out here."""
        raised: list[BaseException] = []

        def act() -> None:
            try:
                script()
            except BaseException as error:
                raised.append(error)
            finally:
                self.loop.stop()

        thread = threading.Thread(target=act, daemon=True)
        self.live.on_change(self._pulse_begins)  # callbacks are called in the order of their registration
        self.viewer.start()
        self.live.on_change(self._pulse_ends)
        if self._listening:
            self.loop.add_reader(self.pty.master, self.listen)
        thread.start()
        self.loop.run()
        thread.join(WAIT)
        self.listen()
        if raised:
            raise raised[0]
        assert list(self.viewer.failures) == []

    def listen(self) -> None:
        """The terminal reads."""
        self.raw += self.pty.read()

    # --- for scripts ------------------------------------------------------------------------------

    def publish(self, source: str, number: int) -> None:
        """One line of a process, as a producer offers it."""
        data = b"%s says %d\n" % (source.encode(), number)
        self.stage.offer(LogBatch(source, Stream.OUT, number, 1, T0, data))

    def exits(self, source: str, incarnation: int = 1) -> None:
        """A process is killed by somebody."""
        for kind in (ProcessEventKind.EXITED, ProcessEventKind.OUTPUT_CLOSED):
            self.supervisor.deliver(ProcessEvent(source, kind, T0, incarnation, exit_code=137))

    def keys(self) -> list[str]:
        """The keys that the reducer got."""
        return [intent.name for intent in self.intents if isinstance(intent, Key)]

    def key(self, data: bytes) -> None:
        """Somebody types; from any thread."""
        os.write(self.pty.master, data)

    def caught_up(
        self, lines: int, *, unless: Callable[[], object] = lambda: False, seconds: float = WAIT / 2
    ) -> None:
        """Wait until the screen shows the run as it is; it must come to that by itself."""

        def shown() -> bool:
            if unless():
                return True
            if self.store.snapshot().end_seq != lines or not self.frames:
                return False
            snap = self.frames[-1][1]
            there = (snap.log.end_seq, snap.table.version, len(snap.notices))
            return there == (lines, self.supervisor.table.version, len(self.live.notices()))

        until(shown, seconds)
        time.sleep(0.05)  # the bytes of that frame are on their way

    def screen(self) -> list[str]:
        """What a terminal makes of all bytes so far."""
        emulator = Emulator(WIDTH, HEIGHT)
        emulator.feed(bytes(self.raw))
        return emulator.text()


def in_threads(count: int, work: Callable[[int], None]) -> None:
    """`work(n)` in so many threads at once; what one raises comes out here."""
    raised: list[BaseException] = []
    start = threading.Barrier(count)

    def run(n: int) -> None:
        try:
            start.wait(WAIT)
            work(n)
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(n,), daemon=True) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
        assert not thread.is_alive(), "a producer hangs"
    if raised:
        raise raised[0]
