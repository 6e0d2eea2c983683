from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.tui.keys import Key
from brummer_rx.tui.prompt import LONGEST, Prompt, edit, insert
from tests.tui.drive import key


@pytest.mark.parametrize(
    ("before", "name", "after"),
    [
        (Prompt("ab", 2), "c", Prompt("abc", 3)),
        (Prompt("ab", 1), "space", Prompt("a b", 2)),
        (Prompt("ab", 1), "backspace", Prompt("b", 0)),
        (Prompt("ab", 0), "backspace", Prompt("ab", 0)),
        (Prompt("ab", 0), "delete", Prompt("b", 0)),
        (Prompt("ab", 2), "delete", Prompt("ab", 2)),
        (Prompt("abc", 2), "ctrl-u", Prompt("c", 0)),
        (Prompt("abc", 1), "ctrl-k", Prompt("a", 1)),
        (Prompt("one two  ", 9), "ctrl-w", Prompt("one ", 4)),
        (Prompt("one", 3), "ctrl-w", Prompt("", 0)),
        (Prompt("ab", 0), "left", Prompt("ab", 0)),
        (Prompt("ab", 1), "left", Prompt("ab", 0)),
        (Prompt("ab", 1), "right", Prompt("ab", 2)),
        (Prompt("ab", 2), "right", Prompt("ab", 2)),
        (Prompt("ab", 1), "home", Prompt("ab", 0)),
        (Prompt("ab", 1), "end", Prompt("ab", 2)),
        (Prompt("", 0), "é", Prompt("é", 1)),
    ],
)
def test_editing(before: Prompt, name: str, after: Prompt) -> None:
    assert edit(before, key(name)) == after


@pytest.mark.parametrize("name", ["f5", "pgup", "ctrl-x", "alt-b"])
def test_keys_that_do_not_edit_are_left_to_others(name: str) -> None:
    assert edit(Prompt("a", 1), Key(name)) is None


def test_a_paste_has_no_line_ends_and_is_bounded() -> None:
    assert insert(Prompt("ab", 1), "x\ny\t\x1bz") == Prompt("axyzb", 4)
    assert len(insert(Prompt("ab", 1), "x" * 5000).text) == LONGEST


@given(
    st.text(), st.lists(st.sampled_from([*"ab ", "backspace", "delete", "left", "right", "ctrl-w", "ctrl-u"]))
)
def test_the_cursor_stays_inside_and_the_text_printable(pasted: str, names: list[str]) -> None:
    prompt = insert(Prompt(), pasted)
    for name in names:
        prompt = edit(prompt, key("space" if name == " " else name)) or prompt
        assert 0 <= prompt.cursor <= len(prompt.text)
    assert prompt.text == "" or prompt.text.isprintable()
