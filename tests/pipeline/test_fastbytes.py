"""The fast engine and the fallback give what `bytes` gives, on everything that can be searched."""

from __future__ import annotations

import importlib.util
import mmap
import sys
import tempfile

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
                assert engine.lower(view) == b"one\ntwo\nthree"
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


def test_without_stringzilla_the_same_module_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "stringzilla", None)
    found = importlib.util.spec_from_file_location("fastbytes_without_zilla", fastbytes.__file__)
    assert found is not None
    assert found.loader is not None
    copy = importlib.util.module_from_spec(found)
    monkeypatch.setitem(sys.modules, found.name, copy)
    found.loader.exec_module(copy)

    assert copy.ZILLA is None
    assert copy.TOOLS is copy.PURE
    assert copy.TOOLS.count(b"a\nb\n", b"\n", 0, None) == 2
    assert copy.TOOLS.find_uncased(b"xABC", b"abc", 0, None) == 1
