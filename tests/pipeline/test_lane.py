"""What a thread serves, and drains that are told when they never run."""

from __future__ import annotations

import threading

import pytest

from brummer_rx.pipeline.lane import abandon_drain, serve, serving


def test_a_thread_serves_what_it_declared_and_nested_again_what_it_was() -> None:
    assert serving() is None
    with serve("pool"):
        with serve("store"):
            assert serving() == "store"
        assert serving() == "pool"
    assert serving() is None


def test_an_exception_ends_the_service() -> None:
    with pytest.raises(ValueError), serve("pool"):
        raise ValueError
    assert serving() is None


def test_other_threads_serve_nothing() -> None:
    seen: list[str | None] = []
    with serve("pool"):
        thread = threading.Thread(target=lambda: seen.append(serving()))
        thread.start()
        thread.join()
    assert seen == [None]


def test_only_drains_that_care_are_told() -> None:
    class Drain:
        def __init__(self) -> None:
            self.reasons: list[BaseException] = []

        def __call__(self) -> None:
            """Runs."""

        def abandon(self, reason: BaseException) -> None:
            self.reasons.append(reason)

    drain, reason = Drain(), RuntimeError("gone")
    abandon_drain(drain, reason)
    abandon_drain(lambda: None, reason)

    assert drain.reasons == [reason]
