from __future__ import annotations

import pytest

from brummer_rx.tui.commands import (
    TABLE,
    Context,
    by_id,
    context,
    entry_for,
    footer_entries,
    help_entries,
    valid,
)
from brummer_rx.tui.state import Mode
from tests.tui.drive import Driver
from tests.tui.fakelog import numbered, snap

OPENED = {
    Context.LOGS: (),
    Context.PROCS: ("2",),
    Context.SEARCH: ("/",),
    Context.FILTERS: ("f",),
    Context.HELP: ("?",),
    Context.QUIT: ("q",),
}


@pytest.mark.parametrize("where", Context)
def test_no_two_commands_share_a_key_in_a_context(where: Context) -> None:
    keys = [key for entry in TABLE if where in entry.contexts for key in entry.keys]

    assert sorted(keys) == sorted(set(keys))


def test_a_key_means_one_thing_in_all_views() -> None:
    """Moving and going back may have an entry a view; all else is the same command or in one view only."""
    moving = {"k", "j", "up", "down", "pgup", "pgdn", "ctrl-u", "ctrl-d", "g", "G", "home", "end", "esc"}
    logs = {key: e.id for e in TABLE if Context.LOGS in e.contexts for key in e.keys}
    procs = {key: e.id for e in TABLE if Context.PROCS in e.contexts for key in e.keys}

    assert {k for k in logs.keys() & procs.keys() if logs[k] != procs[k]} <= moving


@pytest.mark.parametrize("where", [Context.SEARCH, Context.HELP])
def test_printable_keys_never_fire_inside_text_fields(where: Context) -> None:
    keys = [key for e in TABLE if where in e.contexts for key in e.keys]

    assert [
        k for k in keys if len(k) == 1 or k in ("space", "backspace", "left", "right", "ctrl-u", "ctrl-w")
    ] == []


def test_ids_are_unique_and_every_entry_can_be_shown() -> None:
    assert len(by_id) == len(TABLE)
    for entry in TABLE:
        assert entry.keys
        assert entry.contexts
        assert entry.title
        assert 1 <= entry.shown <= len(entry.keys)


def test_no_alt_no_ctrl_shift() -> None:
    assert [k for e in TABLE for k in e.keys if k.startswith(("alt-", "ctrl-shift", "ctrl-alt"))] == []


@pytest.mark.parametrize(("where", "keys"), OPENED.items())
def test_contexts_and_their_footers(where: Context, keys: tuple[str, ...]) -> None:
    d = Driver(snap(numbered(30)), width=200)
    d.press(*keys)

    assert context(d.state) is where
    shown = footer_entries(d.state)
    assert shown
    assert all(valid(d.state, entry) for entry in shown)
    for entry in shown:
        assert entry.hint in d.screen[-1]
        assert entry_for(d.state, entry.keys[0]) is entry


def test_what_cannot_be_done_now_is_not_shown_and_not_done() -> None:
    d = Driver(snap(numbered(30)), width=200)
    assert "follow" not in d.screen[-1]
    assert "hit" not in d.screen[-1]
    assert entry_for(d.state, "n") is None
    d.press("k", "/", "a", "enter")
    assert "G follow" in d.screen[-1]
    assert "n N hits" in d.screen[-1]
    assert "Esc back" in d.screen[-1]


def test_help_is_searched_by_word_and_by_key() -> None:
    d = Driver(snap(numbered(30)))
    d.press("?").type("next error")
    assert [e.id for e in help_entries(d.state)] == ["error"]
    d.press("ctrl-u").type("y")
    assert "copy" in [e.id for e in help_entries(d.state)]
    d.press("ctrl-u").type("no such thing")
    assert help_entries(d.state) == ()
    assert "no command matches" in "\n".join(d.screen)
    d.press("enter", "down")
    assert d.state.mode is Mode.HELP


def test_help_runs_the_entry() -> None:
    d = Driver(snap(numbered(30)))
    d.press("?").type("wrap long").press("enter")

    assert d.state.mode is Mode.NORMAL
    assert d.state.logs.wrap


def test_help_lists_only_what_is_valid_in_the_view_below() -> None:
    d = Driver(snap(numbered(30)))
    d.press("2", "?")
    ids = {e.id for e in help_entries(d.state)}

    assert "restart" in ids
    assert "wrap" not in ids
    d.press("down", "down", "up", "pgdn", "pgup", "enter")
    assert d.taken() != []  # the first entry is start/stop


def test_every_command_can_be_run_from_its_context() -> None:
    for where, keys in OPENED.items():
        for entry in TABLE:
            if where in entry.contexts:
                d = Driver(snap(numbered(30)))
                d.press(*keys)
                for key in entry.keys:
                    entry.run(d.state, key)


def test_help_shows_what_cannot_be_done_now_as_such() -> None:
    d = Driver(snap(numbered(30)), width=100, height=50)
    d.press("?")
    assert d.line("next, previous hit").endswith("next, previous hit (not now)")

    d.type("previous hit").press("enter")

    assert d.state.mode is Mode.HELP
    assert "not now: next, previous hit" in d.screen[-2]
    d.press("esc", "/", "l", "enter", "?")
    assert "(not now)" not in d.line("next, previous hit")


@pytest.mark.parametrize(
    ("typed", "first"),
    [("n", "hit"), ("G", "follow"), ("g", "first"), ("^F", "filters-off"), ("pgup", "page"), ("Esc", "back")],
)
def test_a_key_typed_in_the_help_finds_its_command_first(typed: str, first: str) -> None:
    d = Driver(snap(numbered(30)))
    d.press("?").type(typed)

    assert help_entries(d.state)[0].id == first
