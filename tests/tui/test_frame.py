"""Frames are geometry: what is clickable, and what `check` finds wrong."""

from __future__ import annotations

from brummer_rx.tui.frame import Frame, Hit, Scroll, blank_row, check, plain


def frame(**changes: object) -> Frame:
    parts: dict[str, object] = {"width": 4, "height": 2, "rows": ((("text", "日本"),), blank_row(4))}
    return Frame(**(parts | changes))  # type: ignore[arg-type]


def test_a_right_frame_has_nothing_wrong() -> None:
    right = frame(cursor=(3, 1), scroll=Scroll(0, 2, (1, 2)), hits=(Hit(0, 0, 4, "x"),))

    assert check(right) == []
    assert plain(right) == ("日本", "    ")


def test_what_is_wrong_is_named() -> None:
    wrong = frame(
        height=3,
        rows=((("text", "日本語"),), blank_row(4)),
        cursor=(4, 0),
        scroll=Scroll(0, 2, (1,)),
        hits=(Hit(0, 3, 2, "x"),),
    )

    assert [w.split()[0] for w in check(wrong)] == ["2", "row", "cursor", "1", "hit"]
    assert check(frame(scroll=Scroll(1, 5, ()))) == ["scroll window 1..5 is outside"]


def test_the_last_of_overlapping_hits_is_clicked() -> None:
    clickable = frame(hits=(Hit(0, 0, 4, "under"), Hit(0, 1, 2, "over")))

    assert [clickable.hit_at(x, 0) for x in range(5)] == ["under", "over", "over", "under", None]
    assert clickable.hit_at(0, 1) is None


def test_no_columns_no_runs() -> None:
    assert blank_row(0) == ()
