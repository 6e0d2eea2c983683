"""Lines a second of each process, from the counters of the log, sampled once a second while something moves.

Owner: the main thread.
"""

from __future__ import annotations

from collections.abc import Mapping

from brummer_rx.pipeline import guards

__all__ = ["SAMPLES", "Rates"]

SAMPLES = 16


@guards.owned("main thread", "resume", "sample")
class Rates:
    """The last `SAMPLES` seconds."""

    def __init__(self) -> None:
        self._counts: dict[str, int] | None = None
        self._at = 0.0
        self.by_source: Mapping[str, tuple[float, ...]] = {}
        """Lines/s, newest last; a new mapping after each sample."""

    @property
    def moving(self) -> bool:
        """Whether another sample may change something: some rate that is still to be seen is not 0."""
        return any(any(rates) for rates in self.by_source.values())

    def resume(self, now: float) -> None:
        """Counting begins anew at `now`, after a time in which nothing was sampled because nothing moved."""
        self._at = now

    def sample(self, counts: Mapping[str, int], now: float) -> None:
        """Take the counters (stored lines by source) at `now` (monotonic seconds)."""
        before, self._counts = self._counts, dict(counts)
        elapsed, self._at = now - self._at, now
        if before is None or elapsed <= 0:
            return
        self.by_source = {
            source: (
                *self.by_source.get(source, ())[1 - SAMPLES :],
                max(0, count - before.get(source, 0)) / elapsed,
            )
            for source, count in counts.items()
        }
