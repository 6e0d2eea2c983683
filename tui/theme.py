"""Style names -> SGR parameters, resolved once per colour depth. Pure; nothing here asks the environment.

Depths: 0 (NO_COLOR or mono: bold, reverse and the like are kept, colours are not), 16, 256, and 1 << 24.
The default foreground and background are left alone; 16 colours follow the user's palette.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

__all__ = ["MONO", "ROLES", "Theme", "depth_of", "normal_sgr", "rgb_of", "source_style"]

MONO = 0
TRUE_COLOR = 1 << 24
SOURCES = 8

# role -> SGR for (mono, 16 colours, 256 colours and more)
ROLES: Mapping[str, tuple[str, str, str]] = {
    "text": ("", "", ""),
    "dim": ("2", "90", "38;5;245"),
    "accent": ("1", "36", "38;5;75"),
    "ok": ("", "32", "38;5;71"),
    "warn": ("1", "33", "38;5;178"),
    "err": ("1", "1;31", "1;38;5;203"),
    "sel": ("7", "7", "48;5;238"),
    "bar": ("7", "30;47", "38;5;252;48;5;236"),
    "hit": ("1;7", "30;43", "38;5;232;48;5;221"),
    "key": ("1", "1", "1"),
    "title": ("1", "1", "1"),
    "debug": ("2", "90", "38;5;245"),
    "trace": ("2", "90", "38;5;240"),
    "source0": ("1", "36", "38;5;80"),
    "source1": ("1", "35", "38;5;176"),
    "source2": ("1", "33", "38;5;179"),
    "source3": ("1", "32", "38;5;114"),
    "source4": ("1", "34", "38;5;75"),
    "source5": ("1", "96", "38;5;116"),
    "source6": ("1", "95", "38;5;211"),
    "source7": ("1", "93", "38;5;186"),
}

_LEVELS = (0, 95, 135, 175, 215, 255)
# xterm's 16 colours; only used to find the nearest one
_SIXTEEN = (
    (0, 0, 0),
    (205, 0, 0),
    (0, 205, 0),
    (205, 205, 0),
    (0, 0, 238),
    (205, 0, 205),
    (0, 205, 205),
    (229, 229, 229),
    (127, 127, 127),
    (255, 0, 0),
    (0, 255, 0),
    (255, 255, 0),
    (92, 92, 255),
    (255, 0, 255),
    (0, 255, 255),
    (255, 255, 255),
)
_ATTRIBUTES = frozenset((1, 2, 3, 4, 7, 9, 53))


def depth_of(colors: int, *, wanted: str = "auto", no_color: bool = False) -> int:
    """The depth to paint with: what the terminal can, what the user wants, and NO_COLOR.

    `wanted` is "auto", "mono", "16", "256" or "truecolor"; a choice other than auto beats NO_COLOR.
    """
    chosen = {"mono": MONO, "16": 16, "256": 256, "truecolor": TRUE_COLOR}.get(wanted)
    if chosen is not None:
        return chosen
    if no_color or colors < 8:
        return MONO
    return TRUE_COLOR if colors >= TRUE_COLOR else 256 if colors >= 256 else 16


def source_style(index: int) -> str:
    """The role of the `index`-th process."""
    return f"source{index % SOURCES}"


@lru_cache(maxsize=2048)
def _parameters(params: str) -> tuple[tuple[int, ...], ...]:
    """SGR parameters in groups, colours as (38, 5, n) or (38, 2, r, g, b); malformed ones end the list."""
    groups: list[tuple[int, ...]] = []
    rest = [_number(part) for part in params.split(";")]
    while rest:
        code = rest.pop(0)
        if code in (38, 48, 58):
            size = {5: 2, 2: 4}.get(rest[0] if rest else -1, 0)
            color = tuple(rest[:size])
            if not size or len(color) < size or any(not 0 <= n <= 255 for n in color[1:]):
                return tuple(groups)
            groups.append((code, *color))
            del rest[:size]
        elif code >= 0:
            groups.append((code,))
    return tuple(groups)


def _without_colons(params: str) -> str:
    """Sub-parameters ("4:3", "38:2::1:2:3") in the older form; what has no older form is left out."""
    words: list[str] = []
    for part in params.split(";"):
        code, *subs = part.split(":")
        if not subs:
            words.append(part)
        elif code == "4":
            words.append("24" if subs[0] == "0" else "4")
        elif code in ("38", "48") and subs[0] == "5":
            words += [code, *subs[:2]]
        elif code in ("38", "48") and subs[0] == "2" and len(subs) >= 4:
            words += [code, "2", *(subs[2:5] if len(subs) > 4 else subs[1:4])]
    return ";".join(words) if words else "x"


def _number(part: str) -> int:
    if part == "":
        return 0
    return int(part) if part.isascii() and part.isdigit() and len(part) <= 3 else -1


@lru_cache(maxsize=2048)
def normal_sgr(before: str, params: str) -> str:
    """The state after `params` on top of the state `before`, in a canonical form ("1;31", "" the default).

    Blinking and concealed text is not taken over: both only hide what a child wrote.
    """
    attributes = {group[0] for group in _parameters(before) if before and group[0] in _ATTRIBUTES}
    colors = {_ground(group): group for group in _parameters(before) if before and _ground(group)}
    for group in _parameters(_without_colons(params) if ":" in params else params):
        code = group[0]
        if code == 0:
            attributes.clear()
            colors.clear()
        elif code in _ATTRIBUTES:
            attributes.add(code)
        elif code in _OFF:
            attributes.difference_update(_OFF[code])
        elif code in (39, 49):
            colors.pop(code - 1, None)
        elif (ground := _ground(group)) != 0:
            colors[ground] = group
    words = [str(code) for code in sorted(attributes)]
    words += [";".join(map(str, colors[ground])) for ground in (38, 48) if ground in colors]
    return ";".join(words)


_OFF: Mapping[int, tuple[int, ...]] = {
    21: (),
    22: (1, 2),
    23: (3,),
    24: (4,),
    27: (7,),
    29: (9,),
    55: (53,),
}


def _ground(group: tuple[int, ...]) -> int:
    """38 for a foreground colour, 48 for a background, 0 for none."""
    code = group[0]
    if code == 38 or 30 <= code <= 37 or 90 <= code <= 97:
        return 38
    if code == 48 or 40 <= code <= 47 or 100 <= code <= 107:
        return 48
    return 0


def _to_256(red: int, green: int, blue: int) -> int:
    """The nearest of the colour cube and the grey ramp."""
    cube = [min(range(6), key=lambda i: abs(_LEVELS[i] - value)) for value in (red, green, blue)]
    near = sum((_LEVELS[i] - v) ** 2 for i, v in zip(cube, (red, green, blue), strict=True))
    grey = max(0, min(23, round(((red + green + blue) / 3 - 8) / 10)))
    level = 8 + 10 * grey
    if sum((level - v) ** 2 for v in (red, green, blue)) < near:
        return 232 + grey
    return 16 + 36 * cube[0] + 6 * cube[1] + cube[2]


def rgb_of(index: int) -> tuple[int, int, int]:
    """Red, green and blue of a colour of the 256."""
    if index < 16:
        return _SIXTEEN[index]
    if index >= 232:
        level = 8 + 10 * (index - 232)
        return level, level, level
    index -= 16
    return _LEVELS[index // 36], _LEVELS[index // 6 % 6], _LEVELS[index % 6]


def _to_16(red: int, green: int, blue: int) -> int:
    return min(
        range(16),
        key=lambda i: sum((a - b) ** 2 for a, b in zip(_SIXTEEN[i], (red, green, blue), strict=True)),
    )


def _color(group: tuple[int, ...], depth: int) -> str:
    """One colour of a canonical state as SGR for this depth."""
    if len(group) == 1:
        return str(group[0])
    ground, kind, *value = group
    if (kind == 5 and depth >= 256) or (kind == 2 and depth >= TRUE_COLOR):
        return ";".join(map(str, group))
    if depth >= 256:
        return f"{ground};5;{_to_256(value[0], value[1], value[2])}"
    if kind == 5 and value[0] < 16:
        index = value[0]
    else:
        index = _to_16(*(rgb_of(value[0]) if kind == 5 else (value[0], value[1], value[2])))
    base = ground - 8 if index < 8 else ground + 52 - 8
    return str(base + index)


def _child_sgr(params: str, depth: int) -> str:
    groups = _parameters(normal_sgr("", params))
    words = [str(g[0]) for g in groups if g[0] in _ATTRIBUTES]
    if depth != MONO:
        words += [_color(g, depth) for g in groups if _ground(g)]
    return ";".join(words)


class Theme:
    """Style names -> whole SGR sequences for one depth; each name is resolved once. Used by one thread."""

    def __init__(self, depth: int, roles: Mapping[str, tuple[str, str, str]] = ROLES) -> None:
        self.depth = depth
        self._column = 0 if depth == MONO else 1 if depth < 256 else 2
        self._roles = roles
        self._known: dict[str, str] = {}

    def sgr(self, style: str) -> str:
        """The parameters of a style name, without the reset before it; unknown names are plain text."""
        parts = []
        for name in style.split("+"):
            if name.startswith("sgr:"):
                parts.append(_child_sgr(name[4:], self.depth))
            else:
                parts.append(self._roles.get(name, ("", "", ""))[self._column])
        return ";".join(part for part in parts if part)

    def sequence(self, style: str) -> str:
        """The sequence that switches to a style from any other."""
        found = self._known.get(style)
        if found is None:
            if len(self._known) >= 2048:
                self._known.clear()
            sgr = self.sgr(style)
            found = self._known[style] = f"\x1b[0;{sgr}m" if sgr else "\x1b[0m"
        return found
