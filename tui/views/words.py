"""A process's state as a word and as a sign: both, so that nothing is told by colour alone."""

from __future__ import annotations

from brummer_rx.pipeline.process import ProcessInfo, ProcessState
from brummer_rx.tui.acts_procs import never_started
from brummer_rx.tui.frame import Run
from brummer_rx.tui.glyphs import Glyphs

__all__ = ["MOVING", "state_glyph", "state_word"]

MOVING = (ProcessState.STARTING, ProcessState.RESTARTING, ProcessState.STOPPING)
"""Neither up nor down: on the way."""
_SIGNALS = 128


def state_word(info: ProcessInfo) -> str:
    """The state in words; how it ended belongs to it."""
    if never_started(info):
        return "not started"
    code = info.exit_code
    if info.state is ProcessState.EXITED:
        return "done (0)" if code == 0 else "stopped"
    if info.state is ProcessState.FAILED:
        if code is None:
            return "failed"
        return f"signal {code - _SIGNALS}" if code > _SIGNALS else f"exit {code}"
    return str(info.state)


def state_glyph(info: ProcessInfo, glyphs: Glyphs) -> Run:
    """The same as a sign."""
    if info.state in MOVING:
        return ("warn", glyphs.starting)
    if info.state is ProcessState.FAILED:
        return ("err", glyphs.failed)
    if info.state is ProcessState.EXITED:
        done = info.exit_code == 0 and not never_started(info)
        return ("ok", glyphs.done) if done else ("dim", glyphs.idle)
    return ("ok", glyphs.running)
