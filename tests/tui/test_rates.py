"""Lines a second from counters."""

from __future__ import annotations

from brummer_rx.tui.rates import SAMPLES, Rates


def test_rates_are_differences_over_time() -> None:
    rates = Rates()
    rates.sample({"web": 100}, 10.0)
    assert rates.by_source == {}

    rates.sample({"web": 300, "api": 10}, 12.0)
    assert rates.by_source == {"web": (100.0,), "api": (5.0,)}
    assert rates.moving


def test_counters_that_went_back_are_no_rate() -> None:
    rates = Rates()
    rates.sample({"web": 100}, 1.0)
    rates.sample({"web": 50}, 2.0)

    assert rates.by_source == {"web": (0.0,)}


def test_a_window_of_zeros_is_still() -> None:
    rates = Rates()
    rates.sample({"web": 0}, 0.0)
    for second in range(1, SAMPLES + 1):
        rates.sample({"web": 10}, float(second))
        assert rates.moving
    assert len(rates.by_source["web"]) == SAMPLES

    rates.sample({"web": 10}, SAMPLES + 1.0)
    assert not rates.moving


def test_time_in_which_nothing_moved_does_not_thin_the_next_rate() -> None:
    rates = Rates()
    rates.sample({"web": 0}, 0.0)
    rates.resume(100.0)
    rates.sample({"web": 50}, 101.0)

    assert rates.by_source == {"web": (50.0,)}


def test_two_samples_at_one_moment_say_nothing() -> None:
    rates = Rates()
    rates.sample({"web": 0}, 1.0)
    rates.sample({"web": 9}, 1.0)

    assert rates.by_source == {}
