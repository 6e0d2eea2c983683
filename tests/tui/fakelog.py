"""A log in memory, for tests: implements `LogSnapshot` over lists, or over a rule for millions of lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from brummer_rx.pipeline.event import Gap, GapReason, Level, Stream
from brummer_rx.pipeline.process import ProcessInfo, ProcessSpec, ProcessState, ProcessTable
from brummer_rx.pipeline.reader import Line, LineFilter
from brummer_rx.tui.state import Snap

T0 = 1_767_270_770_189_000_000  # 2026-01-01 12:32:50.189 UTC


def line(seq: int, text: str | bytes, source: str = "web", level: Level = Level.INFO) -> Line:
    raw = text.encode() if isinstance(text, str) else text
    return Line(seq, T0 + seq * 1_000_000, source, Stream.OUT, level, raw)


@dataclass(frozen=True)
class FakeLog:
    """Immutable; `made` lines are kept in order of seq. Counts what was asked of it."""

    made: tuple[Line, ...] = ()
    first_seq: int = 0
    end_seq: int = 0
    gaps: tuple[Gap, ...] = ()
    names: tuple[str, ...] = ("web", "api", "db")
    asked: dict[str, int] = field(default_factory=dict, compare=False)

    @property
    def sources(self) -> tuple[str, ...]:
        return self.names

    @property
    def bytes_on_disk(self) -> int:
        return sum(len(x.raw) + 1 for x in self.made)

    def _note(self, what: str, amount: int) -> None:
        self.asked[what] = self.asked.get(what, 0) + amount

    def _range(self, start: int, stop: int) -> list[Line]:
        start, stop = max(start, self.first_seq), min(stop, self.end_seq)
        if not self.gaps and self.first_seq == 0:
            return list(self.made[start:stop]) if start < stop else []
        return [x for x in self.made if start <= x.seq < stop]

    def lines(self, start: int, stop: int) -> list[Line]:
        found = self._range(start, stop)
        self._note("lines", len(found))
        return found

    def read(self, seqs: Sequence[int]) -> list[Line]:
        assert list(seqs) == sorted(seqs)
        self._note("read", len(seqs))
        return [x for s in seqs for x in self._range(s, s + 1)]

    def _matches(self, where: LineFilter, start: int, stop: int) -> Iterable[int]:
        found = self._range(start, stop)
        self._note("scanned", len(found))
        return [
            x.seq
            for x in found
            if x.level >= where.min_level and (where.sources is None or x.source in where.sources)
        ]

    def select(
        self, where: LineFilter, start: int, stop: int, limit: int, *, newest: bool = False
    ) -> list[int]:
        assert limit > 0
        found = list(self._matches(where, start, stop))
        return found[-limit:] if newest else found[:limit]

    def count(self, where: LineFilter, start: int | None = None, stop: int | None = None) -> int:
        lowest = self.first_seq if start is None else start
        return len(list(self._matches(where, lowest, self.end_seq if stop is None else stop)))

    def source_counts(self) -> dict[str, int]:
        return {n: sum(x.source == n for x in self.made) for n in self.names}

    def level_counts(self) -> dict[Level, int]:
        return {v: sum(x.level == v for x in self.made) for v in Level}

    # --- making others of it ---

    def plus(self, *texts: str | bytes, source: str = "web", level: Level = Level.INFO) -> FakeLog:
        """With more lines at its end."""
        more = tuple(line(self.end_seq + i, t, source, level) for i, t in enumerate(texts))
        return replace(self, made=self.made + more, end_seq=self.end_seq + len(more), asked={})

    def without(
        self, first: int, last: int, reason: GapReason = GapReason.BUDGET, source: str = ""
    ) -> FakeLog:
        """With a gap where these lines were (inclusive)."""
        gone = [x for x in self.made if first <= x.seq <= last]
        gap = Gap(source, len(gone), sum(len(x.raw) for x in gone), reason, first, last)
        kept = tuple(x for x in self.made if not first <= x.seq <= last)
        lowest = last + 1 if first <= self.first_seq else self.first_seq
        gaps = tuple(sorted((*self.gaps, gap), key=lambda g: g.first_seq))
        return replace(self, made=kept, gaps=gaps, first_seq=lowest, asked={})


LEVELS = (Level.INFO, Level.INFO, Level.DEBUG, Level.WARN, Level.INFO, Level.ERROR, Level.INFO)


def numbered(count: int, names: tuple[str, ...] = ("web", "api", "db")) -> FakeLog:
    """`count` lines of several processes and levels: "line 17 of api"."""
    made = tuple(
        line(i, f"line {i} of {names[i % len(names)]}", names[i % len(names)], LEVELS[i % len(LEVELS)])
        for i in range(count)
    )
    return FakeLog(made, 0, count, (), names)


@dataclass(frozen=True)
class Endless:
    """A log of any size whose lines are made when read, as a store does; costs no memory."""

    end_seq: int
    make: Callable[[int], Line]
    first_seq: int = 0
    gaps: tuple[Gap, ...] = ()
    sources: tuple[str, ...] = ("web", "api", "db")
    bytes_on_disk: int = 0

    def lines(self, start: int, stop: int) -> list[Line]:
        return [self.make(i) for i in range(max(0, start), min(stop, self.end_seq))]

    def read(self, seqs: Sequence[int]) -> list[Line]:
        return [self.make(i) for i in seqs]

    def select(
        self, where: LineFilter, start: int, stop: int, limit: int, *, newest: bool = False
    ) -> list[int]:
        seqs = range(max(0, start), min(stop, self.end_seq))
        found: list[int] = []
        for seq in reversed(seqs) if newest else seqs:
            one = self.make(seq)
            if one.level >= where.min_level and (where.sources is None or one.source in where.sources):
                found.append(seq)
                if len(found) == limit:
                    break
        return sorted(found)

    def count(self, where: LineFilter, start: int | None = None, stop: int | None = None) -> int:
        return (self.end_seq if stop is None else min(stop, self.end_seq)) - (start or 0)

    def source_counts(self) -> dict[str, int]:
        return {}

    def level_counts(self) -> dict[Level, int]:
        return {}


def info(
    name: str, state: ProcessState = ProcessState.RUNNING, *, command: str = "", **facts: object
) -> ProcessInfo:
    """A row of the process table; running ones have a pid and a start time."""
    spec = ProcessSpec(name, ("/bin/sh", "-c", command or name), command or f"npm run {name}", "/")
    known: dict[str, object] = {}
    if state not in (ProcessState.EXITED, ProcessState.FAILED):
        known = {"incarnation": 1, "pid": 48000, "started_ns": T0, "output_open": True}
    return ProcessInfo(spec, state, **{**known, **facts})  # type: ignore[arg-type]


def table(*rows: ProcessInfo) -> ProcessTable:
    return ProcessTable(1, rows)


def snap(log: object = None, *rows: ProcessInfo, now_ns: int = T0 + 10_000_000_000, **more: object) -> Snap:
    """A snapshot with three running processes, or with these."""
    procs = table(*rows) if rows else table(info("web"), info("api"), info("db"))
    return Snap(log=FakeLog() if log is None else log, table=procs, now_ns=now_ns, **more)  # type: ignore[arg-type]
