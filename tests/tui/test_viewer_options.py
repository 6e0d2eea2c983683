"""The defaults of the viewer's options."""

from __future__ import annotations

from brummer_rx.tui.viewer_options import ViewerOptions


def test_defaults_ask_the_terminal_and_the_environment() -> None:
    chosen = ViewerOptions()

    assert (chosen.color, chosen.glyphs, chosen.fps) == ("auto", "auto", None)
    assert chosen.mouse and chosen.sync
