"""The byte pump: what the terminal sends, cut into keys, pastes, wheel turns and clicks.

`Pump` is fed by one thread (the main one) and holds all state of a half-received sequence. Any cutting of
the same bytes gives the same events. Rules that keep strangers' bytes from becoming keys: a paste never
times out into keys; replies that nobody asked for (DCS, OSC, CPR, DA, DECRPM, window reports) are dropped,
also when they come in halves.

Names of keys: the character itself ("a", "A", "/"), "space", "enter", "esc", "tab", "shift-tab", "backspace",
"delete", "insert", "up", "down", "left", "right", "home", "end", "pgup", "pgdn", "f1".."f24", and these with
"ctrl-", "alt-", "shift-" in front, in this order ("ctrl-c", "alt-x", "ctrl-shift-up").
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from brummer_rx.pipeline import guards

__all__ = ["Click", "Event", "Focus", "Key", "Paste", "Pump", "Resize", "Wheel", "coalesce"]

ESC_DELAY = 0.035
"""Seconds after which a lone ESC is the key."""
REPLY_DELAY = 1.0
"""Seconds of silence after which a half-received reply is given up."""
MAX_PASTE = 8 * 1024 * 1024
"""Characters of one paste that are kept; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key was pressed."""

    name: str
    text: str = ""
    """What a text field inserts; empty for keys that are not printable."""


@dataclass(frozen=True, slots=True)
class Paste:
    """Text was pasted: lines end in a newline, other control characters (but tab) are gone."""

    text: str
    dropped: int = 0
    """Characters beyond what one paste may hold."""


@dataclass(frozen=True, slots=True)
class Wheel:
    """The wheel was turned over a cell."""

    delta: int
    """Notches; positive is down, towards newer lines."""
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Click:
    """The left button was pressed on a cell (from 0)."""

    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Resize:
    """The screen has another size."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Focus:
    """The terminal's window gained or lost the focus."""

    gained: bool


Event = Key | Paste | Wheel | Click | Resize | Focus

# One alternative a kind of token; possessive loops keep half a sequence from matching as a broken one.
_TOKEN = re.compile(
    r"(?P<plain>[^\x00-\x1f\x7f-\x9f]+)"
    r"|(?P<paste>\x1b\[200~)"
    r"|\x1b\[<(?P<button>\d+);(?P<x>\d+);(?P<y>\d+)(?P<mouse>[Mm])"
    r"|(?P<x10>\x1b\[M[\s\S]{3})"
    r"|(?P<console>\x1b\[\[[A-E])"
    r"|(?P<csi>\x1b\[(?![M\[])[0-?]*+[ -/]*+[@-~])"
    r"|(?P<ss3>\x1bO[0-9;]*+[@-~])"
    r"|(?P<string>\x1b[\]P_^X](?:[^\x07\x1b]+|\x07|\x1b\\|(?=\x1b[^\\])))"
    r"|(?P<alt>\x1b[^\[O\]P_^X\x1b])"
    r"|(?P<escape>\x1b(?=\x1b))"
    r"|(?P<control>[\x00-\x1a\x1c-\x1f\x7f-\x9f])"
    r"|(?P<broken>\x1b\[(?!M)(?:\[(?=[^A-E])|[0-?]*+[ -/]*+(?=[^@-~]))|\x1bO[0-9;]*+(?=[^@-~]))"
)
_STRING_END = re.compile(r"\x07|\x1b\\|(?=\x1b[^\\])")
_PASTE_END = "\x1b[201~"
_HALF_END = re.compile(r"\x1b(?:\[(?:2(?:0(?:1)?)?)?)?\Z")
_NOT_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# Replies have a private prefix, an intermediate, or a final byte that no key has; CPR is any R but F3's.
_REPLY = re.compile(r"\x1b\[(?:[<=>?].*|.*[ -/].|[\d;:]*[cntxyS]|(?!1;\d+R)[\d;]+R)\Z", re.DOTALL)

_CONTROL_NAMES = {
    "\r": "enter",
    "\n": "enter",
    "\t": "tab",
    "\x7f": "backspace",
    "\x08": "backspace",
    "\x1b": "esc",
    "\x00": "ctrl-space",
    " ": "space",
}


@lru_cache(maxsize=2048)
def _char_key(char: str) -> Key:
    return Key(_CONTROL_NAMES.get(char, char), char)


def _control_name(char: str) -> str:
    name = _CONTROL_NAMES.get(char)
    if name is not None:
        return name
    code = ord(char)
    return f"ctrl-{chr(code + 96)}" if code <= 26 else f"ctrl-{chr(code + 64)}"


def _alt_name(char: str) -> str:
    if char < " " or char == "\x7f":
        plain = _control_name(char)
        return f"ctrl-alt-{plain[5:]}" if plain.startswith("ctrl-") else f"alt-{plain}"
    return f"alt-{_CONTROL_NAMES.get(char, char)}"


def coalesce(events: Iterable[Event]) -> list[Event]:
    """The same events; neighbouring turns of the wheel over one cell are one."""
    out: list[Event] = []
    for event in events:
        last = out[-1] if out else None
        if isinstance(event, Wheel) and isinstance(last, Wheel) and (event.x, event.y) == (last.x, last.y):
            out[-1] = Wheel(last.delta + event.delta, event.x, event.y)
        else:
            out.append(event)
    return out


@guards.owned("main thread", "feed", "flush")
class Pump:
    """Bytes in, events out; the caller reads the terminal and keeps the time."""

    def __init__(self, resolve: Callable[[str], str | None]) -> None:
        """`resolve` names an escape sequence (`keynames.resolver`), None where it is no key."""
        self._resolve = resolve
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._paste: list[str] | None = None
        self._paste_size = 0
        self._in_string = False
        self.ignored = 0
        """Sequences that were no key: replies nobody asked for, and broken ones."""

    @property
    def wait(self) -> float | None:
        """Seconds of silence after which `flush` is due; None while nothing is half-received."""
        if self._paste is not None:
            return None
        if self._in_string or len(self._rest) > 2:
            return REPLY_DELAY
        return ESC_DELAY if self._rest else None

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes."""
        text = self._rest + self._decoder.decode(data)
        self._rest = ""
        events: list[Event] = []
        position = 0
        while position < len(text):
            if self._paste is not None:
                position = self._feed_paste(text, position, events)
            elif self._in_string:
                position = self._feed_string(text, position)
            else:
                match = _TOKEN.match(text, position)
                if match is None:
                    self._rest = text[position:]
                    break
                position = match.end()
                self._token(match, events)
        return events

    def flush(self) -> list[Event]:
        """`wait` seconds have passed: a lone ESC is the key, half a reply is dropped."""
        rest, self._rest = self._rest, ""
        if self._in_string:
            self._in_string = False
            self.ignored += 1
        if self._paste is not None or not rest:
            self._rest = rest
            return []
        if rest == "\x1b":
            return [Key("esc")]
        if len(rest) == 2:
            return [Key(_alt_name(rest[1]))]
        self.ignored += 1
        return []

    def _feed_paste(self, text: str, start: int, events: list[Event]) -> int:
        end = text.find(_PASTE_END, start)
        if end >= 0:
            self._keep(text[start:end])
            events.append(self._pasted())
            return end + len(_PASTE_END)
        half = _HALF_END.search(text, max(start, len(text) - len(_PASTE_END)))
        stop = half.start() if half is not None else len(text)
        self._keep(text[start:stop])
        self._rest = text[stop:]
        return len(text)

    def _keep(self, text: str) -> None:
        assert self._paste is not None
        room = MAX_PASTE - self._paste_size
        if room > 0 and text:
            self._paste.append(text[:room])
        self._paste_size += len(text)

    def _pasted(self) -> Paste:
        text = "".join(self._paste or ()).replace("\r\n", "\n").replace("\r", "\n")
        dropped = max(0, self._paste_size - MAX_PASTE)
        self._paste = None
        return Paste(_NOT_TEXT.sub("", text), dropped)

    def _feed_string(self, text: str, start: int) -> int:
        end = _STRING_END.search(text, start)
        if end is not None:
            self._in_string = False
            self.ignored += 1
            return end.end()
        if text.endswith("\x1b"):
            self._rest = "\x1b"
        return len(text)

    def _token(self, match: re.Match[str], events: list[Event]) -> None:
        token, kind = match[0], match.lastgroup
        if kind == "plain":
            events.extend(map(_char_key, token))
        elif kind == "mouse":
            self._mouse(int(match["button"]), int(match["x"]), int(match["y"]), match["mouse"] == "M", events)
        elif kind == "x10":
            button, x, y = (ord(char) - 32 for char in token[3:])
            self._mouse(button, x, y, button & 3 != 3 or button & 64 != 0, events)
        elif kind == "paste":
            self._paste, self._paste_size = [], 0
        elif kind == "control":
            self._control(token, events)
        elif kind == "escape":
            events.append(Key("esc"))
        elif kind == "alt":
            events.append(Key(_alt_name(token[1])))
        elif kind == "string":
            self._string(token, events)
        elif kind == "broken":
            self.ignored += 1
        else:
            self._sequence(token, events)

    def _control(self, char: str, events: list[Event]) -> None:
        if char > "\x7f":
            self.ignored += 1
        else:
            events.append(Key(_control_name(char)))

    def _string(self, token: str, events: list[Event]) -> None:
        if len(token) == 2:  # ESC P and then another sequence: the key alt-P, not a reply
            events.append(Key(_alt_name(token[1])))
        elif token.endswith(("\x07", "\x1b\\")):
            self.ignored += 1
        else:
            self._in_string = True

    def _sequence(self, token: str, events: list[Event]) -> None:
        if token in ("\x1b[I", "\x1b[O"):
            events.append(Focus(token == "\x1b[I"))
            return
        name = None if _REPLY.match(token) else self._resolve(token)
        if name is None:
            self.ignored += 1
        else:
            events.append(Key(name, name if len(name) == 1 else ""))

    def _mouse(self, button: int, x: int, y: int, pressed: bool, events: list[Event]) -> None:
        kind = button & ~0b11100  # without shift, alt and ctrl
        if kind in (64, 65) and pressed:
            events.append(Wheel(1 if kind == 65 else -1, max(0, x - 1), max(0, y - 1)))
        elif kind == 0 and pressed:
            events.append(Click(max(0, x - 1), max(0, y - 1)))
