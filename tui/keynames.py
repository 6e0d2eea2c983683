"""Escape sequences of keys -> names, by blessed's decoder, whose half-private parts end here."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from blessed import Terminal

__all__ = ["resolver", "spell"]

_SPELLING = {
    "escape": "esc",
    "pgdown": "pgdn",
    "sup": "shift-up",
    "sdown": "shift-down",
    "sleft": "shift-left",
    "sright": "shift-right",
    "shome": "shift-home",
    "send": "shift-end",
    "sprevious": "shift-pgup",
    "snext": "shift-pgdn",
    "sdc": "shift-delete",
    "sic": "shift-insert",
    "btab": "shift-tab",
    "left_square_bracket": "[",
    "kp_enter": "enter",
    "kp_add": "+",
    "kp_subtract": "-",
    "kp_multiply": "*",
    "kp_divide": "/",
    "kp_decimal": ".",
    "kp_separator": ",",
    "kp_equal": "=",
    "find": "home",
    "select": "end",
    "ll": "end",
    "a1": "home",
    "a3": "pgup",
    "c1": "end",
    "c3": "pgdn",
}
# Forms that a terminfo entry may lack: cursor keys in application mode, the Linux console, rxvt, VT220.
_OFTEN = {
    "\x1bOA": "up",
    "\x1bOB": "down",
    "\x1bOC": "right",
    "\x1bOD": "left",
    "\x1bOH": "home",
    "\x1bOF": "end",
    "\x1b[7~": "home",
    "\x1b[8~": "end",
    "\x1b[Z": "shift-tab",
    "\x1b[11~": "f1",
    "\x1b[12~": "f2",
    "\x1b[13~": "f3",
    "\x1b[14~": "f4",
    "\x1b[15~": "f5",
    "\x1b[17~": "f6",
    "\x1b[18~": "f7",
    "\x1b[19~": "f8",
    "\x1b[20~": "f9",
    "\x1b[21~": "f10",
    "\x1b[23~": "f11",
    "\x1b[24~": "f12",
    "\x1b[[A": "f1",
    "\x1b[[B": "f2",
    "\x1b[[C": "f3",
    "\x1b[[D": "f4",
    "\x1b[[E": "f5",
}
_MODIFIERS = ("ctrl", "alt", "shift", "super", "hyper", "meta")


def spell(name: str | None) -> str | None:
    """Our name for blessed's ("KEY_CTRL_PGDOWN" -> "ctrl-pgdn"); None for what is no key press."""
    if not name or not name.startswith("KEY_") or name.endswith("_RELEASED"):
        return None
    rest = name.removeprefix("KEY_").removesuffix("_REPEATED").lower()
    held: list[str] = []
    while "_" in rest and (first := rest.partition("_")[0]) in _MODIFIERS:
        held.append(first)
        rest = rest.partition("_")[2]
    rest = _SPELLING.get(rest, rest)
    if rest.startswith("kp_"):
        rest = rest.removeprefix("kp_")
    if rest.startswith("shift-"):
        held.append("shift")
        rest = rest.removeprefix("shift-")
    return "-".join([m for m in _MODIFIERS if m in held] + [rest])


def resolver(term: Terminal | None = None) -> Callable[[str], str | None]:
    """A cached function from an escape sequence to a key's name, None where it is no key.

    With `term` the sequences of its terminfo entry are known too.
    """
    from blessed import keyboard

    mapper = keyboard.get_keyboard_sequences(term) if term is not None else _default_sequences()
    codes = keyboard.get_keyboard_codes()
    prefixes = keyboard.get_leading_prefixes(mapper)

    @lru_cache(maxsize=2048)
    def resolve(token: str) -> str | None:
        stroke = keyboard.resolve_sequence(token, mapper, codes, prefixes, final=True, dec_mode_cache={})
        name = spell(stroke.name) if str(stroke) == token else None
        return name or _OFTEN.get(token)

    return resolve


def _default_sequences() -> OrderedDict[str, int]:
    from blessed import keyboard

    known = dict(keyboard.DEFAULT_SEQUENCE_MIXIN)
    return OrderedDict(sorted(known.items(), key=lambda item: -len(item[0])))
