"""The last words of a run: the books of its stages, in the run's own log."""

from __future__ import annotations

from collections.abc import Iterable

from loguru import logger

from brummer_rx.pipeline.ledger import Ledger

__all__ = ["write_books"]


def write_books(ledgers: Iterable[Ledger]) -> bool:
    """One log record a stage: a line where its books close, an error where they do not.

    True: all of them close.
    """
    good = True
    for ledger in ledgers:
        text = (
            f"books of stage {ledger.stage}: offered {ledger.offered} = delivered {ledger.delivered}"
            f" + dropped {ledger.dropped} + discarded {ledger.discarded} + queued {ledger.queued};"
            f" refused {ledger.refused}, overshoots {ledger.overshoots}, faults {ledger.faults},"
            f" most waiting {ledger.high_water}"
        )
        if ledger.closes:
            logger.info("{}", text)
        else:
            good = False
            logger.error("{}: they do not close", text)
    return good
