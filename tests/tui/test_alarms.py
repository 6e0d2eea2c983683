"""Named timers: setting again replaces, closing takes all back."""

from __future__ import annotations

from brummer_rx.tui.alarms import Alarms
from tests.tui.fakeloop import FakeLoop


def test_named_timers() -> None:
    loop = FakeLoop()
    alarms = Alarms(loop)
    rung: list[str] = []
    alarms.set("a", 1.0, lambda: rung.append("first"))
    alarms.set("a", 2.0, lambda: rung.append("second"))
    alarms.set("b", 3.0, lambda: rung.append("b"))
    alarms.set("b", None, lambda: rung.append("never"))
    assert alarms.waits("a") and not alarms.waits("b")

    loop.advance(5.0)
    assert rung == ["second"]
    assert not alarms.waits("a")


def test_a_timer_may_set_itself_again() -> None:
    loop = FakeLoop()
    alarms = Alarms(loop)
    rung: list[int] = []

    def again() -> None:
        rung.append(1)
        alarms.set("a", 1.0, again)

    again()
    loop.advance(3.0)

    assert len(rung) == 4


def test_closed() -> None:
    loop = FakeLoop()
    alarms = Alarms(loop)
    alarms.set("a", 1.0, lambda: None)
    alarms.close()
    alarms.set("b", 1.0, lambda: None)

    assert loop.waiting == []
