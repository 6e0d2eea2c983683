"""A line is a view: text is made when read."""

from __future__ import annotations

from brummer_rx.pipeline.event import Level, Stream
from brummer_rx.pipeline.reader import Line, LineFilter, SearchQuery


def line(raw: bytes) -> Line:
    return Line(7, 0, "web", Stream.OUT, Level.INFO, raw)


def test_text_has_no_escapes_no_trailing_cr_and_no_invalid_utf8() -> None:
    assert line(b"\x1b[31mred\x1b[0m \xff\r").text == "red \ufffd"


def test_raw_is_what_the_child_wrote() -> None:
    assert line(b"\x1b[31mred\r").raw == b"\x1b[31mred\r"


def test_a_filter_without_arguments_lets_all_lines_pass() -> None:
    assert LineFilter() == LineFilter(sources=None, min_level=Level.TRACE)


def test_a_search_is_case_sensitive_and_newest_first_unless_told() -> None:
    query = SearchQuery("x")

    assert (query.ignore_case, query.newest_first, query.stop) == (False, True, None)
