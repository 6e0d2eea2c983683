"""The verb `logs`: which lines, in which form, and following a run that still writes."""

from __future__ import annotations

import os
from collections.abc import Iterator

from brummer_rx.cli.choose_run import run_of
from brummer_rx.cli.chunks import Chunk
from brummer_rx.cli.forms import AsJson, AsRaw, AsText, Form
from brummer_rx.cli.output import Output, complain
from brummer_rx.cli.parser import nearest
from brummer_rx.cli.requests import LogsOptions
from brummer_rx.cli.selection import Window, first_window, later_window
from brummer_rx.pipeline.errors import NotFoundError
from brummer_rx.pipeline.event import Gap
from brummer_rx.sinks.plaintext import TextForm
from brummer_rx.sinks.store.reader import RunReader, open_run
from brummer_rx.sinks.store.runs import RunInfo
from brummer_rx.sinks.store.snapshot import StoreSnapshot

__all__ = ["show_logs"]

_BATCH = 256 * 1024
_ARENA = 8 * 1024 * 1024
_POLL = 0.05
"""Seconds between two looks at a run that is followed."""


def show_logs(options: LogsOptions, out: Output) -> int:
    """Print what was asked for; the exit code. Raises `NotFoundError`, `BrokenPipeError`."""
    bytes(_ARENA)  # once given back, glibc no longer returns every batch's memory to the system (5x faster)
    run = run_of(options.place.state_dir, options.run)
    with open_run(run.path) as reader:
        snapshot = reader.snapshot()
        _check_sources(options, run, snapshot)
        form = _form(options, snapshot, out)
        _print(first_window(options, snapshot), form, out)
        if options.follow:
            _follow(options, reader, snapshot.end_seq, form, out)
        out.write(form.finish())
    if isinstance(form, AsRaw):
        for text in form.gaps:
            complain(text)
    return 0


def _check_sources(options: LogsOptions, run: RunInfo, snapshot: StoreSnapshot) -> None:
    """A name that is no source is an error, unless it may still appear in the run that is followed."""
    from brummer_rx.pipeline.status import read_status_file

    if options.sources is None:
        return
    known = list(dict.fromkeys([*snapshot.sources, *(row["name"] for row in read_status_file(run.path))]))
    for name in options.sources:
        if name not in known:
            near = nearest(name, known)
            hint = f"; did you mean {near}?" if near else ""
            there = f"; there are: {', '.join(known)}" if known else "; it has no lines yet"
            raise NotFoundError(f"--source {name}: no such process in run {run.id}{hint}{there}")


def _form(options: LogsOptions, snapshot: StoreSnapshot, out: Output) -> Form:
    if options.json:
        return AsJson()
    if options.raw:
        return AsRaw()
    terminal = os.isatty(out.fd)
    color = options.place.settings.color
    colour = color == "always" or (color == "auto" and terminal)
    names = snapshot.sources if options.sources is None else options.sources
    return AsText(TextForm(names, colour=colour, terminal=terminal))


def _print(window: Iterator[Chunk | Gap], form: Form, out: Output) -> None:
    """Everything in the window, in batches (a write a chunk would cost more than the chunk)."""
    waiting: list[bytes] = []
    size = 0
    for part in window:
        data = form.gap(part) if isinstance(part, Gap) else form.chunk(part)
        waiting.append(data)
        size += len(data)
        if size >= _BATCH:
            out.write(b"".join(waiting))
            waiting.clear()
            size = 0
    out.write(b"".join(waiting))


def _follow(options: LogsOptions, reader: RunReader, position: int, form: Form, out: Output) -> None:
    """Go on from `position` until the run has ended and everything that it wrote was printed."""
    ended = False
    while not ended:
        reader.refresh()
        ended = not reader.live
        snapshot = reader.snapshot()
        if snapshot.end_seq > position:
            _print(later_window(options, snapshot, Window(position, snapshot.end_seq)), form, out)
            position = snapshot.end_seq
        elif not ended:
            out.pause(_POLL)
