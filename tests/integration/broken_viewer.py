"""The whole tool with a view that raises at the line `break the view`; for the viewer's tests."""

from __future__ import annotations

import functools
import sys

from brummer_rx.__main__ import main
from brummer_rx.cli import watch
from brummer_rx.tui.app import Viewer
from brummer_rx.tui.frame import Frame
from brummer_rx.tui.state import Snap, State
from brummer_rx.tui.view import view


def failing(state: State, snap: Snap) -> Frame:
    """As the view, but for that line."""
    last = snap.log.end_seq
    if any(line.text == "break the view" for line in snap.log.lines(max(0, last - 5), last)):
        raise RuntimeError("the view broke on purpose")
    return view(state, snap)


if __name__ == "__main__":
    vars(watch)["Viewer"] = functools.partial(Viewer, viewer=failing)
    sys.exit(main())
