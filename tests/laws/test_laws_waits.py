"""L16: a producer's wait ends by room, by the end of the stage, or by its timeout; in virtual time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from brummer_rx.pipeline import stage as stage_module
from brummer_rx.pipeline.errors import BufferOverflow
from brummer_rx.pipeline.stage import Overflow
from tests.laws.lawkit import WAITING, Background, Rig

each_waiting = pytest.mark.parametrize("overflow", WAITING, ids=lambda c: c.name)


# --- L16, in virtual time -------------------------------------------------------------------------


class StageTime:
    """Stands in for `time` and `threading` in the stage's module: waiting is what makes the time pass."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.rings: list[tuple[float, Callable[[], None]]] = []
        """(after so many seconds of waiting, what happens then)"""

    def monotonic(self) -> float:
        return self.now

    def Event(self) -> StageTime.Bell:
        return StageTime.Bell(self)

    class Bell:
        def __init__(self, outer: StageTime) -> None:
            self.outer = outer
            self.rung = False

        def set(self) -> None:
            self.rung = True

        def clear(self) -> None:
            self.rung = False

        def wait(self, timeout: float | None) -> bool:
            outer = self.outer
            while not self.rung and outer.rings:
                after, happens = outer.rings[0]
                if timeout is not None and after > timeout:
                    break
                outer.rings.pop(0)
                outer.now += after
                timeout = None if timeout is None else timeout - after
                happens()
            if not self.rung:
                assert timeout is not None, "it would wait for ever"
                outer.now += timeout
            return self.rung


@pytest.fixture
def stage_time(monkeypatch: pytest.MonkeyPatch) -> StageTime:
    made = StageTime()
    monkeypatch.setattr(stage_module, "time", made)
    monkeypatch.setattr(stage_module, "threading", made)
    return made


@each_waiting
@pytest.mark.parametrize("timeout", [0.0, 0.001, 5.0, 3600.0])
def test_l16_a_wait_ends_at_its_timeout_and_not_before(
    overflow: Overflow, timeout: float, stage_time: StageTime
) -> None:
    rig = Rig(overflow, timeout=timeout)
    sent = rig.fill()
    with pytest.raises(BufferOverflow, match=f"no room for {timeout} s"):
        rig.stage.offer("too much")

    assert stage_time.now == pytest.approx(1000.0 + timeout)
    books = rig.books()
    assert (books.discarded, books.blocked_count) == (1, 1)
    assert books.blocked_seconds == pytest.approx(timeout)
    assert not rig.stage._resumes  # nobody rings at a door where nobody waits
    rig.lane.run_all()
    assert rig.heard == sent


@each_waiting
def test_l16_whose_room_is_taken_by_others_waits_on_for_the_rest_only(
    overflow: Overflow, stage_time: StageTime
) -> None:
    """Each 4 s there is room, and another producer is quicker: after 10 s, not 14, it is over."""
    rig = Rig(overflow, timeout=10.0)
    rig.fill()

    def quicker() -> None:
        rig.lane.run_one()
        rig.fill()

    stage_time.rings = [(4.0, quicker)] * 5
    with pytest.raises(BufferOverflow):
        rig.stage.offer("slow")

    assert stage_time.now == pytest.approx(1010.0)
    assert rig.books().blocked_seconds == pytest.approx(10.0)
    assert rig.heard == [0, 1, 2, 3] * 2


@each_waiting
@pytest.mark.parametrize("timeout", [None, 10.0])
@pytest.mark.parametrize("happens", ["room", "complete", "dispose"])
def test_l16_a_wait_ends_when_there_is_room_or_an_end(
    overflow: Overflow, timeout: float | None, happens: str, stage_time: StageTime
) -> None:
    rig = Rig(overflow, timeout=timeout)
    sent = rig.fill()
    stage_time.rings = [(3.0, rig.lane.run_one if happens == "room" else lambda: rig.end(happens))]
    rig.stage.offer("late")
    rig.lane.run_all()

    assert stage_time.now == pytest.approx(1003.0)
    assert rig.books().blocked_seconds == pytest.approx(3.0)
    assert ("late" in rig.heard) == (happens == "room")
    assert rig.books().discarded == {"room": 0, "complete": 1, "dispose": 5}[happens]
    assert happens == "dispose" or rig.heard[:4] == sent


@each_waiting
def test_l16_real_waits_end_too(overflow: Overflow) -> None:
    """Several at once, each by its own."""
    rig = Rig(overflow, timeout=0.05)
    rig.fill()
    waiting = [Background(lambda: rig.stage.offer("x")) for _ in range(4)]

    assert [type(each.wait()) for each in waiting] == [BufferOverflow] * 4
    books = rig.books()
    assert (books.blocked_count, books.discarded) == (4, 4)
    assert books.blocked_seconds >= 0.2
