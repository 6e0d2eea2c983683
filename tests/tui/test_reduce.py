from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from brummer_rx.pipeline.event import GapReason, Level, Stream
from brummer_rx.pipeline.process import ProcessInfo, ProcessState
from brummer_rx.pipeline.reader import SearchProgress
from brummer_rx.pipeline.runview import Notice, Tail
from brummer_rx.tui.commands import TABLE, entry_for
from brummer_rx.tui.frame import check
from brummer_rx.tui.glyphs import ASCII, UNICODE
from brummer_rx.tui.intents import (
    Invoke,
    Pick,
    Said,
    Search,
    SearchFound,
    SearchStarted,
    Seen,
    Tick,
)
from brummer_rx.tui.keys import Click, Focus, Paste, Resize, Wheel
from brummer_rx.tui.reduce import reduce
from brummer_rx.tui.state import Mode, View, initial
from brummer_rx.tui.view import view, wake_at
from brummer_rx.tui.walk import bounds
from tests.tui.drive import Driver, key
from tests.tui.fakelog import T0, FakeLog, info, numbered, snap

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
NAMES = sorted({k for e in TABLE for k in e.keys} | {"a", "Z", "space", "backspace", "f9", "é"})


def test_time_and_focus() -> None:
    d = Driver(snap(numbered(5)))
    d.do(Tick(5)).do(Focus(False))

    assert (d.state.now_ns, d.state.focused) == (5, False)


def test_a_paste_goes_only_into_text_fields() -> None:
    d = Driver(snap(numbered(5)))
    d.do(Paste("qq\n"))
    assert (d.state.mode, d.taken()) == (Mode.NORMAL, [])
    d.press("/").do(Paste("two\nlines"))
    assert d.state.prompt.text == "twolines"
    d.press("esc", "?").do(Paste("copy"))
    assert d.state.prompt.text == "copy"


def test_a_click_means_what_is_drawn() -> None:
    d = Driver(snap(numbered(50)), width=100, height=24)

    def click(part: str, offset: int = 0) -> None:
        frame = d.frame
        y = next(i for i, row in enumerate(d.screen) if part in row)
        target = frame.hit_at(d.screen[y].index(part) + offset, y)
        assert target is not None
        d.do(target)  # type: ignore[arg-type]

    click("line 40 of api")
    assert d.state.logs.cursor == 40
    click("2 Procs")
    assert d.state.view is View.PROCS
    click("npm run db")
    assert d.state.procs.selected == "db"
    click("npm run db")
    assert (d.state.view, d.state.logs.filter.sources) == (View.LOGS, {"db"})
    click("? help")
    assert d.state.mode is Mode.HELP
    click("search, smart case")
    assert d.state.mode is Mode.SEARCH
    d.press("esc", "f")
    click("[ ] web")
    assert d.state.logs.filter.sources == {"db", "web"}
    click("level>=")
    assert d.state.logs.filter.level is Level.DEBUG
    d.press("esc", "q")
    click("[Esc]")
    assert d.state.mode is Mode.NORMAL
    d.press("q")
    click("[q]")
    assert d.state.quitting


def test_clicks_on_what_is_no_longer_there_do_nothing() -> None:
    d = Driver(snap(numbered(5)))
    before = d.state
    for target in (
        Pick("process", "web"),
        Pick("filter", "web"),
        Pick("help", 3),
        Pick("nonsense", 1),
        Invoke("quit-now"),
        Invoke("no such command"),
        Click(1, 1),
    ):
        d.do(target)
    assert d.state == before
    d.press("2").do(Pick("process", "gone")).do(Pick("line", 3))
    assert d.state.procs.selected in ("", "web")


def test_the_wheel_turns_what_is_on_top() -> None:
    d = Driver(snap(numbered(50)))
    d.press("?").do(Wheel(3, 0, 0))
    assert d.state.picked == 3
    d.do(Pick("help", 5))
    assert d.state.picked == 5
    d.press("esc", "f").do(Wheel(9, 0, 0))
    assert d.state.picked == 2
    d.do(Wheel(-1, 0, 0))
    assert d.state.picked == 1


def test_what_the_edge_says_is_shown_for_a_while() -> None:
    d = Driver(snap(numbered(5)))
    d.do(Said("Copied 1 line"))
    assert "Copied 1 line" in d.line("FOLLOW")
    later = d.state.now_ns + 5_000_000_000
    assert wake_at(d.state, d.snap) is not None
    d.see(snap(numbered(5), now_ns=later))
    assert "Copied" not in d.line("FOLLOW")
    assert wake_at(d.state, d.snap) is None


class Viewer(RuleBasedStateMachine):
    """Anything may happen in any order; the laws below hold after each step."""

    def __init__(self) -> None:
        super().__init__()
        self.log = FakeLog()
        self.snap = snap(self.log)
        self.state = initial(80, 24)
        self.now = T0
        self.tokens = 0

    def do(self, intent: object) -> None:
        self.state, effects = reduce(self.state, intent)  # type: ignore[arg-type]
        for effect in effects:
            if isinstance(effect, Search):
                self.tokens += 1
                self.do(SearchStarted(self.tokens))

    @rule(name=st.sampled_from(NAMES))
    def press(self, name: str) -> None:
        self.do(Tick(self.now))
        self.do(key(name))

    @rule(
        texts=st.lists(st.text(max_size=90) | st.binary(max_size=60), min_size=1, max_size=30),
        source=st.sampled_from(["web", "api", "db", "new one\x1b[2J"]),
        level=st.sampled_from(Level),
    )
    def append(self, texts: list[str | bytes], source: str, level: Level) -> None:
        clean = [t.replace("\n", "") if isinstance(t, str) else t.replace(b"\n", b"") for t in texts]
        encoded = [t.encode("utf-8", "replace") if isinstance(t, str) else t for t in clean]
        self.log = self.log.plus(*encoded, source=source, level=level)

    @rule(first=st.integers(0, 40), size=st.integers(0, 30), oldest=st.booleans())
    def evict(self, first: int, size: int, oldest: bool) -> None:
        start = self.log.first_seq if oldest else self.log.first_seq + first
        last = start + size
        clear = all(g.last_seq < start or g.first_seq > last for g in self.log.gaps)
        if last < self.log.end_seq and clear:
            self.log = self.log.without(start, last, GapReason.BUDGET, "" if size % 2 else "web")

    @rule(
        states=st.lists(st.sampled_from(ProcessState), max_size=4),
        tails=st.lists(st.binary(max_size=40), max_size=9),
        notice=st.text(max_size=30),
    )
    def see(self, states: list[ProcessState], tails: list[bytes], notice: str) -> None:
        self.now += 300_000_000
        rows = [
            info(n, s, exit_code=i)
            for i, (n, s) in enumerate(zip(["web", "api", "db", "x"], states, strict=False))
        ]
        self.snap = snap(
            self.log,
            *rows,
            now_ns=self.now,
            tails=tuple(Tail("web", Stream.OUT, self.now, t) for t in tails),
            notices=(Notice(self.now, notice, bad=len(notice) % 2 == 0),) if notice else (),
            rates={"web": (1.0, 2.0, 30_000.0), "api": (0.5,)},
        )
        self.do(Seen(self.snap))

    @rule(width=st.integers(1, 140), height=st.integers(1, 50))
    def resize(self, width: int, height: int) -> None:
        self.do(Resize(width, height))

    @rule(delta=st.integers(-9, 9))
    def wheel(self, delta: int) -> None:
        self.do(Wheel(delta, 0, 0))

    @rule(text=st.text(max_size=20))
    def paste(self, text: str) -> None:
        self.do(Paste(text))

    @rule(seqs=st.sets(st.integers(0, 60), max_size=9), done=st.booleans())
    def found(self, seqs: set[int], done: bool) -> None:
        known = tuple(s for s in sorted(seqs) if s < self.log.end_seq)
        self.do(SearchFound(SearchProgress(self.tokens, known, len(known), done)))

    @precondition(lambda self: self.state.snap is not None)
    @rule(index=st.integers(0, 99))
    def click(self, index: int) -> None:
        hits = view(self.state, self.snap).hits
        if hits:
            self.do(hits[index % len(hits)].target)

    @rule(ascii_only=st.booleans())
    def other_glyphs(self, ascii_only: bool) -> None:
        self.state = replace(self.state, glyphs=ASCII if ascii_only else UNICODE)

    @invariant()
    def the_frame_is_whole(self) -> None:
        frame = view(self.state, self.state.snap or self.snap)
        assert check(frame) == []
        assert (frame.width, frame.height) == (self.state.width, self.state.height)
        assert not any(CONTROL.search(text) for row in frame.rows for _, text in row)

    @invariant()
    def the_window_lies_inside_the_log(self) -> None:
        if self.state.snap is None:
            return
        log, window = self.state.snap.log, self.state.logs.window
        first, end = bounds(log)
        assert list(window.rows) == sorted(set(window.rows))
        assert all(first <= place.seq < end for place in window.rows)
        if window.rows:
            assert window.rows[0] == self.state.logs.top
            assert self.state.logs.cursor in {place.seq for place in window.rows}
        assert window.below >= 0

    @invariant()
    def esc_leads_to_the_root(self) -> None:
        state = self.state
        for _ in range(6):
            state, _effects = reduce(state, key("esc"))
        assert (state.view, state.mode) == (View.LOGS, Mode.NORMAL)
        assert state.logs.found is None
        assert entry_for(state, "esc") is None
        assert not state.quitting or self.state.quitting


Viewer.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestViewer = Viewer.TestCase


def test_the_next_key_ends_what_was_said() -> None:
    d = Driver(snap(numbered(30)))
    d.press("g").do(Said("went on from the top"))
    assert "went on" in d.screen[-2]
    d.press("j")
    assert "went on" not in d.screen[-2]
    d.do(Said("the disk is full", bad=True)).press("j")
    assert "the disk is full" in d.screen[-2]


def test_two_ctrl_c_with_another_key_between_quit_nothing() -> None:
    d = Driver(snap(numbered(30)))
    d.press("ctrl-c", "j", "ctrl-c")

    assert not d.state.quitting
    d.press("ctrl-c")
    assert d.state.quitting


def test_where_nothing_starts_by_itself_procs_comes_first() -> None:
    def waiting(name: str, autostart: bool) -> ProcessInfo:
        found = info(name, ProcessState.EXITED)
        return replace(found, spec=replace(found.spec, autostart=autostart))

    only_scripts = Driver(snap(None, waiting("dev", False), waiting("test", False)))
    assert only_scripts.state.view is View.PROCS
    only_scripts.press("1").see(only_scripts.snap)
    assert only_scripts.state.view is View.LOGS
    assert Driver(snap(None, waiting("dev", True), waiting("test", False))).state.view is View.LOGS
    assert Driver(snap(None, info("dev"), waiting("test", False))).state.view is View.LOGS
