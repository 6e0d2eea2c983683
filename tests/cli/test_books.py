from __future__ import annotations

from collections.abc import Iterator

import pytest
from loguru import logger

from brummer_rx.cli.books import write_books
from brummer_rx.pipeline.ledger import Ledger


@pytest.fixture
def said() -> Iterator[list[str]]:
    records: list[str] = []
    handler = logger.add(lambda message: records.append(str(message)), format="{level} {message}")
    yield records
    logger.remove(handler)


def test_each_stage_gets_a_line(said: list[str]) -> None:
    assert write_books([Ledger("lines", offered=5, delivered=3, dropped=1, discarded=1), Ledger("store")])

    assert said[0].startswith("INFO books of stage lines: offered 5 = delivered 3 + dropped 1 + discarded 1")
    assert said[1].startswith("INFO books of stage store: offered 0")


def test_books_that_do_not_close_are_an_error(said: list[str]) -> None:
    assert not write_books([Ledger("lines", offered=5, delivered=3), Ledger("store")])

    assert said[0].startswith("ERROR books of stage lines")
    assert said[0].rstrip().endswith("they do not close")
    assert len(said) == 2
