"""Makes docs/viewer.svg and docs/procs.svg: the shop of examples/ runs for a while, and its screen is drawn.

    .venv/bin/python docs/picture.py

`svg` is pure: the same frame gives the same text. Every run of a row is placed by its column and stretched to
its width, so that the picture stays a grid whatever monospaced font the reader's browser has.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from xml.sax.saxutils import escape

from loguru import logger

from brummer_rx.cli.session import Session
from brummer_rx.pipeline.settings import load
from brummer_rx.sinks.store.search import scan
from brummer_rx.sources.detect import choose, discover
from brummer_rx.tui.frame import Frame, Row, plain
from brummer_rx.tui.intents import Intent, Search, SearchFound, SearchStarted, Seen, Tick
from brummer_rx.tui.keys import Key
from brummer_rx.tui.rates import Rates
from brummer_rx.tui.reduce import reduce
from brummer_rx.tui.state import Snap, State, initial
from brummer_rx.tui.theme import Theme, normal_sgr, rgb_of
from brummer_rx.tui.view import view
from brummer_rx.tui.width import width_of

__all__ = ["Look", "Onlooker", "draw", "look_of", "main", "svg", "watch"]

DOCS = Path(__file__).resolve().parent
SHOP = DOCS.parent / "examples" / "shop"
SIZE = (100, 26)
SHORTEST, LONGEST = 12.0, 60.0
"""Seconds: not drawn before, and drawn then even if the screen never looked as wanted."""

# --- the picture ------------------------------------------------------------------------------------------

CELL_WIDTH, CELL_HEIGHT, MARGIN, FONT_SIZE, BASELINE = 8.4, 18, 14, 14, 13.5
FOREGROUND, BACKGROUND = "#c9d1d9", "#0d1117"
SIXTEEN = (
    *("#484f58", "#ff7b72", "#3fb950", "#d29922", "#58a6ff", "#bc8cff", "#39c5cf", "#b1bac4"),
    *("#6e7681", "#ffa198", "#56d364", "#e3b341", "#79c0ff", "#d2a8ff", "#56d4dd", "#f0f6fc"),
)
"""The 16 colours; a terminal's user chooses them, here they are for a dark background."""
BOLD, DIM, ITALIC, LINE, REVERSE = 1, 2, 3, 4, 7
THEME = Theme(256)
FONTS = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace"


@dataclass(frozen=True, slots=True)
class Look:
    """How a run is drawn."""

    fill: str = FOREGROUND
    back: str | None = None
    """None: the picture's own background."""
    bold: bool = False
    dim: bool = False
    italic: bool = False
    line: bool = False
    """Underlined."""


def _indexed(index: int) -> str:
    """A colour of the 256."""
    return SIXTEEN[index] if index < 16 else "#{:02x}{:02x}{:02x}".format(*rgb_of(index))


def _color(code: int, rest: Iterator[int]) -> str | None:
    """The colour that an SGR code (with the numbers that belong to it) sets; None: it sets none."""
    if code in (38, 48):
        next(rest)  # the 5 of an indexed colour: the theme has no others at this depth
        return _indexed(next(rest))
    if 30 <= code <= 49:
        return SIXTEEN[code % 10]
    return SIXTEEN[8 + code % 10] if 90 <= code <= 109 else None


def look_of(style: str) -> Look:
    """A style name (roles and a child's colours, joined by "+") as the theme resolves it."""
    params = normal_sgr("", THEME.sgr(style))
    codes = (int(code) for code in params.split(";") if code)
    attributes: set[int] = set()
    grounds: dict[bool, str] = {}
    for code in codes:
        color = _color(code, codes)
        if color is None:
            attributes.add(code)
        else:
            grounds[code in range(40, 50) or code >= 100] = color
    fill, back = grounds.get(False, FOREGROUND), grounds.get(True)
    if REVERSE in attributes:
        fill, back = back or BACKGROUND, fill
    return Look(fill, back, BOLD in attributes, DIM in attributes, ITALIC in attributes, LINE in attributes)


def _pieces(row: Row) -> Iterator[tuple[Look, int, str]]:
    """(look, first column, text) with neighbours of one look joined."""
    column = 0
    for look, runs in groupby(row, lambda run: look_of(run[0])):
        text = "".join(text for _, text in runs)
        yield look, column, text
        column += width_of(text)


def _safe(text: str) -> str:
    """Text as XML takes it; what it has no way to say is U+FFFD."""
    return escape(re.sub("[\x00-\x1f\ud800-\udfff\ufffe\uffff]", "\ufffd", text))


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _box(look: Look, y: int, column: int, text: str) -> str:
    x, width = MARGIN + column * CELL_WIDTH, width_of(text) * CELL_WIDTH
    place = f'x="{_number(x)}" y="{MARGIN + y * CELL_HEIGHT}" width="{_number(width)}" height="{CELL_HEIGHT}"'
    return f'<rect {place} fill="{look.back}"/>'


def _words(look: Look, y: int, column: int, text: str) -> Iterator[str]:
    """One element for each stretch of ASCII, and of anything else (another font may draw it)."""
    for match in re.finditer(r"[!-~]+(?: [!-~]+)*|[^\x00-\x7f]+", text):
        part = match[0]
        x = MARGIN + (column + width_of(text[: match.start()])) * CELL_WIDTH
        marks = f'x="{_number(x)}" y="{_number(MARGIN + y * CELL_HEIGHT + BASELINE)}"'
        marks += f' textLength="{_number(width_of(part) * CELL_WIDTH)}" lengthAdjust="spacingAndGlyphs"'
        marks += f' fill="{look.fill}"'
        marks += ' font-weight="bold"' * look.bold + ' opacity="0.6"' * look.dim
        marks += ' font-style="italic"' * look.italic + ' text-decoration="underline"' * look.line
        yield f"<text {marks}>{_safe(part)}</text>"


def svg(frame: Frame, title: str) -> str:
    """A frame as SVG; `title` is what a reader who sees no pictures is told."""
    width, height = 2 * MARGIN + frame.width * CELL_WIDTH, 2 * MARGIN + frame.height * CELL_HEIGHT
    size = f'width="{_number(width)}" height="{height}" viewBox="0 0 {_number(width)} {height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
        f"<title>{_safe(title)}</title>",
        f'<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>',
        f'<g font-family="{FONTS}" font-size="{FONT_SIZE}">',
    ]
    for y, row in enumerate(frame.rows):
        pieces = list(_pieces(row))
        lines += [_box(look, y, column, text) for look, column, text in pieces if look.back]
        lines += [line for piece in pieces for line in _words(piece[0], y, *piece[1:])]
    return "\n".join([*lines, "</g>", "</svg>", ""])


# --- the run ----------------------------------------------------------------------------------------------


class Onlooker:
    """Sees a run as the viewer does, without a terminal. Main thread."""

    def __init__(self, session: Session, width: int, height: int) -> None:
        self.session = session
        self.state: State = initial(width, height, utc_offset_s=time.localtime().tm_gmtoff)
        self._rates = Rates()
        self._sample()

    def _sample(self) -> None:
        self.session.live.usage()
        self._rates.sample(self.session.store.snapshot().source_counts(), time.monotonic())
        self.session.loop.call_later(1.0, self._sample)

    def do(self, intent: Intent) -> None:
        """Reduce one intent; a search is answered at once, other effects are left alone."""
        self.state, effects = reduce(self.state, intent)
        for effect in effects:
            if isinstance(effect, Search):
                self.do(SearchStarted(0))
                for progress in scan(self.session.store.snapshot(), effect.query, lambda: False):
                    self.do(SearchFound(progress))

    def frame(self) -> Frame:
        """What is on the screen now."""
        run, now = self.session.live, time.time_ns()
        snap = Snap(
            run.reader.snapshot(),
            run.processes(),
            run.usage(),
            run.tails(),
            run.notices(),
            now,
            self._rates.by_source,
        )
        self.do(Tick(now))
        self.do(Seen(snap))
        return view(self.state, snap)

    def type(self, *keys: str) -> None:
        """Keys by name; the screen is looked at before each, as a person does."""
        for key in keys:
            self.frame()
            self.do(Key(key, key if len(key) == 1 else ""))


def _tells_enough(frame: Frame) -> bool:
    """A whole traceback is on the screen and some lines have come after it."""
    lines = plain(frame)
    return any(" failed" in line for line in lines) and any("KeyError" in line for line in lines[:-8])


def watch(folder: Path, draw: Callable[[str, Frame], None]) -> None:
    """Run what is in `folder` until the log shows what it is for; draw the views; stop it."""
    settings = load(folder, {"state_dir": str(folder / "runs")}, os.environ)
    specs = choose((), discover(settings.folder, settings)).specs
    session = Session(settings, specs, pty=True, size=SIZE, on_notice=lambda text, bad: None)
    session.ends_with_children = False
    onlooker = Onlooker(session, *SIZE)
    began = time.monotonic()

    def look() -> None:
        past = time.monotonic() - began
        if past < SHORTEST or (past < LONGEST and not _tells_enough(onlooker.frame())):
            session.loop.call_later(0.1, look)
            return
        onlooker.type("/", *"failed", "enter", "G")
        draw("viewer", onlooker.frame())
        onlooker.type("2")
        draw("procs", onlooker.frame())
        session.stop(0)

    session.loop.call_later(0.0, look)
    try:
        session.run()
    finally:
        session.close()


def draw(name: str, frame: Frame) -> None:
    """Write a picture beside this file."""
    text = svg(frame, f"The viewer of {frame.title} ({name}) on a run of examples/shop")
    (DOCS / f"{name}.svg").write_text(text, encoding="utf-8")


def main() -> None:
    """Write both pictures. The shop is copied, so that its tracebacks do not tell where it lives here."""
    logger.remove()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        os.environ["SHOP_PORT"] = str(probe.getsockname()[1])
    os.environ["PATH"] = os.pathsep.join(
        [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    )
    folder = Path(tempfile.gettempdir(), "shop")
    shutil.copytree(SHOP, folder)
    try:
        watch(folder, draw)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
