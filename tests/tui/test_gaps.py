from __future__ import annotations

import pytest

from brummer_rx.pipeline.event import Gap, GapReason
from brummer_rx.tui.gaps import gap_text


@pytest.mark.parametrize("reason", GapReason)
def test_each_reason_has_words_of_its_own(reason: GapReason) -> None:
    texts = {gap_text(Gap("web", 3, 0, other, 0, 2)) for other in GapReason}

    assert gap_text(Gap("web", 3, 0, reason, 0, 2)).startswith("3 lines of web missing (")
    assert len(texts) == len(GapReason)


def test_one_line_of_nobody_in_particular() -> None:
    assert gap_text(Gap("", 1, 9, GapReason.DISK, 7, 7)).startswith("1 line missing (not written")
    assert "1,204 lines" in gap_text(Gap("", 1204, 9, GapReason.AGE, 7, 1210))
