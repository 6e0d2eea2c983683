"""The main path: each sink sees all in order, one that stops holds the source, one that goes does not."""

from __future__ import annotations

from reactivex import Subject

from brummer_rx.pipeline.event import Event, LogBatch, Stream
from brummer_rx.pipeline.flow import LineFlow, SinkSpec
from brummer_rx.pipeline.ledger import Ledgers
from brummer_rx.pipeline.testing import HandLane


def batch(number: int, size: int = 2) -> LogBatch:
    return LogBatch("web", Stream.OUT, number, 1, number, b"x" * (size - 1) + b"\n")


class Rig:
    """A flow whose lanes are driven by hand."""

    def __init__(self, *names: str, fail: str = "") -> None:
        self.pool = HandLane("pool")
        self.lanes = {name: HandLane(name) for name in names}
        self.seen: dict[str, list[int]] = {name: [] for name in names}
        self.ends: list[tuple[str, str]] = []
        self.ledgers = Ledgers()
        self.source: Subject[Event] = Subject()
        self.flow = LineFlow(self.pool, self.ledgers, lambda n, e: self.ends.append((n, repr(e))))
        sinks = [SinkSpec(n, self.lanes[n], self.consumer(n, fail == n)) for n in names]
        self.flow.connect(self.source, (), sinks)

    def consumer(self, name: str, fails: bool):  # type: ignore[no-untyped-def]
        def consume(event: Event) -> None:
            assert isinstance(event, LogBatch)
            if fails:
                raise ValueError("no")
            self.seen[name].append(event.first_line)

        return consume

    def run(self, *names: str) -> None:
        """Until none of these lanes (and the pool) has anything left to do."""
        lanes = [self.pool, *(self.lanes[n] for n in names or self.lanes)]
        while any(lane.pending for lane in lanes):
            for lane in lanes:
                lane.run_all()


def test_each_sink_sees_everything_in_order_and_the_end() -> None:
    rig = Rig("store", "console")
    for n in range(50):
        rig.source.on_next(batch(n))
    rig.source.on_completed()
    rig.run()

    assert rig.seen == {"store": list(range(50)), "console": list(range(50))}
    assert sorted(rig.ends) == [("console", "None"), ("store", "None")]
    assert rig.flow.open_sinks == ()
    assert all(ledger.closes for ledger in rig.ledgers.snapshot())


def test_a_sink_that_stops_holds_the_source_and_loses_nothing() -> None:
    rig = Rig("store", "console")
    sent = 0
    while rig.flow.entrance.has_room(1024 * 1024) and sent < 100:
        rig.source.on_next(batch(sent, 1024 * 1024))
        sent += 1
        rig.run("store")  # the console's lane never runs

    assert sent == 2, "1 MiB before the transforms and 1 MiB before the console"
    assert not rig.flow.entrance.has_room(1024 * 1024)

    rig.run()
    assert rig.flow.entrance.has_room(1024 * 1024)
    assert rig.seen["console"] == rig.seen["store"] == list(range(sent))


def test_a_detached_sink_lets_the_others_go_on() -> None:
    rig = Rig("store", "console")
    sent = 0
    while rig.flow.entrance.has_room(1024 * 1024):
        rig.source.on_next(batch(sent, 1024 * 1024))
        sent += 1
        rig.run("store")

    assert rig.flow.detach("console")
    assert not rig.flow.detach("console")
    rig.source.on_completed()
    rig.run("store")
    assert rig.seen["store"] == list(range(sent))
    assert rig.flow.open_sinks == ()


def test_a_sink_that_fails_ends_alone() -> None:
    rig = Rig("store", "broken", fail="broken")
    for n in range(3):
        rig.source.on_next(batch(n))
        rig.run()
    rig.source.on_completed()
    rig.run()

    assert rig.seen["store"] == [0, 1, 2]
    assert ("broken", "ValueError('no')") in rig.ends
