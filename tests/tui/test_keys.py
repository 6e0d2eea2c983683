"""The byte pump: any cutting of the same bytes gives the same events; strangers' bytes never become keys."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.tui.keynames import resolver
from brummer_rx.tui.keys import MAX_PASTE, Click, Event, Focus, Key, Paste, Pump, Wheel, coalesce

RESOLVE = resolver()


def pump() -> Pump:
    return Pump(RESOLVE)


def events(data: bytes) -> list[Event]:
    return pump().feed(data)


def names(data: bytes) -> list[str]:
    return [e.name if isinstance(e, Key) else repr(e) for e in events(data)]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"aA/", ["a", "A", "/"]),
        (b" \r\t\x7f\x08\n", ["space", "enter", "tab", "backspace", "backspace", "enter"]),
        (b"\x03\x1a\x00\x1c", ["ctrl-c", "ctrl-z", "ctrl-space", "ctrl-\\"]),
        (b"\x1b[A\x1b[B\x1b[C\x1b[D", ["up", "down", "right", "left"]),
        (b"\x1bOA\x1bOH\x1b[H\x1b[F\x1b[1~\x1b[4~", ["up", "home", "home", "end", "home", "end"]),
        (b"\x1b[5~\x1b[6~\x1b[3~\x1b[2~\x1b[Z", ["pgup", "pgdn", "delete", "insert", "shift-tab"]),
        (b"\x1bOP\x1b[11~\x1b[[A\x1b[24~", ["f1", "f1", "f1", "f12"]),
        (b"\x1b[1;5A\x1b[1;6A\x1b[3;5~", ["ctrl-up", "ctrl-shift-up", "ctrl-delete"]),
        (b"\x1bx\x1b\r\x1b\x7f", ["alt-x", "alt-enter", "alt-backspace"]),
        (b"\x1b\x03", ["ctrl-alt-c"]),
        (b"\x1b\x1b[A", ["esc", "up"]),
        (b"\x1b[1;5R", ["ctrl-f3"]),
        (b"\x1b[97;5u", ["ctrl-a"]),
        (b"\x1bP\x1b[A", ["alt-P", "up"]),
    ],
)
def test_names_of_keys(data: bytes, expected: list[str]) -> None:
    assert names(data) == expected


def test_printable_keys_carry_their_text_and_others_none() -> None:
    assert events("é 日".encode()) == [Key("é", "é"), Key("space", " "), Key("日", "日")]
    assert events(b"\x1b[A\x01\x1bx") == [Key("up"), Key("ctrl-a"), Key("alt-x")]


@pytest.mark.parametrize(
    "reply",
    [
        b"\x1b[12;40R",  # CPR
        b"\x1b[?62;22;52c",  # DA1
        b"\x1b[>41;354;0c",  # DA2
        b"\x1b[?2026;2$y",  # DECRPM
        b"\x1b[0n",
        b"\x1b[?997;1n",
        b"\x1b[8;24;80t",
        b"\x1b[?1u",
        b"\x1bP1+r544e=787465726d\x1b\\",  # XTGETTCAP
        b"\x1bP>|tmux 3.3a\x1b\\",  # XTVERSION
        b"\x1b]11;rgb:0000/0000/0000\x07",
        b"\x1b]11;rgb:0000/0000/0000\x1b\\",
        b"\x1bP\x1b\\",
        b"\x1b_Gi=1;OK\x1b\\",
        b"\x1b[48;24;80;600;800t",
        b"\x9b\xc2\x9b",
    ],
)
def test_replies_that_nobody_asked_for_are_no_keys(reply: bytes) -> None:
    one = pump()
    got = one.feed(reply + b"j")

    assert [e for e in got if e != Key("\ufffd", "\ufffd")] == [Key("j", "j")]
    assert one.ignored >= 1


def test_mouse() -> None:
    assert events(b"\x1b[<64;3;4M\x1b[<65;3;4M\x1b[<69;1;1M") == [
        Wheel(-1, 2, 3),
        Wheel(1, 2, 3),
        Wheel(1, 0, 0),
    ]
    assert events(b"\x1b[<0;10;20M\x1b[<0;10;20m\x1b[<32;11;20M\x1b[<2;1;1M\x1b[<66;1;1M") == [Click(9, 19)]
    assert events(b"\x1b[M`!!\x1b[M !!") == [Wheel(-1, 0, 0), Click(0, 0)]


def test_focus() -> None:
    assert events(b"\x1b[I\x1b[O") == [Focus(True), Focus(False)]


def test_paste_is_text_even_when_it_looks_like_keys() -> None:
    got = events(b"\x1b[200~q\r\nx\x1b[Ay\x07\tz\x1b[200~\x1b[201~k")

    assert got == [Paste("q\nx[Ay\tz[200~"), Key("k", "k")]


def test_a_paste_that_stalls_never_becomes_keys() -> None:
    one = pump()

    assert one.feed(b"\x1b[200~qx\x1b[20") == []
    assert one.wait is None
    assert one.flush() == []
    assert one.feed(b"1~") == [Paste("qx")]


def test_what_is_too_much_for_one_paste_is_counted() -> None:
    one = pump()
    one.feed(b"\x1b[200~")
    for _ in range(9):
        one.feed(b"x" * 1024 * 1024)
    (paste,) = one.feed(b"\x1b[201~")

    assert isinstance(paste, Paste)
    assert len(paste.text) == MAX_PASTE
    assert paste.dropped == 1024 * 1024


def test_a_lone_escape_waits_and_is_then_the_key() -> None:
    one = pump()

    assert one.feed(b"\x1b") == []
    assert one.wait == pytest.approx(0.035)
    assert one.flush() == [Key("esc")]
    assert one.wait is None
    assert one.flush() == []
    assert one.feed(b"[A") == [Key("[", "["), Key("A", "A")]


@pytest.mark.parametrize("opening", [b"\x1b[", b"\x1bO", b"\x1bP", b"\x1b]"])
def test_alt_and_an_opening_character_is_a_key_when_nothing_follows(opening: bytes) -> None:
    one = pump()

    assert one.feed(opening) == []
    assert one.flush() == [Key(f"alt-{opening[1:].decode()}")]


@pytest.mark.parametrize("half", [b"\x1b[<65;1", b"\x1b[?62;2", b"\x1b]11;rgb:00/", b"\x1bP1+rq"])
def test_half_a_sequence_waits_longer_and_is_dropped(half: bytes) -> None:
    one = pump()

    assert one.feed(half) == []
    assert one.wait == pytest.approx(1.0)
    assert one.flush() == []
    assert one.ignored == 1
    assert one.feed(b"j") == [Key("j", "j")]


def test_escape_ends_a_reply_that_never_ends() -> None:
    one = pump()
    one.feed(b"\x1b]11;rgb\x1b")

    assert one.flush() == [Key("esc")]
    assert one.feed(b"j") == [Key("j", "j")]


def test_broken_sequences_are_dropped_and_what_follows_is_read() -> None:
    one = pump()

    assert one.feed("\x1b[12\u00e9\x1b[3\x1b[A\x1bO\x01".encode()) == [
        Key("é", "é"),
        Key("up"),
        Key("ctrl-a"),
    ]
    assert one.ignored == 3


TOKENS = st.sampled_from(
    [
        b"a", b"q", b" ", b"\r", b"\x03", "é".encode(), "日".encode(), "😀".encode(), b"\xff", b"\xc3",
        b"\x1b[A", b"\x1bOP", b"\x1b[1;5A", b"\x1b[5~", b"\x1b[<65;10;5M", b"\x1b[<0;1;1M", b"\x1b[I",
        b"\x1b[200~pa\x1b[20ste\x1b[201~",
        b"\x1b[200~", b"\x1b[201~", b"\x1bP1+r00\x1b\\", b"\x1b]0;x\x07",
        b"\x1b[?62c",
        b"\x1b[3;4R", b"\x1bx", b"\x1b", b"\x1b[M !!", b"\x1b[[A", b"\x1b[12", b"\x1bP", b"\x1bO",
    ]
)  # fmt: skip


@given(st.lists(TOKENS, max_size=12), st.data())
def test_any_cutting_gives_the_same_events(tokens: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(tokens)
    whole, pieces = pump(), pump()
    expected = whole.feed(stream)
    got: list[Event] = []
    rest = stream
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        got += pieces.feed(rest[:size])
        rest = rest[size:]

    assert got == expected
    assert (pieces.wait, pieces.flush(), pieces.ignored) == (whole.wait, whole.flush(), whole.ignored)


@given(st.binary(max_size=200))
def test_any_bytes_are_survived(data: bytes) -> None:
    one = pump()
    whole = one.feed(data) + one.flush()
    cut = pump()
    pieces = [e for i in range(len(data)) for e in cut.feed(data[i : i + 1])] + cut.flush()

    assert pieces == whole
    assert all(isinstance(e, Key | Paste | Wheel | Click | Focus) for e in whole)


def test_neighbouring_turns_of_the_wheel_are_one() -> None:
    turns: list[Event] = [Wheel(1, 1, 1), Wheel(1, 1, 1), Key("a"), Wheel(-1, 1, 1), Wheel(1, 2, 1)]

    assert coalesce(turns) == [Wheel(2, 1, 1), Key("a"), Wheel(-1, 1, 1), Wheel(1, 2, 1)]


def cpu(action: object) -> float:
    start = time.process_time()
    action()  # type: ignore[operator]
    return time.process_time() - start


def test_floods_are_cheap() -> None:
    wheel = b"\x1b[<65;10;5M" * 2000
    paste = b"\x1b[200~" + b"line of text\r\n" * 370_000 + b"\x1b[201~"

    def paste_in_reads() -> None:
        one = pump()
        for i in range(0, len(paste), 65536):
            one.feed(paste[i : i + 65536])

    assert cpu(lambda: coalesce(events(wheel))) < 0.5
    assert cpu(paste_in_reads) < 1.0
    assert cpu(lambda: events(b"typed text " * 2000)) < 0.5
    assert cpu(lambda: events(b"\x1b[1;5A" * 5000)) < 0.5
