"""A viewer with a run in memory on the real main loop; started by the end-to-end tests in a pseudo terminal.

`python -m tests.tui.tiny_viewer [crash|view|grow]`: on SIGUSR1 crash raises in the loop, the others fail as a
view does; grow appends a line each 10 ms.
"""

from __future__ import annotations

import signal
import sys
from typing import cast

from brummer_rx.pipeline.mainloop import MainLoop
from brummer_rx.pipeline.runview import RunView
from brummer_rx.tui.app import Viewer
from tests.tui.fakelog import numbered
from tests.tui.fakerun import FakeRun

LOST = 9
"""Exit code after the terminal went away."""


def crash() -> None:
    """An exception that nobody catches."""
    raise RuntimeError("a crash on purpose")


def main(what: str) -> None:
    """Run until told to end."""
    loop = MainLoop()
    run = FakeRun(numbered(200))
    lost: list[bool] = []

    def lose() -> None:
        lost.append(True)
        loop.stop()

    viewer = Viewer(cast(RunView, run), loop, on_quit=loop.stop, on_lost=lose)

    def grow() -> None:
        run.append(f"grown {run.log.end_seq}")
        loop.call_later(0.01, grow)

    loop.on_signal(signal.SIGTERM, loop.stop)
    loop.on_signal(
        signal.SIGUSR1, crash if what == "crash" else lambda: viewer.fail(ValueError("view on purpose"))
    )
    viewer.start()
    if what == "grow":
        grow()
    if what == "crash":
        loop.run()  # no finally: the excepthook has to do it
    else:
        try:
            loop.run()
        finally:
            viewer.finish()
    loop.close()
    if lost:
        sys.exit(LOST)
    print(f"ended after {viewer.frames} frames")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
