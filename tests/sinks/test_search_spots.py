"""Places in bytes become the right lines, however many there are."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.sinks.store.search_plan import Needle
from brummer_rx.sinks.store.search_spots import SOMEWHERE, Spots, merge, spots_of, texts_of


def lines_with(data: bytes, needle: Needle, limit: int | None = None) -> Spots:
    """What `spots_of` says, its positions checked."""
    whole = b"xx\n" + data + b"needle xx"
    start, end = 3, 3 + len(data)
    look = whole.lower() if needle.uncased else whole
    hit = look.find(needle.data, start, end)
    if hit < 0:
        return {}
    for form in (whole, memoryview(whole)):
        spots = spots_of(form, needle, start, end, hit, limit=limit)
        assert list(spots) == sorted(spots)
        for line, at in spots.items():
            if at == SOMEWHERE:
                assert limit is None
                continue
            assert look.startswith(needle.data, at)
            assert whole.count(b"\n", start, at) == line
    return spots


def truth(data: bytes, needle: Needle) -> list[int]:
    look = data.lower() if needle.uncased else data
    return [n for n, line in enumerate(look.split(b"\n")[:-1]) if needle.data in line]


@given(
    st.lists(st.sampled_from([b"", b"x", b"ab", b"AB", b"aab", b"ab ab", b"xxxxxxxx"]), max_size=80),
    st.booleans(),
    st.none() | st.integers(0, 30),
)
def test_the_lines_with_a_needle(texts: list[bytes], uncased: bool, limit: int | None) -> None:
    data = b"".join(text + b"\n" for text in texts)
    needle = Needle(b"ab", uncased, exact=False)
    wanted = truth(data, needle)

    found = list(lines_with(data, needle, limit))

    if limit is None or len(wanted) <= limit:
        assert found == wanted
    else:
        assert found == wanted[: limit + 1]


@pytest.mark.parametrize("share", [0.001, 0.01, 0.05, 0.2, 0.6, 1.0])
@pytest.mark.parametrize("uncased", [False, True])
def test_every_density(share: float, uncased: bool) -> None:
    rng = random.Random(share)
    words = [b"Needle needle" if rng.random() < share else b"y" * rng.randrange(120) for _ in range(4000)]
    data = b"".join(b"text " + word + b"\n" for word in words)
    needle = Needle(b"needle", uncased, exact=False)

    assert list(lines_with(data, needle)) == truth(data, needle)


def test_spots_of_several_needles_are_merged_in_order() -> None:
    found: dict[int, Spots] = {}

    merge(found, 3, {5: 50, 9: 90})
    merge(found, 3, {1: 10, 9: 91})
    merge(found, 4, {2: 20})

    assert found == {3: {1: 10, 5: 50, 9: 91}, 4: {2: 20}}
    assert list(found[3]) == [1, 5, 9]


def test_texts_have_no_cr_at_the_end_and_no_invalid_bytes() -> None:
    assert texts_of(b"a\r\nb\rc\r\r\n\xff\n") == ["a", "b\rc", "\ufffd", ""]
    assert texts_of(b"a\n") == ["a", ""]
