from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from brummer_rx.pipeline.event import GapReason, Level, Stream
from brummer_rx.pipeline.process import ProcessState
from brummer_rx.pipeline.reader import Line, SearchProgress
from brummer_rx.pipeline.runview import Tail, Usage
from brummer_rx.tui.frame import Frame, check
from brummer_rx.tui.intents import SearchFound, SearchStarted, Seen
from brummer_rx.tui.keys import Resize, Wheel
from brummer_rx.tui.reduce import reduce
from brummer_rx.tui.state import Snap, initial
from brummer_rx.tui.view import view
from tests.tui.drive import Driver, key
from tests.tui.fakelog import T0, Endless, FakeLog, info, numbered, snap

GOLDEN = Path(__file__).parent / "golden"
SIZES = ((60, 20), (80, 24), (120, 40))


def shop() -> Snap:
    """A run with something of everything."""
    log = FakeLog(names=("web", "api", "worker"))
    for i in range(40):
        log = log.plus(f"GET /api/users/{3700 + i} \x1b[32m200\x1b[0m in {7 * i % 300}ms", source="web")
        log = log.plus(f"SELECT users {i}", source="api", level=Level.DEBUG)
        if i % 9 == 4:
            text = (
                "TypeError: Cannot read properties of undefined (reading 'map') at UserList (src/User.tsx:23)"
            )
            log = log.plus(text, source="worker", level=Level.ERROR)
        if i % 13 == 7:
            log = log.plus("Fast Refresh had to perform a full reload", source="web", level=Level.WARN)
    log = log.without(80, 83, GapReason.DISK, "api").plus("日本語 ok", "caf\u00e9 ✓", source="api")
    rows = (
        info("web", ProcessState.READY, command="next dev", pid=48120),
        info("api", command="uvicorn app:app --reload", restarts=2, pid=48001),
        info(
            "worker",
            ProcessState.FAILED,
            command="python worker.py",
            incarnation=1,
            exit_code=1,
            started_ns=T0,
            ended_ns=T0 + 500_000_000_000,
            restarts=3,
        ),
        info("types", ProcessState.EXITED, command="tsc --noEmit"),
    )
    return snap(
        log,
        *rows,
        now_ns=T0 + 724_000_000_000,
        usage={"web": Usage(7.2, 312 << 20), "api": Usage(103.0, 128 << 20)},
        rates={"web": (1.0, 300.0, 512.0, 480.0), "api": (0.0, 41.0, 0.5)},
        tails=(Tail("web", Stream.TTY, T0 + 900_000_000, b"Compiling 4/9"),),
    )


def logs(d: Driver) -> None:
    d.press()


def paused(d: Driver) -> None:
    d.press("pgup", "/").type("users").do(SearchStarted(1))
    d.do(SearchFound(SearchProgress(1, tuple(range(60, 78, 2)), 31, False))).press("enter", "N")


def filters(d: Driver) -> None:
    d.press("f", "2", "l", "l")


def wrapped(d: Driver) -> None:
    d.press("w")


def procs(d: Driver) -> None:
    d.press("2", "j", "j")


def help_(d: Driver) -> None:
    d.press("?", "down", "down")


def quit_(d: Driver) -> None:
    d.press("2", "q")


SCENES: tuple[Callable[[Driver], None], ...] = (logs, paused, filters, wrapped, procs, help_, quit_)


def picture(frame: Frame) -> str:
    """The text and, below it, a letter for each cell's style; then cursor and clickable places."""
    letters: dict[str, str] = {}
    text: list[str] = []
    styles: list[str] = []
    for row in frame.rows:
        text.append("|" + "".join(t for _, t in row) + "|")
        line = ""
        for style, part in row:
            if style not in letters:
                letters[style] = "." if style == "text" else chr(ord("a") + len(letters))
            line += letters[style] * len(part)
        styles.append("|" + line + "|")
    legend = [f"{letter} {style}" for style, letter in sorted(letters.items())]
    hits = [f"{h.x},{h.y}+{h.width} {h.target}" for h in frame.hits]
    return "\n".join([*text, "", *styles, "", *legend, "", f"cursor {frame.cursor}", *hits, ""])


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
@pytest.mark.parametrize("scene", SCENES, ids=lambda s: s.__name__.strip("_"))
def test_golden_frames(scene: Callable[[Driver], None], size: tuple[int, int]) -> None:
    """Run with UPDATE_GOLDEN=1 to write the files anew, then look at the difference."""
    d = Driver(shop(), *size)
    scene(d)
    now = picture(d.frame)
    path = GOLDEN / f"{scene.__name__.strip('_')}-{size[0]}x{size[1]}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(now)

    assert now == path.read_text()


@pytest.mark.parametrize("scene", SCENES, ids=lambda s: s.__name__.strip("_"))
def test_every_size_is_filled_exactly(scene: Callable[[Driver], None]) -> None:
    d = Driver(shop())
    scene(d)
    for width in (*range(1, 25), 39, 40, 41, 63, 64, 76, 100, 200):
        for height in (*range(1, 13), 30):
            d.do(Resize(width, height))
            assert check(d.frame) == []


def test_the_first_frame_before_anything_was_reduced() -> None:
    frame = view(initial(40, 10), snap())

    assert check(frame) == []


def test_the_title_is_ours() -> None:
    assert view(initial(40, 10), snap()).title == "brummer-rx"


def test_what_the_panel_covers_is_not_clickable() -> None:
    d = Driver(snap(numbered(30)), width=100)
    d.press("f")
    assert not any(str(h.target).startswith("Pick(what='line'") for h in d.frame.hits)


def made(i: int) -> Line:
    level = Level.ERROR if i % 9 == 0 else Level.INFO
    text = b"%d GET /api/users/%d 200 in %dms \x1b[32mok\x1b[0m" % (i, i % 997, i % 300)
    return Line(i, T0 + i * 1_000_000, ("web", "api", "db")[i % 3], Stream.OUT, level, text * 2)


@pytest.mark.parametrize("scene", ["follow", "wheel", "page", "wrapped", "marked"])
def test_a_frame_of_a_million_lines_is_cheap(scene: str) -> None:
    """CPU time of reduce and view at 120x40; the bound has room for slow and shared machines."""
    seen = snap(Endless(1_000_000, made))
    state, _ = reduce(initial(120, 40), Seen(seen))
    for name in {"wrapped": "w", "marked": "/ap"}.get(scene, ""):
        state, _ = reduce(state, key(name))
    spent: list[float] = []
    for i in range(80):
        log = replace(seen.log, end_seq=seen.log.end_seq + 10)  # type: ignore[type-var]
        seen = replace(seen, log=log, now_ns=seen.now_ns + 33_000_000)
        before = time.process_time()
        if scene == "wheel":
            state, _ = reduce(state, Wheel(-1, 1, 1))
        if scene == "page":
            state, _ = reduce(state, key("pgup" if i % 3 else "g"))
        state, _ = reduce(state, Seen(seen))
        view(state, seen)
        spent.append(time.process_time() - before)

    assert sorted(spent)[len(spent) // 2] < 0.010
