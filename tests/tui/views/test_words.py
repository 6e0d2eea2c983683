from __future__ import annotations

import pytest

from brummer_rx.pipeline.process import ProcessState
from brummer_rx.tui.glyphs import ASCII, UNICODE
from brummer_rx.tui.views.words import state_glyph, state_word
from tests.tui.fakelog import info

P = ProcessState


@pytest.mark.parametrize(
    ("state", "facts", "word", "glyph"),
    [
        (P.STARTING, {}, "starting", "◌"),
        (P.RUNNING, {}, "running", "●"),
        (P.READY, {}, "ready", "●"),
        (P.RESTARTING, {}, "restarting", "◌"),
        (P.STOPPING, {}, "stopping", "◌"),
        (P.EXITED, {"incarnation": 1, "exit_code": 0}, "done (0)", "✓"),
        (P.EXITED, {"incarnation": 1, "exit_code": 143}, "stopped", "○"),
        (P.EXITED, {}, "not started", "○"),
        (P.FAILED, {"incarnation": 1, "exit_code": 1}, "exit 1", "✗"),
        (P.FAILED, {"incarnation": 1, "exit_code": 137}, "signal 9", "✗"),
        (P.FAILED, {"incarnation": 1}, "failed", "✗"),
    ],
)
def test_each_state_has_a_word_and_a_sign(state: P, facts: dict[str, object], word: str, glyph: str) -> None:
    row = info("web", state, **facts)

    assert state_word(row) == word
    assert state_glyph(row, UNICODE)[1] == glyph
    assert state_glyph(row, ASCII)[1].isascii()
