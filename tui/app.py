"""The viewer: intents -> scan(reduce) -> state -> (paced) view -> frame -> one write. Main thread only.

Data never drives the reducer line by line: a change of the run is one conflated pulse, and the next frame
takes a snapshot. Frames are left out while the terminal is slow; bytes never are. An exception in the
reducer, a view or an effect shows the error frame; the run goes on.
"""

from __future__ import annotations

import gc
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping

from brummer_rx.pipeline import guards
from brummer_rx.pipeline.runview import RunView
from brummer_rx.tui import glyphs as signs
from brummer_rx.tui.alarms import Alarms
from brummer_rx.tui.clipboard import Clipboard, route
from brummer_rx.tui.effects import Effects
from brummer_rx.tui.encode import paint
from brummer_rx.tui.errorframe import Failure, error_frame
from brummer_rx.tui.frame import Frame
from brummer_rx.tui.intents import Intent, Said, Seen, Tick
from brummer_rx.tui.keys import Click, Event, Key, Pump, Resize, coalesce
from brummer_rx.tui.machine import Machine, Step
from brummer_rx.tui.pacing import Pacer, frames_per_second
from brummer_rx.tui.rates import Rates
from brummer_rx.tui.reduce import reduce
from brummer_rx.tui.state import Snap, State, View, initial
from brummer_rx.tui.terminal import Facts, Terminal, probe
from brummer_rx.tui.theme import Theme, depth_of
from brummer_rx.tui.ttyout import TtyOut
from brummer_rx.tui.uiloop import Loop
from brummer_rx.tui.view import view, wake_at
from brummer_rx.tui.viewer_options import DEFAULTS, ViewerOptions

__all__ = ["Viewer", "ViewerOptions"]

SAMPLE_SECONDS = 1.0


@guards.owned("main thread", "dispatch", "_paint", "_schedule", shared=("_pulse",))
@guards.calls_out("dispatch", "_paint", "_changed")
class Viewer:
    """The screen of a run, from `start` to `finish`."""

    def __init__(
        self,
        run: RunView,
        loop: Loop,
        *,
        options: ViewerOptions = DEFAULTS,
        on_quit: Callable[[], None],
        on_lost: Callable[[], None] | None = None,
        on_resize: Callable[[int, int], None] = lambda width, height: None,
        environ: Mapping[str, str] | None = None,
        terminal: Terminal | None = None,
        facts: Facts | None = None,
        clock: Callable[[], float] = time.monotonic,
        reducer: Callable[[State, Intent], Step] = reduce,
        viewer: Callable[[State, Snap], Frame] = view,
    ) -> None:
        """`on_quit` is called when the user ends the run, maybe repeatedly.

        `on_lost` (if not given, `on_quit`) is called when the terminal is gone, maybe repeatedly.
        `on_resize` hears of the terminal's new columns and rows: children on terminals follow it.
        The rest is for tests: another terminal, already asked (`facts`), another time, other pure parts.
        """
        self._run = run
        self._loop = loop
        self._options = options
        self._on_quit = on_quit
        self._on_lost = on_lost or on_quit
        self._on_resize = on_resize
        self._environ = os.environ if environ is None else environ
        self._given = terminal
        self._facts = facts
        self._clock = clock
        self._reduce = reducer
        self._view = viewer
        self._pacer = Pacer(frames_per_second(options.fps, self._environ))
        self._rates = Rates()
        self._started = False
        self._finished = False
        self._painting = False
        self._pulse = False
        self._shown: Frame | None = None
        self._good: Frame | None = None
        self._failure: Failure | None = None
        self._interrupts = 0
        self._resumed = float("-inf")
        self._alarms = Alarms(loop)
        self._paint_at: float | None = None
        self.frames = 0
        """Frames painted."""
        self.skipped = 0
        """Times that a frame was due and left out because the terminal was slow."""
        self.failures: deque[str] = deque(maxlen=20)
        """Tracebacks of what failed in the viewer; to be printed after `finish`."""

    # --- life ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Take the terminal over and paint; `UsageError` where there is none; on errors it is given back."""
        self._terminal = self._given or Terminal(mouse=self._options.mouse)
        try:
            self._terminal.guard()
            self._terminal.raw()
            facts = self._facts = self._facts or probe()
            self._set_up(facts)
            self._terminal.take(facts)
            self._connect()
        except BaseException:
            self._terminal.close()
            raise
        self._started = True
        self._pump_in(facts.typed)
        self._sample()
        self._touch(urgent=True)
        gc.freeze()  # what is here now stays; the collector need not look at it again

    def _set_up(self, facts: Facts) -> None:
        no_color = bool(self._environ.get("NO_COLOR"))
        self._theme = Theme(depth_of(facts.colors, wanted=self._options.color, no_color=no_color))
        locale = (self._environ.get(n) for n in ("LC_ALL", "LC_CTYPE", "LANG"))
        utf8 = "UTF" in next((value for value in locale if value), "UTF-8").upper()
        chosen = signs.choose(
            self._options.glyphs, utf8=utf8, term=facts.kind, ambiguous_width=facts.ambiguous_width
        )
        width, height = self._terminal.size()
        self._pump = Pump(facts.resolve)
        self._out = TtyOut(self._terminal.fd, self._loop, on_drained=self._schedule, on_lost=self._lost)
        self._clipboard = Clipboard(
            route(self._environ), self._loop, send=self._out.write, say=self._say, clock=self._clock
        )
        self._effects = Effects(self._run, self._loop, self._clipboard, self)
        first = initial(width, height, glyphs=chosen, utc_offset_s=time.localtime().tm_gmtoff)
        self._machine = Machine(first, self._reduce, do=self._effects.do, on_error=self._fail)

    def _connect(self) -> None:
        self._loop.add_reader(self._terminal.infd, self._readable)
        self._loop.on_signal(signal.SIGWINCH, self._resized)
        self._loop.on_signal(signal.SIGCONT, self._continued)
        self._stop_listening = self._run.on_change(self._changed)

    def finish(self) -> None:
        """Give the terminal back and let go of the loop. Idempotent."""
        if not self._started or self._finished:
            return
        self._finished = True
        try:
            self._stop_listening()
            self._loop.remove_reader(self._terminal.infd)
            self._alarms.close()
            self._effects.close()
            self._clipboard.close()
            self._out.forget()
            self._machine.close()
        finally:
            self._terminal.close()

    # --- intents ------------------------------------------------------------------------------------------

    def dispatch(self, intent: Intent, *, urgent: bool = True) -> None:
        """Hand an intent to the reducer, in order, also from within an effect."""
        self._machine.feed(intent)
        self._touch(urgent=urgent)

    def _say(self, text: str, bad: bool) -> None:
        self.dispatch(Tick(time.time_ns()))
        self.dispatch(Said(text, bad))

    # --- input --------------------------------------------------------------------------------------------

    def _readable(self) -> None:
        try:
            data = os.read(self._terminal.infd, 65536)
        except BlockingIOError:
            return
        except OSError:  # hung up
            data = b""
        if not data:
            self._loop.remove_reader(self._terminal.infd)
            self._lost()
            return
        self._pump_in(data)

    def _pump_in(self, data: bytes) -> None:
        self._input(self._pump.feed(data))
        self._alarms.set("flush", self._pump.wait, self._flush)

    def _flush(self) -> None:
        self._input(self._pump.flush())
        self._alarms.set("flush", self._pump.wait, self._flush)

    def _input(self, events: list[Event]) -> None:
        if not events:
            return
        self._machine.feed(Tick(time.time_ns()))
        for event in coalesce(events):
            if self._failure is not None:
                self._failed_input(event)
            elif isinstance(event, Click):
                target = self._shown.hit_at(event.x, event.y) if self._shown is not None else None
                if target is not None:
                    self._machine.feed(target)  # type: ignore[arg-type]  # the views put intents there
            else:
                self._machine.feed(event)
        self._touch(urgent=True)

    def _failed_input(self, event: Event) -> None:
        if not isinstance(event, Key):
            return
        if event.name == "r":
            self._failure = None
            self._shown = None
        elif event.name == "q":
            self._on_quit()
        elif event.name == "ctrl-c":
            self._interrupts += 1
            if self._interrupts >= 2:
                self._on_quit()

    def _resized(self) -> None:
        if self._started and not self._finished:
            width, height = self._terminal.size()
            self.dispatch(Resize(width, height))
            self._on_resize(width, height)

    # --- painting -----------------------------------------------------------------------------------------

    def _changed(self) -> None:
        """Any thread: something in the run changed. One pulse a frame reaches the loop."""
        if not self._pulse:
            self._pulse = True
            self._loop.post("viewer", self._data)

    def _data(self) -> None:
        if self._finished:
            return
        if not self._alarms.waits("sample"):
            self._rates.resume(self._clock())
            self._alarms.set("sample", SAMPLE_SECONDS, self._sample)
        self._touch(urgent=False)

    def _touch(self, *, urgent: bool) -> None:
        self._pacer.touch(urgent=urgent)
        self._schedule()

    def _schedule(self) -> None:
        """Paint now or set the timer for the next frame; nothing while the terminal is busy or not ours."""
        if (
            self._painting
            or self._machine.busy
            or not self._started
            or self._finished
            or not self._terminal.taken
        ):
            return
        due = self._pacer.due()
        if due is None:
            return
        if self._out.pending:
            self.skipped += 1
            return
        delay = due - self._clock()
        if delay <= 0:
            self._paint()
        elif self._paint_at is None or due < self._paint_at:
            self._paint_at = due
            self._alarms.set("paint", delay, self._paint_due)

    def _paint_due(self) -> None:
        self._paint_at = None
        self._schedule()

    def _paint(self) -> None:
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
        self.frames += bool(data)
        self._out.write(data)
        self._schedule()

    def _next_frame(self) -> bytes | None:
        """The bytes of a new frame; None when something failed."""
        try:
            snap = self._collect()
            self._machine.feed(Tick(snap.now_ns))
            self._machine.feed(Seen(snap))
            if self._failure is not None:
                return None
            frame = self._view(self._machine.state, snap)
            data = paint(self._shown, frame, self._theme, sync=self._options.sync)
            wake = wake_at(self._machine.state, snap)
        except Exception as error:  # noqa: BLE001 - shown on the screen, kept for after the end
            self._fail(error)
            return None
        self._shown = self._good = frame
        delay = None if wake is None else max(0.0, (wake - snap.now_ns) / 1e9)
        self._alarms.set("wake", delay, lambda: self._touch(urgent=False))
        return data

    def _error_bytes(self) -> bytes:
        assert self._failure is not None
        width, height = self._terminal.size()
        frame = error_frame(self._good, self._failure, width, height)
        data = paint(self._shown, frame, self._theme, sync=self._options.sync)
        self._shown = frame
        return data

    def _collect(self) -> Snap:
        run = self._run
        return Snap(
            log=run.reader.snapshot(),
            table=run.processes(),
            usage=run.usage() if self._machine.state.view is View.PROCS else {},
            tails=run.tails(),
            notices=run.notices(),
            now_ns=time.time_ns(),
            rates=self._rates.by_source,
        )

    def fail(self, error: BaseException) -> None:
        """Show that the viewer failed, at once, as if a view had raised `error`."""
        self._fail(error)
        self._touch(urgent=True)

    def _fail(self, error: BaseException) -> None:
        self._failure = Failure.of(error)
        self._interrupts = 0
        self.failures.append("\n".join(self._failure.trace))

    def _sample(self) -> None:
        try:
            counts = self._run.reader.snapshot().source_counts()
        except Exception as error:  # noqa: BLE001 - shown on the screen, kept for after the end
            self.fail(error)
            return
        moved = self._rates.moving
        self._rates.sample(counts, self._clock())
        if self._rates.moving:
            self._alarms.set("sample", SAMPLE_SECONDS, self._sample)
        if moved or self._rates.moving:
            self._touch(urgent=False)

    # --- what the effects ask for -------------------------------------------------------------------------

    def quit(self) -> None:
        """The user wants the run to end; the viewer stays until `finish`."""
        self._on_quit()

    def _lost(self) -> None:
        self._on_lost()

    def repaint(self) -> None:
        """Paint everything anew."""
        self._shown = None
        self._touch(urgent=True)

    def toggle_mouse(self) -> bool:
        """Take the mouse or leave it to the terminal."""
        on = not self._terminal.mouse
        self._out.write(self._terminal.set_mouse(on).encode())
        return on

    def suspend(self) -> None:
        """Give the terminal to the shell and stop, as Ctrl-Z does; goes on here when we are continued."""
        self._out.forget()
        self._terminal.restore()
        os.kill(0, signal.SIGTSTP)  # the whole job, as the terminal driver would do
        self._resumed = self._clock()
        self._take_again()

    def _continued(self) -> None:
        """SIGCONT: somebody stopped and continued us; the screen and the settings may be anybody's."""
        ours = self._clock() - self._resumed < 0.5  # what ended our own suspension: done there
        if self._started and not self._finished and not ours:
            self._take_again()

    def _take_again(self) -> None:
        assert self._facts is not None
        self._out.forget()
        self._terminal.take(self._facts)
        self._shown = None
        width, height = self._terminal.size()
        self.dispatch(Resize(width, height))
