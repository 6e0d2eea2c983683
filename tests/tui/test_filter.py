from __future__ import annotations

from brummer_rx.pipeline.event import Level
from brummer_rx.pipeline.reader import LineFilter
from brummer_rx.tui.filter import ALL, Filter, chips, cycle_level, only, shows, toggle, where

KNOWN = ("web", "api", "db")


def test_hiding_one_process_keeps_the_others() -> None:
    hidden = toggle(ALL, "api", KNOWN)

    assert hidden.sources == {"web", "db"}
    assert [shows(hidden, n) for n in KNOWN] == [True, False, True]
    assert toggle(hidden, "api", KNOWN) == ALL  # all shown again is no filter: new processes are shown too


def test_hiding_all_shows_nothing() -> None:
    hidden = ALL
    for name in KNOWN:
        hidden = toggle(hidden, name, KNOWN)

    assert hidden.sources == frozenset()
    assert chips(hidden, KNOWN) == ("no process",)


def test_only_one_keeps_the_level() -> None:
    assert only(Filter(None, Level.WARN), "db") == Filter(frozenset({"db"}), Level.WARN)


def test_the_level_goes_round() -> None:
    seen = [ALL.level]
    chosen = ALL
    for _ in range(5):
        chosen = cycle_level(chosen)
        seen.append(chosen.level)

    assert seen == [None, Level.DEBUG, Level.INFO, Level.WARN, Level.ERROR, None]
    assert cycle_level(Filter(None, Level.FATAL)).level is Level.DEBUG


def test_what_the_store_is_asked() -> None:
    assert where(ALL) == LineFilter()
    assert where(Filter(frozenset({"web"}), Level.ERROR)) == LineFilter(frozenset({"web"}), Level.ERROR)


def test_chips() -> None:
    assert chips(ALL, KNOWN) == ()
    assert chips(Filter(frozenset({"db", "web", "gone"}), Level.WARN), KNOWN) == (
        "web,db,gone",
        "level>=warn",
    )
    many = tuple(f"p{i}" for i in range(9))
    assert chips(Filter(frozenset(many[:7])), many) == ("p0,p1,p2,p3 +3",)
