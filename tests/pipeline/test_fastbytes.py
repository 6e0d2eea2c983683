"""The fast engine and the fallback give what `bytes` gives, on everything that can be searched."""

from __future__ import annotations

import importlib.util
import itertools
import mmap
import sys
import tempfile
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.pipeline import fastbytes
from brummer_rx.pipeline.fastbytes import PURE, ZILLA, ByteTools, View

ENGINES = [e for e in (PURE, ZILLA) if e is not None]

small = st.text("aAbB\n kKsS", max_size=40).map(str.encode)
hostile = st.lists(
    st.sampled_from([*(c.encode() for c in "aAsSk\nßſ\u212a\0"), b"\xff", b"\xe2", b"\xf0\x9f"]), max_size=60
).map(b"".join)
data_strategy = st.one_of(small, hostile, st.binary(max_size=60))
needles = st.one_of(
    st.text("aAbB\nksKS", min_size=1, max_size=4).map(str.encode), st.binary(min_size=1, max_size=3)
)
places = st.one_of(st.none(), st.integers(-70, 70))


def forms(data: bytes) -> list[View]:
    """The same bytes in every form that is accepted: the last two are parts of a larger whole."""
    whole = b"ab\n" + data + b"ab\n"
    return [data, bytearray(data), memoryview(data), memoryview(whole)[3 : len(whole) - 3]]


@pytest.mark.parametrize("engine", ENGINES, ids=lambda e: e.name)
@given(data=data_strategy, needle=needles, start=places, stop=places)
def test_every_engine_agrees_with_bytes(
    engine: ByteTools, data: bytes, needle: bytes, start: int | None, stop: int | None
) -> None:
    first = start or 0
    for form in forms(data):
        assert engine.find(form, needle, first, stop) == data.find(needle, first, stop)
        assert engine.rfind(form, needle, first, stop) == data.rfind(needle, first, stop)
        assert engine.count(form, needle, first, stop) == data.count(needle, first, stop)
        lower = data.lower().find(needle.lower(), first, stop)
        assert engine.find_uncased(form, needle, first, stop) == lower
        assert engine.lower(form) == data.lower()


@pytest.mark.parametrize("engine", ENGINES, ids=lambda e: e.name)
def test_a_mapped_file_is_searched_in_place_and_can_be_closed_afterwards(engine: ByteTools) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"one\nTwo\nthree")
        file.flush()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            with memoryview(mapped) as view:
                assert fastbytes.find(mapped, b"Two") == 4
                assert fastbytes.rfind_newline(mapped) == 7
                assert fastbytes.lower(mapped) == b"one\ntwo\nthree"
                assert fastbytes.count_newlines(mapped) == 2
                assert fastbytes.find_uncased(mapped, b"tWO") == 4
                assert fastbytes.find_all(mapped, b"\n") == [3, 7]
                for form in (view, view[1:]):
                    shift = len(mapped) - len(form)
                    assert engine.find(form, b"Two", 0, None) == 4 - shift
                    assert engine.rfind(form, b"\n", 0, None) == 7 - shift
                    assert engine.count(form, b"\n", 0, None) == 2
                    assert engine.find_uncased(form, b"tWO", 0, None) == 4 - shift
                    form.release()


@pytest.mark.parametrize("engine", ENGINES, ids=lambda e: e.name)
def test_uncased_search_crosses_every_inner_border(
    engine: ByteTools, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fastbytes, "_UNCASED_SLICE", 7)
    for place in range(60):
        data = b"x" * place + b"NeeDle" + b"y" * 20
        assert engine.find_uncased(data, b"needle", 0, None) == place
        assert engine.find_uncased(data, b"needle", place + 1, None) == -1
        assert engine.find_uncased(data, b"needle", 0, place + 5) == -1


@pytest.mark.parametrize("engine", ENGINES, ids=lambda e: e.name)
def test_uncased_search_folds_ascii_only(engine: ByteTools) -> None:
    assert engine.find_uncased("Straße".encode(), b"ss", 0, None) == -1
    assert engine.find_uncased("300 \u212a".encode(), b"k", 0, None) == -1
    assert engine.find_uncased("ß ſ SS".encode(), b"ss", 0, None) == 6
    assert engine.find_uncased("É".encode(), "é".encode(), 0, None) == -1


@given(data=data_strategy, needle=needles, start=places, stop=places)
def test_all_hits(data: bytes, needle: bytes, start: int | None, stop: int | None) -> None:
    hits = fastbytes.find_all(data, needle, start or 0, stop)

    assert len(hits) == data.count(needle, start or 0, stop)
    assert all(data[at : at + len(needle)] == needle for at in hits)
    assert all(b - a >= len(needle) for a, b in itertools.pairwise(hits))


def test_hits_are_found_as_they_are_asked_for() -> None:
    hits = fastbytes.iter_find(b"a" * 1_000_000, b"a", 10)

    assert [next(hits), next(hits)] == [10, 11]


def test_the_short_names() -> None:
    data = b"one\ntwo\nthree"

    assert fastbytes.count_newlines(data) == 2
    assert fastbytes.count_newlines(data, 4) == 1
    assert fastbytes.rfind_newline(data) == 7
    assert fastbytes.rfind_newline(data, 0, 7) == 3
    assert fastbytes.rfind_newline(b"none") == -1
    assert fastbytes.find(data, b"two") == 4
    assert fastbytes.rfind(data, b"e") == 12
    assert fastbytes.count(data, b"o") == 2
    assert fastbytes.find_uncased(data, b"THREE") == 8


@pytest.mark.parametrize("function", [fastbytes.find_uncased, fastbytes.find_all], ids=lambda f: f.__name__)
def test_an_empty_needle_is_refused(function: Callable[[bytes, bytes], object]) -> None:
    with pytest.raises(ValueError, match="empty"):
        function(b"abc", b"")


def test_without_stringzilla_the_same_module_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "stringzilla", None)
    found = importlib.util.spec_from_file_location("fastbytes_without_zilla", fastbytes.__file__)
    assert found is not None
    assert found.loader is not None
    copy = importlib.util.module_from_spec(found)
    monkeypatch.setitem(sys.modules, found.name, copy)
    found.loader.exec_module(copy)

    assert copy.HAVE_STRINGZILLA is False
    assert copy.ZILLA is None
    assert copy.count_newlines(b"a\nb\n") == 2
    assert copy.find_uncased(b"xABC", b"abc") == 1
