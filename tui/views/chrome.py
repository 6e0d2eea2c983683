"""What stands around every view: header, chips, status line, footer with the keys valid now."""

from __future__ import annotations

from collections.abc import Mapping

from brummer_rx.pipeline.process import ProcessState, ProcessTable
from brummer_rx.tui.acts_procs import never_started, selected
from brummer_rx.tui.ansi import fit, runs_width
from brummer_rx.tui.commands import by_id, footer_entries, valid
from brummer_rx.tui.filter import chips
from brummer_rx.tui.frame import Hit, Row, Run
from brummer_rx.tui.glyphs import Glyphs, sparkline
from brummer_rx.tui.intents import Invoke
from brummer_rx.tui.search import hit_number
from brummer_rx.tui.settle import known_names, total_lines
from brummer_rx.tui.state import Found, Message, Snap, State, View
from brummer_rx.tui.views.parts import Part, bar, key_label, printable, times
from brummer_rx.tui.views.words import MOVING, state_word
from brummer_rx.tui.width import width_of

__all__ = ["chips_row", "footer", "header", "message_now", "prompt_row", "status"]

NOTICE_NS = 5_000_000_000
"""How long a notice of the run stays."""
BAD_NOTICE_NS = 10_000_000_000

_TABS = ((View.LOGS, "1", "Logs", "logs"), (View.PROCS, "2", "Procs", "procs"))


def _counts(table: ProcessTable, glyphs: Glyphs) -> tuple[Run, ...]:
    up = sum(p.state in (ProcessState.RUNNING, ProcessState.READY) for p in table.processes)
    moving = sum(p.state in MOVING for p in table.processes)
    failed = sum(p.state is ProcessState.FAILED for p in table.processes)
    runs: list[Run] = [("bar+ok", f"{glyphs.running}{up} ")]
    if moving:
        runs.append(("bar+warn", f"{glyphs.starting}{moving} "))
    if failed:
        runs.append(("bar+err", f"{glyphs.failed}{failed} "))
    return tuple(runs)


def _total(rates: Mapping[str, tuple[float, ...]]) -> tuple[float, ...]:
    """Lines a second of all processes together, newest last."""
    longest = max(map(len, rates.values()), default=0)
    padded = [(0.0,) * (longest - len(one)) + one for one in rates.values()]
    return tuple(sum(column) for column in zip(*padded, strict=True))


def header(state: State, snap: Snap) -> Part:
    """Name, tabs, rate and counts of processes."""
    left: list[Run] = [("bar+title", " brummer ")] if state.width >= 50 else []
    hits: list[Hit] = []
    for view, key, title, command in _TABS:
        chosen = view is state.view
        text = f"[{key} {title}]" if chosen else f" {key} {title} "
        hits.append(Hit(0, runs_width(left), len(text), Invoke(command)))
        left.append(("bar+title" if chosen else "bar", text))
    rates = _total(snap.rates)
    counts = _counts(snap.table, state.glyphs)
    rate: tuple[Run, ...] = (("bar", f"{times(rates[-1])}/s  "),) if rates else ()
    spark: tuple[Run, ...] = (("bar+dim", sparkline(rates, 8, state.glyphs) + " "),) if rates else ()
    right = next(
        (r for r in ((*spark, *rate, *counts), (*rate, *counts)) if runs_width((*left, *r)) < state.width),
        counts,
    )
    inside = tuple(hit for hit in hits if hit.x + hit.width <= state.width)
    return Part((bar(left, right, state.width, "bar"),), inside)


def chips_row(state: State, snap: Snap) -> Part:
    """What is filtered and searched, and how many lines that leaves; in Procs, how many processes run."""
    if state.view is View.PROCS:
        runs = [("text", " "), *_procs_facts(snap)]
        return Part((bar(runs, [("dim", f"{total_lines(snap.log):,} lines ")], state.width),))
    shown = chips(state.logs.filter, known_names(snap))
    runs = []
    for chip in shown:
        runs += [("text", " "), ("accent", chip), ("text", " ")]
    if not shown:
        runs.append(("dim", " all processes, all levels"))
    found = state.logs.found
    if found is not None:
        runs += [("text", "  "), ("hit", _pattern(found))]
    total = total_lines(snap.log)
    matched = state.logs.window.matched
    count = f"{matched:,} of {total:,} lines " if shown else f"{total:,} lines "
    hits = (Hit(0, 1, min(state.width - 1, runs_width(runs)), Invoke("filter")),) if state.width > 1 else ()
    return Part((bar(runs, [("dim", count)], state.width),), hits if runs_width(runs) > 0 else ())


def _pattern(found: Found) -> str:
    return f"/{found.pattern}/{'i' if found.ignore_case else ''}" if found.regex else f'"{found.pattern}"'


def message_now(state: State, snap: Snap) -> Message | None:
    """Our own message or the run's newest notice, whichever is newer, until its time is up."""
    said = state.message if state.message is not None and snap.now_ns < state.message.until_ns else None
    if snap.notices:
        notice = snap.notices[-1]
        until = notice.time_ns + (BAD_NOTICE_NS if notice.bad else NOTICE_NS)
        if snap.now_ns < until and (said is None or said.until_ns < until):
            return Message(notice.text, until, notice.bad)
    return said


def status(state: State, snap: Snap) -> Row:
    """The line above the footer: where we are, what happened."""
    facts = _log_facts(state, snap) if state.view is View.LOGS else _chosen_facts(state)
    if state.quitting:
        facts = [("warn", _stopping(state, snap)), *facts]
    message = message_now(state, snap)
    if message is not None:
        text = printable(message.text)
        facts = [*facts[:1], ("err", f"! {text}") if message.bad else ("title", text), *facts[1:]]
    runs: list[Run] = []
    for style, text in facts:
        more: list[Run] = [("text", " " if not runs else "   "), (style, text)]
        if style == "dim" and runs_width((*runs, *more)) > state.width:
            break  # the rest matters less than half a word would disturb
        runs += more
    return fit(runs, state.width)


def _stopping(state: State, snap: Snap) -> str:
    """What the end still waits for, and what makes it shorter."""
    left = [printable(p.name) for p in snap.table.processes if not p.ended]
    named = ", ".join(left) if 0 < len(left) <= 3 else str(len(left))
    return f"stopping {named} {state.glyphs.more} (^C kills)" if left else f"stopping {state.glyphs.more}"


def _log_facts(state: State, snap: Snap) -> list[Run]:
    logs, found = state.logs, state.logs.found
    facts: list[Run] = [("ok", "FOLLOW") if logs.follow else ("warn", "PAUSED")]
    if _all_ended(snap):
        facts.append(("text", "all have ended"))
    if found is not None:
        facts.append(_hit_fact(state, found))
    if logs.window.rows:
        facts.append(("text", f"line {logs.cursor:,}"))
    if not logs.follow and logs.window.below:
        facts.append(("accent", f"{logs.window.below:,} new below (G follows)"))
    facts.append(("dim", "wrap" if logs.wrap else "nowrap"))
    if not logs.wrap:
        facts.append(("dim", f"col {logs.col}"))
    if not logs.follow and logs.window.rows:
        first, end = snap.log.first_seq, snap.log.end_seq
        facts.append(("dim", f"{100 * (logs.window.rows[-1].seq + 1 - first) // max(1, end - first)}%"))
    return facts


def _hit_fact(state: State, found: Found) -> Run:
    if found.error:
        return ("err", f"! {found.error}")
    going = state.glyphs.more if found.asked and not found.total_before else ""
    if not found.total:
        return ("accent", f"searching{going}" if going else "no hit")
    return ("accent", f"hit {hit_number(found, state.logs.cursor):,}/{found.total:,}{going}")


def _chosen_facts(state: State) -> list[Run]:
    chosen = selected(state)
    if chosen is None:
        return [("text", "no process")]
    return [("text", f"{printable(chosen.name)}: {state_word(chosen)}")]


def _all_ended(snap: Snap) -> bool:
    """Whether something was started and nothing runs any more."""
    procs = snap.table.processes
    return all(p.ended for p in procs) and not all(never_started(p) for p in procs)


def _procs_facts(snap: Snap) -> list[Run]:
    procs = snap.table.processes
    known = sum(never_started(p) for p in procs)
    running = sum(not p.ended for p in procs)
    facts: list[Run] = [("text", f"{running} of {len(procs) - known} running")]
    if known:
        facts.append(("dim", f"   {known} not started"))
    if _all_ended(snap):
        facts.append(("dim", "   all have ended: s or r starts one again, q quits"))
    return facts


def footer(state: State) -> Part:
    """The keys valid now, as many as fit; `?` at the right. A click on one runs it.

    Where not all fit, the last ones stand without their words.
    """
    runs: list[Run] = []
    hits: list[Hit] = []
    entry = by_id["help"]
    tail = f"{key_label(entry.keys[0], state.glyphs)} {entry.hint} " if valid(state, entry) else ""
    room = state.width - width_of(tail)
    used = 1
    shown = [one for one in footer_entries(state) if one is not entry or not tail]
    labels = [" ".join(key_label(key, state.glyphs) for key in one.keys[: one.shown]) for one in shown]
    bare, words = sum(width_of(keys) + 2 for keys in labels), True
    for one, keys in zip(shown, labels, strict=True):
        bare -= width_of(keys) + 2
        needed = width_of(keys) + 1 + width_of(one.hint)
        words = words and (used + needed + 2 + bare <= room or (not hits and used + needed + 2 <= room))
        needed = needed if words else width_of(keys)
        if used + needed + 2 > room:
            break
        hits.append(Hit(0, used, needed, Invoke(one.id)))
        runs += [("bar", "  " if runs else " "), ("bar+key", keys), ("bar", f" {one.hint}" if words else "")]
        used += needed + 2
    right: list[Run] = [("bar+key", tail[:1]), ("bar", tail[1:])] if tail and room > 0 else []
    if right:
        hits.append(Hit(0, room, width_of(tail), Invoke(entry.id)))
    return Part((bar(runs, right, state.width, "bar"),), tuple(hits))


def prompt_row(state: State) -> Part:
    """The search prompt, with the visible cursor in it."""
    label = f" {'regex' if state.regex else 'search'}: "
    if width_of(label) > state.width // 2:
        label = "/" if state.width > 1 else ""
    before, after = state.prompt.text[: state.prompt.cursor], state.prompt.text[state.prompt.cursor :]
    room = state.width - width_of(label)
    skip = max(0, width_of(before) + 1 - room)
    text = fit([("text", before + after)], room, skip=skip)
    hints = " ".join(
        f"{key_label(e.keys[0], state.glyphs)} {e.hint} "
        for e in footer_entries(state)
        if e.id.startswith("search")
    )
    typed = width_of(before + after)
    if skip == 0 and typed + 2 + width_of(hints) <= room:
        text = bar([("text", before + after)], [("dim", hints)], room)
    cursor = (min(state.width - 1, width_of(label) + width_of(before) - skip), 0)
    return Part(((("accent", label), *text) if label else text,), (), cursor)
