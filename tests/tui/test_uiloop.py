"""The main loop is what the viewer needs, and so is the one of the tests."""

from __future__ import annotations

from brummer_rx.pipeline.mainloop import MainLoop
from brummer_rx.tui.uiloop import Loop
from tests.tui.fakeloop import FakeLoop


def test_both_loops_fit() -> None:
    real = MainLoop()
    try:
        loops: list[Loop] = [real, FakeLoop()]  # the type checker's test
        names = [n for n in dir(Loop) if not n.startswith("_")]

        assert len(names) == 7
        assert all(callable(getattr(loop, name)) for loop in loops for name in names)
    finally:
        real.close()
