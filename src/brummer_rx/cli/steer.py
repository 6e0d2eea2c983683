"""The verbs that steer a live run: start, stop, restart, and wait.

Exit codes: 0 done; 1 refused, or `wait`: time is up or it can no longer happen; 3 nothing runs here, or there
is no such process.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from brummer_rx.cli.choose_run import live_run
from brummer_rx.cli.client import NoAnswer, client_of
from brummer_rx.cli.output import Output, complain, json_line
from brummer_rx.cli.requests import SteerOptions
from brummer_rx.pipeline.event import Level
from brummer_rx.pipeline.reader import LineFilter
from brummer_rx.pipeline.status import stored_rows
from brummer_rx.sinks.store.lock import is_live
from brummer_rx.sinks.store.reader import RunReader, open_run
from brummer_rx.sinks.store.runs import RunInfo

__all__ = ["steer", "wait"]

_POLL = 0.05
_OVER = ("exited", "failed")
_UNSETTLED = ("starting", "restarting")
_STEP = 5000
"""Lines that are looked at in one go."""
_LOOKS_AFTER_END = 4
_PATIENCE = 200
"""Looks at most for the end of a run that no longer answers."""
_SLACK_NS = 2_000_000
"""A start is stamped after the process was made; its first line may have been read before."""
_DONE = {"start": "is starting", "stop": "is stopping", "restart": "is restarting"}


def steer(options: SteerOptions, out: Output) -> int:
    """`start`, `stop` and `restart`: tell the run; returns when it was told. The exit code."""
    run = live_run(options.place.state_dir, options.run)
    row = client_of(run.path).command(options.verb, options.name)
    if options.json:
        out.say(json_line({"run": run.id, "command": options.verb, "process": _public(row)}))
    else:
        out.say(f"{options.name} {_DONE[options.verb]}")
    return 0


def _public(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row as `status` shows it."""
    return {key: value for key, value in row.items() if key not in ("started_ns", "ended", "over")}


@dataclass(frozen=True, slots=True)
class _Verdict:
    """The end of a wait."""

    met: bool
    why: str
    row: Mapping[str, Any]
    seq: int | None = None


def wait(
    options: SteerOptions,
    out: Output,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """`wait`: look until it happened, cannot happen any more, or time is up. The exit code."""
    run = live_run(options.place.state_dir, options.run)
    client = client_of(run.path)
    row = client.process(options.name)
    end = None if options.timeout is None else clock() + options.timeout
    with open_run(run.path) as reader:
        look = _look_for(options, reader)
        while True:
            verdict = look(row)
            if verdict is not None:
                return _tell(verdict, options, run, out)
            if end is not None and clock() >= end:
                why = f"{options.name} is {row['state']}; not met within {options.timeout:g} s"
                return _tell(_Verdict(False, why, row), options, run, out)
            sleep(_POLL)
            try:
                row = client.process(options.name)
            except NoAnswer:
                row = _last_row(run, options, row, sleep)
                verdict = look(row) or _Verdict(False, "the run has ended", row)
                return _tell(verdict, options, run, out)


def _last_row(
    run: RunInfo, options: SteerOptions, row: Mapping[str, Any], sleep: Callable[[float], None]
) -> dict[str, Any]:
    """The row as the run left it, once all that it wrote is on disk (its lock is free)."""
    for _ in range(_PATIENCE):
        if not is_live(run.path):
            break
        sleep(_POLL)
    rows = {known["name"]: known for known in stored_rows(run.path, {})}
    last = rows.get(options.name) or {**row, "state": "exited"}
    return {**{k: v for k, v in last.items() if k != "lines"}, "ended": True, "over": True}


def _tell(verdict: _Verdict, options: SteerOptions, run: RunInfo, out: Output) -> int:
    if options.json:
        found: dict[str, Any] = {"run": run.id, "met": verdict.met, "process": _public(verdict.row)}
        if verdict.seq is not None:
            found["seq"] = verdict.seq
        if verdict.why:
            found["reason"] = verdict.why
        out.say(json_line(found))
    elif not verdict.met:
        complain(f"wait: {verdict.why}")
    return 0 if verdict.met else 1


def _look_for(options: SteerOptions, reader: RunReader) -> Callable[[Mapping[str, Any]], _Verdict | None]:
    if options.wait_for == "exit":
        return _exited
    if options.wait_for == "ready":
        return _ready
    return _LineWatch(options.name, options.wait_for.removeprefix("re:"), reader).look


def _exited(row: Mapping[str, Any]) -> _Verdict | None:
    return _Verdict(True, "", row) if row["state"] in _OVER else None


def _ready(row: Mapping[str, Any]) -> _Verdict | None:
    if row["state"] == "ready":
        return _Verdict(True, "", row)
    return _Verdict(False, _gone(row, "was ready"), row) if row["state"] in _OVER else None


def _gone(row: Mapping[str, Any], before: str) -> str:
    code = f" with {row['exit_code']}" if "exit_code" in row else ""
    return f"{row['name']} {row['state']}{code} before it {before}"


class _LineWatch:
    """Looks through the lines of one process, each once, from the start of its present incarnation on."""

    def __init__(self, name: str, pattern: str, reader: RunReader) -> None:
        self._name = name
        self._pattern = re.compile(pattern)
        self._reader = reader
        self._where = LineFilter(frozenset({name}), Level.TRACE)
        self._position = 0
        self._looks_after_end = 0

    def look(self, row: Mapping[str, Any]) -> _Verdict | None:
        """The verdict, None while it may still happen."""
        if row["state"] in _UNSETTLED:
            return None
        self._reader.refresh()
        seq = self._search(row.get("started_ns", 0) - _SLACK_NS)
        if seq is not None:
            return _Verdict(True, "", row, seq)
        if row["state"] not in _OVER or not row.get("ended"):
            return None
        # Its last lines may still be on their way to the disk (20 ms): look again before giving up.
        self._looks_after_end += 1
        if self._looks_after_end < _LOOKS_AFTER_END and not row.get("over"):
            return None
        return _Verdict(False, _gone(row, "printed that"), row)

    def _search(self, since_ns: int) -> int | None:
        snapshot = self._reader.snapshot()
        while True:
            seqs = snapshot.select(self._where, self._position, snapshot.end_seq, _STEP)
            for line in snapshot.read(seqs):
                if line.time_ns >= since_ns and self._pattern.search(line.text):
                    return line.seq
            self._position = seqs[-1] + 1 if len(seqs) == _STEP else snapshot.end_seq
            if len(seqs) < _STEP:
                return None
