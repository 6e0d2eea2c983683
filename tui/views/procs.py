"""The view Procs: a table of the run's processes and, below it, the chosen one's last lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from brummer_rx.pipeline.process import ProcessInfo, ProcessState
from brummer_rx.tui.acts_procs import never_started, selected
from brummer_rx.tui.ansi import fit, line_row
from brummer_rx.tui.frame import Hit, Row, Run
from brummer_rx.tui.glyphs import sparkline
from brummer_rx.tui.intents import Pick
from brummer_rx.tui.layout import layout, procs_split
from brummer_rx.tui.settle import known_names
from brummer_rx.tui.state import Snap, State
from brummer_rx.tui.theme import source_style
from brummer_rx.tui.views.parts import Part, duration, pad_rows, printable, size, times
from brummer_rx.tui.views.words import state_glyph, state_word
from brummer_rx.tui.width import width_of

__all__ = ["body"]


@dataclass(frozen=True, slots=True)
class _Column:
    """One column of the table."""

    title: str
    width: int
    cell: Callable[[State, Snap, ProcessInfo], str]
    right: bool = False
    needs: int = 0
    """Columns that the screen must have for it to be shown."""


def _up(_state: State, snap: Snap, info: ProcessInfo) -> str:
    if info.started_ns is None or never_started(info):
        return "-"
    if info.state in (ProcessState.EXITED, ProcessState.FAILED):
        return f"{duration(snap.now_ns - info.ended_ns)} ago" if info.ended_ns is not None else "-"
    return duration(snap.now_ns - info.started_ns)


def _cpu(_state: State, snap: Snap, info: ProcessInfo) -> str:
    used = snap.usage.get(info.name)
    return f"{used.cpu_percent:.0f}%" if used is not None else "-"


def _mem(_state: State, snap: Snap, info: ProcessInfo) -> str:
    used = snap.usage.get(info.name)
    return size(used.rss_bytes) if used is not None else "-"


def _spark(state: State, snap: Snap, info: ProcessInfo) -> str:
    return sparkline(snap.rates.get(info.name, ()), 6, state.glyphs)


def _rate(_state: State, snap: Snap, info: ProcessInfo) -> str:
    rates = snap.rates.get(info.name, ())
    return f"{times(rates[-1])}/s" if rates else "-"


def _restarts(_state: State, _snap: Snap, info: ProcessInfo) -> str:
    return str(info.restarts)


def _columns(state: State, snap: Snap) -> tuple[_Column, ...]:
    longest = max((width_of(p.name) for p in snap.table.processes), default=0)
    name = max(7, min(20 if state.width >= 100 else 10, longest))
    every = (
        _Column("PROCESS", name, lambda _s, _n, p: p.name),
        _Column("STATE", 11, lambda _s, _n, p: state_word(p), needs=20),
        _Column("UP", 8, _up, needs=36),
        _Column("CPU", 5, _cpu, True, 46),
        _Column("MEM", 5, _mem, True, 52),
        _Column("OUTPUT", 6, _spark, needs=90),
        _Column("LINES/S", 7, _rate, True, 70),
        _Column("RESTARTS", 8, _restarts, True, 84),
    )
    return tuple(column for column in every if state.width >= column.needs)


def _cell(text: str, column: _Column, style: str) -> Row:
    text = printable(text)
    runs: list[Run] = [(style, text)]
    room = column.width - width_of(text)
    if column.right and room > 0:
        runs = [("text", " " * room), (style, text)]
    return (*fit(runs, column.width), ("text", "  "))


def _table_row(
    state: State, snap: Snap, info: ProcessInfo, index: int, columns: Sequence[_Column], chosen: bool
) -> Row:
    mark = state.glyphs.select if chosen else " "
    runs: list[Run] = [("accent", mark), state_glyph(info, state.glyphs), ("text", " ")]
    for column in columns:
        style = _style(info, column, index)
        runs += _cell(column.cell(state, snap, info), column, style)
    runs.append(("dim", printable(info.spec.command)))
    return fit(runs, state.width)


def _style(info: ProcessInfo, column: _Column, index: int) -> str:
    if column.title == "PROCESS":
        return source_style(index)
    if column.title == "STATE" and info.state is ProcessState.FAILED:
        return "err"
    return "text"


def _heading(state: State, columns: Sequence[_Column]) -> Row:
    runs: list[Run] = [("text", "   ")]
    for column in columns:
        runs += _cell(column.title, column, "dim")
    return fit([*runs, ("dim", "COMMAND")], state.width)


def body(state: State, snap: Snap) -> Part:
    """The rows between the chrome."""
    height, width = layout(state.height).height, state.width
    above, pane = procs_split(height)
    procs = snap.table.processes
    columns = _columns(state, snap)
    fitting = max(1, above - 1)
    top = max(0, min(state.procs.top, len(procs) - fitting))
    rows: list[Row] = [_heading(state, columns)] if above > 1 else []
    hits: list[Hit] = []
    order = {name: index for index, name in enumerate(known_names(snap))}
    chosen = selected(state)
    for info in procs[top : top + fitting]:
        hits.append(Hit(len(rows), 0, width, Pick("process", info.name)))
        here = chosen is not None and chosen.name == info.name
        rows.append(_table_row(state, snap, info, order[info.name], columns, here))
    if not procs:
        rows.append(fit([("dim", "  No processes.")], width))
    below = _pane(state, snap, chosen, width, pane) if pane and chosen is not None else ()
    return Part((*pad_rows(rows, width, height - len(below)), *below), tuple(h for h in hits if h.y < height))


def _pane(state: State, snap: Snap, info: ProcessInfo, width: int, height: int) -> tuple[Row, ...]:
    """The chosen process: what is known of it, and its last lines."""
    rule, dot = state.glyphs.rule * 2, state.glyphs.dot
    facts = [printable(info.name), state_word(info)]
    if info.pid is not None:
        facts.append(f"pid {info.pid}")
    if info.exit_code is not None and str(info.exit_code) not in facts[1]:
        facts.append(f"exit code {info.exit_code}")
    if info.spec.origin:
        facts.append(f"from {info.spec.origin}")
    title = f" {rule} {f' {dot} '.join(facts)} {dot} last lines "
    room = width - width_of(title)
    rows = [fit([("dim", title + state.glyphs.rule * max(0, room - 1))], width)]
    if info.detail:
        rows.append(fit([("warn", f"   {printable(info.detail)}")], width))
    rows += _last_lines(state, snap, info, width, height - len(rows))
    return pad_rows(rows, width, height)


def _last_lines(state: State, snap: Snap, info: ProcessInfo, width: int, limit: int) -> list[Row]:
    recent = state.procs.recent
    if recent.name != info.name or not recent.seqs or limit <= 0:
        empty = "not started: s starts it" if never_started(info) else "no lines yet"
        return [fit([("dim", f"   {empty}")], width)] if limit > 0 else []
    if width <= 3:
        return []
    lines = snap.log.read(recent.seqs[-limit:])
    return [(("text", "   "), *line_row(line.raw, width - 3)) for line in lines]
